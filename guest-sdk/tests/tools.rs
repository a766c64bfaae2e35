//! Tools as their authors write them, called as their callers do.

// What the attributes write is as free of it as what the author wrote.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::collections::BTreeMap;
use std::time::Duration;

use hotcell::serde_json::{self, Value, json};
use hotcell::{Effect, Error, Tool};

/// Adds up the terms of an expression.
///
/// Knows `+` only.
#[hotcell::tool(effect = "pure")]
fn eval(
    /// e.g. `2 + 3`
    expression: String,
    /// Values by name.
    variables: Option<BTreeMap<String, f64>>,
) -> Result<f64, Error> {
    let value = |term: &str| match variables.as_ref().and_then(|all| all.get(term)) {
        Some(value) => Ok(*value),
        None => term.parse().map_err(|error| Error::invalid_input("expression", format_args!("`{term}`: {error}"))),
    };
    expression.split('+').map(|term| value(term.trim())).sum()
}

/// How to sort.
#[hotcell::input]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    /// Smallest first.
    Rising,
    /// Largest first.
    Falling,
}

/// A named value.
#[hotcell::input]
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    /// In the unit of the table.
    value: i64,
    note: Option<String>,
}

#[hotcell::output]
struct Sorted {
    rows: Vec<Row>,
    zone: &'static str,
}

// Everything that a default can be: a number, a text, a path to a value, an expression.
#[hotcell::tool(name = "sort-rows", description = "Sorts rows.", effect = "read")]
fn sort(
    mut rows: Vec<Row>,
    #[hotcell(default = Order::Rising)] order: Order,
    /// At most so many.
    #[hotcell(default = 10)]
    limit: usize,
    #[hotcell(default = "value")] by: String,
    #[hotcell(default = vec![1, 2])] r#in: Vec<u8>,
) -> Result<Sorted, String> {
    if by != "value" || r#in != [1, 2] {
        return Err(format!("can't sort by {by}"));
    }
    rows.sort_by_key(|row| row.value);
    if order == Order::Falling {
        rows.reverse();
    }
    rows.truncate(limit);
    Ok(Sorted { rows, zone: "UTC" })
}

mod inner {
    //! A tool may be in any module, without being public.

    /// A list in a list in a list.
    #[hotcell::input]
    pub(crate) struct Tree {
        children: Vec<Tree>,
    }

    #[hotcell::tool]
    fn depth(tree: Tree) -> usize {
        1 + tree.children.into_iter().map(depth).max().unwrap_or(0)
    }

    #[hotcell::tool(effect = "idempotent")]
    fn touch() -> std::io::Result<()> {
        Err(std::io::Error::other("the disk is full"))
    }

    #[hotcell::tool]
    fn echo(anything: hotcell::serde_json::Value) -> hotcell::serde_json::Value {
        anything
    }

    #[hotcell::tool]
    fn wait() -> Result<String, hotcell::Error> {
        let wait = std::time::Duration::from_millis(1500);
        Err(hotcell::Error::unavailable("still starting", Some(wait)))
    }
}

fn tool(name: &str) -> Tool {
    let mut tools = hotcell::list();
    tools.retain(|tool| tool.name == name);
    tools.pop().unwrap()
}

fn input_schema(name: &str) -> Value {
    serde_json::from_str(&tool(name).input_schema).unwrap()
}

fn call(name: &str, input: Value) -> Result<Value, Error> {
    hotcell::call(name, &input.to_string()).map(|output| serde_json::from_str(&output).unwrap())
}

#[test]
fn all_tools_are_listed_by_name() {
    let names: Vec<&str> = hotcell::list().iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["depth", "echo", "eval", "sort-rows", "touch", "wait"]);
}

