//! What a collector is told of calls, what whoever fetches metrics reads, and what neither ever sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};

use super::cli::Shell;
use crate::support::Web;
use crate::support::provider::{Answer, Provider};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const ABOVE: &str = "00f067aa0ba902b7";

// === a collector ===

/// Takes what is sent to it over OTLP, as long as the test lasts.
struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
    /// Names of metrics, each with its unit.
    metrics: BTreeMap<String, String>,
    /// The labels of their values, as `key=value`.
    points: BTreeMap<String, BTreeSet<Vec<String>>>,
    services: BTreeSet<String>,
    /// The heads of the requests.
    heads: Vec<String>,
    /// All that came, as it came.
    bytes: Vec<u8>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let (address, taken) = (listener.local_addr().expect("an address"), Arc::<Mutex<Taken>>::default());
        let all = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || take(&stream, &all));
            }
        });
        Self { address, taken }
    }

    fn section(&self) -> String {
        format!("[telemetry]\notlp = \"http://{}\"\nservice = \"a test\"\ninterval = \"200ms\"\n", self.address)
    }

    /// Waits until it was told something.
    fn until<T>(&self, what: &str, found: impl Fn(&Taken) -> Option<T>) -> T {
        until(what, || found(&self.taken.lock().expect("what was taken")))
    }

    fn saw(&self, text: &str) -> bool {
        self.taken.lock().expect("what was taken").bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }
}

fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let by = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < by, "there never was {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// One connection: each request is read whole, and answered by nothing.
fn take(stream: &TcpStream, taken: &Mutex<Taken>) {
    let mut reader = BufReader::new(stream);
    while let Some((head, body)) = message(&mut reader) {
        let mut taken = taken.lock().expect("what is taken");
        assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf"), "{head}");
        if head.starts_with("POST /v1/traces ") {
            taken.traces(ExportTraceServiceRequest::decode(&*body).expect("traces"));
        } else {
            assert!(head.starts_with("POST /v1/metrics "), "{head}");
            taken.metrics(ExportMetricsServiceRequest::decode(&*body).expect("metrics"));
        }
        taken.bytes.extend_from_slice(&body);
        taken.heads.push(head);
        drop(taken);
        let mut stream = stream;
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

impl Taken {
    fn traces(&mut self, request: ExportTraceServiceRequest) {
        for resource in request.resource_spans {
            for attribute in resource.resource.iter().flat_map(|resource| &resource.attributes) {
                if let Some(Any::StringValue(value)) = attribute.value.as_ref().and_then(|value| value.value.as_ref())
                    && attribute.key == "service.name"
                {
                    self.services.insert(value.clone());
                }
            }
            self.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    fn metrics(&mut self, request: ExportMetricsServiceRequest) {
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let points = match metric.data {
                Some(Data::Gauge(gauge)) => gauge.data_points,
                Some(Data::Sum(sum)) => sum.data_points,
                other => panic!("{other:?}"),
            };
            let labels = points.into_iter().map(|point| point.attributes.iter().map(label).collect());
            self.points.entry(metric.name.clone()).or_default().extend(labels);
            self.metrics.insert(metric.name, metric.unit);
        }
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| span.name == name)
    }

    fn below(&self, span: &Span) -> Vec<&Span> {
        let mut below: Vec<&Span> = self.spans.iter().filter(|one| one.parent_span_id == span.span_id).collect();
        below.sort_by_key(|span| span.start_time_unix_nano);
        below
    }
}

fn label(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(value)) => format!("{}={value}", attribute.key),
        other => panic!("{}: {other:?}", attribute.key),
    }
}

