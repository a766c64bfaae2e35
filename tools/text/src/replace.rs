//! `replace`: a text with other words in it.

use hotcell::Error;

use crate::pattern;

/// The largest text that is given back: what a caller gets at most, so there is no use in making more.
const MAX_TEXT: usize = 4 << 20;

/// A text after replacing.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Replaced {
    /// The new text.
    pub text: String,
    /// How many matches were replaced.
    pub count: usize,
}

/// Replaces each match of a regular expression. Syntax as for `find`.
#[hotcell::tool(effect = "pure")]
pub fn replace(
    /// The text to change.
    text: String,
    /// The regular expression, e.g. `(\d+)-(\d+)`.
    pattern: String,
    /// What to put in place of each match. `$1` or `${1}` is the first group, `${name}` a named one, `$0` the match,
    /// `$$` a dollar sign.
    replacement: String,
    /// Largest number of matches to replace, from the beginning; all if not given.
    limit: Option<u32>,
    /// Whether `a` also matches `A`.
    #[hotcell(default = false)]
    ignore_case: bool,
) -> Result<Replaced, Error> {
    let regex = pattern::compile(&pattern, ignore_case)?;
    let references = replacement.matches('$').count();
    let mut replaced = Replaced { text: String::with_capacity(text.len()), count: 0 };
    let mut rest = 0;
    for captures in regex.captures_iter(&text).take(limit.map_or(usize::MAX, |limit| limit as usize)) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        let between = text.get(rest..whole.start()).unwrap_or_default();
        // A group is a part of its match, so this is the most that this replacement can give.
        let most = references.saturating_mul(whole.len()).saturating_add(replacement.len() + between.len());
        if most > MAX_TEXT.saturating_sub(replaced.text.len()) {
            return Err(too_long(replaced.count));
        }
        replaced.text.push_str(between);
        captures.expand(&replacement, &mut replaced.text);
        replaced.count += 1;
        rest = whole.end();
    }
    let tail = text.get(rest..).unwrap_or_default();
    if replaced.text.len() + tail.len() > MAX_TEXT {
        return Err(too_long(replaced.count));
    }
    replaced.text.push_str(tail);
    Ok(replaced)
}

fn too_long(count: usize) -> Error {
    Error::failed(format_args!(
        "the new text would be longer than {MAX_TEXT} bytes (seen after {count} replacements); use `limit`, or a shorter `replacement`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces() {
        for (text, pattern, replacement, limit, wanted, count) in [
            ("1-2 3-4", r"(\d)-(\d)", "$2-$1", None, "2-1 4-3", 2),
            ("1-2 3-4", r"(\d)-(\d)", "<$0>", Some(1), "<1-2> 3-4", 1),
            ("aaa", "a", "b", Some(0), "aaa", 0),
            ("Jane Doe", r"(?<first>\w+) (?<last>\w+)", "${last}, ${first}", None, "Doe, Jane", 1),
            ("price", "price", "$$5", None, "$5", 1),
            ("äöü", "", "-", None, "-ä-ö-ü-", 4),
            ("a\nb", "^", "> ", None, "> a\n> b", 2),
            ("", "x", "y", None, "", 0),
        ] {
            let replaced = replace(text.into(), pattern.into(), replacement.into(), limit, false).unwrap();
            assert_eq!((replaced.text.as_str(), replaced.count), (wanted, count), "{pattern}");
        }
    }

    #[test]
    fn growth_is_bounded() {
        for (text, pattern, replacement) in [
            ("x".repeat(1 << 20), "", "y".repeat(1 << 20)),
            ("x".repeat(1 << 20), "x+", "$0".repeat(1 << 20)),
            ("x".repeat(MAX_TEXT), "^", "yy".to_owned()),
        ] {
            let error = replace(text, pattern.into(), replacement, None, false).unwrap_err().to_string();
            assert!(error.contains("would be longer than 4194304 bytes"), "{error}");
        }
    }

    #[test]
    fn a_text_as_long_as_the_bound_is_given_back() {
        let replaced = replace("x".repeat(MAX_TEXT), "y".into(), "z".into(), None, false).unwrap();
        assert_eq!((replaced.text.len(), replaced.count), (MAX_TEXT, 0));
    }
}
