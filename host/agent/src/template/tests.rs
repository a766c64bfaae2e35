use std::collections::BTreeMap;

use hotcell_call::Kind;
use serde_json::json;

use super::*;
use crate::document::{self, Source};

/// Reads `value = …` as a file would have it.
fn template(toml: &str) -> Template {
    let source = Source::new("x.toml", format!("value = {toml}"));
    document::read(&source, |root| Template::read(&root.get("value")?, &mut Vec::new())).unwrap()
}

fn resolve(toml: &str, input: &Value) -> Value {
    let scope = Scope { input, steps: &BTreeMap::new(), item: Some((3, input)) };
    template(toml).resolve(&scope, ByteSize::mib(1)).unwrap()
}

#[test]
fn one_reference_is_the_value_and_a_text_holds_it() {
    let input = json!({"a": [1, null], "s": "it", "b": true, "n": 1.5});
    for (toml, value) in [
        ("'{{input.a}}'", json!([1, null])),
        ("'{{ input.b }}'", json!(true)),
        ("'{{index}}'", json!(3)),
        ("'say {{input.s}}!'", json!("say it!")),
        ("' {{input.s}}'", json!(" it")),
        ("'{{input.s}}{{input.s}}'", json!("itit")),
        ("'{{input.a}} {{input.n}} {{input.b}}'", json!("[1,null] 1.5 true")),
        ("'{{{{input.s}}'", json!("{{input.s}}")),
        ("'a {{{{ b {{input.s}} }} c'", json!("a {{ b it }} c")),
        ("'{ } }} {'", json!("{ } }} {")),
        ("''", json!("")),
        ("{ x = [ '{{input.n}}', { y = '{{input.s}}' } ], z = 1 }", json!({"x": [1.5, {"y": "it"}], "z": 1})),
        ("[]", json!([])),
        ("1979-05-27", json!("1979-05-27")),
        ("0xff", json!(255)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("-9223372036854775808", json!(-9_223_372_036_854_775_808_i64)),
        ("1e3", json!(1000.0)),
    ] {
        assert_eq!(resolve(toml, &input), value, "{toml}");
    }
}

#[test]
fn numbers_that_json_cannot_say_are_told() {
    for toml in ["nan", "inf", "1e999", "18446744073709551616", "[1, nan]"] {
        let source = Source::new("x.toml", format!("value = {toml}"));
        let read = document::read(&source, |root| Template::read(&root.get("value")?, &mut Vec::new()));
        assert_eq!(read.unwrap_err().len(), 1, "{toml}");
    }
}

#[test]
fn its_references_are_all_found() {
    let template = template("{ a = '{{item.x}}', b = ['{{steps.one}} and {{input}}', 1] }");
    let found: Vec<_> = template.references().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["item.x", "steps.one", "input"]);
    assert!(template.is_per_item());
}

#[test]
fn what_references_bring_in_is_bounded_while_it_grows() {
    let input = json!("x".repeat(1_000));
    let scope = Scope { input: &input, steps: &BTreeMap::new(), item: None };
    let text = "{{input}}".repeat(100_000);
    let template: Template = text.parse().unwrap();
    let failure = template.resolve(&scope, ByteSize::mib(4)).unwrap_err();
    assert_eq!((failure.code(), failure.kind()), (Code::InputTooLarge, Kind::Invalid));
    assert!(template.resolve(&scope, ByteSize::mib(101)).is_ok());

    let small: Template = "{{input}}".parse().unwrap();
    assert!(small.resolve(&scope, ByteSize::bytes(999)).is_err());
    assert!(small.resolve(&scope, ByteSize::bytes(1_003)).is_ok());
}

#[test]
fn a_value_cannot_grow_deeper_than_readers_can_follow() {
    let mut value = json!(1);
    let wrap = template("['{{input}}']");
    let refused = (0..200).find_map(|depth| {
        let scope = Scope { input: &value, steps: &BTreeMap::new(), item: None };
        match wrap.resolve(&scope, ByteSize::mib(1)) {
            Ok(deeper) => {
                value = deeper;
                None
            }
            Err(failure) => Some((depth, failure.code())),
        }
    });
    assert_eq!(refused, Some((MOST_DEEP, Code::InputNotJson)));
    let text = value.to_string();
    assert!(serde_json::from_str::<Value>(&text).is_ok());
    assert!(serde_json::from_str::<Value>(&format!("[{text}]")).is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_template_or_an_error(text in "([{}]{1,4}|input|item|[a-z .\\[\\]\"]){0,20}") {
        if let Ok(template) = text.parse::<Template>() {
            let scope = Scope { input: &Value::Null, steps: &BTreeMap::new(), item: None };
            let _ = template.resolve(&scope, ByteSize::kib(1));
        }
    }

    #[test]
    fn a_text_without_braces_is_itself(text in "[^{}]{0,40}") {
        let template: Template = text.parse().unwrap();
        proptest::prop_assert_eq!(template.text_with("x"), Some(text));
    }
}
