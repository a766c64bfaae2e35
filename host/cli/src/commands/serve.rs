//! `hotcell serve`: the host on a port, until somebody ends it.

mod reload;

use hotcell_call::{Code, format_duration};
use hotcell_server::Server;
use tokio::sync::oneshot;

use crate::args::{Global, ServeArgs};
use crate::commands::offered;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::{BOLD, Output};
use crate::signals::{Ended, cancelling, listen as listen_for_signals, or_cancelled};
use crate::telemetry;

use reload::Reload;

pub(super) async fn run(args: ServeArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let operator = Operator::load(global)?;
    let listen = args.listen.unwrap_or(operator.config().server.listen);
    let host = operator.host()?;
    let server = or_cancelled(Server::bind(host.clone(), listen)).await?;
    telemetry::watch_server(&server.control());
    let _offer = offered(&host, format!("serve {}", server.address()));
    let reload = Reload::new(host.clone(), server.control(), global.clone(), args.watch)?;
    // Whoever reads that it listens may tell it to end.
    listen_for_signals().await;
    output.tell(format_args!(
        "hotcell is listening on {}",
        output.styled_note(BOLD, format!("http://{}", server.address()))
    ));
    let drain = format_duration(host.config().server.drain);
    let (stop, stopped) = oneshot::channel::<()>();
    let work = async {
        tokio::select! {
            () = server.run(async { drop(stopped.await) }) => {}
            () = reload.go_on(output) => {}
        }
    };
    let tell = || {
        output.tell(format_args!("nothing new is taken; what runs has {drain} to end"));
        // Where nobody listens any more, it has ended.
        let _ = stop.send(());
    };
    match cancelling(work, tell).await {
        Ended::Done(()) => Ok(Exit::OK),
        Ended::Abandoned => Ok(Exit::with(Code::Cancelled.kind().exit_code())),
    }
}