#[test]
fn a_tool_is_described_by_its_docs_and_settings() {
    let eval = tool("eval");
    assert_eq!(eval.description, "Adds up the terms of an expression.\n\nKnows `+` only.");
    assert_eq!(eval.effect, Effect::Pure);
    assert_eq!(tool("sort-rows").description, "Sorts rows.");
    assert_eq!(tool("sort-rows").effect, Effect::Read);
    assert_eq!(tool("touch").effect, Effect::Idempotent);
    // What nothing is said about may do anything.
    assert_eq!(tool("depth").effect, Effect::Write);
    assert_eq!(tool("depth").description, "");
}

#[test]
fn the_function_stays_a_function() {
    assert_eq!(eval("1 + 2".to_owned(), None), Ok(3.0));
}

#[test]
fn the_input_schema_tells_types_docs_defaults_and_what_is_required() {
    // As text: the order of the parameters counts.
    assert_eq!(
        tool("eval").input_schema,
        r#"{"type":"object","properties":{"expression":{"description":"e.g. `2 + 3`","type":"string"},"variables":{"description":"Values by name.","type":["object","null"],"additionalProperties":{"type":"number","format":"double"}}},"required":["expression"],"additionalProperties":false}"#
    );
    assert_eq!(
        input_schema("sort-rows"),
        json!({
            "type": "object",
            "properties": {
                "rows": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "description": "A named value.",
                        "properties": {
                            "name": {"type": "string"},
                            "value": {"type": "integer", "format": "int64", "description": "In the unit of the table."},
                            "note": {"type": ["string", "null"]},
                        },
                        "required": ["name", "value"],
                        "additionalProperties": false,
                    },
                },
                "order": {
                    "description": "How to sort.",
                    "oneOf": [
                        {"const": "rising", "type": "string", "description": "Smallest first."},
                        {"const": "falling", "type": "string", "description": "Largest first."},
                    ],
                    "default": "rising",
                },
                "limit": {
                    "description": "At most so many.",
                    "type": "integer", "format": "uint", "minimum": 0,
                    "default": 10,
                },
                "by": {"type": "string", "default": "value"},
                "in": {
                    "type": "array",
                    "items": {"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255},
                    "default": [1, 2],
                },
            },
            "required": ["rows"],
            "additionalProperties": false,
        })
    );
    assert_eq!(tool("touch").input_schema, r#"{"type":"object","properties":{},"additionalProperties":false}"#);
}

#[test]
fn a_type_that_contains_itself_is_referred_to() {
    let schema = input_schema("depth");
    let node = &schema["$defs"]["Tree"];
    assert_eq!(node["properties"]["children"]["items"], json!({"$ref": "#/$defs/Tree"}));
    let tree = json!({"tree": {"children": [{"children": []}, {"children": [{"children": []}]}]}});
    assert_eq!(call("depth", tree), Ok(json!(3)));
}

