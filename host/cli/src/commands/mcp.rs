//! `hotcell mcp`: the host at the pipes of this process, for the client that started it.

mod install;

use hotcell_call::format_duration;
use hotcell_server::Stdio;

use crate::args::{Global, McpArgs, McpCommand};
use crate::commands::{drive, offered};
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::Output;
use crate::signals::interrupted;

pub(super) fn run(args: &McpArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    match args.command {
        Some(McpCommand::Install { client, write }) => install::run(client, write, global, output),
        None => drive(serve(global, output)),
    }
}

/// Nothing but the protocol may go to stdout from here on.
async fn serve(global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let stdio = Stdio::open();
    let host = Operator::load(global)?.host()?;
    let _offer = offered(&host, "mcp".to_owned());
    if stdio.is_at_a_terminal() {
        output.note(
            "MCP on stdin and stdout, for a client that starts this itself: `hotcell mcp install claude` shows how",
        );
    }
    let drain = format_duration(host.config().server.drain);
    let stop = async {
        interrupted().await;
        output.note(format_args!("nothing new is taken; what runs has {drain} to end"));
    };
    tokio::select! {
        () = stdio.run(host, stop) => Ok(Exit::OK),
        // Whoever is asked twice does not wait.
        () = async { interrupted().await; interrupted().await } => Ok(Exit::with(130)),
    }
}
