//! Paths in one form: the one that is sent, and beside it the one that a careless server could read in it.
//!
//! `/v1/%2e%2e/admin` is `/admin` to everybody, so that is what is sent. `/v1/x%2f..%2f..%2fadmin` is a name below `/v1/` to a
//! strict server, and `/admin` to one that decodes first. Such a path is sent as it is, because some interfaces need it; a rule
//! allows it only if it allows both.

use std::fmt::Write as _;

/// A path in both readings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NetPath {
    /// What is sent: dots resolved, no empty names, what needs no escape without one, escapes in capital letters.
    pub(super) sent: String,
    /// The same with every escape undone, as often as there are any, and dots resolved then.
    pub(super) plain: Vec<u8>,
}

/// The most bytes of a path.
const MOST: usize = 8 << 10;
/// How often escapes may hide escapes.
const MOST_ROUNDS: usize = 4;

impl NetPath {
    /// Brings a path into its form; an empty one is that of the root.
    ///
    /// # Errors
    ///
    /// Why there is no such form.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > MOST {
            return Err("the path is longer than 8 KiB");
        }
        if !text.is_empty() && !text.starts_with(['/', '\\']) {
            return Err("a path begins with `/`");
        }
        let sent = resolved(escaped(text)?.as_bytes(), is_dots);
        let mut plain = sent.clone();
        for _ in 0..MOST_ROUNDS {
            match undone(&plain) {
                Some(less) => plain = less,
                None => {
                    // No byte of an escape is left in it, so this is the end.
                    let plain = resolved(&plain, is_careless_dots);
                    let sent = String::from_utf8(sent).map_err(|_| "the path is no text")?;
                    return Ok(Self { sent, plain });
                }
            }
        }
        Err("escapes are hidden in escapes too often")
    }

    /// Whether this begins as `start` does, whichever way it is read.
    pub(super) fn begins(&self, start: &Self) -> bool {
        self.sent.starts_with(&start.sent) && self.plain.starts_with(&start.plain)
    }
}

/// The path with needless escapes undone, needed ones made, and all of them in capital letters.
fn escaped(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, was_escaped) = match byte {
            b'%' => (hex(bytes.next(), bytes.next()).ok_or("a `%` is not followed by two hexadecimal digits")?, true),
            b'\\' => (b'/', false),
            byte => (byte, false),
        };
        if byte.is_ascii_control() {
            return Err("there is a control character in the path");
        }
        let raw = is_unreserved(byte) || (!was_escaped && is_plain_delimiter(byte));
        if raw {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(out)
}

/// One round of escapes undone; none if there are none.
fn undone(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.iter().copied();
    let mut any = false;
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        match (byte == b'%').then(|| hex(ahead.next(), ahead.next())).flatten() {
            Some(hidden) => {
                out.push(hidden);
                bytes = ahead;
                any = true;
            }
            None => out.push(byte),
        }
    }
    any.then_some(out)
}

fn hex(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// The path without empty names, `.` and `..`; whatever climbs above the root stays there.
fn resolved(path: &[u8], is_dots: fn(&[u8]) -> Option<usize>) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    let mut folder = true;
    for name in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        folder = true;
        match is_dots(name) {
            Some(0) => {}
            Some(_) => drop(names.pop()),
            None if name.is_empty() => {}
            None => {
                names.push(name);
                folder = false;
            }
        }
    }
    let mut out = vec![b'/'];
    out.extend(names.join(&b'/'));
    if folder && !names.is_empty() {
        out.push(b'/');
    }
    out
}

/// How many folders up a name leads, if it is one of dots.
fn is_dots(name: &[u8]) -> Option<usize> {
    match name {
        b"." => Some(0),
        b".." => Some(1),
        _ => None,
    }
}

/// As some servers see it, which cut a name's parameters off first: `..;x=1`.
fn is_careless_dots(name: &[u8]) -> Option<usize> {
    is_dots(name.split(|byte| *byte == b';').next().unwrap_or(name))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may stand in a path as it is, and is not the same as its escape. A `*` is escaped, so that in a rule it is a wild card.
fn is_plain_delimiter(byte: u8) -> bool {
    matches!(byte, b'/' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}
