//! JSON text laid out anew, token by token.
//!
//! The text is never turned into values: a number keeps all its digits, a string its escapes, an object the order of its
//! keys and even a key that is there twice. A parser has checked the text first, so that the layout may take for granted that
//! brackets match and strings end.

use hotcell::Error;
use hotcell::serde::de::IgnoredAny;
use hotcell::serde_json;

const WIDEST: u8 = 16;
/// Bytes of the result: 120 levels of 16 spaces make a small text a large one.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Whether a text is JSON.
#[hotcell::output]
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is.
    pub valid: bool,
    /// What is wrong, if it is not.
    pub error: Option<String>,
    /// The line at which it is wrong, from 1.
    pub line: Option<usize>,
    /// The column at which it is wrong, from 1.
    pub column: Option<usize>,
}

/// Checks a text.
pub(crate) fn check(text: &str) -> Verdict {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Verdict { valid: true, error: None, line: None, column: None },
        Err(error) => Verdict {
            valid: false,
            line: Some(error.line()),
            column: Some(error.column()),
            error: Some(error.to_string()),
        },
    }
}

/// Lays a text out with `indent` spaces per level, or on one line if that is 0.
pub(crate) fn format(text: &str, indent: u8) -> Result<String, Error> {
    if indent > WIDEST {
        return Err(Error::invalid_input("$.indent", format!("must be between 0 and {WIDEST}, got {indent}")));
    }
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| Error::invalid_input("$.text", format!("is not JSON: {error}")))?;
    let mut layout = Layout { out: String::with_capacity(text.len()), indent: usize::from(indent), level: 0 };
    for token in Tokens(text) {
        layout.put(token);
        if layout.out.len() > MOST_BYTES {
            return Err(Error::failed(format!(
                "the result is larger than {MOST_BYTES} bytes; choose a smaller indent"
            )));
        }
    }
    Ok(layout.out)
}

struct Layout {
    out: String,
    indent: usize,
    level: usize,
}

// === impl Layout ===

impl Layout {
    fn put(&mut self, token: &str) {
        let empty = self.out.ends_with(['[', '{']);
        match token {
            "]" | "}" => {
                self.level = self.level.saturating_sub(1);
                if !empty {
                    self.line();
                }
            }
            "," | ":" => {}
            _ if empty || self.out.ends_with(',') => self.line(),
            _ => {}
        }
        self.out.push_str(token);
        match token {
            "[" | "{" => self.level += 1,
            ":" if self.indent > 0 => self.out.push(' '),
            _ => {}
        }
    }

    fn line(&mut self) {
        if self.indent > 0 {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', self.indent * self.level));
        }
    }
}

/// The tokens of a text that is known to be JSON.
struct Tokens<'a>(&'a str);

// === impl Tokens ===

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_ascii_start();
        let length = match self.0.bytes().next()? {
            b'"' => string_length(self.0),
            b'[' | b']' | b'{' | b'}' | b',' | b':' => 1,
            _ => self.0.find(|c: char| c.is_ascii_whitespace() || "[]{},:\"".contains(c)).unwrap_or(self.0.len()),
        };
        let (token, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(token)
    }
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}
