//! `[telemetry]`: where traces and metrics go, and how much of them.

use std::time::Duration;

use hotcell_agent::document::{Item, Section};
use hotcell_call::format_duration;

use super::Base;
use super::bounds::{self, Bounds};
use super::user::Lookup;

/// Where traces and metrics go.
#[derive(Debug, Clone, PartialEq)]
pub struct TelemetryConfig {
    /// The collector, which takes OTLP over HTTP; none: nothing is sent, and no span is made.
    pub otlp: Option<Base>,
    /// The variable that names it, where the file doesn't.
    pub(crate) otlp_from: Option<&'static str>,
    /// Which part of the traces is kept, from 0 to 1.
    pub sample: f64,
    /// What this program is called there.
    pub service: String,
    /// Spans that wait to be sent; more are dropped, and counted.
    pub queue: u32,
    /// From one report of the metrics to the next.
    pub interval: Duration,
}

/// The variable by which all programs are told where to send.
pub(super) const VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Each holds about a kilobyte.
const MOST_QUEUE: u32 = 1_000_000;
const MOST_NAME: usize = 100;

const INTERVALS: Bounds<Duration> = Bounds {
    least: Duration::from_millis(100),
    most: Duration::from_secs(3_600),
    because: "each report looks at all tools and tenants",
};

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp: None,
            otlp_from: None,
            sample: 1.0,
            service: "hotcell".to_owned(),
            queue: 2_048,
            interval: Duration::from_secs(60),
        }
    }
}

impl TelemetryConfig {
    /// The defaults, with what the environment says.
    pub(super) fn surroundings(lookup: Lookup<'_>) -> Self {
        let otlp = lookup(VARIABLE).filter(|text| !text.is_empty()).and_then(|text| text.parse().ok());
        Self { otlp_from: otlp.as_ref().map(|_| VARIABLE), otlp, ..Self::default() }
    }

    /// Its settings by their keys, for people.
    pub(super) fn settings(&self) -> [(&'static str, String); 5] {
        [
            ("otlp", self.otlp.as_ref().map_or_else(|| "off".to_owned(), Base::to_string)),
            ("sample", self.sample.to_string()),
            ("service", self.service.clone()),
            ("queue", self.queue.to_string()),
            ("interval", format_duration(self.interval)),
        ]
    }
}

pub(super) fn read(root: &Section<'_>, lookup: Lookup<'_>) -> TelemetryConfig {
    let usual = TelemetryConfig::surroundings(lookup);
    let Some(section) = root.section("telemetry") else {
        return usual;
    };
    let written = section.get("otlp").and_then(|item| item.parsed::<Base>()).map(|base| base.value);
    TelemetryConfig {
        otlp_from: usual.otlp_from.filter(|_| written.is_none()),
        otlp: written.or(usual.otlp),
        sample: section.get("sample").and_then(|item| item.real(0.0, 1.0)).unwrap_or(usual.sample),
        service: section.get("service").and_then(|item| name(&item)).unwrap_or(usual.service),
        queue: section.get("queue").and_then(|item| item.number(1, MOST_QUEUE)).unwrap_or(usual.queue),
        interval: section
            .get("interval")
            .and_then(|item| bounds::duration(&item, &INTERVALS))
            .unwrap_or(usual.interval),
    }
}

fn name(item: &Item<'_>) -> Option<String> {
    let text = item.string()?.value;
    let is_fit = !text.is_empty() && text.len() <= MOST_NAME && !text.chars().any(char::is_control);
    if !is_fit {
        item.report(item.wrong("this is no name of a service", "").hint(format!("1 to {MOST_NAME} characters")));
    }
    is_fit.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hotcell_agent::document::Source;

    use super::*;
    use crate::config::Config;

    fn telemetry(text: &str, variable: Option<&str>) -> Option<TelemetryConfig> {
        let lookup = |name: &str| variable.filter(|_| name == VARIABLE).map(str::to_owned);
        let config = Config::read(&Source::new("x", text), Path::new("/checkout/hotcell.toml"), true, &lookup);
        config.ok().map(|config| config.telemetry)
    }

    #[test]
    fn the_file_goes_before_the_variable_and_nothing_is_sent_without_either() {
        let of = |text, variable| {
            let telemetry = telemetry(text, variable).unwrap();
            (telemetry.otlp.map(|base| base.to_string()), telemetry.otlp_from)
        };
        let written = "[telemetry]\notlp = \"http://localhost:4318\"";
        assert_eq!(of("", None), (None, None));
        assert_eq!(of("[telemetry]\nsample = 0.5", None), (None, None));
        assert_eq!(of(written, Some("https://other.example")), (Some("http://localhost:4318".to_owned()), None));
        assert_eq!(of("", Some("https://other.example/")), (Some("https://other.example".to_owned()), Some(VARIABLE)));
        assert_eq!(of("", Some("")), (None, None));
        assert_eq!(of("", Some("nowhere")), (None, None));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        for text in [
            "otlp = \"localhost:4318\"",
            "otlp = \"ftp://localhost\"",
            "otlp = \"http://name:word@localhost\"",
            "sample = 1.5",
            "service = \"\"",
            "service = \"a\\nb\"",
            "queue = 0",
            "interval = \"1ms\"",
            "level = \"debug\"",
        ] {
            assert_eq!(telemetry(&format!("[telemetry]\n{text}"), None), None, "{text}");
        }
    }
}
