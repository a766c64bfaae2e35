//! `tokens` of a tenant: what its callers show to be taken for it, as hashes.
//!
//! A token is made by hotcell (256 bits of chance), so its hash needs no salt and no slow function: there is nothing to be guessed.
//! What stands in the file is of no use to whoever reads it.

use std::fmt;
use std::str::FromStr;

use hotcell_call::shortened;
use rand::TryRngCore as _;
use sha2::{Digest as _, Sha256};

/// A token that a tenant's callers may show: its hash, and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    sha256: [u8; 32],
    /// The first second that it is not good for any more, since 1970; none: it is good until it is taken out of the file.
    end: Option<u64>,
}

/// Why a text is no hash of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no hash of a token: \"sha256:\" and 64 hex digits, as `hotcell token` prints it; and then, if it is to end, \" until 2027-01-31\""
)]
pub struct TokenError(String);

const DAY: u64 = 86_400;

impl Token {
    /// That of a token which never ends by itself.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self { sha256: Sha256::digest(token).into(), end: None }
    }

    /// A new token, and not its hash: `hc_` and 64 hex digits of the system's chance.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub fn generate() -> Result<String, rand::rand_core::OsError> {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes)?;
        Ok(bytes.iter().fold("hc_".to_owned(), |token, byte| format!("{token}{byte:02x}")))
    }

    /// Whether somebody who shows the token of that hash may come in at `now`, in seconds since 1970.
    ///
    /// Takes the same time whatever is shown: the hash does not tell how much of it was right.
    #[must_use]
    pub fn admits(&self, shown: &Self, now: u64) -> bool {
        let differs = self.sha256.iter().zip(&shown.sha256).fold(0, |differs, (one, other)| differs | (one ^ other));
        std::hint::black_box(differs) == 0 && self.end.is_none_or(|end| now < end)
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let error = || TokenError(shortened(text, 80));
        let (hash, end) = match text.split_once(" until ") {
            Some((hash, day)) => (hash, Some(end_of(day).ok_or_else(error)?)),
            None => (text, None),
        };
        let hex = hash
            .strip_prefix("sha256:")
            .filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or_else(error)?;
        let mut sha256 = [0; 32];
        for (byte, digits) in sha256.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(Self { sha256, end })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The end of a day in UTC, `2027-01-31`, in seconds since 1970.
fn end_of(day: &str) -> Option<u64> {
    let mut parts =
        day.splitn(3, '-').map(|part| part.parse::<u64>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit())));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = days.get(..usize::try_from(month.checked_sub(1)?).ok()?)?.iter().sum::<u64>();
    let length = *days.get(usize::try_from(month - 1).ok()?)?;
    if !(1970..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let years = year - 1970;
    // Leap days since 1970, of the years before this one.
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    Some((years * 365 + leaps(year - 1) - leaps(1969) + before + day) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_where_calendars_say() {
        // By `date -u -d 'DAY + 1 day' +%s`.
        for (day, end) in [
            ("1970-01-01", Some(86_400)),
            ("2000-02-29", Some(951_868_800)),
            ("2026-11-29", Some(1_795_996_800)),
            ("2027-12-31", Some(1_830_297_600)),
            ("2028-03-01", Some(1_835_568_000)),
            ("2100-02-28", Some(4_107_542_400)),
            ("2100-02-29", None),
            ("2027-02-30", None),
            ("2027-13-01", None),
            ("2027-00-10", None),
            ("1969-12-31", None),
            ("27-01-01", None),
            ("2027-01", None),
            ("+2027-01-01", None),
            ("", None),
        ] {
            assert_eq!(end_of(day), end, "{day}");
        }
    }

    #[test]
    fn a_hash_admits_its_token_alone_and_until_its_day() {
        let shown = Token::of("hc_0123");
        let ends: Token = format!("{shown} until 1970-01-02").parse().unwrap();
        let stays: Token = shown.to_string().parse().unwrap();
        assert_eq!(stays, shown);
        for (token, other, now, admits) in [
            (&stays, &shown, u64::MAX, true),
            (&ends, &shown, 2 * DAY - 1, true),
            (&ends, &shown, 2 * DAY, false),
            (&stays, &Token::of("hc_0124"), 0, false),
            (&stays, &Token::of(""), 0, false),
        ] {
            assert_eq!(token.admits(other, now), admits, "{token:?} {now}");
        }
        for bad in [
            "",
            "sha256:",
            "sha256:00",
            "hc_0123",
            &format!("sha256:{}", "é".repeat(32)),
            &format!("{shown} until soon"),
        ] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
        assert!(shown.to_string().to_uppercase().replace("SHA256", "sha256").parse::<Token>().is_ok(), "either case");
    }
}
