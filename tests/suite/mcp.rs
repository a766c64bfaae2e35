//! The protocol of model clients, from outside: JSON-RPC by the line and by the byte, in both of its eras.

mod clients;

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::Shell;
use crate::support::program::guest;
use crate::support::served::{Reply, Served};
use crate::watch::until;

/// Longer than any answer takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Calls that do not end by themselves in the time of a test.
const ENDLESS: &str = "[limits]\ntimeout = \"600s\"\nfuel = \"100000G\"\n";
/// The revisions of the two eras.
const OLD: &str = "2025-11-25";
const NEW: &str = "2026-07-28";

/// `hotcell mcp`, and whoever started it.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    /// What came while something else was waited for.
    early: VecDeque<Value>,
    last: u64,
    new: bool,
}

impl Client {
    fn start(shell: &Shell) -> Self {
        let mut command = shell.command(&["--config", "hotcell.toml", "mcp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (told, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "no JSON": line }));
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, lines, early: VecDeque::new(), last: 0, new: false }
    }

    /// With a handshake.
    fn old(shell: &Shell) -> Self {
        let mut client = Self::start(shell);
        let answer = client.ask("initialize", hello());
        assert_eq!(answer["result"]["protocolVersion"], OLD);
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    /// With everything in each request.
    fn new(shell: &Shell) -> Self {
        let mut client = Self::start(shell);
        client.new = true;
        client
    }

    fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("an input");
        input.write_all(bytes).and_then(|()| input.flush()).expect("it reads");
    }

    fn send(&mut self, message: &Value) {
        self.raw(format!("{message}\n").as_bytes());
    }

    /// Sends a request and gives its id.
    fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.last += 1;
        if self.new {
            introduce(&mut params);
        }
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// The next message that is wanted; others are kept.
    #[track_caller]
    fn wait(&mut self, what: &str, wants: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.early.iter().position(&wants) {
            return self.early.remove(place).expect("it is there");
        }
        let late = Instant::now() + PATIENCE;
        loop {
            let left = late.saturating_duration_since(Instant::now());
            let message = self.lines.recv_timeout(left).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(message.get("no JSON").is_none(), "something else on stdout: {message}");
            if wants(&message) {
                return message;
            }
            self.early.push_back(message);
        }
    }

    #[track_caller]
    fn answer(&mut self, id: u64) -> Value {
        self.wait(&format!("the answer to {id}"), |message| message["id"] == id)
    }

    #[track_caller]
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    #[track_caller]
    fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": name, "arguments": arguments }))["result"].take()
    }

    /// Another request is answered, so what came before it was seen.
    #[track_caller]
    fn is_well(&mut self) {
        let list = self.ask("tools/list", json!({}));
        assert!(list["result"]["tools"].is_array(), "{list}");
    }

    fn notified(&mut self, method: &str) -> Value {
        self.wait(method, |message| message["method"] == method)
    }

    /// Waits for its end when nothing more comes.
    fn left(&mut self) -> ExitStatus {
        self.input = None;
        self.child.wait().expect("it ends")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = (self.child.kill(), self.child.wait());
    }
}

fn hello() -> Value {
    json!({ "protocolVersion": OLD, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } })
}

/// What each request of the new era says of its client.
fn introduce(params: &mut Value) {
    let meta = &mut params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!(NEW);
    meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
}

fn shell(guests: &[&str], toml: &str) -> Shell {
    let shell = Shell::new();
    shell.install(guests);
    shell.file("hotcell.toml", toml);
    shell
}

fn both(shell: &Shell) -> [Client; 2] {
    [Client::old(shell), Client::new(shell)]
}

fn names(list: &Value) -> Vec<String> {
    let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}"));
    tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

/// The calls that are in their cells now, as another process of the same user sees them.
fn running(shell: &Shell) -> u64 {
    let seen = shell.run(&["top", "--once", "--json"]);
    let hosts: Value = serde_json::from_str(&seen.stdout).unwrap_or_default();
    hosts["hosts"].as_array().into_iter().flatten().filter_map(|host| host["status"]["calls"]["running"].as_u64()).sum()
}

