//! One command a file: what was typed, made work.

mod allow;
mod asked;
mod bench;
mod build;
mod call;
mod check;
mod completions;
mod doctor;
mod explain;
mod grant;
mod inspect;
mod ls;
mod mcp;
mod new;
mod run;
mod schema;
mod serve;
mod token;
mod top;
mod trust;

use std::future::Future;
use std::time::Duration;

use hotcell_call::{Code, Failure};
use hotcell_runtime::Host;
use hotcell_server::status::Offer;

use crate::args::{Args, Command};
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::signals::or_cancelled;

/// Does what was typed.
pub(crate) fn run(args: Args, output: &Output) -> Result<Exit, Trouble> {
    let global = &args.global;
    match args.command {
        // It is told what became of the call when it was cancelled, so it listens for signals itself.
        Command::Call(args) => drive(call::run(args, global, output)),
        Command::Bench(args) => drive(bench::run(args, global, output)),
        // Of many tasks, those that ended are told.
        Command::Run(args) => drive(run::run(args, global, output)),
        // Who has seen enough of it has not cancelled anything.
        Command::Top(args) => drive(top::run(args, output)),
        // It ends when it is told to, and that is what it is for.
        Command::Serve(args) => drive(serve::run(args, global, output)),
        Command::Mcp(args) => mcp::run(&args, global, output),
        Command::Token(args) => token::run(&args, output),
        Command::Ls => drive(or_cancelled(ls::run(global, output))),
        Command::Inspect(args) => drive(or_cancelled(inspect::run(args, global, output))),
        Command::New(args) => new::run(args, output),
        Command::Build(args) => drive(or_cancelled(build::run(args, global, output))),
        Command::Check { files } => drive(or_cancelled(check::run(files, global, output))),
        Command::Allow(args) => drive(or_cancelled(allow::allow(args, global, output))),
        Command::Revoke(args) => allow::revoke(args, global, output),
        Command::Grant(command) => drive(grant::run(command, global, output)),
        Command::Trust { place, show } => trust::run(&place, show, output),
        Command::Doctor(args) => drive(or_cancelled(doctor::run(&args, global, output))),
        Command::Explain { code } => explain::run(code.as_deref(), output),
        Command::Schema { of } => schema::run(of, output),
        Command::Completions { shell } => completions::run(shell, output),
    }
}

/// Lets this user's other processes see the host as long as what is given lives; none: nobody sees it, and that is all.
///
/// `command` is what is done. What was typed beside that may be a secret.
fn offered(host: &Host, command: String) -> Option<Offer> {
    let host = host.clone();
    let offer = Offer::start(command, move || host.status());
    offer.inspect_err(|failure| tracing::info!(%failure, "`hotcell top` can't see this host")).ok()
}

/// How long what was told to stop is waited for: a compiler that outlived its parent would work for nobody.
const GRACE: Duration = Duration::from_millis(200);

/// Drives a command to its end. Two workers at least: one that is kept busy must not hold up the clock of the others.
fn drive(command: impl Future<Output = Result<Exit, Trouble>>) -> Result<Exit, Trouble> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores.max(2)).enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::new(Code::Fault, "the worker threads could not be started").why(error.to_string()))?;
    let ended = runtime.block_on(command);
    // What is left are guests and compilers that were told to stop, and reads that nobody waits for any more.
    runtime.shutdown_timeout(GRACE);
    ended
}
