//! The flags that set limits.

use std::time::Duration;

use hotcell_call::{ByteSize, Count, LimitKeys, parse_duration};

/// Limits of this call, in place of the tool's own.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Work, about one unit an instruction: 50M, 10G
    #[arg(long, value_name = "COUNT", env = "HOTCELL_FUEL", hide_env = true)]
    pub(crate) fuel: Option<Count>,
    /// All memories and tables together: 64MiB
    #[arg(long, value_name = "SIZE", env = "HOTCELL_MEMORY", hide_env = true)]
    pub(crate) memory: Option<ByteSize>,
    /// Time in the cell, the host's own included: 250ms, 10s
    #[arg(long, value_name = "TIME", env = "HOTCELL_TIMEOUT", hide_env = true, value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
}

impl LimitArgs {
    pub(crate) fn keys(&self) -> LimitKeys {
        LimitKeys { fuel: self.fuel, memory: self.memory, timeout: self.timeout, ..LimitKeys::default() }
    }
}