/// What a span says under a key.
fn says(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    Some(match value {
        Any::StringValue(text) => text.clone(),
        Any::IntValue(number) => number.to_string(),
        Any::BoolValue(truth) => truth.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A head and a body, of a request or of an answer.
fn message(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let small = head.to_ascii_lowercase();
    let length = small.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

// === a server ===

/// `hotcell serve`, until the test ends.
struct Served {
    child: Child,
    address: String,
    said: Arc<Mutex<String>>,
    /// Where its tools are.
    _shell: Shell,
}

impl Served {
    fn start(shell: Shell, more: &[&str]) -> Self {
        Self::among(shell, more, &[])
    }

    /// With these variables in its surroundings.
    fn among(shell: Shell, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let file = shell.path("hotcell.toml").display().to_string();
        let words = [&["serve", "--listen", "127.0.0.1:0", "--config", &file], more].concat();
        let mut command = shell.command(&words);
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let (stderr, said) = (child.stderr.take().expect("its words"), Arc::<Mutex<String>>::default());
        let told = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut told = told.lock().expect("its words");
                told.push_str(&line);
                told.push('\n');
            }
        });
        let address = until("a port", || {
            let said = said.lock().expect("its words");
            let line = said.lines().find(|line| line.contains("hotcell is listening on "))?;
            Some(line.rsplit("http://").next()?.trim().to_owned())
        });
        Self { child, address, said, _shell: shell }
    }

    /// Sends one request; gives the status and the whole answer.
    fn send(&self, line: &str, fields: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
        let head =
            format!("{line} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n{fields}\r\n", self.address, body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).expect("a request");
        let (head, body) = message(&mut BufReader::new(stream)).expect("an answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head, String::from_utf8(body).expect("a text"))
    }

    fn call(&self, target: &str, fields: &str, body: &str) -> (u16, String, String) {
        self.send(&format!("POST /v1/tools/{target}/call"), fields, body)
    }

    fn said(&self) -> String {
        self.said.lock().expect("its words").clone()
    }

    /// Asks it to end; gives how long that took.
    fn end(&mut self) -> Duration {
        let began = Instant::now();
        kill_process(Pid::from_raw(self.child.id().cast_signed()).expect("a process"), Signal::TERM).expect("a signal");
        let by = began + PATIENCE;
        let end = loop {
            if let Some(end) = self.child.try_wait().expect("its state") {
                break end;
            }
            assert!(Instant::now() < by, "it does not end: {}", self.said());
            std::thread::park_timeout(Duration::from_millis(10));
        };
        assert!(end.success(), "{}", self.said());
        began.elapsed()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shell(toml: &str) -> Shell {
    let shell = Shell::new();
    shell.install(&["echo", "web"]);
    fs::create_dir(shell.path("agents")).expect("a folder of agents");
    shell.file("hotcell.toml", toml);
    shell
}

// === traces ===

#[test]
fn a_call_is_told_with_its_stages_below_the_parent_that_was_sent() {
    let collector = Collector::start();
    let mut served = Served::start(shell(&collector.section()), &[]);
    let parent = format!("traceparent: 00-{TRACE}-{ABOVE}-01\r\ntracestate: vendor=1\r\n");
    let (status, head, _) = served.call("echo.text", &parent, "{\"text\": \"a secret word\"}");
    assert_eq!(status, 200);
    let call = head.lines().find_map(|line| line.strip_prefix("hotcell-call: ")).expect("the call").to_owned();
    collector.until("a call with all of its stages", |taken| {
        let span = taken.named("call").find(|span| says(span, "hotcell.call").as_deref() == Some(&call))?;
        assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), ABOVE.to_owned()));
        assert_eq!(span.trace_state, "vendor=1");
        for (key, value) in [
            ("hotcell.tenant", "local"),
            ("hotcell.target", "echo.text"),
            ("hotcell.outcome", "ok"),
            ("hotcell.source", "cell"),
            ("hotcell.attempts", "1"),
        ] {
            assert_eq!(says(span, key).as_deref(), Some(value), "{key}: {:?}", span.attributes);
        }
        let fuel: u64 = says(span, "hotcell.fuel").expect("fuel").parse().expect("a number");
        let below = taken.below(span);
        (below.len() == 5).then_some(())?;
        let names: Vec<&str> = below.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["intake", "admission", "flight", "queue", "attempt"]);
        assert!(below.windows(2).all(|two| two[0].end_time_unix_nano <= two[1].end_time_unix_nano));
        assert!(below.iter().all(|stage| stage.end_time_unix_nano <= span.end_time_unix_nano));
        assert_eq!(says(below[4], "hotcell.outcome").as_deref(), Some("ok"));
        assert!(fuel > 0 && says(below[4], "hotcell.fuel") == Some(fuel.to_string()));
        assert!(taken.services.contains("a test"));
        Some(())
    });
    served.end();
    assert!(!collector.saw("a secret word"), "what was said is nobody's business");
}

