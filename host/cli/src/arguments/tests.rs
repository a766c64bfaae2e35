use serde_json::json;

use super::*;

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "text": { "type": "string" },
            "maybe_text": { "type": ["string", "null"] },
            "number": { "type": "integer" },
            "long": { "type": ["integer", "string"] },
            "flag": { "anyOf": [{ "type": "boolean" }, { "type": "null" }] },
            "list": { "type": "array", "items": { "type": "string" } },
            "place": { "$ref": "#/$defs/place" },
            "unit": { "enum": ["km", "miles"] },
            "any": true,
            "nothing": false,
            "bytes": { "type": "string", "contentEncoding": "base64" },
            "maybe_bytes": { "anyOf": [{ "type": "string", "contentEncoding": "base64" }, { "type": "null" }] },
            "loop": { "$ref": "#/properties/loop" },
            "wide": { "anyOf": vec![json!({ "$ref": "#/properties/wide" }); 9] },
        },
        "$defs": { "place": { "type": "object" } },
    })
}

fn assign(assignments: &[&str], most: ByteSize) -> Result<String, Failure> {
    let assignments: Vec<String> = assignments.iter().map(|text| (*text).to_owned()).collect();
    let target: Target = "geo.length".parse().unwrap();
    let (schema, parameters) = (schema(), ["text".to_owned()]);
    let wanted = Wanted { target: &target, schema: &schema, parameters: &parameters, most };
    assigned(&assignments, wanted).map(|payload| payload.as_str().to_owned())
}

fn all(assignments: &[&str]) -> Result<String, Failure> {
    assign(assignments, ByteSize::kib(1))
}

#[test]
fn the_schema_decides_what_a_word_means() {
    for (typed, json) in [
        ("text=2", r#"{"text":"2"}"#),
        ("text=", r#"{"text":""}"#),
        ("text=a=b", r#"{"text":"a=b"}"#),
        ("text=\"q\"", r#"{"text":"\"q\""}"#),
        ("text=@@home", r#"{"text":"@home"}"#),
        ("maybe_text=null", r#"{"maybe_text":"null"}"#),
        ("number=2", r#"{"number":2}"#),
        ("number=-18446744073709551616", r#"{"number":-18446744073709551616}"#),
        ("long=9007199254740993", r#"{"long":9007199254740993}"#),
        ("long=x", r#"{"long":"x"}"#),
        ("flag=true", r#"{"flag":true}"#),
        ("list=[\"a\"]", r#"{"list":["a"]}"#),
        ("place={\"x\": 1}", r#"{"place":{"x": 1}}"#),
        ("unit=km", r#"{"unit":"km"}"#),
        ("any=1.50", r#"{"any":1.50}"#),
        ("any=one", r#"{"any":"one"}"#),
        ("unknown=1", r#"{"unknown":1}"#),
        ("loop=1", r#"{"loop":1}"#),
        ("wide=x", r#"{"wide":"x"}"#),
    ] {
        assert_eq!(all(&[typed]).unwrap(), json, "{typed}");
    }
    assert_eq!(all(&[]).unwrap(), "{}");
    assert_eq!(all(&["text=a", "number=1"]).unwrap(), r#"{"number":1,"text":"a"}"#);
}

#[test]
fn what_can_not_be_of_its_type_is_told_by_its_path() {
    let refused = |typed: &str| {
        let failure = all(&[typed]).unwrap_err();
        (failure.code(), failure.reason().to_owned())
    };
    for (typed, why) in [
        ("number=two", "$.number: wanted a number, got the text `two`"),
        ("flag=yes", "$.flag: wanted true or false, or null, got the text `yes`"),
        ("list=a", "$.list: wanted a list as JSON, got the text `a`"),
        ("place=\x1b[2J", "$.place: wanted an object as JSON, got the text `\\u{1b}[2J`"),
    ] {
        assert_eq!(refused(typed), (Code::Input, why.to_owned()), "{typed}");
    }
}

#[test]
fn a_command_that_does_not_fit_says_what_would() {
    let nameless = all(&["2 ^ 10"]).unwrap_err();
    assert_eq!(nameless.code(), Code::Command);
    assert_eq!(nameless.remedy(), Some("text='2 ^ 10'"));
    assert_eq!(all(&["=x"]).unwrap_err().code(), Code::Command);
    assert_eq!(all(&["text=a", "text=b"]).unwrap_err().what(), "the argument `text` is given twice");
}

#[test]
fn a_file_is_read_as_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (text, bytes) = (file("text", b"a\nb\n"), file("bytes", b"\xff\0"));
    let list = file("list", b"[1]\n");
    for (typed, json) in [
        (format!("text=@{text}"), r#"{"text":"a\nb\n"}"#),
        (format!("list=@{list}"), r#"{"list":[1]}"#),
        (format!("bytes=@{bytes}"), r#"{"bytes":"/wA="}"#),
        (format!("maybe_bytes=@{bytes}"), r#"{"maybe_bytes":"/wA="}"#),
    ] {
        assert_eq!(all(&[&typed]).unwrap(), json, "{typed}");
    }
    let code = |typed: &str, most| assign(&[typed], most).unwrap_err().code();
    let most = ByteSize::bytes(4);
    assert_eq!(code(&format!("text=@{bytes}"), most), Code::Input);
    assert_eq!(code(&format!("text=@{text}.absent"), most), Code::Command);
    assert!(assign(&[&format!("text=@{text}")], most).is_ok());
    assert_eq!(code(&format!("text=@{text}"), ByteSize::bytes(3)), Code::InputTooLarge);
}

#[test]
fn data_is_text_or_a_file() {
    let target: Target = "calc".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.json");
    std::fs::write(&path, b"[1]\xff").unwrap();
    let from = |text: &str| data(text, &target, ByteSize::kib(1));
    assert_eq!(from("[1]").unwrap().as_str(), "[1]");
    assert_eq!(from(&format!("@{}", path.display())).unwrap_err().code(), Code::InputNotJson);
    std::fs::write(&path, b"[1]").unwrap();
    assert_eq!(from(&format!("@{}", path.display())).unwrap().as_str(), "[1]");
    assert_eq!(from("@").unwrap_err().code(), Code::Command);
    for (text, why) in [("", "it is empty"), (" \n", "it is empty"), ("@/dev/null", "/dev/null is empty")] {
        let refused = from(text).unwrap_err();
        assert_eq!((refused.code(), refused.reason()), (Code::InputNotJson, why));
    }
}
