//! What the host says of itself, on stderr.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::Global;

/// What the engine's rooms are called, each with all that begins so (`wasmtime_wasi`, `cranelift_codegen`). Below `info` they
/// tell what guests hold in their memory, so they never get to.
const ENGINE: [&str; 2] = ["wasmtime", "cranelift"];

/// Warnings; more with `-v`, less with `-q`.
pub(crate) fn start(global: &Global, colour: bool) {
    let printed = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour).without_time();
    // There is only one caller; a second subscriber would be an error to ignore.
    let _ = tracing_subscriber::registry().with(printed).with(targets(level(global))).try_init();
}

fn level(global: &Global) -> LevelFilter {
    match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

fn targets(level: LevelFilter) -> Targets {
    let capped = level.min(LevelFilter::INFO);
    ENGINE.into_iter().fold(Targets::new().with_default(level), |targets, room| targets.with_target(room, capped))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_engine_never_tells_what_guests_hold() {
        let most = targets(LevelFilter::TRACE);
        assert!(most.would_enable("hotcell_runtime::path", &Level::TRACE));
        for room in ["wasmtime", "wasmtime::runtime::vm", "wasmtime_wasi::p2", "cranelift_codegen::isa"] {
            assert!(most.would_enable(room, &Level::INFO), "{room}");
            assert!(!most.would_enable(room, &Level::DEBUG), "{room}");
        }
        assert!(!targets(LevelFilter::WARN).would_enable("wasmtime", &Level::INFO));
    }
}
