//! One text for all ways to write the same JSON.
//!
//! Space goes, and the fields of objects are put in the order of their names. Numbers and strings stay as they were written: a number
//! that was read and written again may be another one, and 1 is not the 1.0 that somebody meant. So two texts may say the same and
//! still differ here, which costs an answer that could have been found, and never gives one to another question.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The canonical form of a JSON text; none for what is no JSON.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    write(text.trim_matches(SPACE), &mut out)?;
    Some(out)
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn write(value: &str, out: &mut String) -> Option<()> {
    match value.as_bytes().first()? {
        b'{' => {
            // Of a name that comes twice the last counts, as it does for whoever reads the text.
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(value).ok()?;
            out.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(name).ok()?);
                out.push(':');
                write(value.get(), out)?;
            }
            out.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item.get(), out)?;
            }
            out.push(']');
        }
        _ => out.push_str(value),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_space_make_no_difference_and_all_else_does() {
        let forms = [
            (r#"{"a":1,"b":[1,{"c":2,"d":3}]}"#, r#" { "b" : [ 1 , { "d" : 3, "c":2 } ] , "a" : 1 } "#),
            (r#"{"a":2}"#, r#"{"a":1,"a":2}"#),
            ("[]", " [ ] "),
            (r#""x y""#, r#" "x y" "#),
        ];
        for (canon, text) in forms {
            assert_eq!(canonical(text).unwrap(), canon);
            assert_eq!(canonical(canon).unwrap(), canon, "once is enough");
        }
        for (one, other) in [
            ("1", "1.0"),
            (r#""a ""#, r#""a""#),
            ("[1,2]", "[2,1]"),
            ("12345678901234567890123", "12345678901234567890124"),
        ] {
            assert_ne!(canonical(one), canonical(other));
        }
        for none in ["", "{", r#"{"a"}"#] {
            assert_eq!(canonical(none), None, "{none}");
        }
    }

    #[test]
    fn what_nests_deep_is_read_as_deep_as_it_was_let_in() {
        let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
        assert_eq!(canonical(&deep).unwrap(), deep);
    }
}
