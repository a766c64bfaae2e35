//! The functions, as a caller uses them.

use hotcell::serde_json::{self, Value, json};

use super::*;

fn asked(filter: &str, input: Value) -> Result<Vec<Value>, String> {
    match query(input, filter.to_owned(), false, 1_000) {
        Ok(outputs) => Ok(outputs.outputs),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn filters_give_what_jq_gives() {
    let shop = json!({"items": [{"n": "a", "p": 2}, {"n": "b", "p": 10.5}, {"n": "c", "p": 2}]});
    for (filter, expect) in [
        (".items[].n", json!(["a", "b", "c"])),
        (".items | map(.p) | add", json!([14.5])),
        (".items | group_by(.p) | map({p: .[0].p, n: length})", json!([[{"p": 2, "n": 2}, {"p": 10.5, "n": 1}]])),
        (".items[] | select(.p > 5) | .n", json!(["b"])),
        (".nothing?", json!([null])),
        ("empty", json!([])),
        ("6 / 2, 1 / 2", json!([3, 0.5])),
        ("[limit(3; repeat(1))]", json!([[1, 1, 1]])),
        (".items[0].n | test(\"^A$\"; \"i\")", json!([true])),
        ("\"a,b\" / \",\" | join(\"-\")", json!(["a-b"])),
        ("1700000000 | todate", json!(["2023-11-14T22:13:20Z"])),
        ("@base64 \"x\\(.items[0].n)\"", json!(["xYQ=="])),
        ("(nan, infinite, -infinite)", json!([null, f64::MAX, f64::MIN])),
        ("9007199254740993, 18446744073709551615", json!([9_007_199_254_740_993_u64, u64::MAX])),
        ("1, halt, 2", json!([1])),
        (".items[0] | to_entries", json!([[{"key": "n", "value": "a"}, {"key": "p", "value": 2}]])),
        ("[paths(type == \"number\")] | length", json!([3])),
    ] {
        assert_eq!(asked(filter, shop.clone()).map(Value::from).as_ref(), Ok(&expect), "{filter}");
    }
}

#[test]
fn integers_of_64_bits_go_through_unchanged() {
    let numbers = json!([i64::MIN, -1, 0, 9_007_199_254_740_993_i64, u64::MAX, 0.1, 1e300]);
    assert_eq!(asked(".", numbers.clone()), Ok(vec![numbers]));
}

#[test]
fn a_wrong_filter_says_what_and_where() {
    for (filter, says) in [
        ("", "expected term, found the end of the filter"),
        (".a | | .b", "expected term, found `|` at line 1, column 6"),
        ("(.a", "expected closing parenthesis, found the end of the filter"),
        (".a |\n  nope(1)", "uses the undefined filter with 1 arguments `nope` at line 2, column 3"),
        ("$x", "uses the undefined variable `$x` at line 1, column 1"),
        ("now", "uses `now`, which is not here"),
        ("env.HOME", "uses `env`, which is not here"),
        ("$ENV", "uses `$ENV`, which is not here"),
        ("input", "uses `input`, which is not here"),
        ("1 | strflocaltime(\"%H\")", "uses `strflocaltime`, which is not here"),
        ("import \"a\" as a; 1", "can't import `a`"),
        (". as [$x", "expected closing bracket"),
        ("\"é\" | §", "expected token, found `§` at line 1, column 7"),
    ] {
        let error = asked(filter, Value::Null).expect_err(filter);
        assert!(error.contains("$.filter") && error.contains(says), "{filter}: {error}");
    }
}

#[test]
fn a_filter_that_fails_says_why() {
    for (filter, says) in [
        (".a", "cannot index 1 with \"a\""),
        ("1, 2, error(\"no more\")", "(after 2 outputs): \"no more\""),
        ("{(1): 2}", "the key 1 of an object is not a string"),
        ("reduce range(200) as $i (0; [.])", "nested deeper than 120 levels"),
        ("[range(400000) | tostring]", "too large"),
        ("range(99999) | \"0123456789012345678901234567890123456789\"", "too large"),
    ] {
        let error = match query(json!(1), filter.to_owned(), false, 100_000) {
            Ok(outputs) => panic!("{filter}: {} outputs", outputs.outputs.len()),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(says), "{filter}: {error}");
    }
}

#[test]
fn endless_filters_are_cut() {
    for (first, limit, expect) in [(true, 10, 1), (false, 10, 10)] {
        let outputs = query(json!(1), "repeat(.)".to_owned(), first, limit).expect("outputs");
        assert_eq!((outputs.outputs.len(), outputs.truncated), (expect, true));
    }
    let all = query(json!(1), "range(10)".to_owned(), false, 10).expect("outputs");
    assert_eq!((all.outputs.len(), all.truncated), (10, false));
    for limit in [0, 100_001] {
        let error = query(json!(1), ".".to_owned(), false, limit).expect_err("refused");
        assert!(error.to_string().contains("$.limit"), "{error}");
    }
}

/// Filters whose nesting would overflow the stack of the parser or of the compiler are refused before it starts.
#[test]
fn filters_nested_without_end_are_refused_or_run() {
    let many = |piece: &str| piece.repeat(16 * 1024 / piece.len());
    for filter in [
        many("("),
        many("["),
        many("{a:"),
        format!("{}1{}", many("(").split_at(8_000).0, many(")").split_at(8_000).0),
        format!("{}1", many("-").split_at(16_000).0),
        format!("{}1", many(".|").split_at(16_000).0),
        format!("{}1", many(".,").split_at(16_000).0),
        format!("{}1", many("1+").split_at(16_000).0),
        format!("{}1", many(".=").split_at(16_000).0),
        format!("{}1", many("1//").split_at(15_999).0),
        format!("{}1", many("1 and ").split_at(15_000).0),
        format!("{}1", many("try ").split_at(16_000).0),
        format!("{}1", many(". as $x|").split_at(16_000).0),
        format!("{}1", many("def f:1;").split_at(16_000).0),
        format!("{}1", many("def f:").split_at(15_000).0),
        many("if 1 then "),
        format!("{}1", many("label $x|").split_at(15_993).0),
        format!(".{}", many("[0]").split_at(15_999).0),
        format!(".{}", many("?")),
        format!("{}1", many("\"\\(").split_at(15_999).0),
        "1".repeat(17_000),
    ] {
        drop(asked(&filter, Value::Null));
    }
}

#[test]
fn a_diff_is_a_patch_that_gives_the_other_value() {
    for (before, after, paths) in [
        (json!(1), json!(1), &[][..]),
        (json!(1), json!({"a": 1}), &["replace "]),
        (json!({"a": 1, "b": [1, 2]}), json!({"b": [1, 3], "c": null}), &["remove /a", "replace /b/1", "add /c"]),
        (json!([1, 2, 3, 4]), json!([0, 1, 2, 3, 4]), &["add /0"]),
        (json!([1, 2, 3, 4, 5]), json!([1, 5]), &["remove /3", "remove /2", "remove /1"]),
        (json!([1, 2]), json!([]), &["remove /1", "remove /0"]),
        (json!([{"a": 1}, 2]), json!([{"a": 2}, 2, 3]), &["replace /0/a", "add /2"]),
        (
            json!({"a/b": 1, "~": 2, "": 3}),
            json!({"a/b": 2, "~": 3, "": 4}),
            &["replace /", "replace /a~1b", "replace /~0"],
        ),
        (json!([[1, 2], [3]]), json!([[1], [3], [4, 5]]), &["remove /0/1", "add /2"]),
    ] {
        let diff = diff(before.clone(), after.clone());
        let listed: Vec<String> = diff.changes.iter().map(written).collect();
        assert_eq!(listed, paths, "{before} to {after}");
        assert_eq!((diff.equal, diff.count, diff.truncated), (paths.is_empty(), paths.len(), false));
        let changes = diff.changes.iter().map(|change| serde_json::to_value(change).expect("JSON")).collect();
        assert_eq!(patch(before, changes).expect("a patch"), after);
    }
}

fn written(change: &Change) -> String {
    let op = serde_json::to_value(change.op).expect("JSON");
    format!("{} {}", op.as_str().expect("a word"), change.path)
}

#[test]
fn a_diff_tells_what_was() {
    let diff = diff(json!({"a": 1, "b": 2}), json!({"a": null, "c": 3}));
    let listed = serde_json::to_value(&diff.changes).expect("JSON");
    assert_eq!(
        listed,
        json!([
            {"op": "replace", "path": "/a", "value": null, "was": 1},
            {"op": "remove", "path": "/b", "was": 2},
            {"op": "add", "path": "/c", "value": 3},
        ])
    );
}

#[test]
fn a_diff_too_large_to_list_is_counted() {
    let key = "k".repeat(100_000);
    let array = |number: u32| json!({&key: (0..100).map(|nth| nth * number).collect::<Vec<_>>()});
    let diff = diff(array(1), array(2));
    assert_eq!((diff.count, diff.truncated, diff.equal), (99, true, false));
    assert!(diff.changes.len() < 99 && !diff.changes.is_empty());
}

#[test]
fn a_patch_is_applied_whole_or_not_at_all() {
    let apply = |operations: Value| {
        let operations = operations.as_array().expect("a list").clone();
        patch(json!({"a": [1]}), operations).map_err(|error| error.to_string())
    };
    assert_eq!(apply(json!([{"op": "add", "path": "/a/-", "value": 2}])), Ok(json!({"a": [1, 2]})));
    assert_eq!(apply(json!([{"op": "move", "from": "/a", "path": "/b"}])), Ok(json!({"b": [1]})));
    for (operations, says) in [
        (json!([{"op": "test", "path": "/a/0", "value": 1}, {"op": "nope"}]), "$.patch[1]"),
        (json!([{"op": "remove", "path": "/x"}]), "failed to apply the patch"),
        (json!([{"op": "test", "path": "/a/0", "value": 2}]), "failed to apply the patch"),
        (json!([{"op": "add", "path": "no pointer", "value": 2}]), "$.patch[0]"),
    ] {
        let error = apply(operations).expect_err(says);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn format_changes_white_space_and_nothing_else() {
    let text = " {\"b\":[1.10, 1e5,{} ,[ ]],\"a\":{\"x\\\"]\":\"\\\\\"},\n\"b\":null} ";
    let pretty = "{\n  \"b\": [\n    1.10,\n    1e5,\n    {},\n    []\n  ],\n  \"a\": {\n    \"x\\\"]\": \"\\\\\"\n  },\n  \"b\": null\n}";
    let tight = "{\"b\":[1.10,1e5,{},[]],\"a\":{\"x\\\"]\":\"\\\\\"},\"b\":null}";
    assert_eq!(format(text.to_owned(), 2).expect("JSON"), pretty);
    assert_eq!(format(text.to_owned(), 0).expect("JSON"), tight);
    assert_eq!(format(pretty.to_owned(), 0).expect("JSON"), tight);
    for scalar in ["1", "\"a b\"", "null", "[]", "{}"] {
        assert_eq!(format(format!("\n{scalar}\t"), 4).expect("JSON"), scalar);
    }
}

#[test]
fn format_refuses_what_is_not_json_and_what_grows_too_large() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let wide = format!("[{}1]", format!("{deep},").repeat(200));
    for (text, indent, says) in [
        ("{\"a\":1,}", 2, "$.text"),
        ("[1 2]", 2, "$.text"),
        ("1", 17, "$.indent"),
        (&"[".repeat(100_000), 2, "$.text"),
        (&wide, 16, "larger than"),
    ] {
        let error = format(text.to_owned(), indent).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn validate_tells_where() {
    let right = validate("[1, {\"a\": \"\u{e9}\"}]".to_owned());
    assert_eq!(right, Verdict { valid: true, error: None, line: None, column: None });
    for (text, at) in [("[1,\n 2,]", (2, 4)), ("", (1, 0)), ("{'a': 1}", (1, 2)), ("NaN", (1, 1))] {
        let wrong = validate(text.to_owned());
        assert_eq!((wrong.valid, wrong.line.zip(wrong.column)), (false, Some(at)), "{text}: {:?}", wrong.error);
    }
}
