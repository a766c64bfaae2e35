//! One client at the pipes of this process, who ends it by closing them.

use std::io::IsTerminal as _;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use hotcell_call::TenantId;
use hotcell_runtime::Host;
use rmcp::service::serve_server_with_ct;
use rmcp::transport::io::{StdioReader, StdioWriter, stdio_pipes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::handler::{Handler, Whose};
use super::pipe::Pipe;

/// The pipes of this process, before anybody is served at them.
#[derive(Debug)]
pub struct Stdio {
    read: StdioReader,
    write: StdioWriter,
}

/// When nothing more comes, but answers are still taken: for so long calls may go on.
const LEFT_IN: Duration = Duration::from_secs(1);

impl Stdio {
    /// Takes them over, within a runtime. Nothing else may be read from stdin or written to stdout from here on.
    ///
    /// Pipes are opened once more, so that no thread has to wait for them: that is no longer possible when the process was sealed.
    #[must_use]
    pub fn open() -> Self {
        let (read, write) = stdio_pipes();
        Self { read, write }
    }

    /// Whether a person sits at the other end, who should know what is expected.
    #[must_use]
    pub fn is_at_a_terminal(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    /// Serves a host until the client closes the pipes or `stop` ends.
    ///
    /// From `stop` on no call is taken; those under way may go on for `[server] drain` of the configuration, and are answered. When the
    /// client has gone, its calls end at once.
    pub async fn run(self, host: Host, stop: impl Future<Output = ()>) {
        let mcp = Mcp::new(host.clone());
        let (ended, gone, close) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let most = host.config().server.body.as_usize();
        let pipe = Pipe::new(self.read, self.write, most, ended.clone());
        let asked = pipe.asked();
        let handler = Handler::new(Arc::clone(&mcp), Whose::Of(TenantId::default()), gone.clone());
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
            mcp.leaving.cancel();
            // First what was accepted has its time, then it is ended, and told so.
            let _ = tokio::time::timeout(host.config().server.drain, asked.calls()).await;
            let _ =
                tokio::time::timeout(LEFT_IN, async { tokio::join!(host.drain(Duration::ZERO), asked.calls()) }).await;
            mcp.end.cancel();
            close.cancel();
            std::future::pending::<()>().await;
        };
        // Only the first ends; the others do their part until then.
        tokio::select! {
            () = serving => {}
            () = leaving => {}
            () = stopping => {}
            () = Arc::clone(&mcp).watch() => {}
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