#[test]
fn without_a_good_parent_a_call_begins_a_trace_and_a_failure_is_told_by_its_code() {
    let collector = Collector::start();
    let served = Served::start(shell(&collector.section()), &[]);
    let fields = format!("traceparent: 00-{TRACE}-{ABOVE}-01-more\r\n");
    let (status, ..) = served.call("echo.refuse", &fields, "{\"path\": \"$.hidden-path\"}");
    assert_eq!(status, 400);
    let (status, ..) = served.call("echo.any", "traceparent: 00-0-0-00\r\n", "[1");
    assert_eq!(status, 400);
    collector.until("both calls", |taken| {
        let calls: Vec<&Span> = taken.named("call").collect();
        (calls.len() == 2).then_some(())?;
        for call in calls {
            assert!(call.parent_span_id.is_empty() && hex(&call.trace_id) != TRACE, "{call:?}");
            assert_eq!(says(call, "hotcell.outcome").as_deref(), Some("invalid"));
            assert!(says(call, "hotcell.code").is_some_and(|code| code.starts_with('E')), "{call:?}");
            assert!(call.status.as_ref().is_some_and(|status| status.code == 2 && status.message.is_empty()));
        }
        Some(())
    });
    assert!(!collector.saw("hidden-path"));
}

// MCP's SEP-414: the trace is in the message; over HTTP it may be in the fields of the request, as everywhere.
#[test]
fn a_call_of_a_models_client_is_below_the_parent_that_its_message_names() {
    const INNER: &str = "1bf92f3577b34da6a3ce929d0e0e4736";
    let collector = Collector::start();
    let served = Served::start(shell(&collector.section()), &[]);
    let fields = format!(
        "traceparent: 00-{TRACE}-{ABOVE}-01\r\naccept: application/json, text/event-stream\r\n\
         content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: echo__text\r\n"
    );
    for (id, more) in [(1, String::new()), (2, format!("\"traceparent\": \"00-{INNER}-{ABOVE}-01\",\n"))] {
        let body = format!(
            "{{\"jsonrpc\": \"2.0\", \"id\": {id}, \"method\": \"tools/call\", \"params\": {{\"name\": \"echo__text\", \
             \"arguments\": {{\"text\": \"x\"}}, \"_meta\": {{{more}\
             \"io.modelcontextprotocol/protocolVersion\": \"2026-07-28\", \
             \"io.modelcontextprotocol/clientInfo\": {{\"name\": \"test\", \"version\": \"1\"}}, \
             \"io.modelcontextprotocol/clientCapabilities\": {{}}}}}}}}"
        );
        let (status, _, answer) = served.send("POST /mcp", &fields, &body);
        assert_eq!(status, 200, "{answer}");
    }
    collector.until("both calls", |taken| {
        let mut traces: Vec<String> = taken.named("call").map(|call| hex(&call.trace_id)).collect();
        traces.sort();
        (traces.len() == 2).then(|| assert_eq!(traces, [INNER, TRACE]))
    });
}

