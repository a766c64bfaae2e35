use std::fmt::Write;

use serde_json::json;

use super::*;

fn rules(schema: Value) -> Rules {
    Rules::new("run".into(), schema)
}

/// `fits`, `unsure`, `spent`, or what is wrong.
fn judged(schema: &Value, value: &Value) -> String {
    let size = u64::try_from(value.to_string().len()).unwrap();
    let rules = rules(schema.clone());
    match Judge::new(&rules, STEPS + STEPS_A_BYTE * size).judge(rules.schema(), value) {
        Ok(Verdict::Fits) => "fits".to_owned(),
        Ok(Verdict::Unsure) => "unsure".to_owned(),
        Ok(Verdict::Misfits(misfit)) => format!("{}: {}", misfit.place(), misfit.words()),
        Err(Spent) => "spent".to_owned(),
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let point = json!({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": false});
    for (schema, value, told) in [
        (json!({"type": "string"}), json!(5), "$: wanted string, got the number 5"),
        (json!({"type": ["string", "null"]}), json!([1]), "$: wanted string or null, got the list [1]"),
        (json!({"items": point}), json!([{"x": 1}, {"x": "1"}]), "$[1].x: wanted integer, got the string \"1\""),
        (json!({"items": point}), json!([{}]), "$[0].x: wanted a value, got none"),
        (json!({"items": point}), json!([{"x": 1, "y": 2}]), "$[0].y: wanted no such argument"),
        (json!({"enum": ["a", 1]}), json!("b"), "$: wanted one of \"a\", 1, got the string \"b\""),
        (json!({"const": true}), json!(false), "$: wanted true, got the boolean false"),
        (json!({"minimum": 1}), json!(0), "$: wanted at least 1, got the number 0"),
        (json!({"pattern": "^a$"}), json!("b"), "$: wanted a text that matches \"^a$\", got the string \"b\""),
        (json!({"maxItems": 1}), json!([1, 2]), "$: wanted at most 1 items, got the list [1,2]"),
        (json!({"uniqueItems": true}), json!([1, 1.0]), "$: wanted items that all differ, got the list [1,1.0]"),
        (json!({"anyOf": [point, {"type": "null"}]}), json!({"x": ""}), "$.x: wanted integer, got the string \"\""),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
            json!(1),
            "$: wanted string or null, got the number 1",
        ),
        (json!({"oneOf": [{"minimum": 5}, {"maximum": 2}]}), json!(3), "$: wanted one of 2 forms, got the number 3"),
        (
            json!({"oneOf": [{}, true]}),
            json!(3),
            "$: wanted a value that fits one form, got one that fits several: the number 3",
        ),
        (json!({"not": {"type": "null"}}), json!(null), "$: wanted another value, got null"),
        (json!({"properties": {"a.b": false}}), json!({"a.b": 1}), "$.a.b: wanted nothing here, got the number 1"),
        (json!({"propertyNames": {"maxLength": 1}}), json!({"ab": 1}), "$.ab: wanted another name"),
    ] {
        assert_eq!(judged(&schema, &value), told, "{schema}");
    }
}

/// Schemas, each of one idea.
fn ideas() -> Vec<Value> {
    vec![
        json!(true),
        json!(false),
        json!({}),
        json!({"type": "integer"}),
        json!({"type": "number"}),
        json!({"type": ["string", "null"]}),
        json!({"type": "object"}),
        json!({"type": "array"}),
        json!({"enum": [1, "a", [1, {"a": 2.0}], null]}),
        json!({"const": {"a": [1, 2]}}),
        json!({"const": 1.0}),
        json!({"minimum": 1, "exclusiveMaximum": 2.5}),
        json!({"maximum": 18_446_744_073_709_551_615_u64, "exclusiveMinimum": -1}),
        json!({"multipleOf": 2}),
        json!({"multipleOf": 0.5}),
        json!({"minLength": 1, "maxLength": 2}),
        json!({"minLength": 2.0}),
        json!({"pattern": "^[a-z]+$"}),
        json!({"pattern": r"\d"}),
        json!({"pattern": r"^\w$"}),
        json!({"minItems": 1, "maxItems": 2}),
        json!({"uniqueItems": true}),
        json!({"items": {"type": "integer"}}),
        json!({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false}),
        json!({"prefixItems": [true], "items": {"type": "string"}}),
        json!({"contains": {"const": 1}}),
        json!({"contains": {"type": "integer"}, "minContains": 2, "maxContains": 2}),
        json!({"contains": {"const": 7}, "minContains": 0}),
        json!({"required": ["a"]}),
        json!({"properties": {"a": {"type": "integer"}, "b": false}}),
        json!({"properties": {"a": true}, "additionalProperties": false}),
        json!({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "string"}}),
        json!({"propertyNames": {"pattern": "^[ab]$"}}),
        json!({"minProperties": 1, "maxProperties": 1}),
        json!({"dependentRequired": {"a": ["b"]}}),
        json!({"dependentSchemas": {"a": {"properties": {"a": {"minimum": 1}}}}}),
        json!({"if": {"type": "integer"}, "then": {"minimum": 1}, "else": {"type": "string"}}),
        json!({"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}),
        json!({"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "integer"}]}}),
    ]
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!(-3),
        json!(18_446_744_073_709_551_615_u64),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("äß"),
        json!("abc"),
        json!("١"),
        json!([]),
        json!([1]),
        json!([1, 1.0]),
        json!([1, "a"]),
        json!(["a", "a"]),
        json!([1, {"a": 2}]),
        json!([[1], [[2], 3], []]),
        json!([{"a": 1, "b": 2}, {"b": 2.0, "a": 1.0}]),
        json!({}),
        json!({"a": 1}),
        json!({"a": 0, "b": "x"}),
        json!({"a": [1, 2]}),
        json!({"ab": "x", "c": 1}),
        json!({"b": null}),
    ]
}

// A library judges the same, where we judge at all.
#[test]
fn verdicts_are_those_of_the_specification() {
    let ideas = ideas();
    let mut schemas = ideas.clone();
    for one in &ideas {
        // A reference to the root means another root here.
        if one.to_string().contains("$ref") {
            continue;
        }
        schemas.extend([
            json!({"not": one}),
            json!({"items": one}),
            json!({"properties": {"a": one}}),
            json!({"if": one, "then": {"type": "integer"}, "else": {"not": {"type": "array"}}}),
        ]);
        for other in ideas.iter().step_by(3).filter(|other| !other.to_string().contains("$ref")) {
            schemas.extend(["allOf", "anyOf", "oneOf"].map(|keyword| json!({keyword: [one, other]})));
        }
    }
    for schema in &schemas {
        let reference = jsonschema::draft202012::new(schema).unwrap();
        for value in values() {
            let ours = judged(schema, &value);
            assert_eq!(ours == "fits", reference.is_valid(&value), "{schema} of {value}: {ours}");
            assert_ne!(ours, "unsure", "{schema}");
        }
    }
}

#[test]
fn nothing_is_refused_for_what_is_not_judged() {
    for schema in [
        json!({"unevaluatedProperties": false}),
        json!({"not": {"unevaluatedProperties": false}}),
        json!({"$dynamicRef": "#a"}),
        json!({"$ref": "#/$defs/missing"}),
        json!({"$ref": "https://example.com/schema"}),
        json!({"$ref": "file:///etc/passwd"}),
        json!({"$ref": "#anchor", "$defs": {"a": {"$anchor": "anchor", "type": "null"}}}),
        json!({"oneOf": [{"$ref": "#/x"}, {"type": "object"}]}),
        json!({"if": {"$ref": "#/x"}, "then": false}),
        json!({"properties": {"a": {"pattern": "(?=a)b"}}}),
        json!({"properties": {"a": {"not": {"pattern": "(a{1000}){1000}"}}}}),
        json!({"type": "objekt"}),
        json!({"required": "a"}),
        json!({"$defs": {"x": {"$id": "other", "$defs": {"y": false}}}, "properties": {"a": {"$ref": "#/$defs/x/$defs/y"}}}),
    ] {
        assert_eq!(judged(&schema, &json!({"a": "text"})), "unsure", "{schema}");
    }
    assert_eq!(judged(&json!({"future": {"x": 1}}), &json!({})), "fits");
}

/// Definitions `d0` to `d60`, each made of the next.
fn ladder(step: impl Fn(Value) -> Value, last: Value) -> Value {
    let mut definitions = Map::new();
    for n in 0..60 {
        definitions.insert(format!("d{n}"), step(json!({"$ref": format!("#/$defs/d{}", n + 1)})));
    }
    definitions.insert("d60".to_owned(), last);
    json!({"type": "object", "$defs": definitions, "$ref": "#/$defs/d0"})
}

// Each of these would take longer than the sun has.
#[test]
fn a_schema_that_multiplies_comes_to_an_end() {
    let text = json!({"a": "x", "list": vec![0; 100]});
    for (name, step, last) in [
        ("allOf", json!({"allOf": ["next", "next"]}), json!(true)),
        ("anyOf", json!({"anyOf": ["next", "next"]}), json!(false)),
        ("oneOf", json!({"oneOf": ["next", "next"]}), json!(false)),
        ("not", json!({"allOf": [{"not": {"not": "next"}}, "next"]}), json!(true)),
        ("if", json!({"if": "next", "then": "next", "else": "next"}), json!(true)),
        ("dependent", json!({"dependentSchemas": {"a": "next", "list": "next"}}), json!(true)),
        ("beside", json!({"$ref": "next", "allOf": ["next"]}), json!(true)),
    ] {
        let schema = ladder(|next| replaced(&step, &next), last);
        assert_eq!(judged(&schema, &text), "spent", "{name}");
    }
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({
            "$defs": ladder(|next| json!({"allOf": [next, next]}), json!(true))["$defs"],
            "properties": {"list": {"items": {"$ref": "#/$defs/d0"}}},
        }),
        json!({"properties": {"list": {"contains": {"enum": (1..5_000).collect::<Vec<_>>()}}}, "allOf": vec![json!({"$ref": "#"}); 50]}),
    ] {
        assert!(["spent", "unsure"].contains(&&*judged(&schema, &text)), "{schema:.200}");
    }
}

/// `step` with each `"next"` replaced.
fn replaced(step: &Value, next: &Value) -> Value {
    match step {
        Value::String(_) => next.clone(),
        Value::Array(steps) => steps.iter().map(|step| replaced(step, next)).collect(),
        Value::Object(steps) if steps.contains_key("$ref") => json!({"$ref": next["$ref"], "allOf": [next]}),
        Value::Object(steps) => steps.iter().map(|(key, step)| (key.clone(), replaced(step, next))).collect(),
        other => other.clone(),
    }
}

// Threads that run calls have 2 MiB, and something stands on it already.
#[test]
fn a_deep_schema_and_a_deep_value_fit_on_the_stack() {
    let small = std::thread::Builder::new().stack_size(3 << 19);
    let deep = || {
        let tree = json!({"$defs": {"t": {"anyOf": [{"$ref": "#/$defs/u"}, {"type": "null"}]}, "u": {"items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"});
        let value: Value = serde_json::from_str(&format!("{}{}", "[".repeat(127), "]".repeat(127))).unwrap();
        let schema = json!({"anyOf": [{"oneOf": [{"$ref": "#"}]}]});
        (judged(&tree, &value), judged(&schema, &value), judged(&json!({"uniqueItems": true, "const": value}), &value))
    };
    let judged = small.spawn(deep).unwrap().join().unwrap();
    assert_eq!(judged, ("fits".to_owned(), "unsure".to_owned(), "fits".to_owned()));
}

// What an honest tool asks is judged to the end, however large: a hundred parameters, lists that fill the input.
#[test]
fn honest_schemas_are_within_the_budget() {
    let address = json!({"type": "object", "properties": {
        "street": {"type": "string", "maxLength": 100}, "code": {"type": "string", "pattern": "^[0-9]{5}$"},
        "kind": {"enum": ["home", "work", "other"]}, "lines": {"type": "array", "items": {"type": "string"}},
    }, "required": ["street", "code"], "additionalProperties": false});
    let properties: Map<String, Value> = (0..100)
        .map(|n| (format!("parameter_{n}"), json!({"anyOf": [{"$ref": "#/$defs/address"}, {"type": "null"}]})))
        .collect();
    let mut required: Vec<&String> = properties.keys().collect();
    required.truncate(50);
    let schema = json!({"type": "object", "$defs": {"address": address}, "properties": properties, "required": required, "additionalProperties": false});
    let one = json!({"street": "x", "code": "12345", "kind": "other", "lines": ["a", "b", ""]});
    let mut value: Map<String, Value> = properties.keys().map(|name| (name.clone(), one.clone())).collect();
    assert_eq!(judged(&schema, &Value::Object(value.clone())), "fits");
    value["parameter_77"]["code"] = json!("1234");
    assert_eq!(
        judged(&schema, &Value::Object(value)),
        "$.parameter_77.code: wanted a text that matches \"^[0-9]{5}$\", got the string \"1234\""
    );

    let number = json!({"type": ["integer", "string"], "minimum": 0, "maximum": u64::MAX, "pattern": "^[0-9]{1,20}$"});
    let forms: Vec<Value> = (0..10)
        .map(|n| json!({"type": "object", "properties": {format!("form_{n}"): number}, "required": [format!("form_{n}")], "additionalProperties": false}))
        .collect();
    for (items, item) in [
        (number.clone(), json!(1)),
        (number, json!("18446744073709551615")),
        (
            json!({"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}),
            json!("123e4567-e89b-12d3-a456-426614174000"),
        ),
        (json!({"enum": ["red", "green", "blue"]}), json!("blue")),
        (json!({"oneOf": forms}), json!({"form_9": 7})),
    ] {
        let count = (256 << 10) / item.to_string().len();
        let list = Value::Array(vec![item; count]);
        assert_eq!(judged(&json!({"type": "array", "items": items}), &list), "fits", "{items}");
    }
}

#[test]
fn a_flood_of_patterns_and_of_items_is_paid_for() {
    let mut patterns = Map::new();
    for n in 0..1_000 {
        patterns.insert(format!("(a|b)*a(a|b){{{}}}x{n}", n % 20), json!(true));
    }
    let names: Map<String, Value> = (0..1_000).map(|n| (format!("{}{n}", "ab".repeat(20)), json!(1))).collect();
    assert_eq!(judged(&json!({"patternProperties": patterns}), &Value::Object(names)), "spent");
    let text = (0..20_000).fold(String::new(), |mut text, n| {
        write!(text, "{n}").unwrap();
        text
    });
    let many = vec![json!({"pattern": "(a|b)*a(a|b){12}$"}); 1_000];
    assert_eq!(judged(&json!({"not": {"allOf": [{"minLength": 1}, {"not": {"anyOf": many}}]}}), &json!(text)), "spent");
    let unique = vec![json!({"uniqueItems": true}); 1_000];
    assert_eq!(judged(&json!({"allOf": unique}), &json!((0..10_000).collect::<Vec<_>>())), "spent");
}
