//! Many callers, and callers that are gone: nobody holds up the others, and everyone is answered once or let go.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{tenants, token, with};
use crate::cli::Shell;
use crate::support::served::Served;
use crate::watch::until;

/// A connection that stays open from one request to the next.
struct Kept<'s> {
    served: &'s Served,
    stream: BufReader<TcpStream>,
}

impl<'s> Kept<'s> {
    fn new(served: &'s Served) -> Self {
        Self { served, stream: BufReader::new(served.connect()) }
    }

    fn send(&mut self, path: &str, headers: &str, body: &str) {
        let host = self.served.address;
        let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        self.stream.get_mut().write_all((head + body).as_bytes()).expect("it is taken");
    }

    /// The next answer.
    fn answer(&mut self) -> (u16, Value) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut head).expect("a line") > 0, "it ended: {head:?}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.expect("a length")];
        self.stream.read_exact(&mut body).expect("a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// There is nothing more.
    fn ends(mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("its end");
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

/// What a server may hold more than it held before a crowd came: connections, inputs and answers, and all are small.
const MORE: u64 = 256 << 20;

#[test]
fn a_flood_of_ten_thousand_is_bounded_and_each_is_answered_once() {
    const CALLERS: usize = 50;
    const CONNECTIONS: usize = 10;
    const CALLS: usize = 20;
    let toml = "[schedule]\nin_flight = 4\nqueue = 16\n[tools.sleeper]\nclock.mode = \"real\"\n";
    let (_shell, served) = with(&["sleeper"], toml);
    served.post("/v1/tools/sleeper.nap/call", "{\"ms\": 1}").is(200);
    let before = served.peak();
    let connection = || {
        let mut kept = Kept::new(&served);
        let answers: Vec<(u16, Value)> = (1..=CALLS)
            .map(|number| {
                let last = if number == CALLS { "connection: close\r\n" } else { "" };
                kept.send("/v1/tools/sleeper.nap/call", last, "{\"ms\": 1}");
                kept.answer()
            })
            .collect();
        kept.ends();
        answers
    };
    let answers: Vec<(u16, Value)> = thread::scope(|scope| {
        let caller = || (0..CONNECTIONS).flat_map(|_| connection()).collect::<Vec<_>>();
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("answers")).collect()
    });
    assert_eq!(answers.len(), 10_000);
    let mut calls = BTreeSet::new();
    let mut well = 0;
    for (status, answer) in &answers {
        match status {
            200 => well += usize::from(answer["outcome"] == "ok"),
            503 => assert_eq!(answer["code"], "E0503", "{answer}"),
            _ => panic!("{status}: {answer}"),
        }
        assert!(calls.insert(answer["call"].as_str().expect("a call")), "{answer} was given twice");
    }
    let all_well = answers.iter().filter(|(status, _)| *status == 200).count();
    assert!(well > 0 && well == all_well && well < answers.len(), "{well} of {all_well}");
    let peak = served.peak();
    assert!(peak < before + MORE, "{before} before, {peak} now");
    until("nothing is left of it", || {
        let ready = served.get("/readyz").is(200).json();
        (ready["calls"] == 0 && ready["connections"] == 1).then_some(())
    });
    served.post("/v1/tools/sleeper.nap/call", "{\"ms\": 1}").is(200);
}

// A client whose machine lost its power: it shuts nothing, and says nothing any more.
#[test]
fn those_who_vanish_in_the_middle_of_a_request_hold_nobody_up_and_are_let_go() {
    let (_shell, served, [acme, bolt]) = tenants(&[], "[server]\nconnections = 32\n");
    let head = format!("POST /v1/tools/calc.eval/call HTTP/1.1\r\nhost: {}\r\n{bolt}\r\n", served.address);
    let mut half_heads: Vec<TcpStream> = (0..8).map(|_| served.connect()).collect();
    let mut half_bodies: Vec<TcpStream> = (0..16).map(|_| served.connect()).collect();
    for stream in &mut half_heads {
        stream.write_all(head.as_bytes()).expect("it is taken");
    }
    for stream in &mut half_bodies {
        let whole = format!("{head}expect: 100-continue\r\ncontent-length: 100\r\n\r\n");
        stream.write_all(whole.as_bytes()).expect("it is taken");
        // From then on it is waited for.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).expect("an answer");
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"{\"expr").expect("it is taken");
    }
    // Half of all connections is what one tenant may have under way.
    served.ask("GET /v1/tools", &[&bolt], "").is(503);
    for _ in 0..20 {
        served.ask("POST /v1/tools/calc.eval/call", &[&acme], "{\"expression\": \"1\"}").is(200);
    }
    for mut stream in half_heads {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is closed");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
    // The others have thirty seconds for their bodies (`http/body.rs`); one that is gone for good frees its share at once.
    drop(half_bodies);
    until("they are gone", || (served.ask("GET /v1/tools", &[&bolt], "").status == 200).then_some(()));
}

#[test]
fn a_tenant_that_is_alone_leaves_a_connection_to_ask_how_the_server_is() {
    let shell = Shell::new();
    let (acme, hash) = token(&shell, "acme");
    shell.file("hotcell.toml", &format!("[server]\nconnections = 8\n[tenants.acme]\ntokens = [\"{hash}\"]\n"));
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let acme = format!("authorization: Bearer {acme}");
    let mut held: Vec<TcpStream> = (0..7).map(|_| served.connect()).collect();
    for stream in &mut held {
        stream.write_all(served.request("GET /v1/events", &[&acme], "").as_bytes()).expect("it is taken");
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).expect("an answer");
        assert_eq!(&begin, b"HTTP/1.1 200");
    }
    let refused = served.ask("GET /v1/tools", &[&acme], "").is(503);
    assert_eq!(refused.json()["reached"], json!({"used": "7", "limit": "7"}), "{}", refused.body);
    assert!(refused.header("retry-after").is_some(), "{}", refused.head);
    served.get("/healthz").is(200);
    served.get("/readyz").is(200);
    held.pop();
    until("there is room", || (served.ask("GET /v1/tools", &[&acme], "").status == 200).then_some(()));
}

