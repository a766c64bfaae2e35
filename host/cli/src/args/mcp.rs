//! `hotcell mcp`.

use clap::{Subcommand, ValueEnum};

/// Serve tools and agents over stdio to a model's client (MCP), or set such a client up
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Clients start it themselves: `hotcell mcp install claude` shows what to put into their settings. It speaks the protocol on stdin
and stdout, logs to stderr, and ends when its client does. Over HTTP the same is at /mcp of `hotcell serve`.")]
pub(crate) struct McpArgs {
    #[command(subcommand)]
    pub(crate) command: Option<McpCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Show how a client's settings have to change so that it knows hotcell, or change them
    Install {
        /// The client
        client: McpClient,
        /// Change the file
        #[arg(long)]
        write: bool,
    },
}

/// A client that keeps its servers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum McpClient {
    /// Claude Desktop
    Claude,
    /// Cursor
    Cursor,
    /// VS Code, in this folder
    #[value(name = "vscode")]
    VsCode,
}
