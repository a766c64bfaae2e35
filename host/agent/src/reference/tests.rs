use serde_json::json;

use super::*;

fn resolve(reference: &str) -> Result<Value, Failure> {
    let steps = BTreeMap::from([
        (
            "list".parse().unwrap(),
            Arc::new(json!({
                "files": [{"path": "a.rs", "tags": []}, {"path": "b.rs"}],
                "odd key": {"}": 1}, "ünï": 2, "": 3, "0": 4,
            })),
        ),
        ("none".parse().unwrap(), Arc::new(Value::Null)),
    ]);
    let (input, item) = (json!("src"), json!({"n": [1, [2, 3]]}));
    let scope = Scope { input: &input, steps: &steps, item: Some((7, &item)) };
    let reference: Reference = reference.parse().unwrap();
    reference.resolve(&scope).map(Cow::into_owned)
}

#[test]
fn references_lead_to_values() {
    for (reference, value) in [
        ("input", json!("src")),
        (" index ", json!(7)),
        ("item.n[1][0]", json!(2)),
        ("item", json!({"n": [1, [2, 3]]})),
        ("steps.list.files[1].path", json!("b.rs")),
        ("steps.list.files[ 0 ].tags", json!([])),
        ("steps.list[\"odd key\"][\"}\"]", json!(1)),
        ("steps.list.ünï", json!(2)),
        ("steps.list[\"\"]", json!(3)),
        ("steps.list.0", json!(4)),
        ("steps.none", json!(null)),
    ] {
        assert_eq!(resolve(reference).unwrap(), value, "{reference}");
    }
}

#[test]
fn one_that_leads_nowhere_says_what_there_is() {
    for (reference, what, why) in [
        (
            "steps.list.fils[0]",
            "`{{steps.list.fils[0]}}` leads nowhere",
            "`steps.list` is an object with , 0, files, odd key, ünï",
        ),
        (
            "steps.list.files[2].path",
            "`{{steps.list.files[2].path}}` leads nowhere",
            "`steps.list.files` is a list of 2: write `[0]` for its first",
        ),
        (
            "steps.list.files.path",
            "`{{steps.list.files.path}}` leads nowhere",
            "`steps.list.files` is a list of 2: write `[0]` for its first",
        ),
        ("input.path", "`{{input.path}}` leads nowhere", "`input` is a string"),
        (
            "steps.none.x",
            "`{{steps.none.x}}` leads nowhere",
            "`steps.none` is null: the step was skipped, or has no result",
        ),
        ("steps.later", "`{{steps.later}}` leads nowhere", "there is no `steps.later` here"),
    ] {
        let failure = resolve(reference).unwrap_err();
        assert_eq!((failure.code(), failure.what(), failure.reason()), (Code::Reference, what, why));
    }
}

#[test]
fn without_a_list_there_is_no_item() {
    for reference in ["item", "index"] {
        let scope = Scope { input: &Value::Null, steps: &BTreeMap::new(), item: None };
        let failure = reference.parse::<Reference>().unwrap().resolve(&scope);
        assert_eq!(failure.unwrap_err().code(), Code::Reference);
    }
}

#[test]
fn what_is_no_reference_says_why() {
    for (text, hint) in [
        ("", "references are"),
        ("imput", "did you mean `input`?"),
        ("list.files", "`{{steps.list.files}}`"),
        ("steps", "steps.ID"),
        ("steps.", "steps.ID"),
        ("steps.A B", "steps.ID"),
        ("input.", "parts are"),
        ("input[", "parts are"),
        ("input[-1]", "parts are"),
        ("input[1", "parts are"),
        ("input[\"a]", "parts are"),
        ("input[\"a\"", "parts are"),
        ("input[99999999999999999999]", "parts are"),
        ("input . a", "parts are"),
        ("item | upper", "parts are"),
    ] {
        let error = text.parse::<Reference>().unwrap_err();
        let shown = error.hint().unwrap_or_default();
        assert!(shown.contains(hint), "{text:?}: {shown}");
    }
    assert!("index[0]".parse::<Reference>().is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_reference_or_an_error_and_what_is_shown_means_the_same(text in "(item|input|steps|index)?[a-z.\\[\\]\"\\\\0-9é{} ]{0,20}") {
        if let Ok(reference) = text.parse::<Reference>() {
            proptest::prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
    }
}
