//! The metrics of this program's host, looked up when a report is due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hotcell_runtime::Host;
use hotcell_runtime::measures::{Kind, MEASURES, Measure, Unit};
use hotcell_runtime::status::Status;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// A program has one host; after a reload, another.
static HOST: Mutex<Watched> = Mutex::new(Watched { on: false, host: None, last: None });

struct Watched {
    on: bool,
    host: Option<Host>,
    last: Option<(Instant, Arc<Status>)>,
}

/// One look at the host serves one report, which asks for each of its measures.
const SAME_FOR: Duration = Duration::from_millis(50);

/// Reports on this host from now on, if anything is reported.
pub(crate) fn watch(host: &Host) {
    let mut watched = watched();
    if watched.on {
        watched.host = Some(host.clone());
    }
}

/// Lets go of the host.
pub(super) fn forget() {
    *watched() = Watched { on: false, host: None, last: None };
}

/// Makes the instruments; `lost` counts spans that nobody will see.
pub(super) fn measure(meters: &SdkMeterProvider, lost: Arc<AtomicU64>) {
    watched().on = true;
    let meter = meters.meter("hotcell");
    for measure in MEASURES {
        let observe = move |to: &dyn AsyncInstrument<f64>| report(measure, to);
        // They live as long as the provider; the handles are of no use.
        match measure.kind {
            Kind::Counter => {
                let counter = meter.f64_observable_counter(measure.name).with_description(measure.help);
                let _counter = counter.with_unit(unit(measure)).with_callback(observe).build();
            }
            Kind::Gauge => {
                let gauge = meter.f64_observable_gauge(measure.name).with_description(measure.help);
                let _gauge = gauge.with_unit(unit(measure)).with_callback(observe).build();
            }
        }
    }
    let lost = move |to: &dyn AsyncInstrument<u64>| to.observe(lost.load(Ordering::Relaxed), &[]);
    let counter = meter.u64_observable_counter("hotcell.telemetry.lost");
    let _counter = counter.with_description("Spans that were dropped or could not be sent").with_callback(lost).build();
}

fn report(measure: &Measure, to: &dyn AsyncInstrument<f64>) {
    let Some(status) = status() else { return };
    for row in measure.rows(&status) {
        let labels: Vec<KeyValue> = row.labels.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        to.observe(row.value, &labels);
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

fn unit(measure: &Measure) -> &'static str {
    match measure.unit {
        Unit::One => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
    }
}

fn watched() -> MutexGuard<'static, Watched> {
    HOST.lock().unwrap_or_else(PoisonError::into_inner)
}
