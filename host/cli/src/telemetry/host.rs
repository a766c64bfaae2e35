//! The metrics of this program's host, and of its server if it is one, looked up when a report is due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hotcell_runtime::Host;
use hotcell_runtime::measures::{Kind, MEASURES, Measure, Unit};
use hotcell_runtime::status::Status;
use hotcell_server::{Control, measures};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// A program has one host; after a reload, another.
static HOST: Mutex<Watched> = Mutex::new(Watched::nothing());

struct Watched {
    on: bool,
    host: Option<Host>,
    last: Option<(Instant, Arc<Status>)>,
    server: Option<Control>,
}

/// One look at the host serves one report, which asks for each of its measures.
const SAME_FOR: Duration = Duration::from_millis(50);

impl Watched {
    const fn nothing() -> Self {
        Self { on: false, host: None, last: None, server: None }
    }
}

/// Reports on this host from now on, if anything is reported.
pub(crate) fn watch(host: &Host) {
    let mut watched = watched();
    if watched.on {
        watched.host = Some(host.clone());
    }
}

/// Reports on this server from now on, too.
pub(crate) fn watch_server(server: &Control) {
    let mut watched = watched();
    if watched.on {
        watched.server = Some(server.clone());
    }
}

/// Lets go of the host.
pub(super) fn forget() {
    *watched() = Watched::nothing();
}

/// Makes the instruments; `lost` counts spans that nobody will see.
pub(super) fn measure(meters: &SdkMeterProvider, lost: Arc<AtomicU64>) {
    watched().on = true;
    let meter = meters.meter("hotcell");
    for measure in MEASURES {
        instrument(&meter, measure, status);
    }
    for measure in measures::MEASURES {
        instrument(&meter, measure, || watched().server.clone().map(Arc::new));
    }
    let lost = move |to: &dyn AsyncInstrument<u64>| to.observe(lost.load(Ordering::Relaxed), &[]);
    let counter = meter.u64_observable_counter("hotcell.telemetry.lost");
    let _counter = counter.with_description("Spans that were dropped or could not be sent").with_callback(lost).build();
}

/// One instrument, whose values are asked of what `look` finds.
fn instrument<S>(meter: &Meter, measure: &'static Measure<S>, look: fn() -> Option<Arc<S>>) {
    let observe = move |to: &dyn AsyncInstrument<f64>| {
        let Some(of) = look() else { return };
        for row in measure.rows(&of) {
            let labels: Vec<KeyValue> = row.labels.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
            to.observe(row.value, &labels);
        }
    };
    let unit = unit(measure.unit);
    // They live as long as the provider; the handles are of no use.
    match measure.kind {
        Kind::Counter => {
            let counter = meter.f64_observable_counter(measure.name).with_description(measure.help);
            let _counter = counter.with_unit(unit).with_callback(observe).build();
        }
        Kind::Gauge => {
            let gauge = meter.f64_observable_gauge(measure.name).with_description(measure.help);
            let _gauge = gauge.with_unit(unit).with_callback(observe).build();
        }
    }
}

fn status() -> Option<Arc<Status>> {
    let mut watched = watched();
    if let Some((at, status)) = &watched.last
        && at.elapsed() < SAME_FOR
    {
        return Some(Arc::clone(status));
    }
    let status = Arc::new(watched.host.as_ref()?.status());
    watched.last = Some((Instant::now(), Arc::clone(&status)));
    Some(status)
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::One => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
    }
}

fn watched() -> MutexGuard<'static, Watched> {
    HOST.lock().unwrap_or_else(PoisonError::into_inner)
}
