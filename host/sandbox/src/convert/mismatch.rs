//! Why arguments do not fit: where, what was wanted, what was found.

use std::fmt::Write;

use hotcell_call::{ByteSize, Code, Failure, shortened};

use crate::describe::{Shape, Shapes};

/// The most steps of a path that are shown.
const MOST_STEPS: usize = 20;

/// A place in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Input that can't become values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// A value of another type.
    Type { path: String, wanted: String, got: String },
    /// A key that there isn't.
    Key { path: String, key: String, nearest: Option<String> },
    /// The values would take more of the host's memory than the limit on the input allows.
    Size { limit: ByteSize },
}

impl Mismatch {
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::Type { path, wanted, got } => {
                Failure::new(Code::Input, format!("{path} does not fit")).why(format!("wanted {wanted}, got {got}"))
            }
            Self::Key { path, key, nearest } => {
                let failure = Failure::new(Code::Input, format!("{path} has no `{key}`"));
                match nearest {
                    Some(nearest) => {
                        failure.why(format!("did you mean `{nearest}`?")).fix(format!("write `{nearest}`"))
                    }
                    None => failure.why("there is no such key"),
                }
            }
            Self::Size { limit } => Failure::new(Code::InputTooLarge, "the input is too large once it is read")
                .why(format!("its values take more than {limit} in the host, 16 times limits.input"))
                .reached(format!("more than {limit}"), limit),
        }
    }
}

/// `$.list[3].name`; a key that is no word is quoted.
pub(crate) fn path(steps: &[Step<'_>]) -> String {
    let mut text = "$".to_owned();
    for step in steps.iter().take(MOST_STEPS) {
        // Writing to a string never fails.
        let _ = match step {
            Step::Index(index) => write!(text, "[{index}]"),
            Step::Key(key) if is_word(key) => write!(text, ".{}", shortened(key, 60)),
            Step::Key(key) => write!(text, "[{:?}]", shortened(key, 60)),
        };
    }
    if steps.len() > MOST_STEPS {
        text.push('…');
    }
    text
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// What a shape wants, in words.
pub(crate) fn wanted_of(shape: &Shape, shapes: &Shapes) -> String {
    let some = |names: &mut dyn Iterator<Item = &String>| {
        let mut shown: Vec<String> = names.take(9).map(|name| format!("{:?}", shortened(name, 40))).collect();
        if shown.len() > 8 {
            shown.truncate(8);
            shown.push("…".to_owned());
        }
        shown.join(", ")
    };
    match shape {
        Shape::Bool => "true or false".to_owned(),
        Shape::S8 => format!("an integer from {} to {}", i8::MIN, i8::MAX),
        Shape::U8 => format!("an integer from 0 to {}", u8::MAX),
        Shape::S16 => format!("an integer from {} to {}", i16::MIN, i16::MAX),
        Shape::U16 => format!("an integer from 0 to {}", u16::MAX),
        Shape::S32 => format!("an integer from {} to {}", i32::MIN, i32::MAX),
        Shape::U32 => format!("an integer from 0 to {}", u32::MAX),
        Shape::S64 => format!("an integer from {} to {}, or its digits as a string", i64::MIN, i64::MAX),
        Shape::U64 => format!("an integer from 0 to {}, or its digits as a string", u64::MAX),
        Shape::F32 => "a number in the range of 32 bits, or \"NaN\", \"Infinity\", \"-Infinity\"".to_owned(),
        Shape::F64 => "a number, or \"NaN\", \"Infinity\", \"-Infinity\"".to_owned(),
        Shape::Char => "a string of one character".to_owned(),
        Shape::String => "a string".to_owned(),
        list if list.is_bytes(shapes) => "base64 text".to_owned(),
        Shape::List(_) => "an array".to_owned(),
        Shape::Record(_) => "an object".to_owned(),
        Shape::Tuple(parts) => format!("an array of {}", parts.len()),
        Shape::Variant(cases) => {
            format!("one of {}", some(&mut cases.iter().map(|(name, _)| name)))
        }
        Shape::Enum(names) => format!("one of {}", some(&mut names.iter())),
        Shape::Flags(names) => format!("a list, each once, of {}", some(&mut names.iter())),
        Shape::Option(_) => "a value or null".to_owned(),
        Shape::Result(..) => "{\"ok\": …} or {\"err\": …}".to_owned(),
    }
}

/// A text that was given, fit for a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text, 60))
}
