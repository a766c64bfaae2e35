//! The line between threads: shuttle tries interleavings of those who send, take and leave, and finds a sleeper whom
//! nobody will wake as a deadlock. The lock and the wake-ups outside it are as in `ends`.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use shuttle::future::{block_on, spawn};
use shuttle::sync::{Arc, Mutex};

use super::line::{Bounds, Entry, Gauge, Line, Wakers};

struct Shared(Mutex<Line<u32>>);

struct Waiting<'a>(&'a Shared, Option<u64>);
struct Parked<'a>(&'a Shared, Option<u64>);

impl Shared {
    fn with<R>(&self, change: impl FnOnce(&mut Line<u32>, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::new();
        let result = change(&mut self.0.lock().unwrap(), &mut wakers);
        for waker in wakers {
            waker.wake();
        }
        result
    }

    async fn send(&self, item: u32) -> bool {
        let Entry::Parked(number) = self.with(|line, wakers| line.enter(item, 0, true, wakers)) else {
            return true; // these lines are closed only when all is sent
        };
        let mut parked = Parked(self, Some(number));
        let sent = poll_fn(|cx| self.with(|line, _| line.poll_entered(number, cx))).await;
        parked.1 = None;
        sent.is_ok()
    }

    async fn recv(&self) -> Option<u32> {
        let mut waiting = Waiting(self, None);
        poll_fn(|cx| self.with(|line, wakers| line.poll_take(&mut waiting.1, cx, wakers))).await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.1 {
            self.0.with(|line, wakers| line.leave(number, wakers));
        }
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.1 {
            self.0.with(|line, wakers| line.withdraw(number, wakers));
        }
    }
}

/// Polls once and leaves; gives what came of it, if it came at once.
async fn glance<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn crowd(room: usize) {
    let gauge = Gauge { limit: room, high: room, low: 0 };
    let shared = Arc::new(Shared(Mutex::new(Line::new(Bounds { items: gauge, weight: None }))));
    let sender = |from: u32, leaves: bool| {
        let shared = Arc::clone(&shared);
        spawn(async move {
            for item in from..from + 3 {
                if leaves && item == from + 1 {
                    glance(shared.send(item)).await;
                } else {
                    assert!(shared.send(item).await);
                }
            }
        })
    };
    let receiver = |leaves: bool| {
        let shared = Arc::clone(&shared);
        spawn(async move {
            if leaves {
                return glance(shared.recv()).await.flatten().into_iter().collect();
            }
            let mut got = Vec::new();
            while let Some(item) = shared.recv().await {
                got.push(item);
            }
            got
        })
    };
    let receivers = [receiver(true), receiver(false), receiver(true)];
    let senders = [sender(0, false), sender(10, true)];
    for sender in senders {
        sender.await.unwrap();
    }
    shared.with(|line, wakers| line.close(wakers));
    let (mut all, mut count) = (BTreeSet::new(), 0);
    for receiver in receivers {
        let got = receiver.await.unwrap();
        for part in [0..10, 10..20] {
            assert!(got.iter().filter(|item| part.contains(*item)).is_sorted(), "out of order: {got:?}");
        }
        count += got.len();
        all.extend(got);
    }
    assert_eq!(count, all.len(), "taken twice");
    all.remove(&11); // its sender may have left before it was in
    assert_eq!(all, BTreeSet::from([0, 1, 2, 10, 12]));
}

#[test]
fn s42_no_wake_up_is_lost_between_threads() {
    for room in [1, 2] {
        shuttle::check_random(move || block_on(crowd(room)), 2_000);
        shuttle::check_pct(move || block_on(crowd(room)), 2_000, 3);
    }
}
