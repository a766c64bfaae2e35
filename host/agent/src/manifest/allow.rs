//! `[tools] allow`: which functions the agent's steps may call.

use std::fmt;
use std::str::FromStr;

use hotcell_call::{IdError, Target, ToolName};

/// One pattern: `text.stats`, `files.*`, `files`, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// Everything that there is.
    All,
    /// All functions of a tool, or those whose name begins so: `math.`.
    Under(ToolName, String),
    /// One function.
    Function(Target),
}

impl Allow {
    /// Whether it names `target`, whose function is known.
    #[must_use]
    pub fn fits(&self, target: &Target) -> bool {
        match self {
            Self::All => true,
            Self::Under(tool, prefix) => {
                let function = target.function.as_deref().unwrap_or_default();
                *tool == target.tool && function.starts_with(prefix.as_str())
            }
            Self::Function(function) => function == target,
        }
    }

    /// The one tool whose functions it names; none: it names those of all.
    #[must_use]
    pub fn tool(&self) -> Option<&ToolName> {
        match self {
            Self::All => None,
            Self::Under(tool, _) | Self::Function(Target { tool, .. }) => Some(tool),
        }
    }

    /// What must exist for it to mean something.
    pub(crate) fn names(&self) -> Option<Target> {
        match self {
            Self::All => None,
            Self::Under(tool, _) => Some(Target { tool: tool.clone(), function: None }),
            Self::Function(target) => Some(target.clone()),
        }
    }
}

impl FromStr for Allow {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let (name, every) = match text.strip_suffix(".*") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let target: Target = name.parse()?;
        Ok(match (&target.function, every) {
            (None, _) => Self::Under(target.tool, String::new()),
            (Some(prefix), true) => Self::Under(target.tool.clone(), format!("{prefix}.")),
            (Some(_), false) => Self::Function(target),
        })
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Under(tool, prefix) => write!(f, "{tool}.{prefix}*"),
            Self::Function(target) => write!(f, "{target}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_functions_and_nothing_beside() {
        for (pattern, fits, fits_not) in [
            ("*", &["calc.eval", "a.b.c"][..], &[][..]),
            ("files.*", &["files.read"], &["files2.read", "calc.eval"]),
            ("files", &["files.read"], &["filesystem.read"]),
            ("text.stats", &["text.stats"], &["text.stats2", "text.diff"]),
            ("adder.math.*", &["adder.math.add"], &["adder.mathx", "adder.add"]),
        ] {
            let allow: Allow = pattern.parse().unwrap();
            for target in fits {
                assert!(allow.fits(&target.parse().unwrap()), "{pattern} {target}");
            }
            for target in fits_not {
                assert!(!allow.fits(&target.parse().unwrap()), "{pattern} {target}");
            }
        }
        for bad in ["", "*.read", "files.re*", "Files", "a b", ".*"] {
            assert!(bad.parse::<Allow>().is_err(), "{bad}");
        }
    }
}
