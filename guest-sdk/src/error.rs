//! Why a tool gave no answer.
//!
//! Three ways, because a caller acts differently on each: it corrects its input, it reads what went wrong, or it comes
//! back later. A tool that only has something to say returns `Result<T, String>`; every error of the standard library and
//! of other crates becomes [`Error::Failed`] by `?`.
//!
//! `Error` isn't a `std::error::Error` itself, for the same reason as `anyhow::Error` isn't: the conversion from all of
//! them would then cover `Error` too.

use std::fmt;
use std::time::Duration;

/// Why a call gave no output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The input doesn't fit, and nothing was done.
    InvalidInput {
        /// Where in the input: `$` is all of it, `$.a[3].b` a place within.
        path: String,
        /// What was wanted there, and what was found.
        message: String,
    },
    /// The tool tried and failed.
    Failed(String),
    /// The tool can't do its work now, but may later.
    Unavailable {
        /// What is missing.
        message: String,
        /// When it is worth trying again, counted from now.
        retry_after: Option<Duration>,
    },
}

impl Error {
    /// Says that an argument doesn't fit: where (`$.pattern`, or just `pattern`), and why.
    pub fn invalid_input(path: impl AsRef<str>, message: impl fmt::Display) -> Self {
        let path = path.as_ref();
        let path = if path.starts_with('$') { path.to_owned() } else { format!("$.{path}") };
        Self::InvalidInput { path, message: message.to_string() }
    }

    /// Says that the tool failed: best what, why, and how to help it.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// Says that the tool can't do its work now, and when it may.
    pub fn unavailable(message: impl fmt::Display, retry_after: Option<Duration>) -> Self {
        Self::Unavailable { message: message.to_string(), retry_after }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput { path, message } => write!(f, "{path}: {message}"),
            Self::Failed(message) | Self::Unavailable { message, .. } => f.write_str(message),
        }
    }
}

/// Takes over the text of an error and of its sources.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            message.push_str(": ");
            message.push_str(&error.to_string());
            source = error.source();
        }
        Self::Failed(message)
    }
}

/// What the error of a tool's `Result` may be: anything that turns into [`Error`], or a text.
///
/// `From<String> for Error` would clash with the conversion from all errors, since `String` may become one some day. The
/// parameter keeps the two apart: it is [`Converted`] or [`Text`], and the compiler finds out which.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the error of a tool",
    label = "not an error that a caller can be given",
    note = "use `hotcell::Error`, `String`, any `std::error::Error`, or implement `From<{Self}> for hotcell::Error`"
)]
pub trait IntoError<Kind> {
    /// Makes it one.
    fn into_error(self) -> Error;
}

/// By [`Into`].
#[derive(Debug)]
pub struct Converted;

/// A text that says what failed.
#[derive(Debug)]
pub struct Text;

impl<E: Into<Error>> IntoError<Converted> for E {
    fn into_error(self) -> Error {
        self.into()
    }
}

impl IntoError<Text> for String {
    fn into_error(self) -> Error {
        Error::Failed(self)
    }
}

impl IntoError<Text> for &str {
    fn into_error(self) -> Error {
        Error::failed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<E: IntoError<K>, K>(error: E) -> String {
        error.into_error().to_string()
    }

    #[test]
    fn whatever_has_a_text_becomes_an_error() {
        assert_eq!(text("no such zone"), "no such zone");
        assert_eq!(text(String::from("no such zone")), "no such zone");
        assert_eq!(text(Error::failed("no such zone")), "no such zone");
        let number = "x".parse::<u8>().map_err(text);
        assert_eq!(number, Err("invalid digit found in string".to_owned()));
    }

    #[test]
    fn sources_are_told() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bad port")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = "x".parse::<u16>().map_err(Outer).map_err(Error::from);
        assert_eq!(error, Err(Error::failed("bad port: invalid digit found in string")));
    }

    #[test]
    fn a_path_starts_at_the_input() {
        for (given, path) in [("$.a[3].b", "$.a[3].b"), ("$", "$"), ("pattern", "$.pattern")] {
            assert_eq!(Error::invalid_input(given, "m").to_string(), format!("{path}: m"));
        }
    }
}
