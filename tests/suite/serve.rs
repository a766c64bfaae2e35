//! `hotcell serve`, from outside: HTTP by the byte.

mod answers;
mod clients;
mod crowd;

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::Shell;
use crate::support::program::guest;
use crate::support::served::Served;
use crate::watch::until;

fn served(shell: &Shell) -> Served {
    Served::start(shell.command(&["serve"]))
}

/// A server with these guests and this configuration.
fn with(guests: &[&str], toml: &str) -> (Shell, Served) {
    let shell = Shell::new();
    shell.install(guests);
    shell.file("hotcell.toml", toml);
    let words = ["--config", "hotcell.toml", "serve"];
    let served = Served::start(shell.command(&words));
    (shell, served)
}

/// A token, and the line for the configuration.
fn token(shell: &Shell, tenant: &str) -> (String, String) {
    let made = shell.run(&["token", tenant, "--json"]).exits(0).json();
    let text = |key: &str| made[key].as_str().expect("a text").to_owned();
    (text("token"), text("hash"))
}

/// Two tenants, their headers, and more of the configuration.
fn tenants(guests: &[&str], more: &str) -> (Shell, Served, [String; 2]) {
    let shell = Shell::new();
    shell.install(guests);
    let [(acme, one), (bolt, other)] = [token(&shell, "acme"), token(&shell, "bolt")];
    let toml = format!("[tenants.acme]\ntokens = [\"{one}\"]\n[tenants.bolt]\ntokens = [\"{other}\"]\n{more}");
    shell.file("hotcell.toml", &toml);
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    (shell, served, [acme, bolt].map(|token| format!("authorization: Bearer {token}")))
}

// === calls ===

#[test]
fn a_call_is_answered_with_its_receipt() {
    let shell = Shell::new();
    let served = served(&shell);
    let reply = served.post("/v1/tools/calc.eval/call", "{\"expression\": \"2^10\"}").is(200);
    let object = reply.json();
    assert_eq!(
        (&object["value"], &object["outcome"], &object["target"]),
        (&json!(1024), &json!("ok"), &json!("calc.eval"))
    );
    assert!(object["receipt"]["fuel"].as_u64() > Some(0));
    assert_eq!(reply.header("hotcell-call").map(str::to_uppercase).as_deref(), object["call"].as_str());
    let by_position = served.post("/v1/tools/calc/call", "[\"6*7\"]").is(200);
    assert_eq!(by_position.json()["value"], 42);
}