#[test]
fn a_run_is_above_its_calls_and_what_asks_a_model_says_so() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let provider = runtime.block_on(Provider::start(vec![Answer::text("done")]));
    let collector = Collector::start();
    let shell = shell(&format!("{}{}", collector.section(), provider.section("own", "openai", "")));
    shell.file(
        "agents/steps.toml",
        "[agent]\nname = \"steps\"\n[tools]\nallow = [\"echo.text\"]\n[[step]]\nid = \"one\"\ncall = \"echo.text\"\nwith = { text = \"x\" }\n",
    );
    shell.file(
        "agents/thinks.toml",
        "[agent]\nname = \"thinks\"\npattern = \"react\"\n[model]\nuse = \"own/m\"\n[tools]\nallow = [\"echo.text\"]\n",
    );
    let served = Served::start(shell, &[]);
    let parent = format!("prefer: wait=30\r\ntraceparent: 00-{TRACE}-{ABOVE}-01\r\n");
    for (agent, task) in [("steps", "{}"), ("thinks", "{\"input\": \"go\"}")] {
        let (status, _, body) = served.send(&format!("POST /v1/agents/{agent}/runs"), &parent, task);
        assert!(status < 300, "{body}");
    }
    let thinking = collector.until("both runs and the call", |taken| {
        let run = |name: &str| taken.named("run").find(|run| says(run, "hotcell.agent").as_deref() == Some(name));
        let (steps, thinks) = (run("steps")?, run("thinks")?);
        assert_eq!((hex(&steps.trace_id), hex(&steps.parent_span_id)), (TRACE.to_owned(), ABOVE.to_owned()));
        assert_eq!(says(steps, "hotcell.outcome").as_deref(), Some("ok"));
        let call = taken.named("call").find(|call| call.parent_span_id == steps.span_id)?;
        assert_eq!(says(call, "hotcell.run"), says(steps, "hotcell.run"));
        Some(hex(&thinks.span_id))
    });
    let requests = provider.requests();
    assert!(requests[0].head.contains(&format!("traceparent: 00-{TRACE}-{thinking}-01")), "{}", requests[0].head);
}

#[test]
fn a_guests_requests_carry_nothing_and_neither_do_those_to_models_without_a_collector() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let provider = runtime.block_on(Provider::start(vec![Answer::text("done")]));
    let (web, collector) = (Web::start(), Collector::start());
    let grant = format!("[tools.web]\nnet.allow = [\"GET http://127.0.0.1:{}/*\"]\n", web.port());
    let parent = format!("prefer: wait=30\r\ntraceparent: 00-{TRACE}-{ABOVE}-01\r\n");
    for telemetry in [collector.section(), String::new()] {
        let shell = shell(&format!("{telemetry}{grant}{}", provider.section("own", "openai", "")));
        shell.file("agents/thinks.toml", "[agent]\nname = \"thinks\"\npattern = \"react\"\n[model]\nuse = \"own/m\"\n[tools]\nallow = [\"echo.text\"]\n");
        let served = Served::start(shell, &[]);
        let body = format!("{{\"method\": \"GET\", \"url\": \"{}\"}}", web.url("/hello"));
        let (status, _, answer) = served.call("web.send", &parent, &body);
        assert_eq!(status, 200, "{answer}");
        if telemetry.is_empty() {
            let (status, _, body) = served.send("POST /v1/agents/thinks/runs", &parent, "{\"input\": \"go\"}");
            assert!(status < 300, "{body}");
        }
    }
    let heads = web.heads();
    assert!(heads.len() == 2 && heads.iter().all(|head| !head.contains("traceparent")), "{heads:?}");
    let heads = provider.requests();
    assert!(!heads.is_empty() && heads.iter().all(|request| !request.head.contains("traceparent")));
}

#[test]
fn a_part_of_the_traces_is_kept_and_no_caller_can_ask_for_more() {
    let collector = Collector::start();
    let mut served = Served::start(shell(&format!("{}sample = 0.0\n", collector.section())), &[]);
    for _ in 0..3 {
        let parent = format!("traceparent: 00-{TRACE}-{ABOVE}-01\r\n");
        assert_eq!(served.call("echo.text", &parent, "{\"text\": \"x\"}").0, 200);
    }
    served.end();
    assert_eq!(collector.taken.lock().expect("what was taken").spans.len(), 0);
}