// === what there is ===

#[test]
fn tools_and_agents_are_listed_with_schemas_and_hints() {
    let shell = shell(&["echo"], "");
    for mut client in both(&shell) {
        let list = client.ask("tools/list", json!({}));
        let names = names(&list);
        for name in ["calc__eval", "echo__text", "fetch__post-json", "agent__researcher"] {
            assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
        }
        assert!(names.is_sorted());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        for tool in list["result"]["tools"].as_array().expect("tools") {
            let name = tool["name"].as_str().expect("a name");
            assert!(name.len() <= 64 && name.bytes().all(fits), "{name}");
            assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
            assert!(tool["outputSchema"].is_null() || tool["outputSchema"]["type"] == "object", "{name}");
        }
        let calc = list["result"]["tools"].as_array().into_iter().flatten().find(|tool| tool["name"] == "calc__eval");
        let calc = calc.expect("calc");
        assert_eq!((&calc["title"], &calc["annotations"]["readOnlyHint"]), (&json!("calc.eval"), &json!(true)));
        assert_eq!(calc["annotations"]["openWorldHint"], false);
        let refused = client.ask("tools/list", json!({ "cursor": "no.such" }));
        assert_eq!(refused["error"]["code"], -32602);
    }
}

#[test]
fn a_server_says_who_it_is_in_both_eras() {
    let shell = shell(&[], "");
    let mut old = Client::start(&shell);
    let hello = old.ask("initialize", hello());
    assert_eq!(hello["result"]["serverInfo"]["name"], "hotcell");
    assert_eq!(hello["result"]["capabilities"]["tools"]["listChanged"], true);
    assert!(hello["result"]["instructions"].as_str().is_some_and(|text| text.contains("sandbox")));
    let mut new = Client::new(&shell);
    let found = new.ask("server/discover", json!({}));
    assert!(found["result"]["supportedVersions"].as_array().is_some_and(|all| all.contains(&json!(NEW))), "{found}");
    new.is_well();
    assert_eq!(new.ask("ping", json!({}))["error"]["code"], -32601, "the new era has none");
}

// === calls ===

#[test]
fn a_call_has_a_structured_result_a_text_and_a_receipt() {
    let shell = shell(&[], "");
    for mut client in both(&shell) {
        let result = client.call("calc__eval", json!({ "expression": "2 * (3 + 4)" }));
        assert_eq!(result["structuredContent"], json!({ "value": 14 }), "{result}");
        assert_eq!(result["content"], json!([{ "type": "text", "text": "14" }]));
        assert_ne!(result["isError"], true);
        let receipt = &result["_meta"]["hotcell/receipt"];
        assert!(receipt["call"].is_string() && receipt["fuel"].as_u64() > Some(0), "{receipt}");
    }
}

#[test]
fn whatever_a_model_can_act_on_is_a_result_that_says_what_why_and_what_to_do() {
    let shell = shell(&["cpu", "echo", "faults"], "[tools.cpu.limits]\nfuel = \"1M\"\n");
    for mut client in both(&shell) {
        for (name, arguments, outcome, fixed) in [
            ("calc__eval", json!({ "expresion": "1" }), "invalid", true),
            ("files__read", json!({ "path": "/etc/passwd" }), "denied", true),
            ("cpu__spin", json!({}), "exhausted(fuel)", true),
            ("echo__unavailable", json!({ "ms": 5 }), "failed", false),
            ("agent__researcher", json!({ "task": "x" }), "invalid", false),
        ] {
            let result = client.call(name, arguments);
            let failure = &result["structuredContent"];
            assert_eq!((&result["isError"], &failure["outcome"]), (&json!(true), &json!(outcome)), "{name}: {result}");
            assert!(failure["code"].is_string() && failure["what"].is_string(), "{failure}");
            assert!(!fixed || failure["fix"].is_string(), "{failure}");
            let text = result["content"][0]["text"].as_str().expect("a text");
            assert!(text.starts_with(outcome) && (!fixed || text.contains("\nfix: ")), "{text}");
        }
        let unknown = client.ask("tools/call", json!({ "name": "calc__evil" }));
        assert_eq!(unknown["error"]["code"], -32602);
        assert!(unknown["error"]["message"].as_str().is_some_and(|text| text.contains("calc__eval")), "{unknown}");
        let unfit = client.ask("tools/call", json!({ "name": 5 }));
        assert_eq!(unfit["error"]["code"], -32602, "{unfit}");
    }
}

