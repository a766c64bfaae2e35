//! What the compile child says to its parent: one answer on its stdout, in a frame.
//!
//! Parent and child are the same program, so there is no version to agree on; but the child has read hostile bytes, so the parent
//! takes nothing of the frame on trust: lengths are bounded, and the report is checked before it is used.

use hotcell_call::{ByteSize, Code, Failure};
use serde::{Deserialize, Serialize};

use crate::describe::{ListedTool, Report};

/// How the frame begins.
const MAGIC: [u8; 8] = *b"hotcell\x01";
/// The header: magic, kind, length of the report, length of the code.
pub(crate) const HEADER: usize = 8 + 1 + 8 + 8;
/// The largest report.
pub(crate) const MOST_REPORT: u64 = 16 << 20;

/// What is known of a component beside its code: what is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) report: Report,
    /// The size of the component's file.
    pub(crate) size: u64,
    /// The answer of its `list`, once it was asked.
    pub(crate) listed: Option<Vec<ListedTool>>,
}

/// What is in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A report and code.
    Compiled,
    /// A report on a component that is refused for what it imports or exports: no code.
    Described,
    /// A [`Refusal`].
    Refused,
}

/// Why the child made no code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refusal {
    /// The bytes break the format: where, and which of its rules, in the parser's words.
    Malformed { offset: u64, rule: String },
    /// A proposal that is switched off.
    Feature { name: String },
    /// It is valid, but the engine would not have it; its words.
    Engine { reason: String },
    /// The child itself could not work.
    Child { reason: String },
}

/// Writes the header of a frame.
pub(crate) fn header(kind: Kind, report: usize, code: usize) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.push(match kind {
        Kind::Compiled => 0,
        Kind::Described => 1,
        Kind::Refused => 2,
    });
    for length in [report, code] {
        header.extend(u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes());
    }
    header
}

/// Reads the header of a frame: its kind and the two lengths.
pub(crate) fn read_header(header: &[u8; HEADER]) -> Option<(Kind, u64, u64)> {
    let rest = header.strip_prefix(&MAGIC)?;
    let (kind, lengths) = rest.split_first()?;
    let kind = match kind {
        0 => Kind::Compiled,
        1 => Kind::Described,
        2 => Kind::Refused,
        _ => return None,
    };
    let (report, code) = lengths.split_first_chunk::<8>()?;
    let report = u64::from_le_bytes(*report);
    let code = u64::from_le_bytes(*code.first_chunk::<8>()?);
    (report <= MOST_REPORT).then_some((kind, report, code))
}

impl Refusal {
    pub(crate) fn failure(self, name: &str, size: ByteSize) -> Failure {
        match self {
            Self::Malformed { offset, rule } => Failure::new(Code::NotComponent, format!("{name} is not a component"))
                .why(format!("it begins like one, but breaks the format at byte {offset} of {}: {rule}", size.as_u64()))
                .fix("build or download it again: it is damaged, or cut off"),
            Self::Feature { name: feature } => {
                Failure::new(Code::Import, format!("{name} needs {feature}, which is switched off"))
                    .why("hotcell runs components of WASI 0.2, without proposals whose limits can't be kept")
                    .fix("build it without, for example with `--target wasm32-wasip2`")
            }
            Self::Engine { reason } => Failure::new(Code::Compile, format!("{name} can't be compiled"))
                .why("it is valid, but beyond what the engine takes")
                .fix("split it into smaller parts, or tell its author")
                .caused_by(reason),
            Self::Child { reason } => Failure::new(Code::Fault, format!("the compiler could not work on {name}"))
                .why("its process could not set its own limits or read its input")
                .caused_by(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written_and_nothing_else_is() {
        let good: [u8; HEADER] = header(Kind::Described, 7, 9).try_into().unwrap();
        assert_eq!(read_header(&good), Some((Kind::Described, 7, 9)));
        for place in 0..9 {
            let mut bad = good;
            bad[place] ^= 0x40;
            assert_eq!(read_header(&bad), None, "{place}");
        }
        let huge: [u8; HEADER] = header(Kind::Compiled, usize::MAX, 0).try_into().unwrap();
        assert_eq!(read_header(&huge), None);
    }
}
