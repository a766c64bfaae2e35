//! Requests that leave a cell: by grant, to where the grant says, and within bounds.
//!
//! What decides is the log of a server on this machine: a request that was refused has not arrived there.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hotcell_call::{Capability, Code, Outcome, Wants};
use hotcell_sandbox::Names;
use serde_json::{Value, json};

use crate::support::program::{guest, hotcell, scratch};
use crate::support::{Harness, Seen, Web, fits};

/// A host whose guest may send what these rules allow; `PORT` is the server's.
fn granted(web: &Web, rules: &[&str]) -> Harness {
    let rules: Vec<String> = rules.iter().map(|rule| rule.replace("PORT", &web.port().to_string())).collect();
    Harness::with(&format!("[tools.web]\nnet.allow = {rules:?}"))
}

/// One that may send anything to the server.
fn open(web: &Web) -> Harness {
    granted(web, &["* http://127.0.0.1:PORT/*"])
}

async fn get(harness: &Harness, url: &str) -> Outcome {
    harness.call("web.send", json!({"method": "GET", "url": url})).run().await
}

fn body(outcome: &Outcome) -> String {
    outcome.ok()["body"].as_str().expect("a body").to_owned()
}

// === what is let out ===

// H60
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_nothing_leaves() {
    let web = Web::start();
    let looked_up = Arc::new(AtomicUsize::new(0));
    let names = Names::by({
        let looked_up = Arc::clone(&looked_up);
        move |_| {
            looked_up.fetch_add(1, Ordering::SeqCst);
            Ok(vec![[127, 0, 0, 1].into()])
        }
    });
    let harness = Harness::named("", names);
    let failure = get(&harness, &web.url("/hello?token=x")).await.ends("denied");
    assert_eq!(failure.code(), Code::Net, "{failure}");
    let rule = format!("GET http://127.0.0.1:{}/hello", web.port());
    assert_eq!(failure.what(), format!("web.send may not {rule}"));
    let fix = failure.remedy().expect("a fix");
    assert!(
        fix.contains(&format!("--allow-net '{rule}'")) && fix.contains(&format!("net.allow = [\"{rule}\"]")),
        "{fix}"
    );

    let port = web.port();
    let urls = [
        format!("http://localhost:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.0.0.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://name.example:{port}/"),
        "https://example.com/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://user:word@127.0.0.1:{port}/"),
        format!("http://0.0.0.0:{port}/"),
    ];
    let outcome = harness.call("web.probe", json!({"urls": urls})).beside().await;
    for probe in outcome.ok().as_array().expect("probes") {
        let seen = probe["seen"].as_str().expect("a text");
        assert!(seen.starts_with("blocked"), "{probe}");
    }
    assert!(outcome.receipt.denials.len() >= 8, "{:?}", outcome.receipt.denials);
    assert!(outcome.receipt.denials.iter().all(|denial| denial.capability == Capability::Net));
    assert_eq!((outcome.receipt.requests, outcome.receipt.pure), (0, false));
    assert_eq!((web.connections(), looked_up.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rule_allows_arrives_as_it_was_judged() {
    let web = Web::start();
    let harness = granted(&web, &["GET,POST http://127.0.0.1:PORT/echo/*"]);
    let headers = ["accept: text/plain", "x-one: 1"];
    let input =
        json!({"method": "POST", "url": web.url("/echo/a/../b/%2e/%63?q=%2e"), "headers": headers, "body": "payload"});
    let outcome = harness.call("web.send", input).run().await;
    let head = body(&outcome);
    assert!(head.starts_with("POST /echo/b/c?q=%2e HTTP/1.1\r\n"), "{head}");
    let small = head.to_ascii_lowercase();
    assert_eq!(small.matches("\r\nhost: ").count(), 1, "{head}");
    assert!(small.contains(&format!("host: 127.0.0.1:{}", web.port())), "{head}");
    assert!(small.contains("accept: text/plain") && small.contains("x-one: 1"), "{head}");
    let receipt = &outcome.receipt;
    assert_eq!((receipt.requests, receipt.writes, receipt.pure), (1, 1, false));
    assert!(receipt.sent.as_u64() > 60 && receipt.received.as_u64() > 60, "{receipt:?}");
    assert_eq!(body(&get(&harness, &web.url("/echo/x")).await).lines().next(), Some("GET /echo/x HTTP/1.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn method_path_and_port_count() {
    let (web, other) = (Web::start(), Web::start());
    let harness = granted(&web, &["GET http://127.0.0.1:PORT/v1/*"]);
    for (method, url) in [
        ("POST", web.url("/v1/x")),
        ("DELETE", web.url("/v1/x")),
        ("get", web.url("/v1/x")),
        ("CONNECT", web.url("/v1/x")),
        ("GET", web.url("/v2/x")),
        ("GET", web.url("/v1")),
        ("GET", web.url("/v1/../v2")),
        ("GET", web.url("/v1/%2e%2e/v2")),
        ("GET", web.url("/v1/..%2fv2")),
        ("GET", web.url("/v1/..%5cv2")),
        ("GET", web.url("/v1/%252e%252e/v2")),
        ("GET", web.url("/v1/..;/v2")),
        ("GET", other.url("/v1/x")),
        ("GET", web.url("/v1/x").replace("http:", "https:")),
        ("GET", web.url("/v1/x").replace("127.0.0.1", "localhost")),
    ] {
        let outcome = harness.call("web.send", json!({"method": method, "url": url})).run().await;
        let failure = outcome.ends("denied");
        assert_eq!(failure.code(), Code::Net, "{method} {url}: {failure}");
    }
    assert_eq!((web.connections(), other.connections()), (0, 0));
}

// H61
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_of_an_address_is_a_way_around_a_rule() {
    let web = Web::start();
    let names = Names::by(|_| Ok(vec![[127, 0, 0, 1].into()]));
    let port = web.port();
    let toml = format!(
        "[tools.web]\nnet.allow = [\"* http://allowed.example:{port}/*\", \"* http://*.allowed.example:{port}/*\"]"
    );
    let harness = Harness::named(&toml, names);
    let hosts = [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "allowed.example.",
        "allowed.example.evil.test",
        "evilallowed.example",
        "allowed.example@127.0.0.1",
        "127.0.0.1#.allowed.example",
        "127.0.0.1\\.allowed.example",
        "allowed.example:80",
        "%61llowed.example",
        "127.0.0.1%00.allowed.example",
        "\u{2460}27.0.0.1",
        "allowed\u{3002}example",
        "allowed.example\r\nx: y",
        // These a rule allows; they lead to this machine.
        "allowed.example",
        "ALLOWED.example",
        "sub.allowed.example",
    ];
    let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    let outcome = harness.call("web.probe", json!({"urls": urls})).beside().await;
    for probe in outcome.ok().as_array().expect("probes") {
        assert!(probe["seen"].as_str().expect("a text").starts_with("blocked"), "{probe}");
    }
    assert_eq!(web.connections(), 0, "{:?}", web.lines());
}

// H62
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_never_leads_to_this_machine_or_a_private_network() {
    let web = Web::start();
    let port = web.port();
    let asked = Arc::new(AtomicUsize::new(0));
    let names = Names::by({
        let asked = Arc::clone(&asked);
        move |name| {
            asked.fetch_add(1, Ordering::SeqCst);
            let address = |text: &str| text.parse::<IpAddr>().expect("an address");
            Ok(match name {
                "here.example" => vec![address("127.0.0.1")],
                "six.example" => vec![address("::1")],
                "mapped.example" => vec![address("::ffff:127.0.0.1")],
                "translated.example" => vec![address("64:ff9b::7f00:1")],
                "private.example" => vec![address("10.0.0.1")],
                "shared.example" => vec![address("100.64.0.1")],
                "metadata.example" => vec![address("169.254.169.254")],
                "documentation.example" => vec![address("203.0.113.7")],
                "any.example" => vec![address("0.0.0.0")],
                // The good one first: neither is used.
                "mixed.example" => vec![address("93.184.216.34"), address("127.0.0.1")],
                _ => Vec::new(),
            })
        }
    });
    let harness =
        Harness::named(&format!("[tools.web]\nnet.allow = [\"GET http://any.example:{port}/*\"]"), names.clone());
    let outcome = get(&harness, &format!("http://any.example:{port}/")).await;
    let failure = outcome.ends("denied");
    assert!(failure.to_string().contains("leads to"), "{failure}");
    assert!(failure.remedy().is_none(), "no rule would allow it: {failure}");

    let hosts = ["here", "six", "mapped", "translated", "private", "shared", "metadata", "documentation", "mixed"];
    let rules: Vec<String> = hosts.iter().map(|host| format!("GET http://{host}.example:{port}/*")).collect();
    let harness = Harness::named(&format!("[tools.web]\nnet.allow = {rules:?}"), names);
    for host in hosts {
        let before = asked.load(Ordering::SeqCst);
        let failure = get(&harness, &format!("http://{host}.example:{port}/")).await.ends("denied");
        assert_eq!(failure.code(), Code::Net, "{host}: {failure}");
        assert_eq!(asked.load(Ordering::SeqCst), before + 1, "{host} was looked up once");
    }
    assert_eq!(web.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_is_reached_by_a_rule_that_names_it() {
    let web = Web::start();
    let harness = granted(&web, &["GET http://localhost:PORT/*"]);
    assert_eq!(body(&get(&harness, &format!("http://localhost:{}/", web.port())).await), "hello");
    get(&harness, &web.url("/")).await.ends("denied");
    assert_eq!(web.lines(), ["GET / HTTP/1.1"]);
}

// H63
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_redirect_is_followed_by_the_host_and_a_guest_that_follows_is_judged_anew() {
    let (web, inner) = (Web::start(), Web::start());
    let harness = open(&web);
    let outcome = get(&harness, &web.url("/redirect")).await;
    assert_eq!(outcome.ok()["status"], 302);
    let inwards = web.url(&format!("/inwards?{}", inner.url("/secret")));
    let failure = harness.call("web.follow", json!({"url": inwards})).run().await.ends("denied");
    assert!(failure.what().contains("/secret"), "{failure}");
    assert_eq!(inner.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_only_narrow() {
    let web = Web::start();
    let port = web.port();
    let harness = Harness::with(&format!("[tools.narrow]\nnet.allow = [\"GET,POST http://127.0.0.1:{port}/a/*\"]"));
    harness.tool(
        "narrow",
        "web",
        &format!("[net]\nallow = [\"GET http://127.0.0.1:{port}/a/b/*\", \"GET http://127.0.0.1:{port}/c\"]"),
    );
    let send = |method: &str, path: &str| harness.call("narrow.send", json!({"method": method, "url": web.url(path)}));
    assert_eq!(body(&send("GET", "/a/b/c").run().await), "hello");
    for (method, path) in [("POST", "/a/b/c"), ("GET", "/a/c"), ("GET", "/c")] {
        send(method, path).run().await.ends("denied");
    }
    let wants = |rule: &str| Wants {
        net: vec![rule.replace("PORT", &port.to_string()).parse().expect("a rule")],
        ..Wants::default()
    };
    assert_eq!(body(&send("GET", "/a/b/d").wanting(wants("* http://127.0.0.1:PORT/*")).run().await), "hello");
    send("GET", "/a/b/d").wanting(wants("GET http://127.0.0.1:PORT/a/b/c")).run().await.ends("denied");
    send("GET", "/a/b/d").wanting(Wants::default()).run().await.ends("denied");
    assert_eq!(web.lines(), ["GET /a/b/c HTTP/1.1", "GET /a/b/d HTTP/1.1"]);
}

// === bounds ===

// H64
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_server_is_bounded() {
    let web = Web::start();
    let harness = open(&web);
    let call = |path: &str| harness.call("web.send", json!({"method": "GET", "url": web.url(path)}));

    let failure = call("/endless").beside().await.ends("exhausted(http-body)");
    assert_eq!(failure.code(), Code::Received, "{failure}");
    assert!(failure.reason().contains("8MiB"), "{failure}");
    call("/large/100000").limit("received", "64KiB").run().await.ends("exhausted(http-body)");
    assert_eq!(body(&call("/large/100000").run().await).len(), 100_000);

    for path in ["/silent", "/slowhead", "/drip", "/informs"] {
        fits(path, Duration::from_millis(1_500), async || {
            let began = Instant::now();
            call(path).limit("timeout", "500ms").run().await.ends("timed-out");
            began.elapsed()
        })
        .await;
    }
    let failure = call("/heads").run().await.ends("failed");
    assert!(failure.reason().contains("HttpResponseHeaderSectionSize"), "{failure}");
    let failure = call("/short").run().await.ends("failed");
    assert!(failure.reason().contains("broken off after 10 bytes"), "{failure}");
    call("/lengths").run().await.ends("failed");
    let gzip = call("/gzip").run().await.ok();
    assert!(gzip["body"].as_str().expect("a body").contains("not unpacked"), "{gzip}");

    // What was sent beyond the announced end is nobody's answer.
    assert_eq!(body(&call("/long").run().await), "okay");
    assert_eq!(body(&call("/hello").run().await), "hello");
}

// H65
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_frames_a_request_is_the_hosts_to_say() {
    let web = Web::start();
    let harness = open(&web);
    let headers = [
        "host: evil.test",
        "connection: keep-alive",
        "transfer-encoding: chunked",
        "te: trailers",
        "trailer: x",
        "upgrade: h2c",
        "proxy-authorization: x",
        "proxy-connection: x",
        "keep-alive: 1",
        "expect: 100-continue",
        "http2-settings: x",
        "x: a\r\nhost: evil.test",
        "x: a\u{0}b",
        "x y: z",
        "x\r\nhost: evil.test",
    ];
    let input = json!({"url": web.url("/echo"), "headers": headers});
    for probe in harness.call("web.headers", input).run().await.ok().as_array().expect("probes") {
        assert!(probe["seen"].as_str().expect("a text").starts_with("blocked"), "{probe}");
    }
    let lengths = json!({"url": web.url("/echo"), "headers": ["content-length: 0", "content-length: 5"]});
    let outcome = harness.call("web.headers", lengths).run().await;
    assert!(outcome.result.is_err() || outcome.ok()[1]["seen"].as_str().expect("a text").starts_with("blocked"));
    for (announced, sent) in [(5, 50), (50, 5)] {
        let input = json!({"url": web.url("/upload"), "announced": announced, "sent": sent});
        harness.call("web.lie", input).run().await.ends("failed");
    }
    for head in web.heads() {
        let small = head.to_ascii_lowercase();
        assert_eq!(small.matches("\r\nhost: ").count(), 1, "{head}");
        let framings = small.matches("content-length:").count() + small.matches("transfer-encoding:").count();
        assert!(framings <= 1 && !small.contains("evil"), "{head}");
    }
    assert_eq!(body(&get(&harness, &web.url("/hello")).await), "hello");
}

// H66
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_timeout_of_a_guest_is_longer_than_its_call_and_none_breaks_the_host() {
    let web = Web::start();
    let harness = open(&web);
    for nanos in [0, 1] {
        let outcome = harness.call("web.hurry", json!({"url": web.url("/silent"), "nanos": nanos})).run().await;
        let failure = outcome.ends("failed");
        assert!(failure.reason().contains("Timeout"), "{failure}");
    }
    let call = |path: &str| harness.call("web.hurry", json!({"url": web.url(path), "nanos": u64::MAX}));
    assert_eq!(call("/hello").run().await.ok(), 200);
    call("/silent").limit("timeout", "300ms").run().await.ends("timed-out");
}

// H67
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_bounded() {
    let web = Web::start();
    let harness = open(&web);
    let call = |pieces: u64, bytes: usize| {
        harness.call("web.upload", json!({"url": web.url("/upload"), "pieces": pieces, "bytes": bytes}))
    };
    assert_eq!(call(100, 10_000).run().await.ok(), 200);
    let failure = call(10_000, 16_384).beside().await.ends("exhausted(http-body)");
    assert_eq!(failure.code(), Code::Sent, "{failure}");
    call(u64::MAX, 0).limit("timeout", "500ms").beside().await.ends("timed-out");
    let outcome = call(1_000, 1_000).limit("sent", "10KiB").run().await;
    assert!(outcome.ends("exhausted(http-body)").to_string().contains("10KiB"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted() {
    let web = Web::start();
    let harness = open(&web);
    let call = |times: u32| harness.call("web.repeat", json!({"url": web.url("/hello"), "times": times}));
    assert_eq!(call(64).run().await.ok(), 64);
    let failure = call(65).run().await.ends("exhausted(requests)");
    assert!(failure.reason().contains("65 of 64"), "{failure}");
    call(3).limit("requests", "2").run().await.ends("exhausted(requests)");
    assert_eq!(web.lines().len(), 64 + 64 + 2);
}

// H28
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_without_end_cost_the_host_little() {
    let harness = Harness::new();
    let call = |sets: usize, headers: usize| harness.call("web.header_bomb", json!({"sets": sets, "headers": headers}));
    assert_eq!(call(500, 20).beside().await.ok(), 500);
    let failure = call(1, 200_000).run().await.ends("exhausted(host-data)");
    assert!(failure.reason().contains("32KiB"), "{failure}");
    call(1_000_000, 0).run().await.ends("exhausted(handles)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_prove_who_they_are_is_not_told_anything() {
    let web = Web::start();
    let harness = granted(&web, &["GET https://127.0.0.1:PORT/*"]);
    let outcome = harness.call("web.send", json!({"method": "GET", "url": web.url("/x").replace("http:", "https:")}));
    let failure = outcome.limit("timeout", "5s").run().await.ends("failed");
    assert!(failure.reason().contains("TlsProtocolError"), "{failure}");
    assert_eq!(web.lines().len(), 0);
}

// === effects ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_seen_to_write_is_not_made_again_whatever_it_says() {
    for (method, times) in [("GET", 3), ("HEAD", 3), ("POST", 1), ("DELETE", 1)] {
        let web = Web::start();
        let harness = open(&web);
        let outcome = harness.call("web.pretend", json!({"method": method, "url": web.url("/bye")})).run().await;
        outcome.ends("failed");
        assert_eq!((web.lines().len(), outcome.receipt.attempts), (times, times as u32), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_came_over_the_network_is_not_kept() {
    let web = Web::start();
    let toml = format!("[tools.web]\nnet.allow = [\"GET http://127.0.0.1:{}/*\"]\ncache.ttl = \"1h\"", web.port());
    let harness = Harness::with(&toml);
    for _ in 0..3 {
        get(&harness, &web.url("/hello")).await.ok();
    }
    assert_eq!(web.lines().len(), 3);
}

// === connections ===
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_serves_one_request_after_the_other() {
    let web = Web::start();
    let harness = open(&web);
    assert_eq!(harness.call("web.repeat", json!({"url": web.url("/hello"), "times": 20})).run().await.ok(), 20);
    for _ in 0..10 {
        get(&harness, &web.url("/hello")).await.ok();
    }
    assert_eq!((web.connections(), web.lines().len()), (1, 30));
    // One that the server closes is not used again, whether it says so or not.
    for path in ["/bye", "/ghost"] {
        for _ in 0..3 {
            get(&harness, &web.url(path)).await.ok();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(body(&get(&harness, &web.url("/hello")).await), "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_share_no_connection() {
    let web = Web::start();
    let harness = open(&web);
    for tenant in ["acme", "other", "acme", "other", "acme"] {
        harness.call("web.send", json!({"method": "GET", "url": web.url("/hello")})).by(tenant).run().await.ok();
    }
    assert_eq!((web.connections(), web.lines().len()), (2, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_call_is_the_end_of_its_connections() {
    let web = Web::start();
    let harness = open(&web);
    for path in ["/silent", "/drip", "/endless"] {
        harness
            .call("web.send", json!({"method": "GET", "url": web.url(path)}))
            .limit("timeout", "200ms")
            .run()
            .await
            .result
            .unwrap_err();
    }
    let until = Instant::now() + Duration::from_secs(5);
    while web.open() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(web.open(), 0);
}

// H89
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_takes_all_connections_it_can_get_leaves_some_to_the_others() {
    let web = Web::start();
    let rule = format!("GET http://127.0.0.1:{}/*", web.port());
    let harness = Harness::with(&format!("[limits]\ntimeout = \"1m\"\n[tools.web]\nnet.allow = [\"{rule}\"]\n"));
    // 16 requests at one time are the most of one call: each of these wants 640 connections, and in all there are 512.
    let mut calls = tokio::task::JoinSet::new();
    for (tenant, open) in [("greedy", 256), ("second", 256 + 128)] {
        for _ in 0..40 {
            let input = json!({"url": web.url("/silent"), "requests": 16});
            calls.spawn(harness.call("web.crowd", input).by(tenant).run());
        }
        let until = Instant::now() + Duration::from_secs(10);
        while web.open() < open && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let outcome = harness.call("web.repeat", json!({"url": web.url("/hello"), "times": 3})).by("honest");
        assert_eq!(outcome.limit("timeout", "2s").run().await.ok(), 3, "beside {tenant}");
        let all = web.open();
        assert!((open..=open + 1).contains(&all), "{all} beside {tenant}, with one that is kept");
    }
    // All of it goes with the calls, and then there is room for who comes again.
    calls.shutdown().await;
    let outcome = harness.call("web.crowd", json!({"url": web.url("/hello"), "requests": 16})).by("greedy").run().await;
    assert_eq!(outcome.ok(), 16);
}

// H68
#[test]
fn no_proxy_of_the_environment_is_asked() {
    let (web, proxy) = (Web::start(), Web::start());
    let url = web.url("/hello");
    let input = serde_json::json!({"method": "GET", "url": url}).to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = std::process::Command::new(hotcell());
    command.current_dir(folder.path()).env("HOTCELL_CACHE_DIR", scratch("cache"));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url(""));
    }
    let target = format!("{}#send", guest("web").display());
    let output = command
        .args(["call", &target, "-d", &input, "--allow-net"])
        .arg(format!("GET {url}"))
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((web.lines().len(), proxy.connections()), (1, 0));
}

#[test]
fn a_flag_that_is_no_rule_is_told_with_one_that_would_do() {
    let target = format!("{}#send", guest("web").display());
    let output = std::process::Command::new(hotcell())
        .args(["call", &target, "-d", "{}", "--allow-net", "https://example.com/*"])
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("it names no method") && said.contains("GET https://example.com/*"), "{said}");
}

// === secrets ===

const KEY: &str = "sk-live/4f9A+2z7Q==x";

/// Every form of the key that must not be seen.
fn forms() -> Vec<String> {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // With nothing, one and two bytes before it, in both alphabets.
    let encoded = ["c2stbGl2ZS80ZjlBKzJ6N1E9PX", "eHNrLWxpdmUvNGY5QSsyejdRPT14", "eHhzay1saXZlLzRmOUErMno3UT09e"];
    let mut forms = vec![KEY.to_owned(), hex.to_uppercase(), hex, KEY.replace('/', "%2F").replace('+', "%2b"), percent];
    forms.extend(encoded.map(str::to_owned));
    forms
}

/// The letters of a form that are the key's alone.
fn traces() -> [String; 6] {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    [
        KEY.to_owned(),
        hex.clone(),
        hex.to_uppercase(),
        "stbGl2ZS80ZjlBKzJ6N1E9P".to_owned(),
        "rLWxpdmUvNGY5QSsyejdRPT".to_owned(),
        "y1saXZlLzRmOUErMno3UT0".to_owned(),
    ]
}

#[track_caller]
fn clean(text: &str) {
    for trace in traces() {
        assert!(!text.contains(&trace), "{trace} in {text}");
    }
}

/// A host whose tool has a key for what lies under `/mirror`.
fn keyed(web: &Web) -> (Harness, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).expect("a file");
    let rule = |path: &str| format!("* http://127.0.0.1:{}{path}", web.port());
    let harness = Harness::with(&format!(
        "[tools.web]\nnet.allow = [\"{}\"]\n[tools.web.secrets.KEY]\nfrom = \"file:{}\"\nto = \"{}\"\nheader = \"Authorization\"\nformat = \"Bearer {{}}\"\n",
        rule("/*"),
        file.display(),
        rule("/mirror*"),
    ));
    (harness, folder)
}

// H69
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_put_on_requests_that_it_is_for_and_on_no_others() {
    let (web, other) = (Web::start(), Web::start());
    let (harness, _folder) = keyed(&web);
    let send = |url: String, headers: Value| {
        harness.call("web.send", json!({"method": "GET", "url": url, "headers": headers}))
    };
    let own = json!(["authorization: mine", "authorization: mine again"]);
    send(web.url("/mirror"), json!([])).run().await.ok();
    send(web.url("/mirror/x"), own.clone()).run().await.ok();
    for path in ["/echo", "/echo?/mirror", "/echo/..%2fmirror", "/Mirror"] {
        send(web.url(path), json!([])).run().await.ok();
    }
    send(web.url("/echo"), own).run().await.ok();
    for url in [
        other.url("/mirror"),
        web.url("/mirror").replace("127.0.0.1", "localhost"),
        web.url("/mirror").replace("http:", "https:"),
    ] {
        send(url, json!([])).run().await.ends("denied");
    }
    let heads = web.heads();
    for (head, key) in heads.iter().zip([1, 1, 0, 0, 0, 0, 0]) {
        assert_eq!(head.matches(&format!("authorization: Bearer {KEY}\r\n")).count(), key, "{head}");
        assert_eq!(head.matches(KEY).count(), key, "{head}");
    }
    assert_eq!(heads.len(), 7);
    assert!(!heads[1].contains("mine") && heads[6].contains("authorization: mine\r\n"), "{heads:?}");
    assert_eq!(other.connections(), 0);
}

// H41
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_seen_by_nobody_whichever_way_it_would_come_out() {
    let web = Web::start();
    let (harness, _folder) = keyed(&web);
    let mut events = harness.host.events();
    let told = |outcome: &Outcome| {
        let log = (String::from_utf8_lossy(&outcome.log.stdout), String::from_utf8_lossy(&outcome.log.stderr));
        let failure =
            outcome.result.as_ref().err().map(|failure| format!("{failure} {:?} {:?}", failure, failure.remedy()));
        let answer = outcome.result.as_ref().ok().map(|answer| answer.as_str().to_owned());
        let receipt = serde_json::to_string(&outcome.receipt).expect("a receipt");
        format!("{log:?} {failure:?} {answer:?} {receipt}")
    };
    for way in ["result", "error", "log", "progress", "panic", "url"] {
        // What the server sends back the guest doesn't even see.
        let outcome = harness.call("web.leak", json!({"url": web.url("/mirror"), "way": way})).run().await;
        let text = told(&outcome);
        clean(&text);
        // What it has from elsewhere is found in each form.
        for form in forms() {
            let input = json!({"url": web.url("/mirror"), "way": way, "text": format!("a {form} b")});
            let outcome = harness.call("web.leak", input).run().await;
            let text = told(&outcome);
            clean(&text);
            assert!(way == "progress" || text.contains("[redacted:KEY]"), "{way}: {text}");
        }
    }
    assert!(web.heads().iter().any(|head| head.contains(KEY)), "the server was given it");
    let seen = harness.call("web.send", json!({"method": "GET", "url": web.url("/mirror")})).run().await.ok();
    assert_eq!(seen["body"], format!("Bearer {}", "*".repeat(KEY.len())));
    assert!(seen["headers"].to_string().contains("x-given: Bearer [redacted:KEY]"), "{seen}");
    let pieces = harness.call("web.send", json!({"method": "GET", "url": web.url("/mirror/pieces")})).run().await.ok();
    assert_eq!(pieces["body"], seen["body"], "one letter at a time");
    let mut progress = 0;
    while let Ok(event) = tokio::time::timeout(Duration::from_millis(100), events.next()).await {
        let text = format!("{event:?}");
        clean(&text);
        progress += usize::from(text.contains("[redacted:KEY]"));
    }
    assert!(progress >= forms().len(), "{progress}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_can_t_be_used_is_told_before_anything_is_sent() {
    let web = Web::start();
    let with = |from: &str, to: &str, header: &str| {
        Harness::try_with(&format!(
            "[tools.web]\nnet.allow = [\"* http://127.0.0.1:{}/*\"]\nsecrets.KEY = {{ from = \"{from}\", to = \"{to}\", header = \"{header}\" }}",
            web.port()
        ))
    };
    for (from, to, header, why) in [
        (KEY, "GET https://x.example/*", "x-key", "`env:NAME` or `file:PATH`"),
        ("env:KEY", "GET http://x.example/*", "x-key", "in the clear"),
        ("env:KEY", "GET https://x.example/*", "Host", "no header that can be set"),
        ("env:KEY", "GET https://x.example", "x-key", "it has no path"),
    ] {
        let Err(said) = with(from, to, header) else { panic!("{from} {to} {header}") };
        assert!(said.contains(why), "{said}");
    }
    for from in ["env:HOTCELL_NOT_SET_ANYWHERE", "file:/nowhere/key", "file:/dev/zero"] {
        let harness = with(from, "GET https://x.example/*", "x-key").expect("a host");
        let failure = get(&harness, &web.url("/hello")).await.ends("invalid");
        assert_eq!(failure.code(), Code::Secret, "{failure}");
    }
    assert_eq!(web.connections(), 0);
}

// === the starter tool ===

/// Runs `hotcell call fetch…` in a folder of its own.
fn fetch(folder: &std::path::Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(hotcell());
    command.current_dir(folder).env("HOTCELL_CACHE_DIR", scratch("cache")).arg("call").args(args);
    let output = command.output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn fetch_gets_posts_and_downloads_what_is_allowed() {
    let web = Web::start();
    let folder = tempfile::tempdir().expect("a folder");
    let rule = format!("GET,POST http://127.0.0.1:{}/*", web.port());
    let call = |args: &[&str]| {
        let (code, out, err) = fetch(folder.path(), &[args, &["--allow-net", &rule]].concat());
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str::<Value>(&out).expect("an answer")
    };
    let got = call(&["fetch.get", "--json", &format!("url={}", web.url("/hello"))]);
    let got = &got["value"];
    assert_eq!(
        (&got["status"], &got["text"], &got["truncated"]),
        (&json!(200), &json!("hello"), &json!(false)),
        "{got}"
    );
    let input = json!({"url": web.url("/echo"), "value": {"a": [1, 2]}, "headers": {"x-one": "1"}}).to_string();
    let posted = call(&["fetch.post-json", "--json", "-d", &input]);
    let head = posted["value"]["text"].as_str().expect("a text");
    assert!(
        head.starts_with("POST /echo") && head.contains("content-length: 11") && head.contains("x-one: 1"),
        "{head}"
    );
    let to = json!({"url": web.url("/large/300000"), "path": "out/large.bin"}).to_string();
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    let saved = call(&["fetch.download", "--json", "-d", &to, "--allow-write", "out"]);
    assert_eq!(saved["value"]["bytes"], 300_000, "{saved}");
    assert_eq!(std::fs::read(folder.path().join("out/large.bin")).expect("a file").len(), 300_000);

    let url = format!("url={}", web.url("/hello"));
    let (code, _, said) = fetch(folder.path(), &["fetch.get", &url]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&format!("--allow-net 'GET {}'", web.url("/hello"))), "{said}");
    let (code, _, said) =
        fetch(folder.path(), &["fetch.get", "url=http://127.0.0.1:1/", "--allow-net", "GET http://127.0.0.1:1/*"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(web.lines().len(), 3);
}