// What HTTP says in headers is said here in the message.
#[test]
fn a_request_says_its_deadline_and_limits_beside_its_arguments() {
    let shell = shell(&["cpu"], ENDLESS);
    for mut client in both(&shell) {
        let mut spin = |meta: Value| client.ask("tools/call", json!({ "name": "cpu__spin", "_meta": meta }));
        let late = spin(json!({ "hotcell/deadline": "500ms", "hotcell/priority": "high" }));
        assert_eq!(late["result"]["structuredContent"]["outcome"], "timed-out", "{late}");
        let spent = spin(json!({ "hotcell/fuel": "1M" }));
        assert_eq!(spent["result"]["structuredContent"]["outcome"], "exhausted(fuel)", "{spent}");
        let unread = spin(json!({ "hotcell/retries": "often" }));
        assert_eq!((&unread["error"]["code"], &unread["error"]["data"]["code"]), (&json!(-32602), &json!("E0214")));
        let agent = json!({ "name": "agent__researcher", "_meta": { "hotcell/deadline": "5s" } });
        assert_eq!(client.ask("tools/call", agent)["error"]["code"], -32602, "it would not be kept");
    }
}

#[test]
fn an_agent_is_a_tool() {
    let shell = shell(&[], "");
    shell.file("hotcell.toml", "[catalog]\nagents = [\"agents\"]\n");
    fs::create_dir(shell.path("agents")).expect("a folder");
    shell.file(
        "agents/sum.toml",
        "[agent]\nname = \"sum\"\ndescription = \"Adds.\"\n[input]\nkind = \"text\"\ndescription = \"A sum.\"\n\
         [tools]\nallow = [\"calc.eval\"]\n[[step]]\nid = \"one\"\ncall = \"calc.eval\"\n\
         with = { expression = \"{{input}}\" }\n",
    );
    let mut client = Client::old(&shell);
    let list = client.ask("tools/list", json!({}));
    let agent = list["result"]["tools"].as_array().into_iter().flatten().find(|tool| tool["name"] == "agent__sum");
    assert_eq!(agent.expect("the agent")["inputSchema"]["required"], json!(["input"]));
    let result = client.ask(
        "tools/call",
        json!({ "name": "agent__sum", "arguments": { "input": "1+2" }, "_meta": { "progressToken": "far" } }),
    );
    assert_ne!(result["result"]["isError"], true, "{result}");
    assert_eq!(result["result"]["structuredContent"]["agent"], "sum");
    assert_eq!(client.notified("notifications/progress")["params"]["message"], "one: done");
}

// Nothing that a guest prints reaches the protocol: every line on stdout is JSON, which the client here holds against each.
#[test]
fn what_a_guest_prints_stays_in_its_cell() {
    let shell = shell(&["output"], "");
    for mut client in both(&shell) {
        let result = client.call("output__lines", json!({ "count": 1_000 }));
        assert_eq!(result["structuredContent"]["value"], 1_000, "{result}");
        client.call("output__flood", json!({ "mib": 2 }));
        client.call("output__forge", json!({}));
        client.is_well();
    }
}

