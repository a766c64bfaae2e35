//! `hotcell allow`, `revoke` and `grant`.

use clap::Subcommand;
use hotcell_call::ToolName;

use crate::grants::Kind;

/// Grant something to a tool for good, in hotcell.toml
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hotcell allow files read docs
  hotcell allow report env TZ
  hotcell allow fetch net 'GET https://example.com/*'
  hotcell allow report clock")]
pub(crate) struct AllowArgs {
    /// The tool
    pub(crate) tool: ToolName,
    /// What kind of thing
    pub(crate) kind: Kind,
    /// Which one: a folder, the name of a variable, a rule for requests
    pub(crate) rule: Option<String>,
}

/// Take a grant back, in hotcell.toml
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The tool
    pub(crate) tool: ToolName,
    /// What kind of thing [default: all]
    pub(crate) kind: Option<Kind>,
    /// Which one, as it stands in the file [default: all of the kind]
    pub(crate) rule: Option<String>,
}

/// Show what tools may do, and find out what they need
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Show what a tool wants, what it is granted, and where that stands
    Show {
        /// The tool
        tool: ToolName,
    },
    /// Tell whether a tool may send a request, which rule decides that, and where it stands
    Explain {
        /// The tool
        tool: ToolName,
        /// The request: 'GET https://example.com/a'
        request: String,
    },
    /// Make a call and print the least grant that it lacked
    #[command(after_help = "\
Example:
  hotcell grant learn files -- call files.read path=docs/a.md")]
    Learn {
        /// The tool
        tool: ToolName,
        /// A call, as it would be typed after `hotcell`
        #[arg(last = true, required = true, value_name = "call …")]
        call: Vec<String>,
    },
}