#[test]
fn a_single_call_is_told_too_and_its_metrics_with_it() {
    let collector = Collector::start();
    let shell = shell("");
    let mut command = shell.command(&["call", "echo.text", "text=x"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}/", collector.address));
    assert!(command.output().expect("it runs").status.success());
    let taken = collector.taken.lock().expect("what was taken");
    assert_eq!((taken.named("call").count(), taken.named("attempt").count()), (1, 1), "all is sent before it ends");
    for (name, unit) in [("hotcell.calls", "1"), ("hotcell.tool.run", "s"), ("hotcell.results.size", "By")] {
        assert_eq!(taken.metrics.get(name).map(String::as_str), Some(unit), "{name}: {:?}", taken.metrics);
    }
}

#[test]
fn what_a_collector_wants_besides_is_sent_with_all_and_told_nobody() {
    let collector = Collector::start();
    let given = "authorization=Bearer%20s3cr%3Dt-of-mine%2C1,x-org = 7";
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", given), ("RUST_LOG", "trace")];
    let mut served = Served::among(shell(&collector.section()), &["-vvvv"], &variables);
    assert_eq!(served.call("echo.text", "", "{\"text\": \"x\"}").0, 200);
    collector.until("traces and metrics", |taken| {
        ["POST /v1/traces ", "POST /v1/metrics "]
            .iter()
            .all(|path| taken.heads.iter().any(|head| head.starts_with(path)))
            .then_some(())
    });
    served.end();
    for head in &collector.taken.lock().expect("what was taken").heads {
        let fields = head.to_ascii_lowercase();
        for field in ["authorization: bearer s3cr=t-of-mine,1", "x-org: 7"] {
            assert!(fields.lines().any(|line| line == field), "{head}");
        }
    }
    let said = served.said();
    assert!(said.contains("hotcell::access"), "{said}");
    assert!(!said.contains("of-mine"), "{said}");
}

#[test]
fn what_a_server_counts_is_sent_as_it_is_shown() {
    let collector = Collector::start();
    let served = Served::start(shell(&collector.section()), &[]);
    served.send("GET /strange", "", "");
    let (_, _, text) = served.send("GET /metrics", "", "");
    let shown: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE hotcell_http_")).map(str::to_owned).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    collector.until("connections and requests, by their labels", |taken| {
        let has = |name: &str, labels: &[(&str, &str)]| {
            let points = taken.points.get(name).into_iter().flatten();
            points.clone().any(|point| labels.iter().all(|(key, value)| point.contains(&format!("{key}={value}"))))
        };
        let strange = [("path", "(unknown)"), ("status", "404"), ("method", "GET"), ("tenant", "local")];
        (has("hotcell.http.connections", &[]) && has("hotcell.http.requests", &strange)).then_some(())
    });
}

#[test]
fn metrics_of_a_server_come_again_and_again() {
    let collector = Collector::start();
    let served = Served::start(shell(&collector.section()), &[]);
    assert_eq!(served.call("echo.text", "", "{\"text\": \"x\"}").0, 200);
    collector.until("metrics of a tenant and of the sending itself", |taken| {
        let names = ["hotcell.calls", "hotcell.tenant.calls", "hotcell.tool.queue", "hotcell.telemetry.lost"];
        names.iter().all(|name| taken.metrics.contains_key(*name)).then_some(())
    });
}

// === a collector that is none ===