#[test]
fn a_stream_says_why_it_ends_and_only_who_is_still_known_goes_on_with_it() {
    let (shell, served, [acme, bolt]) = tenants(&[], "");
    let call = |tenant: &String| {
        served.ask("POST /v1/tools/calc.eval/call", &[tenant], "{\"expression\": \"1\"}").is(200).json()["call"].clone()
    };
    let streams = [&acme, &bolt].map(|tenant| {
        let mut stream = served.follow("/v1/events", &[tenant]);
        let first = thread::scope(|scope| {
            let heard = scope.spawn(|| stream.next().expect("an event"));
            until("it is heard", || {
                call(tenant);
                heard.is_finished().then_some(())
            });
            heard.join().expect("an event")
        });
        (first, stream)
    });
    let before = std::fs::read_to_string(shell.path("hotcell.toml")).expect("a file");
    let bolts = before.split_once("[tenants.bolt]").expect("two tenants").1;
    shell.file("hotcell.toml", &format!("[tenants.bolt]{bolts}"));
    served.signal(Signal::HUP);
    let [_, seen] = streams.map(|(first, stream)| {
        let all: Vec<(Option<u64>, Value)> = std::iter::once(first).chain(stream).collect();
        let (_, last) = all.last().expect("an end");
        assert!(last["closed"].as_str().is_some_and(|why| why.contains("read again")), "{last}");
        all.iter().filter_map(|(id, _)| *id).next_back().expect("a number")
    });
    served.ask("GET /v1/events", &[&acme], "").is(401);
    let called = call(&bolt);
    let again = format!("last-event-id: {seen}");
    let mut events = served.follow("/v1/events", &[&bolt, &again]);
    assert!(events.any(|(_, event)| event["call"] == called && event["event"] == "finished"));
}
