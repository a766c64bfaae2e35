//! One client at the pipes of this process, who ends it by closing them.

use std::io::IsTerminal as _;
use std::os::fd::AsFd;
use std::time::Duration;

use hotcell_call::TenantId;
use hotcell_runtime::Host;
use rmcp::service::serve_server_with_ct;
use rmcp::transport::io::stdio_pipes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::handler::{Handler, Whose};
use super::pipe::Pipe;

/// A host that is about to be served to whoever started this process.
#[derive(Debug)]
pub struct Stdio {
    host: Host,
}

/// When nothing more comes, but answers are still taken: for so long calls may go on.
const LEFT_IN: Duration = Duration::from_secs(1);

impl Stdio {
    /// Serves nobody yet.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host }
    }

    /// Whether a person sits at the other end, who should know what is expected.
    #[must_use]
    pub fn is_at_a_terminal() -> bool {
        std::io::stdin().is_terminal()
    }

    /// Serves on stdin and stdout until the client closes them or `stop` ends. Nothing else may be written to stdout.
    ///
    /// From `stop` on no call is taken; those under way may go on for `[server] drain` of the configuration, and are answered. When the
    /// client has gone, its calls end at once.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mcp = Mcp::new(self.host.clone());
        let (ended, gone, close) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let (read, write) = stdio_pipes();
        let pipe = Pipe::new(read, write, self.host.config().server.body.as_usize(), ended.clone());
        let handler = Handler::new(std::sync::Arc::clone(&mcp), Whose::Of(TenantId::default()), gone.clone());
        let serving = async {
            match serve_server_with_ct(handler, pipe, close.clone()).await {
                Ok(service) => drop(service.waiting().await),
                // One who said nothing, or left before there was anything to serve.
                Err(error) => tracing::debug!(%error, "nobody was served"),
            }
        };
        let leaving = async {
            ended.cancelled().await;
            if !is_gone(std::io::stdout()) {
                tokio::time::sleep(LEFT_IN).await;
            }
            gone.cancel();
            std::future::pending::<()>().await;
        };
        let stopping = async {
            stop.await;
            self.host.drain(self.host.config().server.drain).await;
            mcp.end.cancel();
            close.cancel();
            std::future::pending::<()>().await;
        };
        // Only the first ends; the others do their part until then.
        tokio::select! {
            () = serving => {}
            () = leaving => {}
            () = stopping => {}
            () = std::sync::Arc::clone(&mcp).watch() => {}
        }
    }
}

/// Whether nobody is at the other end of a pipe that is written to.
fn is_gone(out: impl AsFd) -> bool {
    let mut poll_for = [PollFd::new(&out, PollFlags::empty())];
    let asked = poll(&mut poll_for, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    let [polled] = &poll_for;
    asked.is_ok() && polled.revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_a_reader_is_seen() {
        let (read, write) = std::io::pipe().unwrap();
        assert!(!is_gone(&write));
        drop(read);
        assert!(is_gone(&write));
    }
}
