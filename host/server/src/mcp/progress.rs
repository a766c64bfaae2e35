//! How far a call is, told to a client that asked for it.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use hotcell_call::{CallId, Event, Happening, RunId};
use hotcell_runtime::{Heard, Host, Subscription};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};

/// One call or run whose client wants to know how far it is.
pub(super) struct Progress {
    token: ProgressToken,
    peer: Peer<RoleServer>,
    heard: Subscription,
    far: Far,
    /// How often it was told.
    count: u32,
    /// The last word, until the client has it.
    sending: Option<BoxFuture<'static, ()>>,
}

/// How far it is. Each word must say more than the one before.
#[derive(Debug, Default)]
struct Far {
    done: Option<u64>,
    total: Option<u64>,
    message: String,
}

/// So many are told at once; of what comes faster, the latest is told each time.
const AT_ONCE: u32 = 32;
const EACH: Duration = Duration::from_millis(50);
/// In which the last one must have been taken, before the result is told without it.
const TAKEN_IN: Duration = Duration::from_millis(100);

impl Progress {
    /// Of a call, if its client asked for it; nobody listens where nobody did.
    pub(super) fn of_call(host: &Host, context: &RequestContext<RoleServer>, call: CallId) -> Option<Self> {
        Self::of(host, context, move |event| event.call == Some(call))
    }

    /// Of a run.
    pub(super) fn of_run(host: &Host, context: &RequestContext<RoleServer>, run: RunId) -> Option<Self> {
        Self::of(host, context, move |event| event.run == Some(run) && event.call.is_none())
    }

    fn of(
        host: &Host,
        context: &RequestContext<RoleServer>,
        wants: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Option<Self> {
        let token = context.meta.get_progress_token()?;
        let heard = host.events().only(wants);
        Some(Self { token, peer: context.peer.clone(), heard, far: Far::default(), count: 0, sending: None })
    }

    /// Tells what is heard; never ends.
    async fn tell(&mut self) {
        loop {
            self.sent().await;
            let Some(heard) = self.heard.next().await else { break };
            let mut more = self.far.hear(&heard);
            if self.count >= AT_ONCE {
                tokio::time::sleep(EACH).await;
                while let Some(Some(heard)) = self.heard.next().now_or_never() {
                    more |= self.far.hear(&heard);
                }
            }
            if more {
                self.send();
            }
        }
        std::future::pending::<()>().await;
    }

    /// Tells what was heard before the work ended.
    async fn tell_the_rest(&mut self) {
        self.sent().await;
        let mut owed = false;
        while let Some(Some(heard)) = self.heard.next().now_or_never() {
            owed |= self.far.hear(&heard);
            if owed && self.count < AT_ONCE {
                owed = false;
                self.send();
                self.sent().await;
            }
        }
        if owed {
            self.send();
            self.sent().await;
        }
    }

    fn send(&mut self) {
        self.count = self.count.saturating_add(1);
        // Clients count in doubles; what is beyond is far enough to be told inexactly.
        #[expect(clippy::cast_precision_loss, reason = "the protocol's numbers are doubles")]
        let number = |count: u64| count as f64;
        let mut far = ProgressNotificationParam::new(self.token.clone(), number(self.far.done.unwrap_or_default()));
        far.total = self.far.total.map(number);
        far.message = Some(self.far.message.clone()).filter(|message| !message.is_empty());
        let peer = self.peer.clone();
        // A client that is gone is told nothing; that it is gone ends the call elsewhere.
        self.sending = Some(async move { drop(peer.notify_progress(far).await) }.boxed());
    }

    /// Waits until the last word is told. It is kept when that is not waited for: none comes after the result.
    async fn sent(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.await;
            self.sending = None;
        }
    }
}

impl Far {
    /// Whether it is further than before.
    fn hear(&mut self, heard: &Heard) -> bool {
        let Heard::Event(event) = heard else { return false };
        match &event.what {
            Happening::Progress { done, total, message } => {
                if self.done.is_some_and(|before| *done <= before) {
                    return false;
                }
                *self = Self { done: Some(*done), total: *total, message: message.clone() };
                true
            }
            Happening::RunStarted { steps, .. } => {
                self.total = Some(*steps as u64).filter(|steps| *steps > 0);
                false
            }
            Happening::StepFinished { step, state } => self.one_more(format!("{step}: {state}")),
            Happening::ResultAvailable { action, outcome, .. } => self.one_more(format!("{action}: {outcome}")),
            Happening::TaskFinished { task, outcome, .. } => self.one_more(format!("task {task}: {outcome}")),
            _ => false,
        }
    }

    fn one_more(&mut self, message: String) -> bool {
        self.done = Some(self.done.map_or(1, |done| done.saturating_add(1)));
        self.message = message;
        true
    }
}

/// Does `work`, and tells its progress meanwhile, all of it before this ends.
pub(super) async fn beside<T>(progress: Option<Progress>, work: impl Future<Output = T>) -> T {
    let Some(mut progress) = progress else { return work.await };
    let mut work = pin!(work);
    let done = tokio::select! {
        // What is told is not waited for: a client that takes nothing holds up no call.
        biased;
        done = &mut work => done,
        () = progress.tell() => work.await,
    };
    let _ = tokio::time::timeout(TAKEN_IN, progress.tell_the_rest()).await;
    done
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hear(far: &mut Far, what: Happening) -> bool {
        far.hear(&Heard::Event(Arc::new(Event { seq: 0, at_ms: 0, call: None, run: None, tenant: None, what })))
    }

    #[test]
    fn each_word_says_more_than_the_one_before() {
        let mut far = Far::default();
        let said = |done| Happening::Progress { done, total: Some(3), message: format!("part {done}") };
        let told: Vec<bool> = [0, 1, 1, 0, 3].into_iter().map(|done| hear(&mut far, said(done))).collect();
        assert_eq!(told, [true, true, false, false, true]);
        assert_eq!((far.done, far.total, far.message.as_str()), (Some(3), Some(3), "part 3"));
        assert!(!far.hear(&Heard::Missed(7)));
    }

    #[test]
    fn a_run_counts_its_steps() {
        let mut far = Far::default();
        let started = Happening::RunStarted {
            agent: "a".to_owned(),
            pattern: "steps",
            steps: 2,
            parent: None,
            task: String::new(),
        };
        assert!(!hear(&mut far, started));
        assert!(hear(&mut far, Happening::StepFinished { step: "one".parse().unwrap(), state: "ok" }));
        assert_eq!((far.done, far.total, far.message.as_str()), (Some(1), Some(2), "one: ok"));
    }
}
