//! Long tokens that nobody typed.
//!
//! Entropy alone doesn't tell a key from a long name: both come near four bits a character. What names don't do is change
//! between capitals, small letters and digits at every other character, so that is asked as well. Digests and data, which
//! are as random, are known by what stands around them and by their length.

use std::ops::{Range, RangeInclusive};

use super::Suspect;

/// Shorter tokens look random too often; longer ones are data, not keys.
const LENGTHS: RangeInclusive<usize> = 32..=128;

/// Bits a character. Random base64 of 32 characters has about 4.5.
const ENTROPY: f64 = 4.2;

/// Share of neighbours that are of different classes. Random base64 has 0.6, `aName2LikeThis` under 0.4.
const CHANGES: f64 = 0.45;

/// How far around a token is looked for what it is: bounded, because a whole file may be one line.
const WINDOW: usize = 64;

/// What stands before digests, and before keys that are public.
const NOT_BEFORE: &[&str] = &[
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "h1:",
    "base64,",
    "integrity",
    "checksum",
    "digest",
    "hash",
    "fingerprint",
    "signature",
    "public",
];

/// Adds the tokens that look random.
pub(super) fn search(text: &str, suspects: &mut Vec<Suspect>) {
    for span in tokens(text) {
        let token = text.get(span.clone()).unwrap_or_default();
        if looks_random(token.trim_end_matches('=')) && Surroundings::of(text, &span).hold_a_value() {
            suspects.push(Suspect { secret: span.clone(), span, kind: "random token", shown: String::new() });
        }
    }
}

/// The runs of base64 characters, of either alphabet, with the signs that fill them up.
fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let skip = |from: usize, belongs: fn(&u8) -> bool| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|b| belongs(b)).count()
    };
    let mut position = 0;
    std::iter::from_fn(move || {
        let start = skip(position, |b| !is_base64(*b));
        let end = skip(start, |b| is_base64(*b));
        position = skip(end, |b| *b == b'=');
        (end > start).then_some(start..position)
    })
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-')
}

/// What stands around a token.
struct Surroundings<'a> {
    /// The end of the line before the token's.
    line_before: &'a str,
    /// What is left of the token, on its line.
    left: &'a str,
    /// What is right of it.
    right: &'a str,
    /// The beginning of the line after.
    line_after: &'a str,
}

impl<'a> Surroundings<'a> {
    fn of(text: &'a str, token: &Range<usize>) -> Self {
        let (before, left) = last_line(text.get(..token.start).unwrap_or_default());
        let (right, after) = first_line(text.get(token.end..).unwrap_or_default());
        Self { line_before: last_line(before).1, left, right, line_after: first_line(after).0 }
    }

    /// Whether the token stands where a value does: quoted, assigned, or alone. Digests and data are none.
    fn hold_a_value(&self) -> bool {
        let left = self.left.to_ascii_lowercase();
        if NOT_BEFORE.iter().any(|sign| left.contains(sign)) {
            return false;
        }
        let name = left.trim_end();
        if name.is_empty() && self.right.trim().is_empty() {
            // One line of many is data: a certificate, a picture.
            return !is_block(self.line_before) && !is_block(self.line_after);
        }
        let quote = |text: &str, found: Option<char>| {
            found.filter(|_| !text.is_empty()).filter(|c| matches!(c, '"' | '\'' | '`'))
        };
        if let Some(open) = quote(self.left, self.left.chars().next_back()) {
            return quote(self.right, self.right.chars().next()) == Some(open);
        }
        // Unquoted, a name may stand here as well as a value; a name goes on with a bracket, a dot, a semicolon.
        name.ends_with(['=', ':']) && self.right.trim_start_matches(',').trim().is_empty()
            || ["bearer", "basic"].iter().any(|word| name.ends_with(word))
    }
}

/// Whether a line is a part of a longer run of base64.
fn is_block(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("-----") || line.len() >= 16 && line.bytes().all(|b| is_base64(b) || b == b'=')
}

/// What is before the last line break, and the end of what follows it.
fn last_line(text: &str) -> (&str, &str) {
    let mut start = text.len().saturating_sub(WINDOW);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let near = text.get(start..).unwrap_or_default();
    match near.rfind('\n') {
        Some(found) => (text.get(..start + found).unwrap_or_default(), near.get(found + 1..).unwrap_or_default()),
        None => ("", near),
    }
}

/// The beginning of the first line, and what is after its end if that is near.
fn first_line(text: &str) -> (&str, &str) {
    let mut end = text.len().min(WINDOW);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = text.get(..end).unwrap_or_default();
    match near.split_once('\n') {
        Some((line, _)) => (line, text.get(line.len() + 1..).unwrap_or_default()),
        None => (near, ""),
    }
}

fn looks_random(token: &str) -> bool {
    let has = |class: fn(&u8) -> bool| token.bytes().filter(class).count() >= 2;
    // Three classes: hexadecimal has two, and is mostly a digest. `_Z` and `_R` begin names that a compiler made.
    LENGTHS.contains(&token.len())
        && !token.starts_with("_Z")
        && !token.starts_with("_R")
        && !token.contains("EXAMPLE")
        && in_few_parts(token)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
        && changes(token) >= CHANGES
        && entropy(token) >= ENTROPY
}

/// A path, an identifier of many words or a UUID is cut up more often than chance would cut a key.
fn in_few_parts(token: &str) -> bool {
    token.len() / token.split(['-', '_', '/']).count() >= 10
}

#[expect(clippy::cast_precision_loss, reason = "lengths of tokens are small")]
fn changes(token: &str) -> f64 {
    let class = |b: u8| match b {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let changed = token.bytes().zip(token.bytes().skip(1)).filter(|&(a, b)| class(a) != class(b)).count();
    changed as f64 / token.len().max(1) as f64
}

/// Shannon's, in bits a character.
#[expect(clippy::cast_precision_loss, reason = "lengths of tokens are small")]
fn entropy(token: &str) -> f64 {
    let mut bytes: Vec<u8> = token.bytes().collect();
    bytes.sort_unstable();
    let total = bytes.len() as f64;
    bytes.chunk_by(|a, b| a == b).map(|same| same.len() as f64 / total).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_counts_bits() {
        for (text, bits) in [("aaaa", 0.0), ("abab", 1.0), ("abcdefgh", 3.0)] {
            assert!((entropy(text) - bits).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn names_are_not_random_and_keys_are() {
        for (token, wanted) in [
            ("wJ4rXUtnF3MIK7MDb9RfiCYz2EX4qLp0", true),
            ("dGhpcyB3b3JkIGlzIHJhbmRvbSBieXRlcw", true),
            ("A1b2C3d4-5678-90aB-cDef-1234E5f6A7b8", false),
            ("convertHTTPRequestToBase64EncodedString2", false),
            ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", false),
            ("TEST_CASE_NUMBER_12_for_the_parser_of_things", false),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", false),
        ] {
            assert_eq!(looks_random(token), wanted, "{token} {} {}", entropy(token), changes(token));
        }
    }

    #[test]
    fn tokens_are_found_whole() {
        let text = "a1 é\"bc+/==\" K=v=";
        let found: Vec<_> = tokens(text).filter_map(|span| text.get(span)).collect();
        assert_eq!(found, ["a1", "bc+/==", "K=", "v="]);
    }
}
