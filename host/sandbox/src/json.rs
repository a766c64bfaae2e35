//! Whether a text is JSON that everyone can read: well formed, and not nested too deep for a parser that recurses.

use memchr::memchr2;
use serde::de::IgnoredAny;

/// Levels of brackets that JSON may have: what `serde_json` takes, and with it most readers.
const MOST_DEPTH: usize = 127;

/// What makes a text no JSON, or none that can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotJson {
    #[error("line {}, column {}", .0.line(), .0.column())]
    Malformed(#[from] serde_json::Error),
    #[error("it nests {0} levels deep, of at most {MOST_DEPTH}")]
    Deep(usize),
}

/// Looks at every byte once or twice, and keeps nothing.
pub(crate) fn check(json: &str) -> Result<(), NotJson> {
    serde_json::from_str::<IgnoredAny>(json)?;
    // Most large results are one string.
    if !json.trim_start().starts_with(['[', '{']) {
        return Ok(());
    }
    match depth(json.as_bytes()) {
        deep if deep > MOST_DEPTH => Err(NotJson::Deep(deep)),
        _ => Ok(()),
    }
}

/// How deep the brackets nest in a text that is well formed.
fn depth(mut rest: &[u8]) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => rest = after_string(after),
            b'[' | b'{' => {
                depth += 1;
                most = most.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// What comes after the mark that ends a string.
fn after_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', text) {
        let after = text.get(at + 1..).unwrap_or_default();
        if text.get(at) == Some(&b'"') {
            return after;
        }
        text = after.get(1..).unwrap_or_default();
    }
    &[]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn brackets_within_strings_are_text() {
        for (json, deep) in [
            ("null", 0),
            ("[]", 1),
            (r#"{"a":[{}],"b":[]}"#, 3),
            (r#""[[[""#, 0),
            (r#"["\"[[",["\\",[]]]"#, 3),
            (r#"{"{\\":"}"}"#, 1),
        ] {
            assert_eq!(depth(json.as_bytes()), deep, "{json}");
        }
    }

    #[test]
    fn what_the_parser_takes_is_taken() {
        for levels in 100..140 {
            let json = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(check(&json).is_ok(), serde_json::from_str::<Value>(&json).is_ok(), "{levels}");
        }
        assert_eq!(check("[1,\n2").unwrap_err().to_string(), "line 2, column 1");
    }

    proptest! {
        #[test]
        fn no_text_is_taken_that_can_not_be_read(json in r#"[\[\]{}"\\,:a1 ]{0,40}"#) {
            prop_assert_eq!(check(&json).is_ok(), serde_json::from_str::<Value>(&json).is_ok());
        }
    }
}