#[test]
fn a_dead_collector_neither_fails_nor_slows_a_call() {
    // One that refuses, one that takes and says nothing, one that can't be reached by its name.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a listener").local_addr().expect("an address");
    for otlp in [
        format!("http://{gone}"),
        format!("http://{}", silent.local_addr().expect("an address")),
        "http://collector.invalid:4318".to_owned(),
    ] {
        let toml = format!("[telemetry]\notlp = \"{otlp}\"\nqueue = 8\ninterval = \"100ms\"\n");
        let mut served = Served::start(shell(&toml), &[]);
        // The first compiles.
        assert_eq!(served.call("echo.text", "", "{\"text\": \"x\"}").0, 200);
        let began = Instant::now();
        for _ in 0..50 {
            assert_eq!(served.call("echo.text", "", "{\"text\": \"x\"}").0, 200, "{otlp}");
        }
        // 300 spans, and a line of 8: had they waited for a collector that takes 5 s to be given up, it would be minutes.
        assert!(began.elapsed() < Duration::from_secs(20), "{otlp}: {:?}", began.elapsed());
        let ended = served.end();
        assert!(ended < Duration::from_secs(10), "{otlp}: {ended:?}");
    }
}

// === trust ===

#[test]
fn a_file_that_was_found_names_no_collector_until_it_is_trusted() {
    let collector = Collector::start();
    let shell = shell(&collector.section());
    let seen = shell.run(&["call", "echo.text", "text=x"]);
    assert!(
        seen.exit == 3 && seen.stderr.contains("E0307") && seen.stderr.contains("[telemetry] otlp"),
        "{}",
        seen.stderr
    );
    let seen = shell.run(&["trust"]);
    assert_eq!(seen.exit, 0, "{}", seen.stderr);
    assert!(collector.taken.lock().expect("what was taken").bytes.is_empty(), "nothing was sent before");
    assert_eq!(shell.run(&["call", "echo.text", "text=x"]).exit, 0);
    assert_eq!(collector.taken.lock().expect("what was taken").named("call").count(), 1);
}

// === what is logged ===