#[test]
fn progress_is_told_to_whoever_asked_for_it() {
    let shell = shell(&["echo"], "");
    for mut client in both(&shell) {
        client.call("echo__progress", json!({ "times": 3 }));
        let id = client.begin(
            "tools/call",
            json!({ "name": "echo__progress", "arguments": { "times": 5 }, "_meta": { "progressToken": "far" } }),
        );
        let told: Vec<Value> = (1..=5).map(|_| client.notified("notifications/progress")["params"].take()).collect();
        let far: Vec<f64> = told.iter().filter_map(|far| far["progress"].as_f64()).collect();
        assert_eq!(far, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!(told.iter().all(|far| far["progressToken"] == "far" && far["total"].as_f64() == Some(5.0)));
        assert_eq!(client.answer(id)["result"]["structuredContent"]["value"], 5);
        assert!(client.early.is_empty(), "the first call's client did not ask: {:?}", client.early);
    }
}

// === ends ===

#[test]
fn a_cancelled_calls_guest_is_stopped() {
    let shell = shell(&["cpu"], ENDLESS);
    for mut client in both(&shell) {
        let id = client.begin("tools/call", json!({ "name": "cpu__spin" }));
        until("it runs", || (running(&shell) == 1).then_some(()));
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
        until("its guest is gone", || (running(&shell) == 0).then_some(()));
        client.is_well();
        assert!(client.early.iter().all(|message| message["id"] != id), "nobody waits for its answer");
    }
}

#[test]
fn it_ends_when_its_client_does_and_so_do_its_calls() {
    let shell = shell(&["cpu"], ENDLESS);
    for mut client in both(&shell) {
        client.begin("tools/call", json!({ "name": "cpu__spin" }));
        until("it runs", || (running(&shell) == 1).then_some(()));
        let began = Instant::now();
        assert!(client.left().success());
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
    // One whose end is not read any more waits for nothing.
    let mut command = shell.command(&["--config", "hotcell.toml", "mcp"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    drop((child.stdout.take(), child.stdin.take()));
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn what_was_asked_before_the_pipe_was_closed_is_answered() {
    let shell = shell(&[], "");
    let mut client = Client::old(&shell);
    let id = client.begin("tools/call", json!({ "name": "calc__eval", "arguments": { "expression": "6*7" } }));
    client.input = None;
    assert_eq!(client.answer(id)["result"]["structuredContent"]["value"], 42);
    assert!(client.left().success());
}

#[test]
fn told_to_end_it_answers_what_runs_and_ends() {
    let shell = shell(&["sleeper"], "[tools.sleeper]\nclock.mode = \"real\"\n");
    let mut client = Client::old(&shell);
    client.call("sleeper__nap", json!({ "ms": 1 }));
    let id = client.begin("tools/call", json!({ "name": "sleeper__nap", "arguments": { "ms": 500 } }));
    until("it runs", || (running(&shell) == 1).then_some(()));
    kill_process(Pid::from_child(&client.child), Signal::TERM).expect("a signal");
    let answer = client.answer(id);
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    assert!(client.child.wait().expect("it ends").success());
}

// === changes ===

#[test]
fn a_tool_that_is_dropped_in_is_told_in_both_eras() {
    let shell = shell(&[], "");
    let [mut old, mut new] = both(&shell);
    old.is_well();
    new.begin("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    new.notified("notifications/subscriptions/acknowledged");
    new.is_well();
    fs::copy(guest("echo"), shell.path("tools/echo.wasm")).expect("a guest");
    for client in [&mut old, &mut new] {
        client.notified("notifications/tools/list_changed");
        let list = client.ask("tools/list", json!({}));
        assert!(names(&list).iter().any(|name| name == "echo__text"), "{list}");
    }
    // A file that is written once more, and says the same, is no other tool.
    fs::write(shell.path("tools/notes.txt"), "nothing").expect("a file");
    fs::remove_file(shell.path("tools/echo.wasm")).expect("it goes");
    for client in [&mut old, &mut new] {
        client.notified("notifications/tools/list_changed");
        let list = client.ask("tools/list", json!({}));
        assert!(!names(&list).iter().any(|name| name == "echo__text"), "{list}");
        assert!(client.early.is_empty(), "each change is told once: {:?}", client.early);
    }
}

// === H84: frames that are none ===

#[test]
fn h84_what_is_no_message_is_refused_or_left_and_the_next_is_answered() {
    let shell = shell(&[], "[server]\nbody = \"1MiB\"\n");
    let batch = format!("[{}]", vec!["{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}"; 10_000].join(","));
    let long = "x".repeat(100 << 20);
    for mut client in both(&shell) {
        client.is_well();
        for (frame, refused) in [
            (&b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}"[..], Some(-32600)),
            (b"[]", Some(-32600)),
            (batch.as_bytes(), Some(-32600)),
            (b"{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"ping\"}", Some(-32600)),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", Some(-32600)),
            (b"{\"id\":7}", Some(-32600)),
            (b"{\"jsonrpc\":\"2.0\",\"id\":7,\"meth", None),
            (b"\xff\xfe\xc3\x28", None),
            (b"\0\0\0\0", None),
            (long.as_bytes(), None),
        ] {
            client.raw(frame);
            client.raw(b"\n");
            client.is_well();
            let told: Vec<Value> = client.early.drain(..).collect();
            let codes: Vec<Option<i64>> = told.iter().map(|message| message["error"]["code"].as_i64()).collect();
            let shown = String::from_utf8_lossy(&frame[..frame.len().min(60)]).into_owned();
            assert_eq!(codes, refused.map(Some).into_iter().collect::<Vec<_>>(), "{shown}: {told:?}");
        }
        let unknown = client.ask("logging/setLevel", json!({ "level": "debug" }));
        assert_eq!(unknown["error"]["code"], -32601, "H89: nobody makes it say more");
        // Half a frame, then nothing.
        client.raw(b"{\"jsonrpc\":\"2.0\",\"id\":");
        assert!(client.left().success());
    }
}

#[test]
fn h84_an_id_that_is_under_way_is_refused_and_a_flood_is_bounded() {
    let shell = shell(&["cpu"], ENDLESS);
    let mut client = Client::old(&shell);
    let id = client.begin("tools/call", json!({ "name": "cpu__spin" }));
    client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }));
    assert_eq!(client.answer(id)["error"]["code"], -32600);
    // Notifications that mean nothing, then more calls than one client may have.
    let noise = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/nothing\"}\n".repeat(10_000);
    client.raw(noise.as_bytes());
    for _ in 0..300 {
        client.begin("tools/call", json!({ "name": "cpu__spin" }));
    }
    let refused = client.wait("a refusal", |message| message["result"]["isError"] == true);
    assert_eq!(refused["result"]["structuredContent"]["outcome"], "refused(overloaded)", "{refused}");
    client.is_well();
}

// === over HTTP ===

const ACCEPT: &str = "accept: application/json, text/event-stream";
const JSON: &str = "content-type: application/json";

/// A message over HTTP, and what came of it.
fn post(served: &Served, headers: &[&str], message: &Value) -> Reply {
    served.ask("POST /mcp", &[&[ACCEPT, JSON], headers].concat(), &message.to_string())
}

/// The messages in an answer, of either form.
fn messages(reply: &Reply) -> Vec<Value> {
    if reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return serde_json::from_str(reply.body.lines().find(|line| line.starts_with('{')).unwrap_or("null"))
            .map(|message| vec![message])
            .unwrap_or_default();
    }
    let data = reply.body.lines().filter_map(|line| line.trim().strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

/// Opens a session and gives the header that names it.
fn session(served: &Served, headers: &[&str]) -> String {
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello() });
    let reply = post(served, headers, &hello).is(200);
    let id = reply.header("mcp-session-id").expect("a session").to_owned();
    format!("mcp-session-id: {id}")
}

/// One request of the new era.
fn request(served: &Served, headers: &[&str], method: &str, name: Option<&str>, mut params: Value) -> Reply {
    introduce(&mut params);
    let version = format!("mcp-protocol-version: {NEW}");
    let (method_header, name) = (format!("mcp-method: {method}"), name.map(|name| format!("mcp-name: {name}")));
    let mut all = vec![version.as_str(), &method_header];
    all.extend(name.as_deref());
    all.extend(headers);
    post(served, &all, &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
}

#[test]
fn over_http_both_eras_list_and_call() {
    let shell = shell(&["echo"], "");
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let old = session(&served, &[]);
    let asks = json!({ "name": "calc__eval", "arguments": { "expression": "6*7" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asks });
    let told = messages(&post(&served, &[&old], &call).is(200));
    let last = told.last().expect("an answer");
    assert_eq!(last["result"]["structuredContent"]["value"], 42, "{told:?}");
    let told = messages(&request(&served, &[], "tools/call", Some("calc__eval"), asks.clone()).is(200));
    assert_eq!(told[0]["result"]["structuredContent"]["value"], 42, "{told:?}");
    let told = messages(&request(&served, &[], "tools/list", None, json!({})).is(200));
    assert!(names(&told[0]).iter().any(|name| name == "echo__text"));
    let far = json!({ "name": "echo__progress", "arguments": { "times": 3 }, "_meta": { "progressToken": 1 } });
    let told = messages(&request(&served, &[], "tools/call", Some("echo__progress"), far).is(200));
    let far: Vec<f64> = told.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
    assert_eq!(far, [1.0, 2.0, 3.0], "{told:?}");
    assert_eq!(told.last().expect("an answer")["result"]["structuredContent"]["value"], 3);
}

#[test]
fn h84_headers_that_say_other_things_than_the_message_are_refused() {
    let shell = shell(&[], "[server]\nbody = \"64KiB\"\n");
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let call = || json!({ "name": "calc__eval", "arguments": { "expression": "1" } });
    request(&served, &[], "tools/call", Some("text__diff"), call()).is(400);
    request(&served, &[], "tools/call", None, call()).is(400);
    let strange = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    post(&served, &["mcp-protocol-version: 1999-01-01"], &strange).is(400);
    post(&served, &[], &strange).is(400);
    post(&served, &["mcp-session-id: of-nobody"], &strange).is(404);
    let old = session(&served, &[]);
    for (body, status) in [("{", 400), ("\u{0}", 400)] {
        let reply = served.ask("POST /mcp", &[ACCEPT, JSON, &old], body);
        assert!((400..500).contains(&reply.status), "{status}: {} {}", reply.head, reply.body);
    }
    let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "x".repeat(100 << 10) });
    post(&served, &[&old], &large).is(413);
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {} });
    post(&served, &[&old], &list).is(200);
    served.ask("DELETE /mcp", &[&old], "");
    post(&served, &[&old], &list).is(404);
}

