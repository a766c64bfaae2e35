//! What callers get wrong, and what they are told.

use hotcell_call::{ByteSize, Code};
use wasmtime::component::Val;

use crate::convert::read::arguments;
use crate::describe::{Shape, ShapeId, Shapes, Signature};

/// `(n: u8, big: u64, who: list<record { name: string, mood: option<enum> }>, data: list<u8>)`
fn function() -> (Shapes, Signature) {
    let id = ShapeId;
    let shapes = Shapes::new(vec![
        Shape::U8,
        Shape::String,
        Shape::Enum(vec!["happy".into(), "sad".into()]),
        Shape::Option(id(2)),
        Shape::Record(vec![("name".into(), id(1)), ("mood".into(), id(3))]),
        Shape::List(id(4)),
        Shape::List(id(0)),
        Shape::U64,
        Shape::F32,
        Shape::Option(id(8)),
        Shape::Option(id(9)),
    ]);
    let params = [("n", 0), ("big", 7), ("who", 5), ("data", 6), ("maybe", 10)];
    let params = params.iter().map(|(name, shape)| ((*name).to_owned(), id(*shape))).collect();
    (shapes, Signature { params, result: None })
}

fn read(json: &str) -> Result<Vec<Val>, hotcell_call::Failure> {
    let (shapes, signature) = function();
    arguments(&shapes, &signature, json, ByteSize::mib(1))
}

#[test]
fn arguments_come_by_name_in_any_order_or_by_position() {
    let by_name = r#"{"data":"AQI","who":[{"name":"x"}],"n":3.0,"big":"18446744073709551615"}"#;
    let by_place = r#"[3,18446744073709551615,[{"mood":null,"name":"x"}],"AQI=",null]"#;
    let read = [read(by_name).unwrap(), read(by_place).unwrap()];
    assert_eq!(read[0], read[1]);
    assert_eq!(read[0][1], Val::U64(u64::MAX));
    assert_eq!(read[0][3], Val::List(vec![Val::U8(1), Val::U8(2)]));
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let rest = r#""big":1,"who":[],"data":"""#;
    for (json, what, why) in [
        (format!(r#"{{"n":256,{rest}}}"#), "$.n does not fit", "wanted an integer from 0 to 255, got 256"),
        (format!(r#"{{"n":-1,{rest}}}"#), "$.n does not fit", "got -1"),
        (format!(r#"{{"n":1.5,{rest}}}"#), "$.n does not fit", "got 1.5"),
        (format!(r#"{{"n":"1",{rest}}}"#), "$.n does not fit", "got \"1\""),
        (format!(r#"{{{rest}}}"#), "$.n does not fit", "got nothing"),
        (format!(r#"{{"n":1,"N":2,{rest}}}"#), "$ has no `N`", "did you mean `n`?"),
        (format!(r#"{{"n":1,"n":2,{rest}}}"#), "$.n does not fit", "wanted it once, got it twice"),
        (r#"{"n":1,"big":"+5"}"#.into(), "$.big does not fit", "got \"+5\""),
        (r#"{"n":1,"big":18446744073709551616}"#.into(), "$.big does not fit", "got 18446744073709552000"),
        (r#"{"who":[{"name":"a"},{"name":7}]}"#.into(), "$.who[1].name does not fit", "wanted a string, got 7"),
        (r#"{"who":[{"name":"a","mood":"hapy"}]}"#.into(), "$.who[0].mood does not fit", "(did you mean \"happy\"?)"),
        (r#"{"who":[{"nam":"a"}]}"#.into(), "$.who[0] has no `nam`", "did you mean `name`?"),
        (r#"{"who":{}}"#.into(), "$.who does not fit", "wanted an array, got an object"),
        (r#"{"data":"A*"}"#.into(), "$.data does not fit", "wanted base64 text"),
        (r#"{"data":[1]}"#.into(), "$.data does not fit", "wanted base64 text, got an array"),
        (r#"{"maybe":1}"#.into(), "$.maybe does not fit", "wanted null or {\"some\": …}, got 1"),
        (r#"{"maybe":{"some":1e300}}"#.into(), "$.maybe.some does not fit", "in the range of 32 bits"),
        ("[1]".into(), "$ does not fit", "wanted 5 values, got 1"),
        ("[1,1,[],\"\",null,6]".into(), "$ does not fit", "wanted 5 values, got more"),
        ("7".into(), "$ does not fit", "an object of arguments by name"),
        ("null".into(), "$ does not fit", "got null"),
    ] {
        let failure = read(&json).unwrap_err();
        assert_eq!(failure.code(), Code::Input, "{json}");
        assert_eq!(failure.what(), what, "{json}");
        assert!(failure.reason().contains(why), "{json}: {failure}");
    }
}

#[test]
fn what_is_not_json_is_told_by_line_and_column() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for json in ["", "{", "{} {}", "{\"n\":1e400}", "{\"n\":\"\\ud800\"}", "{'n':1}", &deep] {
        let failure = read(json).unwrap_err();
        // What nests too deep may already be refused for its type.
        assert!(matches!(failure.code(), Code::InputNotJson | Code::Input), "{failure}");
    }
    assert!(read("{\n  \"n\": }").unwrap_err().reason().starts_with("line 2, column"));
}

#[test]
fn absent_options_do_not_multiply() {
    let id = ShapeId;
    let fields = (0..5_000).map(|n| (format!("field-{n}"), id(1))).collect();
    let shapes = Shapes::new(vec![Shape::Bool, Shape::Option(id(0)), Shape::Record(fields), Shape::List(id(2))]);
    let signature = Signature { params: vec![("x".to_owned(), id(3))], result: None };
    let bomb = format!("{{\"x\":[{}]}}", vec!["{}"; 100_000].join(","));
    let failure = arguments::<Val>(&shapes, &signature, &bomb, ByteSize::mib(8)).unwrap_err();
    assert_eq!(failure.code(), Code::InputTooLarge);
}