// H89: what a caller sends raises no level, and is in no line.
#[test]
fn no_field_of_a_request_raises_the_level_and_its_words_stay_out_of_the_log() {
    let mut served = Served::start(shell(""), &["-v"]);
    let fields = "rust_log: trace\r\nx-log-level: trace\r\nlog-level: debug\r\nx-debug: 1\r\n\
                  traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
                  authorization: Bearer hc_a_token_of_mine\r\ncookie: verbose=3\r\n";
    let (status, head, _) =
        served.send("POST /v1/tools/echo.text/call?RUST_LOG=trace", fields, "{\"text\": \"a secret word\"}");
    assert_eq!(status, 200);
    served.send("GET /v1/%1b[31mred", "", "");
    served.end();
    let said = served.said();
    for word in ["a secret word", "hc_a_token_of_mine", "verbose=3", " DEBUG ", " TRACE ", "\u{1b}[31m"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
    let line =
        said.lines().find(|line| line.contains("hotcell::access") && line.contains("echo.text")).expect("a line");
    let call = head.lines().find_map(|line| line.strip_prefix("hotcell-call: ")).expect("the call");
    for part in [&*format!("call={call}"), &*format!("trace={TRACE}"), "status=200", "bytes=", "method=POST"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

// === /metrics ===

/// A value by its name and labels; everything else about the text is checked.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let (mut values, mut typed) = (BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(typed.insert(name.to_owned()), "{name} twice");
            assert!(name.ends_with("_total") == (kind == "counter") && ["counter", "gauge"].contains(&kind), "{line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let name = key.split('{').next().expect("a name");
        assert!(typed.contains(name), "no type before {line}");
        assert!(name.starts_with("hotcell_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(values.insert(key.to_owned(), value).is_none(), "{key} twice");
    }
    values
}

#[test]
fn metrics_are_lines_of_their_format_and_no_label_is_a_callers_word() {
    let served = Served::start(shell(""), &[]);
    assert_eq!(served.call("echo.text", "", "{\"text\": \"x\"}").0, 200);
    for number in 0..20 {
        served.send(&format!("GET /strange/{number}"), "", "");
        served.call(&format!("tool-{number}"), "", "{}");
        served.send(&format!("BREW{number} /v1/tools"), "", "");
    }
    let (status, head, text) = served.send("GET /metrics", "", "");
    assert!(status == 200 && head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let values = parsed(&text);
    let value = |key: &str| values.get(key).copied().unwrap_or_else(|| panic!("{key}: {text}"));
    assert_eq!(value("hotcell_calls_total{outcome=\"ok\"}"), 1.0);
    assert_eq!(value("hotcell_calls_total{outcome=\"unknown\"}"), 20.0);
    assert_eq!(value("hotcell_tool_calls_total{tool=\"echo\",ended=\"answered\"}"), 1.0);
    assert_eq!(value("hotcell_tenant_calls_total{tenant=\"local\",ended=\"answered\"}"), 1.0);
    assert!(value("hotcell_tool_run_seconds{tool=\"echo\",quantile=\"0.99\"}") < 10.0);
    let requests = "hotcell_http_requests_total{tenant=\"local\",method";
    assert_eq!(value(&format!("{requests}=\"POST\",path=\"/v1/tools/{{tool}}/call\",status=\"200\"}}")), 1.0);
    assert_eq!(value(&format!("{requests}=\"POST\",path=\"/v1/tools/{{tool}}/call\",status=\"404\"}}")), 20.0);
    assert_eq!(value(&format!("{requests}=\"GET\",path=\"(unknown)\",status=\"404\"}}")), 20.0);
    assert_eq!(value(&format!("{requests}=\"(other)\",path=\"/v1/tools\",status=\"405\"}}")), 20.0);
    // Those before it may not have been seen to close yet.
    assert!(value("hotcell_http_connections") >= 1.0);
    for word in ["strange", "tool-1", "BREW"] {
        assert!(!text.contains(word), "{word} is a label: {text}");
    }
}

#[test]
fn a_tenant_reads_its_own_rows_and_who_is_marked_reads_all() {
    let shell = shell("");
    let mut toml = String::new();
    let mut tokens = BTreeMap::new();
    for (tenant, more) in [("acme", ""), ("bolt", ""), ("ops", "metrics = true\n")] {
        let seen = shell.run(&["token", tenant]);
        let token = seen.stdout.split_whitespace().find(|word| word.starts_with("hc_")).expect("a token").to_owned();
        let all = format!("{}\n{}", seen.stdout, seen.stderr);
        let at = all.find("sha256:").expect("a hash");
        toml += &format!("[tenants.{tenant}]\ntokens = [\"{}\"]\n{more}", all.get(at..at + 71).expect("a hash"));
        tokens.insert(tenant, format!("authorization: Bearer {token}\r\n"));
    }
    fs::write(shell.path("hotcell.toml"), toml).expect("a file");
    let served = Served::start(shell, &[]);
    for tenant in ["acme", "acme", "bolt"] {
        assert_eq!(served.call("echo.text", &tokens[tenant], "{\"text\": \"x\"}").0, 200);
    }
    assert_eq!(served.send("GET /metrics", "", "").0, 401);
    let (_, _, own) = served.send("GET /metrics", &tokens["acme"], "");
    let values = parsed(&own);
    assert!(!values.is_empty() && values.keys().all(|key| key.contains("tenant=\"acme\"")), "{own}");
    assert_eq!(values["hotcell_tenant_calls_total{tenant=\"acme\",ended=\"answered\"}"], 2.0);
    assert!(!own.contains("bolt") && !own.contains("(unknown)"), "{own}");
    let (_, _, all) = served.send("GET /metrics", &tokens["ops"], "");
    let values = parsed(&all);
    assert_eq!(values["hotcell_tenant_calls_total{tenant=\"acme\",ended=\"answered\"}"], 2.0);
    assert_eq!(values["hotcell_tenant_calls_total{tenant=\"bolt\",ended=\"answered\"}"], 1.0);
    let refused = "hotcell_http_requests_total{tenant=\"(unknown)\",method=\"GET\",path=\"(unknown)\",status=\"401\"}";
    assert_eq!(values[refused], 1.0, "whoever is nobody is told apart by nothing");
}