// H83, H85, H86: a page from elsewhere, a caller whom nobody knows, and one whom somebody else is known as.
#[test]
fn h86_a_session_and_its_tools_are_one_tenants() {
    let shell = shell(&["echo"], "");
    let token = |tenant: &str| -> (String, String) {
        let made = shell.run(&["token", tenant, "--json"]).exits(0).json();
        let text = |key: &str| made[key].as_str().expect("a text").to_owned();
        (format!("authorization: Bearer {}", text("token")), text("hash"))
    };
    let [(acme, one), (bolt, other)] = [token("acme"), token("bolt")];
    shell.file(
        "hotcell.toml",
        &format!("[tenants.acme]\ntokens = [\"{one}\"]\n[tenants.bolt]\ntokens = [\"{other}\"]\ntools = [\"calc.*\"]\nagents = []\n"),
    );
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    post(&served, &[], &list).is(401);
    post(&served, &[&acme, "host: evil.test"], &list).is(403);
    post(&served, &[&acme, "origin: null"], &list).is(403);
    let session = session(&served, &[&acme]);
    post(&served, &[&acme, &session], &list).is(200);
    post(&served, &[&bolt, &session], &list).is(404);
    served.ask("DELETE /mcp", &[&bolt, &session], "").is(404);
    served.ask("GET /mcp", &[&bolt, &session, "accept: text/event-stream"], "").is(404);
    let told = messages(&request(&served, &[&bolt], "tools/list", None, json!({})).is(200));
    assert_eq!(names(&told[0]), ["calc__eval"]);
    let echo = json!({ "name": "echo__text", "arguments": { "text": "a" } });
    let told = messages(&request(&served, &[&bolt], "tools/call", Some("echo__text"), echo.clone()));
    assert_eq!(told[0]["error"]["code"], -32602, "to it there is no such tool: {told:?}");
    let told = messages(&request(&served, &[&acme], "tools/call", Some("echo__text"), echo).is(200));
    assert_ne!(told[0]["result"]["isError"], true, "{told:?}");
}

