//! Lays out JSON text without reading its values.
//!
//! What a tool answered is shown as it said it: numbers keep all their digits and objects their order, which a detour over
//! parsed values would lose. The text is JSON by the time it comes here; of anything else the layout would be strange, no more.

use hotcell_call::printable;

/// The text on lines of its own, indented by two.
pub(crate) fn pretty(text: &str) -> String {
    let mut laid = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut parts = parts(text).peekable();
    while let Some(part) = parts.next() {
        match part {
            "{" | "[" => {
                laid.push_str(part);
                if parts.peek().is_some_and(|next| matches!(*next, "}" | "]")) {
                    laid.push_str(parts.next().unwrap_or_default());
                } else {
                    depth += 1;
                    new_line(&mut laid, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                new_line(&mut laid, depth);
                laid.push_str(part);
            }
            "," => {
                laid.push(',');
                new_line(&mut laid, depth);
            }
            ":" => laid.push_str(": "),
            other => laid.push_str(other),
        }
    }
    laid
}

/// The text without a space that means nothing.
pub(crate) fn compact(text: &str) -> String {
    parts(text).collect()
}

/// The text with each character that could drive or deceive a terminal as an escape of JSON.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        let as_is: &str = c.encode_utf8(&mut buffer);
        if printable(as_is) == as_is {
            shown.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

fn new_line(laid: &mut String, depth: usize) {
    laid.push('\n');
    for _ in 0..depth {
        laid.push_str("  ");
    }
}

/// Strings, brackets, commas and colons, and what stands between them.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.bytes().next()?;
        let length = match first {
            b'"' => string_length(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest.find(['{', '}', '[', ']', ',', ':', '"', ' ', '\t', '\n', '\r']).unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at_checked(length.max(1))?;
        rest = after;
        Some(part)
    })
}

/// Bytes of the string that `text` begins with, both quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laid_out_and_back_again() {
        for (text, laid) in [
            ("1", "1"),
            ("{}", "{}"),
            (" [ ] ", "[]"),
            (
                r#"{"b":1,"a":[2,{"c":"x, [y\" ]"}]}"#,
                "{\n  \"b\": 1,\n  \"a\": [\n    2,\n    {\n      \"c\": \"x, [y\\\" ]\"\n    }\n  ]\n}",
            ),
            ("18446744073709551616.10", "18446744073709551616.10"),
            (r#""\\""#, r#""\\""#),
        ] {
            assert_eq!(pretty(text), laid);
            assert_eq!(compact(laid), compact(text));
        }
        assert_eq!(compact(" { \"a b\" : [ 1 , true , null ] } "), r#"{"a b":[1,true,null]}"#);
    }

    #[test]
    fn what_is_no_json_is_no_panic() {
        for text in ["", "\"", "\"\\", "}{", "ä:ö", "[[[", "\u{1f980}\""] {
            let _ = (pretty(text), compact(text), harmless(text));
        }
    }

    #[test]
    fn harmless_text_is_the_same_json() {
        let text = "\"a\u{9b}31m\u{202e}b\u{e0041}\u{7f}ü\"";
        let shown = harmless(text);
        assert_eq!(shown, "\"a\\u009b31m\\u202eb\\udb40\\udc41\\u007fü\"");
        let read = |text: &str| serde_json::from_str::<String>(text).unwrap();
        assert_eq!(read(&shown), read(text));
    }
}
