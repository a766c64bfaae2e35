//! The side that tells.

use std::fs::{Permissions, remove_file, rename, set_permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hotcell_call::Failure;
use hotcell_runtime::status::Status;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use super::place;
use super::report::Report;

/// As long as it is held, this user's processes can see how it stands with a host.
#[derive(Debug)]
pub struct Offer {
    socket: PathBuf,
    serving: JoinHandle<()>,
}

/// Connections that are answered at a time.
const AT_ONCE: usize = 8;
/// In which a report must have been taken.
const TAKEN_IN: Duration = Duration::from_secs(1);
/// For so long one report serves all who ask: to put one together takes some milliseconds where there are many tools.
const SAME_FOR: Duration = Duration::from_millis(100);
/// Before it is tried again, when the system had no descriptor for a connection.
const REST: Duration = Duration::from_millis(100);

impl Offer {
    /// Begins to listen; `command` says what the process does, and `status` how it stands with its host.
    ///
    /// Must be called within a runtime, which does the work.
    ///
    /// # Errors
    ///
    /// [`Code::RunFolder`](hotcell_call::Code::RunFolder) if there is no private folder, or no socket can be made in it. Nobody will
    /// see the host then; that is all.
    pub fn start(command: String, status: impl Fn() -> Status + Send + Sync + 'static) -> Result<Self, Failure> {
        let folder = place::folder()?;
        Self::within(&folder, command, status).map_err(|error| place::unusable(&folder, error))
    }

    pub(super) fn within(
        folder: &Path,
        command: String,
        status: impl Fn() -> Status + Send + Sync + 'static,
    ) -> io::Result<Self> {
        place::make(folder)?;
        let pid = std::process::id();
        let socket = place::socket(folder, pid);
        let listener = listen(&socket)?;
        let source = Source { pid, command, status, last: Mutex::default() };
        Ok(Self { socket, serving: tokio::spawn(serve(listener, Arc::new(source))) })
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.serving.abort();
        // What is left behind is removed by who looks next.
        let _ = remove_file(&self.socket);
    }
}

/// A socket that listens from the moment on at which it can be found: one that nobody listens to yet would count as left behind.
///
/// Whatever has its name was left behind by another process of that number.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    let new = socket.with_extension("new");
    match remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    set_permissions(&new, Permissions::from_mode(0o600))?;
    rename(&new, socket)?;
    Ok(listener)
}

/// Where reports come from.
struct Source<S> {
    pid: u32,
    command: String,
    status: S,
    last: Mutex<Option<(Instant, Arc<[u8]>)>>,
}

impl<S: Fn() -> Status> Source<S> {
    /// The line for one who asks now.
    fn line(&self) -> Arc<[u8]> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((made, line)) if made.elapsed() < SAME_FOR => Arc::clone(line),
            _ => {
                let line = self.make();
                *last = Some((Instant::now(), Arc::clone(&line)));
                line
            }
        }
    }

    fn make(&self) -> Arc<[u8]> {
        let report = Report {
            pid: self.pid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command.clone(),
            status: (self.status)(),
        };
        // Numbers and names can be written; were they not, nothing would be told, and the host would count as silent.
        let mut line = serde_json::to_vec(&report).unwrap_or_default();
        line.push(b'\n');
        line.into()
    }
}

/// Answers until it is aborted.
async fn serve(listener: UnixListener, source: Arc<Source<impl Fn() -> Status + Send + Sync + 'static>>) {
    let mut answers = JoinSet::new();
    loop {
        // Neither loses anything by not being waited for: a connection stays in the kernel's line, an answer that ended in the set.
        tokio::select! {
            accepted = listener.accept(), if answers.len() < AT_ONCE => match accepted {
                Ok((stream, _)) => if is_ours(&stream) {
                    answers.spawn(tell(stream, source.line()));
                },
                Err(error) => {
                    tracing::debug!(%error, "a connection for the status could not be taken");
                    tokio::time::sleep(REST).await;
                }
            },
            Some(_) = answers.join_next() => {}
        }
    }
}

async fn tell(mut stream: UnixStream, line: Arc<[u8]>) {
    // Whoever is gone or does not read has no report, and can ask again.
    let _ = tokio::time::timeout(TAKEN_IN, async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    })
    .await;
}

/// Whether the process at the other end is of this user.
pub(super) fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests;
