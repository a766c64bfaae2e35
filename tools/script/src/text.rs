//! Texts made fit to be given back.

/// The first `most` bytes of a text, and a mark if there are more. It never cuts through a character.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// JSON text as written by JavaScript, with a replacement character for each half of a character.
///
/// Texts of JavaScript may hold such halves, and JSON writes them as escapes from `\ud800` to `\udfff`. No text of Unicode
/// can hold them, so every other reader refuses them. Whole characters are never written as escapes.
pub(crate) fn well_formed(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escaped) = rest.split_at(at);
        let length = if escaped.starts_with("\\u") { 6 } else { 2 };
        let (escape, after) = escaped.split_at_checked(length).unwrap_or((escaped, ""));
        let is_half =
            escape.strip_prefix("\\ud").is_some_and(|hex| hex.starts_with(['8', '9', 'a', 'b', 'c', 'd', 'e', 'f']));
        whole.push_str(before);
        whole.push_str(if is_half { "\\ufffd" } else { escape });
        rest = after;
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::{cut, well_formed};

    #[test]
    fn cuts_between_characters() {
        for (text, most, expect) in
            [("abc", 3, "abc"), ("abcd", 3, "abc…"), ("aé", 2, "a…"), ("é", 1, "…"), ("", 0, "")]
        {
            assert_eq!(cut(text, most), expect, "{text} to {most}");
        }
    }

    #[test]
    fn replaces_halves_of_characters() {
        for (json, expect) in [
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\udfff\udc00""#, r#""\ufffd\ufffd""#),
            (r#""\\ud800 \ud7ff \u0001 \n \"\ude00""#, r#""\\ud800 \ud7ff \u0001 \n \"\ufffd""#),
            ("[1]", "[1]"),
            ("\\", "\\"),
            ("\\ud8", "\\ufffd"),
        ] {
            assert_eq!(well_formed(json), expect, "{json}");
        }
    }
}
