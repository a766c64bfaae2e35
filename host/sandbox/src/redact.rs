//! Takes secrets out of whatever leaves a call.
//!
//! A guest is never shown a secret, but a server may send one back. So every text that leaves is searched for it: as it is, with any
//! of its letters escaped as in URLs and in JSON, in hexadecimal digits, and in base64 of both alphabets, wherever in a group of
//! three bytes it begins. What this can't find is a secret that was changed on purpose: cut in two, reversed, enciphered.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What is searched for.
pub struct Redactor {
    needles: Vec<Needle>,
    /// Which bytes something that is found can begin with.
    begins: [bool; 256],
}

struct Needle {
    letters: Vec<u8>,
    any_case: bool,
    instead: String,
}

impl Redactor {
    /// Searches for these: names and values.
    #[must_use]
    pub fn new<'a>(secrets: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut needles = Vec::new();
        for (name, value) in secrets {
            let instead = format!("[redacted:{name}]");
            let mut add =
                |letters: Vec<u8>, any_case| needles.push(Needle { letters, any_case, instead: instead.clone() });
            add(value.as_bytes().to_vec(), false);
            add(value.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(), true);
            for before in 0..3 {
                let mut bytes = vec![0; before];
                bytes.extend_from_slice(value.as_bytes());
                // Only the digits that this secret alone decides: those at its ends depend on what is beside it.
                let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
                for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                    add(text.get(first..last).unwrap_or_default().as_bytes().to_vec(), false);
                }
            }
        }
        // What was replaced by the longest is not found again in part.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.letters.len()));
        needles.dedup_by(|one, other| one.letters == other.letters && one.any_case == other.any_case);
        let mut begins = [false; 256];
        for byte in needles.iter().filter_map(|needle| needle.letters.first()) {
            for byte in [byte.to_ascii_lowercase(), byte.to_ascii_uppercase(), b'%', b'\\'] {
                if let Some(begins) = begins.get_mut(usize::from(byte)) {
                    *begins = true;
                }
            }
        }
        Self { needles, begins }
    }

    /// The text with every secret replaced; none if there is none in it.
    pub(crate) fn redacted(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            match self.found(text, at, rest) {
                Some((needle, length)) => {
                    out.extend_from_slice(text.get(copied..at).unwrap_or_default());
                    out.extend_from_slice(needle.instead.as_bytes());
                    at += length;
                    copied = at;
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return None;
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        Some(out)
    }

    /// Covers every secret with stars.
    pub(crate) fn mask(&self, text: &mut [u8]) {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            match self.found(text, at, rest).map(|(_, length)| length) {
                Some(length) => {
                    if let Some(found) = text.get_mut(at..at + length) {
                        found.fill(b'*');
                    }
                    at += length;
                }
                None => at += 1,
            }
        }
    }

    /// The most bytes that anything that is found can take: each of its letters in the longest of their forms.
    pub(crate) fn longest(&self) -> usize {
        self.needles.iter().map(|needle| needle.letters.len() * 6).max().unwrap_or_default()
    }

    /// The text with every secret replaced; none if there is none in it.
    #[must_use]
    pub fn text(&self, text: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.redacted(text.as_bytes())?).into_owned())
    }

    fn found(&self, text: &[u8], at: usize, rest: &[u8]) -> Option<(&Needle, usize)> {
        let first = *rest.first()?;
        if !self.begins.get(usize::from(first)).is_some_and(|begins| *begins) {
            return None;
        }
        // The second of two is no escape, but what the first one escapes.
        let before = text.get(..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if first == b'\\' && before % 2 == 1 {
            return None;
        }
        self.needles.iter().find_map(|needle| Some((needle, needle.length_in(rest)?)))
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("needles", &self.needles.len()).finish()
    }
}

impl Needle {
    /// How long it is at the beginning of `text`, if it is there.
    fn length_in(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        for letter in &self.letters {
            let (byte, length) = letter_of(text.get(at..)?)?;
            let same = byte == *letter || (self.any_case && byte.eq_ignore_ascii_case(letter));
            if !same {
                return None;
            }
            at += length;
        }
        (at > 0).then_some(at)
    }
}

/// The letter with which a text begins, and how many bytes it takes: one, or more if it is escaped.
fn letter_of(text: &[u8]) -> Option<(u8, usize)> {
    let hex = |digits: &[u8]| {
        let digits =
            std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(digits, 16).ok()
    };
    let escaped = match text {
        [b'%', high, low, ..] => hex(&[*high, *low]).map(|byte| (byte, 3)),
        [b'\\', b'u', b'0', b'0', high, low, ..] => hex(&[*high, *low]).map(|byte| (byte, 6)),
        [b'\\', b'/', ..] => Some((b'/', 2)),
        _ => None,
    };
    escaped.or_else(|| text.first().map(|byte| (*byte, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "sk-live/4f+9A~z 7Q==";

    fn redactor() -> Redactor {
        Redactor::new([("KEY", VALUE)].into_iter())
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let percent: String = VALUE.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
        let json: String = VALUE.bytes().map(|byte| format!("\\u00{byte:02X}")).collect();
        for form in [
            VALUE.to_owned(),
            VALUE.replace('/', "%2f").replace('+', "%2B").replace(' ', "%20").replace('=', "%3d"),
            VALUE.replace('/', "\\/"),
            percent.clone(),
            percent.to_lowercase(),
            hex.clone(),
            hex.to_uppercase(),
            json,
        ] {
            assert_eq!(redactor().text(&format!("a{form}b")).as_deref(), Some("a[redacted:KEY]b"), "{form}");
            assert_eq!(redactor().text(&format!("{form}{form}")).as_deref(), Some("[redacted:KEY][redacted:KEY]"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_base64_of_it_is_left(before in ".{0,5}", after in ".{0,5}", value in "[!#-\\[\\]-~]{8,40}") {
            let redactor = Redactor::new([("KEY", value.as_str())].into_iter());
            let whole = format!("{before}{value}{after}");
            for text in [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
                let left = redactor.text(&text).unwrap_or_default();
                proptest::prop_assert!(left.contains("[redacted:KEY]"), "{text} {left}");
                // At most a group of four digits on each side is left, and of these not all are its own.
                let own = text.len() - (left.len() - "[redacted:KEY]".len());
                proptest::prop_assert!(own * 6 + 10 >= value.len() * 8, "{text} {left}");
            }
        }

        #[test]
        fn what_holds_no_secret_stays_as_it_is(text in "[a-h0-9%\\\\u/]{0,80}") {
            proptest::prop_assert_eq!(redactor().text(&text), None);
        }

        #[test]
        fn json_stays_json(before in ".{0,10}", after in ".{0,10}") {
            let json = serde_json::to_string(&format!("{before}{VALUE}{after}")).unwrap();
            let redacted = redactor().text(&json).unwrap();
            let text: String = serde_json::from_str(&redacted).unwrap();
            proptest::prop_assert!(!text.contains(VALUE));
        }
    }
}
