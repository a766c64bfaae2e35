//! `hotcell call`.

use std::path::PathBuf;
use std::str::FromStr;

use hotcell_call::{IdError, Target};

use super::tools::file_and_function;
use super::{GrantArgs, LimitArgs, ScheduleArgs};

/// Call a tool
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hotcell call calc.eval expression='2 ^ 10'
  hotcell call files.walk path=docs --allow-read docs
  hotcell call ./my.wasm#greet -d '{\"name\": \"Ada\"}'
  cat table.csv | hotcell call csv.describe text=@-")]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(crate) asked: Asked,
}

/// What is called, with what, on whose terms: the same for one call and for many.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// calc.eval, calc, or a file: my.wasm#function
    #[arg(value_name = "TOOL")]
    pub(crate) target: CallTarget,
    /// Arguments as name=value, each read as its type; name=@file takes a file's text (@- stdin, @@ for a real @)
    #[arg(value_name = "NAME=VALUE", conflicts_with = "data")]
    pub(crate) assignments: Vec<String>,
    /// Arguments as JSON, an object by name or an array by position: text, @file or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) grants: GrantArgs,
}

/// What to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallTarget {
    /// A tool that has a name.
    Named(Target),
    /// A component's file, and one of its functions unless it has just one.
    File { path: PathBuf, function: Option<String> },
}

impl FromStr for CallTarget {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match file_and_function(text) {
            Some((path, function)) => Ok(Self::File { path: path.into(), function: function.map(str::to_owned) }),
            None => text.parse().map(Self::Named),
        }
    }
}
