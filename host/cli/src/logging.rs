//! What the host says of itself, on stderr.

use std::fmt::{self, Debug};
use std::io;

use hotcell_runtime::trace;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::Global;
use crate::output::one_line;
use crate::telemetry::Telemetry;

/// What the engine's rooms are called, each with all that begins so (`wasmtime_wasi`, `cranelift_codegen`). Below `info` they
/// tell what guests hold in their memory, so they never get to.
const ENGINE: [&str; 2] = ["wasmtime", "cranelift"];

/// Warnings; more with `-v`, less with `-q`. What is sent away is told apart from what is printed: spans by the one, events by the
/// other.
pub(crate) fn start(global: &Global, colour: bool, telemetry: Option<&Telemetry>) {
    let printed = printed(io::stderr, colour).with_filter(targets(level(global)));
    let sent = telemetry.map(|telemetry| spans(telemetry.tracer()).with_filter(only_spans()));
    // There is only one caller; a second subscriber would be an error to ignore.
    let _ = tracing_subscriber::registry().with(printed).with(sent).try_init();
}

/// The spans of calls, as a tracer makes them: without the places in the source, which are nobody's business.
fn spans<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false).with_level(false)
}

/// Nothing but the runtime's spans, whatever is printed: no event is sent, and nothing of the engine.
fn only_spans() -> Targets {
    Targets::new().with_target(trace::TARGET, LevelFilter::INFO)
}

/// One line for each event, whatever is in it: paths and errors repeat what strangers wrote.
fn printed<S, W>(to: W, colour: bool) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    let fields = debug_fn(field).delimited(" ");
    layer().with_writer(to).with_ansi(colour).without_time().fmt_fields(fields)
}

fn field(to: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let value = one_line(format_args!("{value:?}"));
    match field.name() {
        "message" => write!(to, "{value}"),
        name => write!(to, "{name}={value}"),
    }
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
    // The library of the protocol tells every message that it reads, and that a client has gone as an error.
    let protocol = if level < LevelFilter::INFO { LevelFilter::OFF } else { LevelFilter::ERROR };
    let targets = Targets::new().with_default(level).with_target("rmcp", protocol);
    // Spans are not printed: an event stands alone.
    let targets = targets.with_target(trace::TARGET, LevelFilter::OFF);
    ENGINE.into_iter().fold(targets, |targets, room| targets.with_target(room, capped))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_and_drives_no_terminal() {
        let kept = Kept::default();
        let to = kept.clone();
        let subscriber = tracing_subscriber::registry().with(printed(move || to.clone(), false));
        let strange = "a\n WARN forged\r\u{1b}[2J\u{9b}1m\u{202e}\u{e0041}b";
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(error = %strange, folder = strange, "what it says: {strange}");
        });
        let line = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(line.matches("\\n WARN forged\\u{d}\\u{1b}[2J\\u{9b}1m\\u{202e}\\u{e0041}b").count(), 2, "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.contains("error=a\\n") && line.contains("what it says: a\\n") && line.contains("folder="),
            "{line}"
        );
        assert!(!line.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{e0041}'), "{line:?}");
    }

    #[test]
    fn the_engine_never_tells_what_guests_hold() {
        let most = targets(LevelFilter::TRACE);
        assert!(most.would_enable("hotcell_runtime::path", &Level::TRACE));
        for room in ["wasmtime", "wasmtime::runtime::vm", "wasmtime_wasi::p2", "cranelift_codegen::isa"] {
            assert!(most.would_enable(room, &Level::INFO), "{room}");
            assert!(!most.would_enable(room, &Level::DEBUG), "{room}");
        }
        assert!(!targets(LevelFilter::WARN).would_enable("wasmtime", &Level::INFO));
        // H89: nor the library of the protocol what clients send.
        assert!(!most.would_enable("rmcp::service", &Level::WARN));
        assert!(!targets(LevelFilter::WARN).would_enable("rmcp::service", &Level::ERROR));
    }
}