#[test]
fn a_client_that_goes_away_takes_its_call_with_it() {
    let shell = shell(&["cpu"], ENDLESS);
    let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let mut params = json!({ "name": "cpu__spin" });
    introduce(&mut params);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let version = format!("mcp-protocol-version: {NEW}");
    let headers = [ACCEPT, JSON, &version, "mcp-method: tools/call", "mcp-name: cpu__spin"];
    let mut stream = served.connect();
    let text = served.request("POST /mcp", &headers, &message.to_string());
    stream.write_all(text.as_bytes()).expect("it takes it");
    let load = || served.get("/readyz").json()["calls"].as_u64();
    until("it runs", || (load() == Some(1)).then_some(()));
    drop(stream);
    until("its guest is gone", || (load() == Some(0)).then_some(()));
}

#[test]
fn a_server_that_drains_ends_its_streams() {
    let shell = shell(&[], "");
    let mut served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
    let old = session(&served, &[]);
    let mut stream = served.connect();
    let text = served.request("GET /mcp", &[&old, "accept: text/event-stream"], "");
    stream.write_all(text.as_bytes()).expect("it takes it");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    served.signal(Signal::TERM);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    let ended = served.ends();
    assert!(ended.success(), "{ended}: {}", served.told());
}

// === hotcell mcp install ===

