//! `hotcell bench`.

use hotcell_call::Count;

use super::Asked;

/// Call a tool many times, and tell how the calls ended and how long they took
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hotcell bench calc.eval expression='2 ^ 10'
  hotcell bench ./my.wasm#greet name=Ada -n 10k -j 64 --warmup 100

Each is a call like any other, with the rates, limits and grants of hotcell.toml; the first is told apart from the
rest. The exit code is 0 if all ended ok, else that of the most frequent other outcome; 130 after Ctrl-C.")]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// So many calls: 1000, 10k, 5M
    #[arg(short = 'n', long, value_name = "COUNT", default_value = "1000", env = "HOTCELL_CALLS", hide_env = true)]
    #[arg(value_parser = some)]
    pub(crate) calls: Count,
    /// So many of them at a time [default: one for each core]
    #[arg(short = 'j', long, value_name = "N", env = "HOTCELL_IN_FLIGHT", hide_env = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=MOST_IN_FLIGHT))]
    pub(crate) in_flight: Option<u32>,
    /// Make so many calls before those that are measured
    #[arg(long, value_name = "COUNT", default_value = "0", env = "HOTCELL_WARMUP", hide_env = true)]
    pub(crate) warmup: Count,
}

/// Each holds a task. A host that takes more than this at a time is not one machine.
const MOST_IN_FLIGHT: i64 = 100_000;

fn some(text: &str) -> Result<Count, String> {
    let count: Count = text.parse().map_err(|error: hotcell_call::UnitError| error.to_string())?;
    if count.as_u64() == 0 { Err("there is nothing to measure in none".to_owned()) } else { Ok(count) }
}
