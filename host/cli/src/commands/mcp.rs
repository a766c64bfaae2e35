//! `hotcell mcp`: the host at the pipes of this process, for the client that started it.

mod install;

use hotcell_call::format_duration;
use hotcell_server::Stdio;
use tokio::sync::Notify;

use crate::args::{Global, McpArgs, McpCommand};
use crate::commands::{drive, offered};
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::Output;
use crate::signals::{interrupted, listen};

pub(super) fn run(args: &McpArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    match args.command {
        Some(McpCommand::Install { client, write }) => install::run(client, write, global, output),
        None => drive(serve(global, output)),
    }
}

/// Nothing but the protocol may go to stdout from here on.
async fn serve(global: &Global, output: &Output) -> Result<Exit, Trouble> {
    listen().await;
    let stdio = Stdio::open();
    let host = Operator::load(global)?.host()?;
    let _offer = offered(&host, "mcp".to_owned());
    if stdio.is_at_a_terminal() {
        output.note(
            "MCP on stdin and stdout, for a client that starts this itself: `hotcell mcp install claude` shows how",
        );
    }
    let drain = format_duration(host.config().server.drain);
    // One listens for both signals: of two who do, either could have the first.
    let told = Notify::new();
    let signals = async {
        interrupted().await;
        output.note(format_args!("nothing new is taken; what runs has {drain} to end"));
        told.notify_one();
        interrupted().await;
    };
    let warm = host.clone();
    let warm = async {
        warm.warm().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // It never ends: what is warm is only there.
        () = warm => Ok(Exit::OK),
        () = stdio.run(host, told.notified()) => Ok(Exit::OK),
        // Whoever is asked twice does not wait.
        () = signals => Ok(Exit::with(130)),
    }
}