#[test]
fn a_client_is_set_up_by_its_file_and_nothing_else_in_it_changes() {
    let shell = shell(&[], "");
    let file = shell.path(".cursor/mcp.json");
    let shown = shell.run(&["mcp", "install", "cursor"]).exits(0);
    assert!(shown.stdout.contains("+") && shown.stderr.contains("--write") && !file.exists(), "{}", shown.stdout);
    fs::create_dir(shell.path(".cursor")).expect("a folder");
    fs::write(&file, "{\n\t\"theme\": \"dark\",\n\t\"mcpServers\": {\"other\": {}}\n}\n").expect("a file");
    shell.run(&["--config", "hotcell.toml", "mcp", "install", "cursor", "--write"]).exits(0);
    let text = fs::read_to_string(&file).expect("a file");
    assert!(text.contains("\t\"theme\": \"dark\",\n"), "{text}");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let entry = &value["mcpServers"]["hotcell"];
    assert!(
        entry["command"].as_str().is_some_and(|path| path.starts_with('/') && path.ends_with("hotcell")),
        "{entry}"
    );
    assert_eq!((&entry["args"][0], &entry["args"][2]), (&json!("--config"), &json!("mcp")));
    assert!(value["mcpServers"]["other"].is_object());
    let again =
        shell.run(&["--config", "hotcell.toml", "mcp", "install", "cursor", "--write", "--json"]).exits(0).json();
    assert_eq!((&again["changed"], &again["written"]), (&json!(false), &json!(false)));
    fs::write(&file, "// mine\n{}").expect("a file");
    let refused = shell.run(&["mcp", "install", "cursor", "--write"]).exits(2);
    assert!(refused.stderr.contains("no JSON object"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "// mine\n{}");
    shell.run(&["mcp", "install", "vscode", "--write"]).exits(0);
    let code: Value =
        serde_json::from_str(&fs::read_to_string(shell.path(".vscode/mcp.json")).expect("a file")).expect("JSON");
    assert_eq!(code["servers"]["hotcell"]["type"], "stdio");
    shell.run(&["mcp", "install", "claude", "--write"]).exits(0);
    assert!(shell.path(".config/Claude/claude_desktop_config.json").is_file());
}
