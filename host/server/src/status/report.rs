//! What a host tells of itself.

use hotcell_runtime::status::Status;
use serde::{Deserialize, Serialize};

/// One host, as it is now.
///
/// Read from a socket, its texts are those of another process: to be shown like any stranger's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its process.
    pub pid: u32,
    /// The version of hotcell.
    pub version: String,
    /// What it does, in the first words of its command line: `run file-analyst`. No arguments: they may be anybody's secret.
    pub command: String,
    /// How it stands with it.
    pub status: Status,
}
