//! `find`: where a pattern is.

use hotcell::Error;
use regex::{Match as Span, Regex};

use crate::lines::Places;
use crate::pattern;

/// Bytes of matches and groups that are given back. A pattern with many groups could otherwise multiply a text.
const MAX_LISTED: usize = 1 << 20;

/// What was found.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Found {
    /// How many matches there are in the whole text, listed or not.
    pub count: usize,
    /// The first of them.
    pub matches: Vec<Match>,
}

/// One match.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Match {
    /// The line on which it starts, from 1.
    pub line: usize,
    /// The character of that line at which it starts, from 1.
    pub column: usize,
    /// What matched.
    pub text: String,
    /// What each group of the pattern matched; null for one that took no part.
    pub groups: Vec<Option<String>>,
}

/// Finds a regular expression in a text. The count is exact, the list may be cut.
///
/// Syntax as in Rust's `regex` crate: `\b \d \w`, `(?i)`, named groups, `\p{Lu}`; no look-around, no back-references.
/// `^` and `$` match at lines; `.` doesn't match a line's end unless `(?s)` is on.
#[hotcell::tool(effect = "pure")]
pub fn find(
    /// The text to search.
    text: String,
    /// The regular expression, e.g. `\b(TODO|FIXME)\b`.
    pattern: String,
    /// Largest number of matches to list (and no more than 1 MiB of them).
    #[hotcell(default = 100)]
    limit: u32,
    /// Whether `a` also matches `A`.
    #[hotcell(default = false)]
    ignore_case: bool,
) -> Result<Found, Error> {
    let regex = pattern::compile(&pattern, ignore_case)?;
    let mut places = Places::of(&text);
    let mut found = Found { count: 0, matches: Vec::new() };
    let mut room = MAX_LISTED;
    for span in regex.find_iter(&text) {
        if found.count == found.matches.len() && found.count < limit as usize {
            let (one, bytes) = describe(&regex, &text, span, &mut places);
            if let Some(left) = room.checked_sub(bytes) {
                room = left;
                found.matches.push(one);
            }
        }
        found.count += 1;
    }
    Ok(found)
}

fn describe(regex: &Regex, text: &str, span: Span<'_>, places: &mut Places<'_>) -> (Match, usize) {
    let (line, column) = places.at(span.start());
    let mut bytes = span.len();
    let mut groups = Vec::new();
    // A search from where this match starts gives the same match again, now with its groups.
    if regex.captures_len() > 1
        && let Some(captures) = regex.captures_at(text, span.start())
    {
        for group in captures.iter().skip(1) {
            bytes += group.map_or(0, |group| group.len());
            // Beyond the bound the match is dropped, so its groups need no text.
            groups.push(group.filter(|_| bytes <= MAX_LISTED).map(|group| group.as_str().to_owned()));
        }
    }
    (Match { line, column, text: span.as_str().to_owned(), groups }, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, pattern: &str, limit: u32) -> Found {
        find(text.into(), pattern.into(), limit, false).unwrap()
    }

    #[test]
    fn tells_places_and_groups() {
        let found = look("a TODO: one\nü FIXME(bob): two\n", r"(TODO|FIXME)(?:\((\w+)\))?: (?<what>.*)", 100);
        let group = |text: &str| Some(text.to_owned());
        assert_eq!(found.count, 2);
        assert_eq!(found.matches[0].groups, [group("TODO"), None, group("one")]);
        assert_eq!(found.matches[1].groups, [group("FIXME"), group("bob"), group("two")]);
        let places: Vec<_> = found.matches.iter().map(|m| (m.line, m.column, m.text.as_str())).collect();
        assert_eq!(places, [(1, 3, "TODO: one"), (2, 3, "FIXME(bob): two")]);
    }

    #[test]
    fn counts_beyond_the_limit() {
        let found = look("aaaaa", "a", 2);
        assert_eq!((found.count, found.matches.len()), (5, 2));
        assert_eq!(look("aaaaa", "a", 0).matches, []);
    }

    #[test]
    fn groups_of_matches_that_touch_are_their_own() {
        // An empty match right behind another is skipped: the second search must find the same ones.
        let found = look("abab c", "(a)|(b)?", 100);
        let seen: Vec<_> = found.matches.iter().map(|m| (m.column, m.text.as_str(), m.groups[0].is_some())).collect();
        assert_eq!(
            seen,
            [(1, "a", true), (2, "b", false), (3, "a", true), (4, "b", false), (6, "", false), (7, "", false)]
        );
    }

    #[test]
    fn lines_and_case() {
        assert_eq!(look("one\ntwo\nthree", "^t", 9).count, 2);
        assert_eq!(find("Todo TODO".into(), "todo".into(), 9, true).unwrap().count, 2);
    }

    #[test]
    fn what_is_listed_is_bounded() {
        let text = "x".repeat(MAX_LISTED);
        let found = look(&text, "(x+)(y)?", 9);
        assert_eq!((found.count, found.matches.len()), (1, 0));
        let found = look(&text, "(x{1000})", u32::MAX);
        assert_eq!(found.count, MAX_LISTED / 1000);
        assert_eq!(found.matches.len(), MAX_LISTED / 2000);
    }

    #[test]
    fn a_bad_pattern_is_shown() {
        for (pattern, part) in [
            ("a(b", "unclosed group"),
            (r"(a)\1", "backreferences are not supported"),
            (r"((\w{100}){100}){100}", "over "),
        ] {
            let error = find("x".into(), pattern.into(), 1, false).unwrap_err().to_string();
            assert!(error.starts_with("$.pattern: ") && error.contains(part), "{error}");
        }
    }

    #[test]
    fn answers_as_json() {
        assert_eq!(
            hotcell::call("find", r#"{"text": "a1\nb2", "pattern": "b(\\d)"}"#).unwrap(),
            r#"{"count":1,"matches":[{"line":2,"column":1,"text":"b2","groups":["2"]}]}"#
        );
    }
}