#[test]
fn what_goes_wrong_is_a_problem_with_its_status_and_what_to_do() {
    let (_shell, served) = with(&["cpu", "faults", "echo"], "[tools.echo]\nrate = \"1/h\"\n");
    served.post("/v1/tools/echo.text/call", "[\"a\"]");
    let cases: &[(&str, &[&str], &str, u16, &str)] = &[
        ("POST /v1/tools/calc.eval/call", &[], "{\"expresion\": \"1\"}", 400, "E0201"),
        ("POST /v1/tools/calc.eval/call", &[], "{", 400, "E0203"),
        ("POST /v1/tools/calc.evil/call", &[], "{}", 404, "E0602"),
        ("POST /v1/tools/calk/call", &[], "{}", 404, "E0601"),
        ("POST /v1/tools/..%2f..%2frun/call", &[], "{}", 404, "E0601"),
        ("POST /v1/tools/cpu.spin/call", &["hotcell-fuel: 1M"], "{}", 507, "E0401"),
        ("POST /v1/tools/cpu.spin/call", &["hotcell-timeout: 50ms"], "{}", 504, "E0410"),
        ("POST /v1/tools/cpu.spin/call", &["hotcell-memory: 900GiB"], "{}", 403, "E0306"),
        ("POST /v1/tools/cpu.spin/call", &["hotcell-deadline: soon"], "{}", 400, "E0214"),
        ("POST /v1/tools/files.read/call", &[], "{\"path\": \"/etc/passwd\"}", 403, "E0302"),
        ("POST /v1/tools/echo.text/call", &[], "[\"a\"]", 429, "E0501"),
        ("POST /v1/agents/nobody/runs", &[], "{}", 404, "E0603"),
        ("POST /v1/agents/researcher/runs", &[], "{\"task\": 1}", 400, "E0203"),
        ("GET /v1/runs/01M8JJ9BH9VBWVHPFCMAG93QEJ", &[], "", 404, "E0607"),
        ("GET /v1/runs/x", &[], "", 404, "E0607"),
        ("GET /v2/tools", &[], "", 404, "E0608"),
        ("PUT /v1/tools", &[], "", 405, "E0608"),
        ("GET /errors/E9999", &[], "", 404, "E0604"),
    ];
    for (request, headers, body, status, code) in cases {
        let reply = served.ask(request, headers, body).is(*status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{request}");
        let problem = reply.json();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{request}: {problem}");
        assert!(problem["type"] == json!(format!("/errors/{code}")) && problem["what"].is_string(), "{problem}");
        assert_eq!(served.get(&format!("/errors/{code}")).is(200).json()["code"], json!(code));
    }
    let limited = served.post("/v1/tools/echo.text/call", "[\"a\"]").is(429);
    assert!(limited.header("retry-after").and_then(|wait| wait.parse::<u32>().ok()) > Some(1_000), "{}", limited.head);
    let spent = served.ask("POST /v1/tools/cpu.spin/call", &["hotcell-fuel: 1M"], "{}").json();
    assert!(spent["receipt"]["limits"]["fuel"] == 1_000_000 && spent["call"].is_string(), "{spent}");
}

#[test]
fn a_tools_own_error_is_an_answer() {
    let (_shell, served) = with(&[], "");
    let reply = served.post("/v1/tools/calc.eval/call", "{\"expression\": \"1/0\"}");
    let object = reply.json();
    assert!(matches!(object["outcome"].as_str(), Some("failed" | "invalid")), "{object}");
    assert_eq!(reply.status, if object["outcome"] == "failed" { 200 } else { 400 });
}

#[test]
fn tools_show_their_schemas_and_the_document_has_them() {
    let (_shell, served) = with(&["plain"], "");
    let tool = served.get("/v1/tools/calc").is(200).json();
    assert_eq!(tool["functions"][0]["name"], "calc.eval");
    assert_eq!(tool["functions"][0]["input"]["type"], "object");
    served.get("/v1/tools/nothing").is(404);
    let document = served.get("/openapi.json").is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let body = "/paths/~1v1~1tools~1calc.eval~1call/post/requestBody/content/application~1json/schema/$ref";
    let place = document.pointer(body).and_then(Value::as_str).expect("a reference");
    let schema = document.pointer(place.trim_start_matches('#')).expect("a schema");
    assert_eq!(schema["required"], json!(["expression"]));
}

// === runs ===

#[test]
fn a_run_goes_on_without_its_caller_and_tells_its_end() {
    let (_shell, served) = with(&["sleeper"], "[tools.sleeper]\nclock.mode = \"real\"\n");
    let begun = served.ask("POST /v1/tools/sleeper.nap/call", &["prefer: respond-async"], "{\"ms\": 300}").is(202);
    let place = begun.json()["run"].as_str().map(|run| format!("/v1/runs/{run}")).expect("a run");
    assert_eq!(begun.header("location"), Some(place.to_lowercase().as_str()));
    assert_eq!(served.get(&place).is(200).json()["state"], "running");
    let ended = served.ask(&format!("GET {place}"), &["prefer: wait=30"], "").is(200).json();
    assert_eq!(
        (&ended["state"], &ended["outcome"], &ended["result"]["outcome"]),
        (&json!("ended"), &json!("ok"), &json!("ok"))
    );
    let listed = served.get("/v1/runs").is(200).json();
    assert_eq!(listed["runs"][0]["call"], "sleeper.nap");
}

#[test]
fn a_run_that_is_cancelled_ends_and_so_does_its_guest() {
    let (_shell, served) = with(&["cpu"], "[tools.cpu]\nlimits.fuel = \"1000G\"\nlimits.timeout = \"60s\"\n");
    let begun = served.ask("POST /v1/tools/cpu.spin/call", &["prefer: respond-async"], "{}").is(202).json();
    let place = format!("/v1/runs/{}", begun["run"].as_str().expect("a run"));
    until("it runs", || (served.get("/readyz").json()["running"] == 1).then_some(()));
    let ended = served.ask(&format!("DELETE {place}"), &[], "").is(200).json();
    assert_eq!((&ended["state"], &ended["outcome"]), (&json!("ended"), &json!("cancelled")));
    assert_eq!(served.get("/readyz").json()["calls"], 0);
}

#[test]
fn an_agent_runs_and_its_events_can_be_followed_from_anywhere() {
    let (_shell, served) = with(&[], "");
    let task = "{\"input\": \"use calc.eval with {\\\"expression\\\": \\\"6*7\\\"}\"}";
    let run = served.ask("POST /v1/agents/researcher/runs", &["prefer: wait=60"], task).is(200).json();
    assert_eq!((&run["agent"], &run["outcome"]), (&json!("researcher"), &json!("ok")), "{run}");
    let place = format!("/v1/runs/{}/events", run["run"].as_str().expect("a run"));
    let events: Vec<_> = served.follow(&place, &[]).collect();
    let names: Vec<&str> = events.iter().map(|(_, event)| event["event"].as_str().expect("a name")).collect();
    assert_eq!((names.first(), names.last()), (Some(&"run-started"), Some(&"run-finished")), "{names:?}");
    assert!(names.contains(&"finished") && events.iter().all(|(_, event)| event["tenant"] == "local"), "{events:?}");
    let middle = events[events.len() / 2].0.expect("a number");
    let rest: Vec<_> = served.follow(&place, &[&format!("last-event-id: {middle}")]).collect();
    assert_eq!(rest, events[events.len() / 2 + 1..], "it goes on where it was");
    served.ask("GET /v1/events", &["last-event-id: x"], "").is(400);
}

#[test]
fn the_same_request_with_the_same_key_is_done_once() {
    let (_shell, served) = with(&["state"], "");
    let key = ["idempotency-key: 8e03978e-40d5"];
    let first = served.ask("POST /v1/tools/calc.eval/call", &key, "{\"expression\": \"1+1\"}").is(200);
    let again = served.ask("POST /v1/tools/calc.eval/call", &key, "{\"expression\": \"1+1\"}").is(200);
    assert_eq!(first.json()["call"], again.json()["call"], "the same call");
    let other = served.ask("POST /v1/tools/calc.eval/call", &key, "{\"expression\": \"1+2\"}").is(400);
    assert_eq!(other.json()["code"], "E0213");
    // At the same time, too.
    let replies: Vec<String> = thread::scope(|scope| {
        let one = || {
            let reply =
                served.ask("POST /v1/tools/calc.eval/call", &["idempotency-key: k2"], "{\"expression\": \"2\"}");
            reply.is(200).json()["call"].to_string()
        };
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    });
    assert!(replies.iter().all(|call| *call == replies[0]), "{replies:?}");
}

// === who may ===

// H83: by the server's own names, and for pages that were named; the body is not read and no tool runs.
#[test]
fn h83_only_our_names_and_named_pages_come_in() {
    let (_shell, served) =
        with(&[], "[server]\norigins = [\"https://app.example.com\"]\nhosts = [\"tools.example.com\"]\n");
    let port = served.address.port();
    for (headers, status) in [
        (&["host: evil.test"][..], 403),
        (&["host: 127.0.0.1.evil.test"], 403),
        (&["origin: https://evil.test"], 403),
        (&["origin: null"], 403),
        (&["host: localhost", "host: evil.test"], 400),
        (&["host: tools.example.com"], 200),
        (&["origin: https://app.example.com"], 200),
        (&[], 200),
    ] {
        served.ask("POST /v1/tools/calc.eval/call", headers, "{\"expression\": \"1\"}").is(status);
    }
    let same = format!("origin: http://127.0.0.1:{port}");
    served.ask("POST /v1/tools/calc.eval/call", &[&same], "{\"expression\": \"1\"}").is(200);
    let upgrade = ["origin: https://evil.test", "upgrade: websocket", "sec-websocket-version: 13"];
    served.ask("GET /v1/events", &upgrade, "").is(403);
    // Only the page that was named learns that it may ask.
    let preflight = |origin: &str| {
        served.ask("OPTIONS /v1/tools/calc.eval/call", &[origin, "access-control-request-method: POST"], "")
    };
    let allowed = preflight("origin: https://app.example.com").is(204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    // What an answer says in its head is for that page as well.
    let begun = served.ask(
        "POST /v1/tools/calc.eval/call",
        &["origin: https://app.example.com", "prefer: respond-async"],
        "{\"expression\": \"1\"}",
    );
    let exposed = begun.header("access-control-expose-headers").expect("some");
    let exposed: Vec<&str> = exposed.split(',').map(str::trim).collect();
    for name in ["location", "preference-applied"] {
        assert!(begun.header(name).is_some() && exposed.contains(&name), "{name}: {}", begun.head);
    }
    assert!(["hotcell-call", "retry-after", "mcp-session-id"].iter().all(|name| exposed.contains(name)), "{exposed:?}");
    assert_eq!(served.get("/v1/tools").header("access-control-expose-headers"), None, "nobody asked for a page");
    assert_eq!(preflight("origin: https://evil.test").is(403).header("access-control-allow-origin"), None);
    // Refused by its head: the body is neither waited for nor read.
    let mut stream = served.connect();
    stream
        .write_all(b"POST /v1/tools/calc.eval/call HTTP/1.1\r\nhost: evil.test\r\ncontent-length: 9000000\r\n\r\n")
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 403");
}

// H85: a token is needed where there are tokens, is taken from its header alone, and is told to nobody.
#[test]
fn h85_tokens_are_needed_and_never_told() {
    let (_shell, served, [acme, _]) = tenants(&["environment"], "");
    for headers in [&[][..], &["authorization: Bearer hc_wrong"], &["authorization: Basic eDp5"]] {
        let refused = served.ask("GET /v1/tools", headers, "").is(401);
        assert_eq!(refused.json()["code"], "E0310");
        assert!(
            refused.header("www-authenticate").is_some_and(|value| value.starts_with("bearer")),
            "{}",
            refused.head
        );
    }
    let shown = acme.trim_start_matches("authorization: Bearer ");
    served.ask(&format!("GET /v1/tools?token={shown}"), &[], "").is(401);
    served.ask("GET /v1/tools", &[&acme], "").is(200);
    // Probes and explanations are open.
    served.get("/healthz").is(200);
    served.get("/errors/E0310").is(200);
    assert!(!served.told().contains(shown), "{}", served.told());
}

// H86: to another tenant a run is not there, and a key is another's.
#[test]
fn h86_what_a_tenant_began_is_its_alone() {
    let (_shell, served, [acme, bolt]) =
        tenants(&["cpu"], "[tools.cpu]\nlimits.fuel = \"1000G\"\nlimits.timeout = \"60s\"\n");
    let headers = [acme.as_str(), "prefer: respond-async", "idempotency-key: one"];
    let begun = served.ask("POST /v1/tools/cpu.spin/call", &headers, "{}").is(202).json();
    let place = format!("/v1/runs/{}", begun["run"].as_str().expect("a run"));
    for request in [format!("GET {place}"), format!("DELETE {place}"), format!("GET {place}/events")] {
        let reply = served.ask(&request, &[&bolt], "").is(404);
        assert_eq!(reply.json()["code"], "E0607");
    }
    assert_eq!(served.ask("GET /v1/runs", &[&bolt], "").json(), json!({"runs": []}));
    let theirs = [bolt.as_str(), "idempotency-key: one"];
    let other = served.ask("POST /v1/tools/calc.eval/call", &theirs, "{\"expression\": \"1\"}").is(200);
    assert_eq!(other.json()["value"], 1);
    served.ask(&format!("DELETE {place}"), &[&acme], "").is(200);
}

#[test]
fn events_are_their_tenants_alone() {
    let (_shell, served, [acme, bolt]) = tenants(&[], "");
    let mut followed = served.follow("/v1/events", &[&acme]);
    let mut heard = Vec::new();
    // Whether it is followed already is not known before something is heard.
    while heard.is_empty() {
        for caller in [&bolt, &acme] {
            served.ask("POST /v1/tools/calc.eval/call", &[caller], "{\"expression\": \"1\"}").is(200);
        }
        heard.extend(followed.by_ref().take(2));
    }
    heard.extend(followed.take(2));
    assert!(heard.iter().all(|(_, event)| event["tenant"] == "acme"), "{heard:?}");
}

#[test]
fn a_tenant_sees_and_calls_what_it_may() {
    let (shell, _served, _) = tenants(&[], "");
    let (token, hash) = token(&shell, "acme");
    let toml = format!(
        "[tenants.acme]\ntokens = [\"{hash}\"]\ntools = [\"calc.*\", \"text.stats\"]\nagents = [\"planner\", \"ghost\"]\n"
    );
    shell.file("hotcell.toml", &toml);
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let acme = format!("authorization: Bearer {token}");
    let listed = served.ask("GET /v1/tools", &[&acme], "").is(200).json();
    let names: Vec<&Value> = listed["tools"].as_array().expect("tools").iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["calc", "text"]);
    assert_eq!(listed["tools"][1]["functions"].as_array().map(Vec::len), Some(1));
    served.ask("POST /v1/tools/calc.eval/call", &[&acme], "{\"expression\": \"1\"}").is(200);
    let hidden = served.ask("POST /v1/tools/hash.sha256/call", &[&acme], "{}").is(404).json();
    let absent = served.ask("POST /v1/tools/nothing.at_all/call", &[&acme], "{}").is(404).json();
    assert_eq!(
        (&hidden["code"], &hidden["why"]),
        (&absent["code"], &absent["why"]),
        "what is hidden is like what is absent"
    );
    for function in ["text.diff", "text.nope", "text"] {
        let reply = served.ask(&format!("POST /v1/tools/{function}/call"), &[&acme], "{}").is(404);
        assert!(!reply.body.contains("language"), "the names of the others are not told: {}", reply.body);
    }
    assert_eq!(served.ask("GET /v1/agents", &[&acme], "").json(), json!({"agents": ["planner"]}));
    // One that is not its own, and one that is, and is not there.
    for agent in ["researcher", "ghost"] {
        let reply = served.ask(&format!("POST /v1/agents/{agent}/runs"), &[&acme], "{\"input\": \"answer x\"}").is(404);
        assert!(reply.body.contains("planner") && !reply.body.contains("reviewers"), "{}", reply.body);
    }
}

#[test]
fn other_machines_are_served_only_where_there_are_tokens() {
    let shell = Shell::new();
    let seen = shell.run(&["serve", "--listen", "0.0.0.0:0"]).exits(2);
    assert!(seen.stderr.contains("E0215") && seen.stderr.contains("hotcell token"), "{}", seen.stderr);
    // One that lies in a checkout opens nothing by itself.
    let (_, hash) = token(&shell, "acme");
    shell.file("hotcell.toml", &format!("[server]\nlisten = \"0.0.0.0:0\"\n[tenants.acme]\ntokens = [\"{hash}\"]\n"));
    let seen = shell.run(&["serve"]).exits(3);
    assert!(seen.stderr.contains("E0307") && seen.stderr.contains("[server] listen"), "{}", seen.stderr);
}

// === misuse ===

#[test]
fn requests_that_are_too_large_or_none_are_refused() {
    let (_shell, served) = with(&[], "[server]\nbody = \"64KiB\"\n");
    let large = "x".repeat(100 << 10);
    let refused = served.post("/v1/tools/calc.eval/call", &large).is(413);
    assert_eq!(refused.json()["code"], "E0202");
    let long = format!("x: {}", "y".repeat(1 << 20));
    let status = served.ask("GET /v1/tools", &[&long], "").status;
    assert!(matches!(status, 400 | 431), "{status}");
    let many: Vec<String> = (0..200).map(|number| format!("x-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(served.ask("GET /v1/tools", &many, "").status, 400 | 431));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\nb\r\n\r\n",
        b"GET /v1/tools HTTP/9.9\r\n\r\n",
    ] {
        let answer = served.raw(bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"), "{answer}");
    }
    let smuggled = format!(
        "POST /v1/tools/calc.eval/call HTTP/1.1\r\nhost: {}\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        served.address
    );
    let answer = served.raw(smuggled.as_bytes());
    assert!(answer.matches("HTTP/1.1 ").count() <= 1 || !answer.contains("HTTP/1.1 200"), "{answer}");
    let nested = format!("{{\"expression\": {}1{}}}", "[".repeat(2_000), "]".repeat(2_000));
    assert_eq!(served.post("/v1/tools/calc.eval/call", &nested).is(400).json()["code"], "E0203");
    served.post("/v1/tools/calc.eval/call", "{\"expression\": \"1\"}").is(200);
}

// Slow-loris: clients that send nothing, or the beginning of a request, take no place from those who ask.
#[test]
fn idle_and_slow_clients_make_room() {
    let (_shell, served) = with(&[], "[server]\nconnections = 8\n");
    let mut idle: Vec<_> = (0..64).map(|_| served.connect()).collect();
    for (number, stream) in idle.iter_mut().enumerate() {
        // Some were closed to make room for the next.
        let _ = stream.write_all(if number % 2 == 0 { b"POST /v1/tools/calc.eval/call HTTP/1.1\r\nhos" } else { b"" });
    }
    let asked = Instant::now();
    for _ in 0..20 {
        served.post("/v1/tools/calc.eval/call", "{\"expression\": \"1\"}").is(200);
    }
    assert!(asked.elapsed() < Duration::from_secs(10), "nobody waited for those who said nothing");
    let connections = served.get("/readyz").json()["connections"].as_u64();
    assert!(connections <= Some(8), "{connections:?}");
}

#[test]
fn a_caller_that_goes_away_takes_its_call_with_it() {
    let (_shell, served) = with(&["cpu"], "[tools.cpu]\nlimits.fuel = \"1000G\"\nlimits.timeout = \"60s\"\n");
    let mut stream = served.connect();
    stream.write_all(served.request("POST /v1/tools/cpu.spin/call", &[], "{}").as_bytes()).unwrap();
    until("it runs", || (served.get("/readyz").json()["running"] == 1).then_some(()));
    drop(stream);
    until("it is gone", || (served.get("/readyz").json()["calls"] == 0).then_some(()));
}

// === beginning and end ===

// On a new machine the first list had to wait until all tools were compiled, because nobody had begun.
#[test]
fn tools_are_compiled_from_the_start_on_before_anybody_asks() {
    for word in ["serve", "mcp"] {
        let shell = Shell::new();
        fs::copy(guest("plain"), shell.path("tools/a-plain-one.wasm")).unwrap();
        let mut command = shell.command(&[word]);
        command.env("HOTCELL_CACHE_DIR", shell.path("cache"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        if word == "serve" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut server = command.spawn().unwrap();
        until("the first is compiled", || {
            let files = fs::read_dir(shell.path("cache")).ok()?;
            files.flatten().any(|file| file.path().extension().is_some_and(|end| end == "code")).then_some(())
        });
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

// Those that only come with another configuration, too.
#[test]
fn tools_that_come_with_a_reload_are_compiled_from_then_on() {
    let shell = Shell::new();
    fs::create_dir(shell.path("more")).unwrap();
    fs::copy(guest("plain"), shell.path("more/a-plain-one.wasm")).unwrap();
    shell.file("hotcell.toml", "");
    let mut command = shell.command(&["--config", "hotcell.toml", "serve", "--listen", "127.0.0.1:0"]);
    command.env("HOTCELL_CACHE_DIR", shell.path("cache"));
    let mut server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let compiled = |digest: &str| {
        let files = fs::read_dir(shell.path("cache")).ok()?;
        let names = files.flatten().map(|file| file.file_name().to_string_lossy().into_owned());
        names.into_iter().any(|name| name.starts_with(digest) && name.ends_with(".code")).then_some(())
    };
    until("the first is compiled", || compiled(""));
    shell.file("hotcell.toml", "[catalog]\nfolders = [\"tools\", \"more\"]\n");
    kill_process(Pid::from_child(&server), Signal::HUP).unwrap();
    let inspected = shell.run(&["inspect", "more/a-plain-one.wasm", "--json"]).exits(0).json();
    let digest =
        inspected["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest").to_owned();
    until("the new one is compiled", || compiled(&digest));
    server.kill().unwrap();
    server.wait().unwrap();
}

// Nothing that was accepted is lost: what runs when the server is told to end is answered, and nothing new is taken.
#[test]
fn told_to_end_it_answers_what_it_accepted() {
    let (_shell, mut served) = with(&["sleeper"], "[tools.sleeper]\nclock.mode = \"real\"\n");
    thread::scope(|scope| {
        let asked: Vec<_> =
            (0..8).map(|_| scope.spawn(|| served.post("/v1/tools/sleeper.nap/call", "{\"ms\": 700}"))).collect();
        until("they run", || (served.get("/readyz").json()["running"] == 8).then_some(()));
        served.signal(Signal::TERM);
        for asked in asked {
            let reply = asked.join().expect("an answer").is(200);
            assert_eq!(reply.json()["outcome"], "ok");
        }
    });
    assert_eq!(served.ends().code(), Some(0));
    assert!(std::net::TcpStream::connect(served.address).is_err(), "nobody listens any more");
}

#[test]
fn what_does_not_end_in_time_is_ended_and_told_so() {
    let toml = "[server]\ndrain = \"200ms\"\n[tools.cpu]\nlimits.fuel = \"1000G\"\nlimits.timeout = \"60s\"\n";
    let (_shell, mut served) = with(&["cpu"], toml);
    let reply = thread::scope(|scope| {
        let asked = scope.spawn(|| served.post("/v1/tools/cpu.spin/call", "{}"));
        until("it runs", || (served.get("/readyz").json()["running"] == 1).then_some(()));
        served.signal(Signal::TERM);
        asked.join().expect("an answer")
    });
    assert_eq!(reply.is(499).json()["outcome"], "cancelled");
    assert_eq!(served.ends().code(), Some(0));
}

#[test]
fn the_configuration_is_read_again_whole_or_not_at_all() {
    let (shell, served) = with(&["echo"], "[tools.echo]\nrate = \"1/h\"\n");
    served.post("/v1/tools/echo.text/call", "[\"a\"]");
    served.post("/v1/tools/echo.text/call", "[\"a\"]").is(429);
    shell.file("hotcell.toml", "[tools.echo]\nrate = \"lots\"\n");
    served.signal(Signal::HUP);
    until("it says so", || served.told().contains("stays in force").then_some(()));
    assert!(served.told().contains("hotcell.toml:2"), "{}", served.told());
    served.post("/v1/tools/echo.text/call", "[\"a\"]").is(429);
    shell.file("hotcell.toml", "[host]\nmemory = \"1GiB\"\n");
    served.signal(Signal::HUP);
    until("it says so", || served.told().contains("E0216").then_some(()));
    shell.file("hotcell.toml", "[server]\nlisten = \"127.0.0.1:7999\"\n");
    served.signal(Signal::HUP);
    until("it says so", || served.told().contains("names another address").then_some(()));
    shell.file("hotcell.toml", "[tools.echo]\nrate = \"100/s\"\n");
    served.signal(Signal::HUP);
    until("it is read", || served.told().contains("is in force").then_some(()));
    served.post("/v1/tools/echo.text/call", "[\"a\"]").is(200);
}

// The cells are the engine's, which stays: the new host gave them out once more, and the pool had none (503).
#[test]
fn calls_that_come_after_a_reload_wait_for_cells_that_others_still_have() {
    let toml = "[schedule]\nin_flight = 2\nper_tool = 2\n[tools.sleeper]\nclock.mode = \"real\"\n[tools.cpu]\nlimits.fuel = \"1000G\"\nlimits.timeout = \"60s\"\n";
    let (_shell, served) = with(&["sleeper", "cpu"], toml);
    let mut held = [served.connect(), served.connect()];
    for stream in &mut held {
        stream.write_all(served.request("POST /v1/tools/cpu.spin/call", &[], "{}").as_bytes()).unwrap();
    }
    until("both run", || (served.get("/readyz").json()["running"] == 2).then_some(()));
    served.signal(Signal::HUP);
    until("it is read", || served.told().contains("is in force").then_some(()));
    thread::scope(|scope| {
        let asked: Vec<_> =
            (0..4).map(|_| scope.spawn(|| served.post("/v1/tools/sleeper.nap/call", "{\"ms\": 1}"))).collect();
        until("they wait", || (served.get("/readyz").json()["waiting"] == 4).then_some(()));
        // Their callers go away, and the cells are free.
        drop(held);
        for asked in asked {
            assert_eq!(asked.join().expect("an answer").is(200).json()["outcome"], "ok");
        }
    });
    until("all have ended", || (served.get("/readyz").json()["calls"] == 0).then_some(()));
}

#[test]
fn a_watched_configuration_is_read_when_it_changes() {
    let shell = Shell::new();
    shell.install(&["echo"]);
    shell.file("hotcell.toml", "[tools.echo]\nrate = \"1/h\"\n");
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve", "--watch"]));
    served.post("/v1/tools/echo.text/call", "[\"a\"]");
    served.post("/v1/tools/echo.text/call", "[\"a\"]").is(429);
    shell.file("hotcell.toml", "[tools.echo]\nrate = \"1000/s\"\n");
    until("it is read", || (served.post("/v1/tools/echo.text/call", "[\"a\"]").status == 200).then_some(()));
}

// A host that has nothing to do costs nothing: the thread that interrupts guests rests, and is there again for the next one.
#[test]
fn an_idle_server_rests_and_a_guest_is_interrupted_all_the_same() {
    let (_shell, served) = with(&["cpu"], "[tools.cpu]\nlimits.fuel = \"1000G\"\n");
    let spin = || served.ask("POST /v1/tools/cpu.spin/call", &["hotcell-timeout: 50ms"], "{}").is(504);
    spin();
    let mut before = None;
    until("it rests", || {
        let ticks = served.switches("hotcell-ticker");
        let rests = before.replace(ticks) == Some(ticks);
        thread::sleep(Duration::from_millis(50));
        rests.then_some(())
    });
    spin();
}

// === what a reviewer found ===

// A run between two of its calls has none under way: it was ended there, and its next call refused.
#[test]
fn a_run_of_an_agent_may_end_as_well_when_the_server_is_told_to() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    shell.file("hotcell.toml", "[tools.sleeper]\nclock.mode = \"real\"\n[catalog]\nagents = [\".\"]\n");
    let step = |id: &str, needs: &str| {
        format!("[[step]]\nid = \"{id}\"\nneeds = [{needs}]\ncall = \"sleeper.nap\"\nwith = {{ ms = 200 }}\n")
    };
    let steps = [step("a", ""), step("b", "\"a\""), step("c", "\"b\""), step("d", "\"c\"")].concat();
    shell.file("naps.toml", &format!("[agent]\nname = \"naps\"\n[tools]\nallow = [\"sleeper.*\"]\n{steps}"));
    let mut served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let run = thread::scope(|scope| {
        let asked = scope.spawn(|| served.ask("POST /v1/agents/naps/runs", &["prefer: wait=30"], ""));
        until("it runs", || (served.get("/readyz").json()["running"] == 1).then_some(()));
        served.signal(Signal::TERM);
        asked.join().expect("an answer")
    });
    let run = run.is(200).json();
    assert_eq!((&run["outcome"], &run["result"]["calls"]), (&json!("ok"), &json!(4)), "{run}");
    assert_eq!(served.ends().code(), Some(0));
}

#[test]
fn a_key_whose_request_was_refused_may_be_used_again() {
    let (_shell, served) = with(&["echo"], "[tools.echo]\nrate = \"1/s\"\n");
    let ask = |key: &str| served.ask("POST /v1/tools/echo.text/call", &[key], "[\"a\"]").status;
    assert_eq!(ask("idempotency-key: k0"), 200);
    until("one was refused", || (ask("idempotency-key: k1") == 429).then_some(()));
    until("it is let in", || (ask("idempotency-key: k1") == 200).then_some(()));
}

#[test]
fn whoever_has_seen_the_end_of_a_run_is_not_kept_waiting() {
    let (_shell, served) = with(&[], "");
    let run =
        served.ask("POST /v1/agents/researcher/runs", &["prefer: wait=60"], "{\"input\": \"answer x\"}").is(200).json();
    let place = format!("/v1/runs/{}/events", run["run"].as_str().expect("a run"));
    let last = served.follow(&place, &[]).last().and_then(|(id, _)| id).expect("an end");
    assert_eq!(served.follow(&place, &[&format!("last-event-id: {last}")]).count(), 0);
}

#[test]
fn ends_that_weigh_too_much_make_room() {
    let (_shell, served) = with(&["echo"], "[limits]\ninput = \"4MiB\"\noutput = \"4MiB\"\n");
    let body = format!("[\"{}\"]", "x".repeat(2 << 20));
    for _ in 0..40 {
        let headers = ["prefer: respond-async, wait=30"];
        served.ask("POST /v1/tools/echo.text/call", &headers, &body).is(200);
    }
    let kept = served.get("/v1/runs").is(200).json()["runs"].as_array().map(Vec::len);
    assert!(kept.is_some_and(|kept| (16..=32).contains(&kept)), "{kept:?} of 2 MiB each");
}

// A file that is just being written anew is empty for a moment.
#[test]
fn a_file_without_tokens_does_not_take_the_place_of_one_with() {
    let (shell, served, [acme, _]) = tenants(&[], "");
    shell.file("hotcell.toml", "");
    served.signal(Signal::HUP);
    until("it says so", || served.told().contains("no token any more").then_some(()));
    served.get("/v1/tools").is(401);
    served.ask("GET /v1/tools", &[&acme], "").is(200);
}

#[test]
fn a_tenant_that_follows_on_every_connection_leaves_some_to_the_others() {
    let (_shell, served, [acme, bolt]) = tenants(&[], "[server]\nconnections = 8\n");
    let mut held: Vec<_> = (0..8).map(|_| served.connect()).collect();
    for stream in &mut held {
        // Some are refused, and some closed to make room.
        let _ = stream.write_all(served.request("GET /v1/events", &[&bolt], "").as_bytes());
    }
    served.ask("POST /v1/tools/calc.eval/call", &[&acme], "{\"expression\": \"1\"}").is(200);
    until("it is refused", || {
        (served.ask("GET /v1/events", &[&bolt, "last-event-id: x"], "").status == 503).then_some(())
    });
    served.get("/healthz").is(200);
}
