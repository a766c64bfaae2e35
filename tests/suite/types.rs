//! Components that know nothing of hotcell: every WIT type goes in and out as JSON, exactly.

use hotcell_call::{ByteSize, Code};
use serde_json::{Value, json};

use crate::support::component::{text, world};
use crate::support::{Harness, Seen};

// H39: numbers, letters, options, results, variants, flags, both ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_goes_in_and_comes_out() {
    let harness = Harness::new();
    let point = |x: f64, label: Value| json!({"x": x, "y": 2.0, "label": label});
    for (function, input, answer) in [
        ("plain.reverse", json!({"bytes": "AQID"}), json!("AwIB")),
        ("plain.reverse", json!({"bytes": ""}), json!("")),
        ("plain.letters", json!({"text": "häß🦀"}), json!(4)),
        ("plain.letters", json!({"text": null}), json!(0)),
        ("plain.letters", json!({}), json!(0)),
        ("plain.divide", json!({"dividend": i64::MIN, "divisor": 1}), json!(i64::MIN)),
        ("plain.divide", json!({"dividend": "9223372036854775807", "divisor": "-1"}), json!(-i64::MAX)),
        ("plain.limits", json!({}), json!([u64::MAX, i64::MIN, f64::MAX, 1.175_494_4e-38])),
        ("plain.after", json!({"letter": "a"}), json!("b")),
        ("plain.after", json!({"letter": "\u{d7ff}"}), json!("\u{e000}")),
        ("plain.after", json!({"letter": "\u{10ffff}"}), json!(null)),
        ("plain.swap", json!({"either": {"err": 7}}), json!(7)),
        ("plain.odd", json!({}), json!(["NaN", "Infinity", "-Infinity", -0.0])),
        ("plain.even", json!({"count": 3}), json!([true, false, true])),
        ("plain.repeat", json!({"text": "a", "times": 2}), json!(["a", "a"])),
        ("plain.nothing", json!({}), json!(null)),
        ("plain.shapes.move-by", json!({"shape": "empty", "dx": 1, "dy": 1}), json!("empty")),
        (
            "plain.shapes.move-by",
            json!({"shape": {"dot": point(1.0, json!("here"))}, "dx": 0.5, "dy": 0}),
            json!({"dot": point(1.5, json!("here"))}),
        ),
        (
            "plain.shapes.move-by",
            json!({"shape": {"polygon": [point(0.0, json!(null)), point(1.0, json!(null))]}, "dx": -1, "dy": 0}),
            json!({"polygon": [point(-1.0, json!(null)), point(0.0, json!(null))]}),
        ),
        (
            "plain.shapes.mix",
            json!({"one": ["filled", "closed"], "two": ["closed", "dashed"], "colour": "blue"}),
            json!([["closed"], "red"]),
        ),
    ] {
        let outcome = harness.call(function, input.clone()).run().await;
        assert_eq!(outcome.ok(), answer, "{function} {input}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_can_be_given_by_position() {
    let harness = Harness::new();
    assert_eq!(harness.call("plain.divide", json!([42, 6])).run().await.ok(), 7);
    assert_eq!(harness.call("plain.letters", json!(["abc"])).run().await.ok(), 3);
    assert_eq!(harness.call("echo.text", json!(["abc"])).run().await.ok(), "abc");
    harness.call("plain.divide", json!([1, 2, 3])).run().await.ends("invalid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_of_a_plain_function_is_its_own() {
    let harness = Harness::new();
    let failure = harness.call("plain.divide", json!({"dividend": 1, "divisor": 0})).run().await.ends("failed");
    assert!(failure.to_string().contains("1 can't be divided by 0"), "{failure}");
    let failure = harness.call("plain.swap", json!({"either": {"ok": "text"}})).run().await.ends("failed");
    assert!(failure.to_string().contains("text"), "{failure}");
}

// H81
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_names_its_place() {
    let harness = Harness::new();
    for (function, input, place) in [
        ("plain.reverse", json!({"bytes": "not base64!"}), "$.bytes"),
        ("plain.letters", json!({"text": 5}), "$.text"),
        ("plain.letters", json!({"txet": "x"}), "$.txet"),
        ("plain.divide", json!({"dividend": 1}), "$.divisor"),
        ("plain.divide", json!({"dividend": 1.5, "divisor": 1}), "$.dividend"),
        ("plain.divide", json!({"dividend": "9223372036854775808", "divisor": 1}), "$.dividend"),
        ("plain.after", json!({"letter": "ab"}), "$.letter"),
        ("plain.even", json!({"count": -1}), "$.count"),
        ("plain.even", json!({"count": 4_294_967_296_u64}), "$.count"),
        ("plain.shapes.move-by", json!({"shape": "circle", "dx": 0, "dy": 0}), "$.shape"),
        (
            "plain.shapes.move-by",
            json!({"shape": {"polygon": [{"x": 0, "y": 0}, {"x": "1", "y": []}]}, "dx": 0, "dy": 0}),
            "$.shape",
        ),
        ("plain.shapes.mix", json!({"one": ["filled", "red"], "two": [], "colour": "red"}), "$.one"),
        ("echo.text", json!({"text": ["x"]}), "$.text"),
        ("echo.text", json!({"text": "x", "more": 1}), "$.more"),
        ("echo.text", json!({}), "$.text"),
        ("echo.work", json!({"rounds": "many"}), "$.rounds"),
    ] {
        let outcome = harness.call(function, input.clone()).run().await;
        let failure = outcome.ends("invalid");
        assert_eq!(failure.code(), Code::Input, "{input}: {failure}");
        assert!(failure.to_string().contains(place), "{input}: {failure}");
        assert_eq!(outcome.receipt.fuel, 0, "nothing ran");
    }
}

// H81
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_that_is_no_json_is_refused_before_anything_runs() {
    let harness = Harness::new();
    let deep = format!("{{\"value\": {}1{}}}", "[".repeat(2_000), "]".repeat(2_000));
    for (name, input) in [
        ("deep", deep.as_str()),
        ("half", "{\"value\": "),
        ("surrogate", r#"{"value": "\ud800"}"#),
        ("two", "{} {}"),
        ("text", "hello"),
        ("nothing", ""),
    ] {
        let outcome = harness.call("echo.any", json!({})).raw(input).beside().await;
        let failure = outcome.ends("invalid");
        assert!([Code::InputNotJson, Code::Input].contains(&failure.code()), "{name}: {failure}");
        assert_eq!(outcome.receipt.fuel, 0, "{name}: nothing ran");
    }
    // What is JSON is data, whatever it looks like.
    for value in [json!("\u{0}"), json!({"__proto__": {"$ref": "#"}}), json!(u64::MAX), json!("1e999999999")] {
        assert_eq!(harness.call("echo.any", json!({"value": value})).run().await.ok(), value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_form_in_json_is_refused_alone() {
    let harness = Harness::new();
    for function in ["plain.handles.make", "plain.handles.counter", "plain.handles.counter.next"] {
        let failure = harness.call(function, json!({})).run().await.ends("rejected");
        assert_eq!(failure.code(), Code::Type, "{failure}");
    }
    harness.call("plain.nothing", json!({})).run().await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_component_is_described_by_its_types() {
    let harness = Harness::new();
    let plain = harness.host.inspect(&"plain".parse().expect("a name")).await.expect("a tool").descriptor;
    let names: Vec<&str> = plain.functions.iter().map(|function| function.name.as_str()).collect();
    for name in [
        "reverse",
        "letters",
        "divide",
        "limits",
        "after",
        "swap",
        "odd",
        "even",
        "repeat",
        "nothing",
        "shapes.move-by",
        "shapes.mix",
        "handles.make",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let divide = plain.function("divide").expect("listed");
    assert_eq!(divide.parameters, ["dividend", "divisor"]);
    assert_eq!(divide.input["required"], json!(["dividend", "divisor"]));
    assert_eq!(plain.function("letters").expect("listed").input.get("required").unwrap_or(&json!([])), &json!([]));
}

// H26: bytes take a way of their own; other lists are bounded by the output they make.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_do_not_grow_without_bound_on_their_way() {
    let harness = Harness::new();
    let bytes = 2 << 20;
    let base64 = "AAAA".repeat(bytes / 3);
    let outcome = harness.call("plain.reverse", json!({"bytes": base64})).beside().await;
    assert_eq!(outcome.ok().as_str().map(str::len), Some(base64.len()));
    assert!(outcome.receipt.memory_peak < ByteSize::mib(16), "{}", outcome.receipt.memory_peak);
    for (target, input) in [
        ("plain.even", json!({"count": 3_000_000})),
        ("plain.repeat", json!({"text": "x".repeat(1_024), "times": 8_000})),
    ] {
        let outcome = harness.call(target, input).beside().await;
        let word = outcome.word();
        assert!(
            ["exhausted(output)", "exhausted(host-data)"].contains(&word.as_str()),
            "{target}: {:?}",
            outcome.result
        );
        outcome.ends(&word);
    }
    assert_eq!(
        harness.call("plain.even", json!({"count": 300_000})).beside().await.ok().as_array().map(Vec::len),
        Some(300_000)
    );
}

// H26: a list of one text, again and again, costs the guest eight bytes each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aliases_of_one_text_are_bounded_by_what_they_make() {
    let harness = Harness::new();
    let count = 131_072;
    let fill = "(loop $again
        (i32.store (local.get 0) (i32.const 16)) (i32.store offset=4 (local.get 0) (i32.const 1024))
        (local.set 0 (i32.add (local.get 0) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get 0) (i32.add (i32.const 65536) (i32.const 1048576)))))
        (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const COUNT)) (i32.const 0)";
    let core = format!(
        "(module (memory (export \"memory\") 18) (func (export \"run\") (result i32) (local i32) (local.set 0 (i32.const 65536)) {}))",
        fill.replace("COUNT", &count.to_string())
    );
    harness.shape("aliases", &world("package t:t; world w { export run: func() -> list<string>; }", &core));
    let outcome = harness.call("aliases.run", json!({})).beside().await;
    let word = outcome.word();
    assert!(["exhausted(output)", "exhausted(host-data)"].contains(&word.as_str()), "{:?}", outcome.result);
    outcome.ends(&word);
}

// A component made of nothing but text: no language, no adapter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smallest_component_can_be_called() {
    let harness = Harness::new();
    let adder = r#"(component
        (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
        (core instance $i (instantiate $m))
        (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"#;
    harness.shape("adder", &text(adder));
    assert_eq!(harness.call("adder.add", json!({"a": 2, "b": 3})).run().await.ok(), 5);
    assert_eq!(harness.call("adder", json!([2, 3])).run().await.ok(), 5);
}

// A world that takes a type from an interface imports that interface: names alone, of which nothing has to be offered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_of_another_interface_are_no_wish() {
    let harness = Harness::new();
    let wit = "package t:t; interface types { enum colour { red, green } }
        world w { use types.{colour}; export run: func(colour: colour) -> colour; }";
    let core = r#"(module (func (export "run") (param i32) (result i32) (i32.xor (local.get 0) (i32.const 1))))"#;
    harness.shape("painter", &world(wit, core));
    assert_eq!(harness.call("painter.run", json!({"colour": "red"})).run().await.ok(), "green");
}
