//! Reads `hotcell.toml` again while the server runs: when it is told to (SIGHUP), or when the file has changed.
//!
//! What is read is taken whole or not at all: a file that does not fit is told, and the one before stays in force.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hotcell_call::{Code, Failure};
use hotcell_runtime::Host;
use hotcell_server::Control;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::Global;
use crate::error;
use crate::exit::Trouble;
use crate::operator::Operator;
use crate::output::Output;

pub(super) struct Reload {
    host: Host,
    control: Control,
    global: Global,
    told: Signal,
    /// The file that is watched, as it was when it was read last.
    watched: Option<(PathBuf, Option<Stamp>)>,
}

/// What changes with a file.
type Stamp = (SystemTime, u64);

/// From one look at the file to the next. A look costs microseconds, and works on every file system.
const LOOK: Duration = Duration::from_millis(500);

impl Reload {
    pub(super) fn new(host: Host, control: Control, global: Global, watch: bool) -> Result<Self, Failure> {
        let told = signal(SignalKind::hangup())
            .map_err(|error| Failure::new(Code::Fault, "signals can't be listened to").why(error.to_string()))?;
        let file = host.config().origin.as_ref().map(|origin| origin.file.clone());
        let watched = file.filter(|_| watch).map(|file| (file.clone(), stamp(&file)));
        Ok(Self { host, control, global, told, watched })
    }

    /// Reads it whenever there is a reason to; never ends.
    pub(super) async fn go_on(mut self, output: &Output) {
        loop {
            tokio::select! {
                _ = self.told.recv() => {}
                () = changed(&mut self.watched) => {}
            }
            match self.read() {
                Ok(()) => output.tell(format_args!("hotcell.toml was read again, and is in force")),
                Err(trouble) => {
                    error::report(output, &trouble);
                    output.tell(format_args!("the configuration before stays in force"));
                }
            }
        }
    }

    fn read(&mut self) -> Result<(), Trouble> {
        let next = Operator::load(&self.global)?.host_in_place_of(&self.host)?;
        self.control.replace(next.clone())?;
        self.host = next;
        Ok(())
    }
}

/// Ends when the file is another than it was.
async fn changed(watched: &mut Option<(PathBuf, Option<Stamp>)>) {
    let Some((file, before)) = watched else { return std::future::pending().await };
    let mut last = *before;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = stamp(file);
        // One that is just being written or replaced is looked at again: it must be the same twice.
        if now.is_some() && now != *before && now == last {
            *before = now;
            return;
        }
        last = now;
    }
}

fn stamp(file: &PathBuf) -> Option<Stamp> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
