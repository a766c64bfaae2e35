//! Traces and metrics, for the collector that the operator names; without one there is nothing of all this.
//!
//! What is told is made where it happens, by the runtime. Here it is put in line, packed, and sent by a thread of its own with
//! connections of its own: a call never waits for a collector. What doesn't fit in the line is dropped and counted, what can't be
//! sent is lost and counted, and the end of the program waits for neither longer than [`FLUSH`].

mod batches;
mod host;
mod sample;
mod send;

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use hotcell_call::{Code, Failure};
use hotcell_runtime::config::{Base, Config, TelemetryConfig};
use hotcell_runtime::{Collector, Host, Trust};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Runtime;

use self::batches::{Batches, Flush};
pub(crate) use self::host::{watch, watch_server};
use self::sample::Narrowing;
use self::send::Post;
use crate::args::{Args, Command};
use crate::operator::place;

/// What sends, as long as the program runs.
pub(crate) struct Telemetry {
    runtime: Runtime,
    tracer: SdkTracer,
    flush: Flush,
    meters: SdkMeterProvider,
}

/// For what is left to be sent when the program ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Sets up what the configuration says, for a command that makes calls. What is wrong with the configuration is told by the
/// command itself, which reads it too.
///
/// # Errors
///
/// [`Code::Fault`] if it can't be set up; calls can be made all the same.
pub(crate) fn start(args: &Args) -> Result<Option<Telemetry>, Failure> {
    let makes_calls = matches!(
        args.command,
        Command::Call(_) | Command::Bench(_) | Command::Run(_) | Command::Serve(_) | Command::Mcp(_)
    );
    let config = makes_calls.then(|| configured(args)).flatten();
    config.map(|(base, config)| Telemetry::new(base, &config)).transpose()
}

/// What the configuration says, if it may say anything.
fn configured(args: &Args) -> Option<(Base, TelemetryConfig)> {
    let config = Config::load(&place(&args.global).ok()?).ok()?;
    Trust::of_user().check(&config).ok()?;
    Some((config.telemetry.otlp.clone()?, config.telemetry))
}

impl Telemetry {
    fn new(base: Base, config: &TelemetryConfig) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hotcell-telemetry")
            .enable_all()
            .build()
            .map_err(broken)?;
        let post = Post::new(Collector::new(base.clone(), send::WITHIN), runtime.handle().clone());
        let mut spans = SpanExporter::builder()
            .with_http()
            .with_http_client(post.clone())
            .with_endpoint(format!("{base}/v1/traces"))
            .with_protocol(Protocol::HttpBinary)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(broken)?;
        let metrics = MetricExporter::builder()
            .with_http()
            .with_http_client(post)
            .with_endpoint(format!("{base}/v1/metrics"))
            .with_protocol(Protocol::HttpBinary)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(broken)?;
        let resource = resource(config);
        opentelemetry_sdk::trace::SpanExporter::set_resource(&mut spans, &resource);
        let (batches, flush) = Batches::start(spans, config.queue, runtime.handle());
        let lost = batches.lost();
        let tracer = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(Narrowing::new(config.sample))
            .with_span_processor(batches)
            .build()
            .tracer("hotcell");
        let reader = PeriodicReader::builder(metrics).with_interval(config.interval).build();
        let meters = SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
        host::measure(&meters, lost);
        Ok(Self { runtime, tracer, flush, meters })
    }

    /// Makes the spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.tracer.clone()
    }

    /// Sends what is left, as far as the time for it goes.
    pub(crate) fn end(self) {
        let by = Instant::now() + FLUSH;
        let flush = self.flush;
        let _ = self.runtime.block_on(async { tokio::time::timeout(FLUSH, flush.all()).await });
        let (done, ended) = sync_channel(1);
        let meters = self.meters;
        // A thread, because nobody knows how long it takes; the program ends without it.
        let last = std::thread::Builder::new().name("hotcell-telemetry-end".to_owned()).spawn(move || {
            let _ = meters.shutdown();
            let _ = done.send(());
        });
        if last.is_ok() {
            let _ = ended.recv_timeout(by.saturating_duration_since(Instant::now()));
        }
        host::forget();
        self.runtime.shutdown_background();
    }
}

/// Who tells: several programs of one name are told apart by an id.
fn resource(config: &TelemetryConfig) -> Resource {
    Resource::builder()
        .with_service_name(config.service.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Host::next_run().to_string()))
        .build()
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(Code::Fault, "traces and metrics can't be sent").why(error.to_string()).caused_by(error)
}
