//! How a command ended.
//!
//! The exit codes are those of the outcomes, which [`Kind::exit_code`](hotcell_call::Kind::exit_code) knows: 0 for an answer,
//! 2 for a command line that does not fit (clap's own refusals too), 130 for what was cancelled.

use std::process::ExitCode;

use hotcell_agent::Diagnostic;
use hotcell_call::Failure;

/// The end of a command that did what it was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(u8);

/// Why a command could not do it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// One thing went wrong.
    Failure(Failure),
    /// A file does not fit, in all these places.
    File(Vec<Diagnostic>),
}

impl Exit {
    /// All is well.
    pub(crate) const OK: Self = Self(0);
    /// A bug of ours, which someone should report.
    pub(crate) const FAULT: u8 = 70;

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self.0
    }

    /// With the code of an outcome.
    pub(crate) const fn with(code: u8) -> Self {
        Self(code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

impl Trouble {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        let kind = match self {
            Self::Failure(failure) => failure.kind(),
            Self::File(diagnostics) => hotcell_agent::failure(diagnostics).kind(),
        };
        Exit(kind.exit_code())
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Vec<Diagnostic>> for Trouble {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::File(diagnostics)
    }
}