#[test]
fn the_output_schema_is_that_of_what_is_returned() {
    let output = |name| tool(name).output_schema;
    assert_eq!(output("eval").as_deref(), Some(r#"{"type":"number","format":"double"}"#));
    assert_eq!(output("touch").as_deref(), Some(r#"{"type":"null"}"#));
    assert_eq!(output("echo"), None);
    let sorted: Value = serde_json::from_str(&output("sort-rows").unwrap()).unwrap();
    assert_eq!(sorted["required"], json!(["rows", "zone"]));
}

#[test]
fn a_call_answers_in_json() {
    assert_eq!(call("eval", json!({"expression": "1 + 2"})), Ok(json!(3.0)));
    let input = json!({"expression": "a + 0.5", "variables": {"a": 1}});
    assert_eq!(call("eval", input), Ok(json!(1.5)));
    for anything in [json!(null), json!([1, {"a": "ü\n"}])] {
        assert_eq!(call("echo", json!({"anything": anything})), Ok(anything));
    }
}

#[test]
fn an_absent_argument_is_nothing_or_its_default() {
    let row = |name, value| json!({"name": name, "value": value, "note": null});
    let rows = json!([{"name": "b", "value": 2}, {"name": "a", "value": 1}]);
    assert_eq!(
        call("sort-rows", json!({"rows": rows})),
        Ok(json!({"rows": [row("a", 1), row("b", 2)], "zone": "UTC"}))
    );
    assert_eq!(
        call("sort-rows", json!({"rows": rows, "order": "falling", "limit": 1})),
        Ok(json!({"rows": [row("b", 2)], "zone": "UTC"}))
    );
    let input = json!({"expression": "1", "variables": null});
    assert_eq!(call("eval", input), Ok(json!(1.0)));
}

#[test]
fn an_input_that_does_not_fit_names_the_place() {
    let row = json!({"name": "a", "value": 1});
    for (name, input, path, says) in [
        ("eval", json!([]), "$", "expected an object with the arguments"),
        ("eval", json!({}), "$.expression", "this argument is required"),
        ("eval", json!({"expresion": "1"}), "$.expresion", "this tool takes `expression`, `variables`"),
        ("touch", json!({"a": 1}), "$.a", "this tool takes none"),
        ("eval", json!({"expression": 5}), "$.expression", "invalid type: integer `5`, expected a string"),
        (
            "eval",
            json!({"expression": "a", "variables": {"a": 1, "b": "x"}}),
            "$.variables.b",
            "invalid type: string \"x\", expected f64",
        ),
        ("sort-rows", json!({"rows": [row, {"name": "b", "value": 0.5}]}), "$.rows[1].value", "expected i64"),
        ("sort-rows", json!({"rows": [row, {"name": "b"}]}), "$.rows[1]", "missing field `value`"),
        (
            "sort-rows",
            json!({"rows": [{"name": "b", "vlaue": 1}]}),
            "$.rows[0].vlaue",
            "unknown field `vlaue`, expected one of `name`, `value`, `note`",
        ),
        (
            "sort-rows",
            json!({"rows": [], "order": "random"}),
            "$.order",
            "unknown variant `random`, expected `rising` or `falling`",
        ),
        ("sort-rows", json!({"rows": [], "limit": -1}), "$.limit", "invalid value: integer `-1`, expected usize"),
        ("sort-rows", json!({"rows": [], "limit": null}), "$.limit", "invalid type: null, expected usize"),
    ] {
        let error = call(name, input.clone()).unwrap_err();
        let Error::InvalidInput { path: at, message } = error else {
            panic!("{input}: {error:?}");
        };
        assert_eq!(at, path, "{input}");
        assert!(message.contains(says), "{input}: {message}");
        assert!(!message.contains(" column "), "{input}: {message}");
    }
}

#[test]
fn a_text_that_is_no_json_says_where() {
    for (input, says) in [
        ("", "EOF while parsing"),
        (r#"{"expression": "1""#, "column 18"),
        (r#"{"expression": "1"} x"#, "trailing characters"),
        (r#"{"expression": "1", "expression": "2"}"#, "given twice"),
    ] {
        let Err(Error::InvalidInput { message, .. }) = hotcell::call("eval", input) else {
            panic!("{input}");
        };
        assert!(message.contains(says), "{input}: {message}");
    }
}

#[test]
fn a_message_quotes_a_long_input_in_part() {
    let long = "x".repeat(100_000);
    for input in [json!({"expression": {}, "variables": long}), json!({&long: 1})] {
        let error = call("sort-rows", input).unwrap_err();
        assert!(error.to_string().chars().count() < 500);
    }
    let error = call("sort-rows", json!({"rows": long})).unwrap_err();
    assert!(error.to_string().ends_with('…'));
}

#[test]
fn a_tools_own_error_arrives_as_it_is() {
    assert_eq!(
        call("eval", json!({"expression": "1 + x"})),
        Err(Error::invalid_input("$.expression", "`x`: invalid float literal"))
    );
    assert_eq!(call("sort-rows", json!({"rows": [], "by": "name"})), Err(Error::failed("can't sort by name")));
    assert_eq!(call("touch", json!({})), Err(Error::failed("the disk is full")));
    assert_eq!(call("wait", json!({})), Err(Error::unavailable("still starting", Some(Duration::from_millis(1500)))));
    assert_eq!(call("evla", json!({})), Err(Error::failed("there is no tool `evla` here")));
}
