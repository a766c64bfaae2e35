//! Bytes of a file as an answer: text where they are text, base64 on request.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hotcell::Error;

use crate::fault;

/// The longest character of UTF-8: with less, a part could hold no whole character, and reading on would never end.
const LEAST: u64 = 4;
/// More than this in one answer would not fit the 4 MiB that a host takes back by default, once it is JSON.
const MOST: u64 = 2 * 1024 * 1024;

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

/// A file, or the part of it that was read.
#[hotcell::output]
#[derive(Debug)]
pub struct Content {
    /// The path as it was asked for.
    pub path: String,
    /// Size of the whole file in bytes.
    pub bytes: u64,
    /// The content, if text was asked for and it is text.
    pub text: Option<String>,
    /// The content as base64, if that was asked for.
    pub base64: Option<String>,
    /// Whether the bytes read are not UTF-8 text.
    pub binary: bool,
    /// Whether the file goes on after what was read.
    pub truncated: bool,
    /// Where to go on reading, as `offset`, if the file goes on.
    pub next: Option<u64>,
}

/// Reads at most `max_bytes` of the file at `path`, from `offset`.
pub(crate) fn read(path: &str, offset: u64, max_bytes: u64, encoding: Encoding) -> Result<Content, Error> {
    if !(LEAST..=MOST).contains(&max_bytes) {
        let message =
            format!("must be between {LEAST} and {MOST}, got {max_bytes}; read a longer file in parts, with `offset`");
        return Err(Error::invalid_input("$.max_bytes", message));
    }
    let failed = |error| fault::io("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if offset > 0 {
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    }
    let mut data = Vec::new();
    // One byte more than asked for tells whether the file goes on, also where its size is not the truth.
    file.take(max_bytes + 1).read_to_end(&mut data).map_err(failed)?;
    let truncated = data.len() as u64 > max_bytes;
    data.truncate(usize::try_from(max_bytes).unwrap_or(usize::MAX));

    let whole = text_part(&data, truncated);
    let binary = whole.is_none();
    let (text, base64, used) = match (encoding, whole) {
        (Encoding::Text, Some(text)) => (Some(text.to_owned()), None, text.len()),
        (Encoding::Text, None) => (None, None, data.len()),
        (Encoding::Base64, _) => (None, Some(STANDARD.encode(&data)), data.len()),
    };
    let next = truncated.then(|| offset.saturating_add(used as u64));
    Ok(Content { path: path.to_owned(), bytes, text, base64, binary, truncated, next })
}

/// The bytes as text, or nothing if they are not text.
///
/// A cut may go through a character: then the text ends before it, and the next part begins with it.
fn text_part(data: &[u8], truncated: bool) -> Option<&str> {
    if data.contains(&0) {
        return None;
    }
    match std::str::from_utf8(data) {
        Ok(text) => Some(text),
        Err(error) if truncated && error.error_len().is_none() && error.valid_up_to() > 0 => {
            std::str::from_utf8(data.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

/// The bytes to write, given in exactly one of the two forms.
pub(crate) fn to_write(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, Error> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => STANDARD
            .decode(base64.trim_ascii())
            .map_err(|error| Error::invalid_input("$.base64", format!("is not base64: {error}"))),
        (None, None) => {
            Err(Error::invalid_input("$", "needs `text` or `base64`; for an empty file give `text` as \"\""))
        }
        (Some(_), Some(_)) => Err(Error::invalid_input("$", "has both `text` and `base64`; give one of them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_inside_a_character_ends_the_text_before_it() {
        let euro = "a€".as_bytes();
        for (data, truncated, expect) in [
            (&b"plain"[..], false, Some("plain")),
            (b"", false, Some("")),
            (euro, true, Some("a€")),
            (&euro[..2], true, Some("a")),
            (&euro[..3], true, Some("a")),
            (&euro[..3], false, None),
            (b"a\0b", false, None),
            (b"\xff\xfe", true, None),
            (b"ab\xffcd", true, None),
        ] {
            assert_eq!(text_part(data, truncated), expect, "{data:?}, truncated: {truncated}");
        }
    }

    #[test]
    fn content_comes_in_one_form() {
        let given = |text: Option<&str>, base64: Option<&str>| {
            to_write(text.map(str::to_owned), base64.map(str::to_owned)).map_err(|error| error.to_string())
        };
        assert_eq!(given(Some("hi"), None).as_deref(), Ok(&b"hi"[..]));
        assert_eq!(given(None, Some("/wA=\n")).as_deref(), Ok(&b"\xff\0"[..]));
        for (text, base64, names) in
            [(None, None, "needs `text` or `base64`"), (Some("a"), Some("YQ=="), "both"), (None, Some("?"), "$.base64")]
        {
            let error = given(text, base64).expect_err("must be refused");
            assert!(error.contains(names), "{error}");
        }
    }
}
