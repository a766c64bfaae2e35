//! `hotcell inspect`, `new`, `schema` and `build`.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use hotcell_agent::Pattern;
use hotcell_call::{AgentName, IdError, ToolName};

/// Show a tool: functions, schemas, imports, what it wants and gets, limits
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A tool's name, or a file: my.wasm
    #[arg(value_name = "TOOL|FILE")]
    pub(crate) tool: ToolRef,
    /// Print the JSON Schemas whole
    #[arg(long)]
    pub(crate) schema: bool,
}

/// Which tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolRef {
    /// One that has a name. `calc.eval` means `calc`.
    Named(ToolName),
    /// A component's file.
    File(PathBuf),
}

impl FromStr for ToolRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if let Some((path, _)) = file_and_function(text) {
            return Ok(Self::File(path.into()));
        }
        let (tool, _) = text.split_once('.').unwrap_or((text, ""));
        tool.parse().map(Self::Named)
    }
}

/// Parts `my.wasm#function`; none if the text is no path but a name, which has neither a slash nor this ending.
pub(super) fn file_and_function(text: &str) -> Option<(&str, Option<&str>)> {
    let component = |path: &str| {
        let ending = Path::new(path).extension();
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case("wasm"))
    };
    match text.rsplit_once('#') {
        Some((path, function)) if component(path) => Some((path, Some(function).filter(|name| !name.is_empty()))),
        _ => (component(text) || text.contains('/')).then_some((text, None)),
    }
}

/// Write the beginnings of a tool that compiles as it is, with a test, or of an agent that runs as it is
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    pub(crate) kind: NewKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NewKind {
    /// A tool in Rust
    Tool {
        /// Its name, and that of the folder it is written to
        name: ToolName,
        /// Where the SDK is: a folder, or the URL of a git repository
        #[arg(long, value_name = "PATH|URL", env = "HOTCELL_SDK", hide_env = true)]
        sdk: Option<Sdk>,
    },
    /// An agent, which needs no key
    Agent {
        /// Its name, and that of the file it is written to: NAME.toml
        name: AgentName,
        /// How it finds out what to do
        #[arg(long, default_value = "react", value_parser = pattern())]
        pattern: Pattern,
    },
}

/// Reads the word for a pattern.
fn pattern() -> impl TypedValueParser<Value = Pattern> {
    let word = |word: String| Pattern::WORDS.iter().find(|(name, _)| *name == word).map(|(_, pattern)| *pattern);
    PossibleValuesParser::new(Pattern::WORDS.iter().map(|(name, _)| *name))
        .try_map(move |text| word(text).ok_or("there is no such pattern"))
}

/// A file of which there is a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SchemaOf {
    /// An agent's
    Agent,
}

/// Where the crate `hotcell` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sdk {
    /// In a folder.
    Path(PathBuf),
    /// In a git repository.
    Git(String),
}

impl FromStr for Sdk {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let git = text.contains("://") || text.starts_with("git@");
        Ok(if git { Self::Git(text.to_owned()) } else { Self::Path(text.into()) })
    }
}

/// Compile the tool in a folder, and show what it is
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The folder with its Cargo.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}
