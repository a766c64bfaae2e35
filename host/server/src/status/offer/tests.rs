use std::fs::{exists, write};
use std::os::unix::fs::MetadataExt;

use hotcell_runtime::status::{Calls, Kept};
use tempfile::TempDir;

use super::*;
use crate::status::Look;
use crate::status::look::within;

fn folder() -> (TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("run");
    (outer, folder)
}

fn status(up_ms: u64) -> Status {
    let calls = Calls { under_way: 0, at_door: 0, delayed: 0, waiting: 0, queue: 1, running: 0, limit: 1 };
    Status {
        up_ms,
        calls,
        pressure_high: false,
        ended: [("ok".to_owned(), 7)].into(),
        shed: 0,
        retries: 0,
        results: Kept { entries: 0, bytes: 0, hits: 0, joined: 0 },
        tools: Vec::new(),
        tenants: Vec::new(),
    }
}

#[tokio::test]
async fn what_is_offered_is_seen_as_long_as_it_is_offered() {
    let (_outer, folder) = folder();
    assert_eq!(within(&folder).await.unwrap(), Look::default());
    let offer = Offer::within(&folder, "run scout".to_owned(), || status(5)).unwrap();
    let socket = place::socket(&folder, std::process::id());
    assert_eq!(socket.metadata().unwrap().mode() & 0o777, 0o600);
    let look = within(&folder).await.unwrap();
    let [report] = look.hosts.as_slice() else { panic!("{look:?}") };
    assert_eq!((report.pid, report.command.as_str(), &report.status), (std::process::id(), "run scout", &status(5)));
    drop(offer);
    assert!(!exists(&socket).unwrap());
    assert_eq!(within(&folder).await.unwrap(), Look::default());
}

#[tokio::test]
async fn who_asks_often_is_told_the_same() {
    let (_outer, folder) = folder();
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let _offer = Offer::within(&folder, String::new(), move || {
        *counted.lock().unwrap() += 1;
        status(1)
    });
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(within(&folder).await.unwrap().hosts.len(), 1);
    }
    let spans = 1 + began.elapsed().as_millis() / SAME_FOR.as_millis();
    assert!(u128::from(*asked.lock().unwrap() as u64) <= spans, "{spans}");
}

// More of them than are answered at a time, with a report that no socket's buffer holds.
#[tokio::test]
async fn who_does_not_read_holds_nobody_up_for_long() {
    let (_outer, folder) = folder();
    let long = "x".repeat(2 << 20);
    let _offer = Offer::within(&folder, long, || status(1)).unwrap();
    let socket = place::socket(&folder, std::process::id());
    let mut idle = Vec::new();
    for _ in 0..=AT_ONCE {
        idle.push(UnixStream::connect(&socket).await.unwrap());
    }
    let began = Instant::now();
    let seen = loop {
        let look = within(&folder).await.unwrap();
        if let [report] = look.hosts.as_slice() {
            break report.command.len();
        }
        assert!(began.elapsed() < 10 * TAKEN_IN, "{look:?}");
    };
    assert_eq!(seen, 2 << 20);
}

#[tokio::test]
async fn what_was_left_behind_vanishes_and_what_is_no_socket_of_ours_stays() {
    let (_outer, folder) = folder();
    place::make(&folder).unwrap();
    let gone = place::socket(&folder, 1);
    drop(std::os::unix::net::UnixListener::bind(&gone).unwrap());
    for name in ["notes.txt", "2.new", "x.sock"] {
        write(folder.join(name), "").unwrap();
    }
    // Listens, and never says anything that makes sense.
    let liar = std::os::unix::net::UnixListener::bind(place::socket(&folder, 3)).unwrap();
    let lies = std::thread::spawn(move || {
        use std::io::Write;
        liar.accept().unwrap().0.write_all(b"{\"pid\": 3}\n").unwrap();
    });
    assert_eq!(within(&folder).await.unwrap(), Look { silent: vec![3], ..Look::default() });
    lies.join().unwrap();
    assert!(!exists(&gone).unwrap());
    for name in ["notes.txt", "2.new", "x.sock"] {
        assert!(exists(folder.join(name)).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_socket_of_an_earlier_process_of_that_number_is_in_nobodys_way() {
    let (_outer, folder) = folder();
    place::make(&folder).unwrap();
    let socket = place::socket(&folder, std::process::id());
    for name in [socket.clone(), socket.with_extension("new")] {
        drop(std::os::unix::net::UnixListener::bind(name).unwrap());
    }
    let _offer = Offer::within(&folder, "bench calc".to_owned(), || status(1)).unwrap();
    assert_eq!(within(&folder).await.unwrap().hosts.len(), 1);
}
