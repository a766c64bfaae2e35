//! Guests that break, lie about what they return, or leave something behind.

use futures::future::join_all;
use hotcell_call::Outcome;
use serde_json::{Value, json};

use crate::support::component::{Contract, answering, world};
use crate::support::{Harness, Seen};

// H34
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_break_has_its_name() {
    // So many traps of one tool in a row would give it a rest.
    let harness = Harness::with("[breaker]\nmode = \"off\"\n");
    for (target, input, word) in [
        ("faults.panics", json!({"message": "the tank is empty"}), "trapped(unreachable)"),
        ("faults.unreachable", json!({}), "trapped(unreachable)"),
        ("faults.divide", json!({}), "trapped(arithmetic)"),
        ("faults.out_of_bounds", json!({}), "trapped(oob)"),
        ("faults.indirect_call", json!({}), "trapped(indirect-call)"),
    ] {
        harness.call(target, input).beside().await.ends(word);
    }
    let failure = harness
        .call("faults.panics", json!({"message": "the tank\u{1b}[2J is empty"}))
        .run()
        .await
        .ends("trapped(unreachable)");
    assert!(failure.reason().contains("the tank\\u{1b}[2J is empty"), "{failure}");
    let long = harness.call("faults.panics", json!({"message": "x".repeat(100_000)})).run().await;
    long.ends("trapped(unreachable)");
}

// H35
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_is_no_answer_whatever_the_code() {
    let harness = Harness::new();
    for code in [0, 1] {
        let failure = harness.call("faults.exits", json!({"code": code})).beside().await.ends("trapped(exit)");
        assert!(failure.what().contains(&format!("exit({code})")), "{failure}");
    }
}

// H36: what breaks the types of the tool contract.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_breaks_its_type_is_told_as_that() {
    let harness = Harness::new();
    let bad_text = "(i32.store (i32.const 1200) (i32.const 0x00fffec0))";
    for (name, call) in [
        ("tag", answering(7, 0, 0)),
        ("text-out-of-bounds", answering(0, 0x7fff_0000, 16)),
        ("text-too-long", answering(0, 0, 0x7fff_ffff)),
        ("text-around-the-end", answering(0, 0xffff_fff0, 0x20)),
        ("text-not-utf8", format!("{bad_text} {}", answering(0, 1_200, 4))),
        ("answer-out-of-bounds", "(i32.const 0x7ffffff8)".to_owned()),
        ("answer-unaligned", "(i32.const 1025)".to_owned()),
        (
            "error-tag",
            "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1032) (i32.const 9)) (i32.const 1024)"
                .to_owned(),
        ),
    ] {
        harness.shape(name, &Contract::calling(&call).build());
        harness.call(&format!("{name}.run"), json!({})).beside().await.ends("trapped(invalid-result)");
    }
}

// H36: the same for types that only plain components have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_result_that_breaks_its_type_is_told_as_that() {
    let harness = Harness::new();
    let number = |result: &str, value: u32| {
        let wit = format!("package t:t; world w {{ export run: func() -> {result}; }}");
        let core =
            format!("(module (memory (export \"memory\") 1) (func (export \"run\") (result i32) (i32.const {value})))");
        world(&wit, &core)
    };
    for (name, component) in [
        ("surrogate", number("char", 0xd800)),
        ("beyond-unicode", number("char", 0x11_0000)),
        ("no-such-case", number("result", 2)),
        ("list-out-of-bounds", number("list<u8>", 0xffff_0000)),
    ] {
        harness.shape(name, &component);
        harness.call(&format!("{name}.run"), json!({})).beside().await.ends("trapped(invalid-result)");
    }
    let list = r#"(module (memory (export "memory") 1) (data (i32.const 8) "\00\00\00\00\ff\ff\ff\7f") (func (export "run") (result i32) (i32.const 8)))"#;
    for of in ["u8", "u64", "string", "bool", "tuple<u8, string>"] {
        let name = format!("list-{}", of.len());
        harness.shape(&name, &world(&format!("package t:t; world w {{ export run: func() -> list<{of}>; }}"), list));
        harness.call(&format!("{name}.run"), json!({})).beside().await.ends("trapped(invalid-result)");
    }
}

