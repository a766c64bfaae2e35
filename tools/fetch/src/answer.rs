//! What the functions answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotcell::Error;

use crate::Head;

/// More than this in one answer would not fit the 4 MiB that a host takes back by default, once it is JSON.
const MOST: u64 = 2 << 20;

/// How bytes are given back.
#[hotcell::input]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As text, if it is UTF-8 text.
    Text,
    /// As base64, whatever it is.
    Base64,
}

/// What came back.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// The status: 200 and its like for what went well.
    pub status: u16,
    /// Its headers, by their names in small letters; several of one name are joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The body, if text was asked for and it is text.
    pub text: Option<String>,
    /// The body as base64, if that was asked for.
    pub base64: Option<String>,
    /// Whether the body is not UTF-8 text.
    pub binary: bool,
    /// How many bytes of it were read.
    pub bytes: u64,
    /// Whether there was more than that.
    pub truncated: bool,
}

/// A file that was downloaded.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Downloaded {
    /// The status.
    pub status: u16,
    /// The path as it was asked for.
    pub path: String,
    /// Size of the file.
    pub bytes: u64,
    /// Of which kind it is, in the server's words.
    pub media_type: Option<String>,
}

/// The number of bytes to read at most.
pub(crate) fn most(max_bytes: u64) -> Result<usize, Error> {
    if !(4..=MOST).contains(&max_bytes) {
        let message = format!("must be between 4 and {MOST}, got {max_bytes}; `download` takes more");
        return Err(Error::invalid_input("$.max_bytes", message));
    }
    Ok(usize::try_from(max_bytes).unwrap_or(usize::MAX))
}

impl Answer {
    pub(crate) fn new(head: Head, mut body: Vec<u8>, most: usize, encoding: Encoding) -> Self {
        let truncated = body.len() > most;
        body.truncate(most);
        let whole = text(&body, truncated);
        let binary = whole.is_none();
        let (text, base64) = match (encoding, whole) {
            (Encoding::Text, text) => (text.map(str::to_owned), None),
            (Encoding::Base64, _) => (None, Some(STANDARD.encode(&body))),
        };
        let Head { status, headers } = head;
        Self { status, headers, text, base64, binary, bytes: body.len() as u64, truncated }
    }
}

/// The bytes as text, or nothing if they are none. A cut may go through a letter: then the text ends before it.
fn text(bytes: &[u8], cut: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if cut && error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|bytes| std::str::from_utf8(bytes).ok())
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &[u8], most: usize, encoding: Encoding) -> Answer {
        Answer::new(Head { status: 200, headers: BTreeMap::new() }, body.to_vec(), most, encoding)
    }

    #[test]
    fn text_is_text_and_the_rest_is_said_to_be_none() {
        let text = answer("größe".as_bytes(), 100, Encoding::Text);
        assert_eq!((text.text.as_deref(), text.binary, text.truncated, text.bytes), (Some("größe"), false, false, 7));
        // The cut goes through the ö.
        let cut = answer("größe".as_bytes(), 3, Encoding::Text);
        assert_eq!((cut.text.as_deref(), cut.binary, cut.truncated), (Some("gr"), false, true));
        let binary = answer(&[0xff, 0], 100, Encoding::Text);
        assert_eq!((binary.text, binary.base64, binary.binary), (None, None, true));
        assert_eq!(answer(&[0xff, 0], 100, Encoding::Base64).base64.as_deref(), Some("/wA="));
    }

    #[test]
    fn what_would_not_fit_an_answer_is_refused_before_it_is_read() {
        for (max_bytes, fits) in [(4, true), (MOST, true), (3, false), (MOST + 1, false)] {
            assert_eq!(most(max_bytes).is_ok(), fits, "{max_bytes}");
        }
    }
}
