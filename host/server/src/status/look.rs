//! The side that looks.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotcell_call::Failure;
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::offer::is_ours;
use super::place;
use super::report::Report;

/// What one look saw.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Look {
    /// The hosts that run, by their processes.
    pub hosts: Vec<Report>,
    /// Processes that listen, but did not say in time how they stand, or said it in words of another version.
    pub silent: Vec<u32>,
    /// Hosts beyond those that are looked at.
    pub more: usize,
}

/// Hosts that are looked at.
const MOST: usize = 64;
/// For one of them.
const TOLD_IN: Duration = Duration::from_secs(2);
/// For one of them: as much as 1 024 tools and as many tenants need, three times over.
const MOST_BYTES: u64 = 4 << 20;

/// Asks all hosts of this user that can be seen, and removes what those left behind that are gone.
///
/// # Errors
///
/// [`Code::RunFolder`](hotcell_call::Code::RunFolder) if the folder is not private: whoever else can put something there could
/// pretend to be a host.
pub async fn look() -> Result<Look, Failure> {
    let folder = place::folder()?;
    within(&folder).await.map_err(|error| place::unusable(&folder, error))
}

pub(super) async fn within(folder: &Path) -> io::Result<Look> {
    match place::open(folder) {
        // Nothing has ever run.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::default()),
        opened => opened?,
    }
    let mut sockets = sockets(folder)?;
    sockets.sort_unstable();
    let mut look = Look { more: sockets.len().saturating_sub(MOST), ..Look::default() };
    let mut asked = JoinSet::new();
    for (pid, socket) in sockets.into_iter().take(MOST) {
        asked.spawn(async move { (pid, ask(socket).await) });
    }
    while let Some(answered) = asked.join_next().await {
        match answered {
            Ok((_, Answer::Told(report))) => look.hosts.push(*report),
            Ok((pid, Answer::Silent)) => look.silent.push(pid),
            Ok((_, Answer::Gone)) | Err(_) => {}
        }
    }
    look.hosts.sort_by_key(|report| report.pid);
    look.silent.sort_unstable();
    Ok(look)
}

fn sockets(folder: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let paths = paths.collect::<io::Result<Vec<PathBuf>>>()?;
    Ok(paths.into_iter().filter_map(|path| Some((place::process(&path)?, path))).collect())
}

/// What became of one question.
enum Answer {
    Told(Box<Report>),
    /// Somebody listens, and that is all.
    Silent,
    /// Nobody listens.
    Gone,
}

async fn ask(socket: PathBuf) -> Answer {
    match tokio::time::timeout(TOLD_IN, told(&socket)).await {
        Ok(Ok(report)) => Answer::Told(Box::new(report)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Answer::Gone,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // Nobody will ever listen to it again: a socket is listened to before it can be found.
            let _ = std::fs::remove_file(&socket);
            Answer::Gone
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, socket = %socket.display(), "a host did not say how it stands");
            Answer::Silent
        }
        Err(_) => Answer::Silent,
    }
}

async fn told(socket: &Path) -> io::Result<Report> {
    let stream = UnixStream::connect(socket).await?;
    if !is_ours(&stream) {
        return Err(io::Error::other("it is another user's"));
    }
    let mut line = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}