// What a tool promises to be JSON, and is not, breaks its type, too. (H40: however deep it nests.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_json_is_told_as_that() {
    let harness = Harness::new();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for (name, text) in
        [("half-open", "{\"a\": ["), ("no-json", "hello"), ("two", "1 2"), ("nothing", ""), ("deep", deep.as_str())]
    {
        harness.shape(name, &returning(text));
        harness.call(&format!("{name}.run"), json!({})).beside().await.ends("trapped(invalid-result)");
    }
    // What only looks like something else is data.
    for (name, text) in [
        ("looks-failed", r#"{"isError": true, "__proto__": {"x": 1}}"#),
        ("looks-like-frames", r#""\n{\"jsonrpc\": \"2.0\"}\n""#),
    ] {
        harness.shape(name, &returning(text));
        assert_eq!(
            harness.call(&format!("{name}.run"), json!({})).run().await.ok(),
            serde_json::from_str::<Value>(text).expect("JSON")
        );
    }
    let nested = harness.call("output.nested", json!({"depth": 1_000_000})).beside().await;
    assert_eq!(nested.ok().as_str().map(str::len), Some(1_000_000), "brackets in a string are letters");
}

/// A tool that answers with this text.
fn returning(text: &str) -> Vec<u8> {
    let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let at = 1 << 20;
    let pages = text.len() / 65_536 + 18;
    // The memory begins small; a start function makes room before the text is copied in.
    let more = format!(
        "(func $grow (drop (memory.grow (i32.const {pages}))) (memory.init $text (i32.const {at}) (i32.const 0) (i32.const {})))
         (start $grow) (data $text \"{escaped}\")",
        text.len()
    );
    Contract { call: answering(0, at, text.len() as u32), more, ..Contract::default() }.build()
}

// H37
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_printed_before_the_end_is_kept() {
    let outcome = Harness::new().call("faults.prints_and_panics", json!({})).run().await;
    let failure = outcome.ends("trapped(unreachable)");
    assert_eq!(outcome.log.stdout, b"last words on stdout\n");
    let stderr = String::from_utf8_lossy(&outcome.log.stderr);
    assert!(stderr.starts_with("last words on stderr\n") && stderr.contains("after the last words"), "{stderr}");
    assert!(failure.reason().contains("after the last words"), "{failure}");
}

// H12, H37: the answer was there, but the call did not come to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_up_that_breaks_breaks_the_call() {
    let harness = Harness::new();
    harness.shape("cleans", &Contract { post: "unreachable".to_owned(), ..Contract::default() }.build());
    harness.call("cleans.run", json!({})).beside().await.ends("trapped(unreachable)");
}

// H38
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocator_that_lies_breaks_the_call_before_it_begins() {
    let harness = Harness::new();
    for (name, realloc) in
        [("beyond", "(i32.const 0x7ffffff0)"), ("at-the-end", "(i32.const -1)"), ("traps", "unreachable")]
    {
        harness.shape(name, &Contract { realloc: realloc.to_owned(), ..Contract::default() }.build());
        let outcome = harness.call(&format!("{name}.run"), json!({})).beside().await;
        let word = outcome.word();
        assert!(["trapped(lower)", "trapped(invalid-result)"].contains(&word.as_str()), "{name}: {:?}", outcome.result);
        outcome.ends(&word);
    }
}

// H41: there is nothing else in a cell that it could tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_tells_no_more_than_the_guest_was_given() {
    let harness = Harness::new();
    let outcome = harness.call("faults.tells_all", json!({"input": "given"})).run().await;
    let failure = outcome.ends("trapped(unreachable)");
    assert!(failure.reason().contains("input given, variables []"), "{failure}");
}

// H42
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_no_threads() {
    let failure = Harness::new().call("faults.thread", json!({})).beside().await.ends("failed");
    assert!(failure.to_string().contains("blocked"), "{failure}");
}

// H43
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_the_first() {
    let harness = Harness::new();
    let count = |_| harness.call("state.count", json!({})).run();
    for outcome in join_all((0..100).map(count)).await {
        assert_eq!(outcome.ok(), 1);
    }
    assert_eq!(count(0).await.ok(), 1);
}

// H43
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_finds_what_another_left() {
    let harness = Harness::new();
    let clean = |outcomes: Vec<Outcome>| outcomes.iter().for_each(|outcome| assert_eq!(outcome.ok(), 0));
    for _ in 0..10 {
        let plant = join_all((0..8).map(|_| harness.call("state.plant", json!({"pages": 100})).run()));
        plant.await.iter().for_each(|outcome| assert_eq!(outcome.ok(), 100));
        clean(join_all((0..8).map(|_| harness.call("state.scan", json!({"pages": 200})).by("another").run())).await);
    }
}

// H44, H45: what a guest says may drive no terminal and forge no frame; what it printed is kept as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guest_says_is_made_safe_to_show() {
    let outcome = Harness::new().call("output.forge", json!({})).run().await;
    let failure = outcome.ends("failed");
    assert!(failure.to_string().contains("\\u{1b}]0;owned"), "{failure}");
    assert!(outcome.log.stdout.starts_with(b"\x1b]0;owned"));
    let shown = serde_json::to_string(&failure).expect("JSON");
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
}

// The three ways in which a tool itself can say no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tools_own_errors_are_told_apart() {
    let harness = Harness::new();
    let failure = harness.call("echo.refuse", json!({"path": "$.path"})).run().await.ends("invalid");
    assert!(failure.to_string().contains("never fits"), "{failure}");
    let failure = harness.call("echo.unavailable", json!({"ms": 1_500})).run().await.ends("failed");
    assert_eq!(failure.wait().map(|wait| wait.as_millis()), Some(1_500));
    harness.call("output.fail", json!({"bytes": 10})).run().await.ends("failed");
}
