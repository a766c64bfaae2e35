//! What is counted, for whoever fetches it: the host's measures and the server's own, in the text format of Prometheus.
//!
//! Without tokens, whoever works on this machine sees all. With tokens, a tenant sees the rows that are its own and no others; one
//! that the operator marked (`metrics = true`) sees all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hotcell_call::{Code, Failure, TenantId};
use hotcell_runtime::config::Config;
use hotcell_runtime::measures::{Kind, MEASURES, Measure, Row, Unit};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, LabelSetEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as Suffix};

use super::problem::Problem;
use crate::measures;
use crate::serve::{Caller, Control, Shared};

/// How requests were answered.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<Kept, u64>>);

/// What requests are told apart by: words of ours, and the tenants that the configuration names.
type Kept = (Option<TenantId>, &'static str, Arc<str>, u16);

/// The path under which a request was answered, as it stands in the router.
#[derive(Debug, Clone)]
pub(crate) struct Template(Arc<str>);

/// One thing that is told, with all its values.
#[derive(Debug)]
struct Told {
    name: String,
    help: &'static str,
    unit: Unit,
    kind: Kind,
    rows: Vec<Row>,
}

/// All that one caller is told.
#[derive(Debug)]
struct Page(Vec<Told>);

/// What stands for the paths that are none, and for callers who are nobody.
const UNKNOWN: &str = "(unknown)";
/// Beyond, nothing new is told apart: more than all paths, methods and statuses of a hundred tenants.
const MOST: usize = 20_000;
const TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

impl Requests {
    /// Counts a request, when its answer begins.
    pub(crate) fn count(&self, tenant: Option<&TenantId>, method: &Method, response: &Response) {
        let path = response.extensions().get::<Template>().map_or_else(|| UNKNOWN.into(), |path| Arc::clone(&path.0));
        let key = (tenant.cloned(), word(method), path, response.status().as_u16());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < MOST || counts.contains_key(&key) {
            *counts.entry(key).or_default() += 1;
        }
    }

    /// How many there were of each.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |((tenant, method, path, status), count): (&Kept, &u64)| Row {
            labels: vec![
                ("tenant", tenant.as_ref().map_or_else(|| UNKNOWN.to_owned(), TenantId::to_string)),
                ("method", (*method).to_owned()),
                ("path", path.to_string()),
                ("status", status.to_string()),
            ],
            value: *count as f64,
        };
        counts.iter().map(row).collect()
    }
}

/// Methods that are known; there are as many others as anybody likes.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "(other)",
    }
}

/// Leaves on the answer to a request under which path it was found.
pub(super) async fn template(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(Template(path.as_str().into()));
    }
    response
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let mut page = Page::of(&Control::of(Arc::clone(&shared)));
    if !sees_all(shared.host().config(), &caller.tenant) {
        page.narrow(caller.tenant.as_str());
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(page));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)
        .map_err(|error| Failure::new(Code::Fault, "the metrics can't be written").caused_by(error))?;
    Ok(([(CONTENT_TYPE, TYPE)], Body::from(text)).into_response())
}

fn sees_all(config: &Config, tenant: &TenantId) -> bool {
    let marked = config.tenants.get(tenant).is_some_and(|tenant| tenant.metrics);
    marked || config.tenants.values().all(|tenant| tenant.tokens.is_empty())
}

impl Told {
    fn of<S>(measure: &Measure<S>, of: &S) -> Self {
        let name = measure.name.replace('.', "_");
        Self { name, help: measure.help, unit: measure.unit, kind: measure.kind, rows: measure.rows(of) }
    }
}

impl Page {
    fn of(server: &Control) -> Self {
        let status = server.shared().host().status();
        let of_host = MEASURES.iter().map(|measure| Told::of(measure, &status));
        let own = measures::MEASURES.iter().map(|measure| Told::of(measure, server));
        Self(of_host.chain(own).collect())
    }

    /// Leaves the rows of one tenant.
    fn narrow(&mut self, tenant: &str) {
        for told in &mut self.0 {
            told.rows.retain(|row| row.labels.iter().any(|(key, value)| *key == "tenant" && value == tenant));
        }
        self.0.retain(|told| !told.rows.is_empty());
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for told in &self.0 {
            let unit = match told.unit {
                Unit::One => None,
                Unit::Seconds => Some(Suffix::Seconds),
                Unit::Bytes => Some(Suffix::Bytes),
            };
            let kind = match told.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(&told.name, told.help, unit.as_ref(), kind)?;
            for row in &told.rows {
                let labels = Labels(&row.labels);
                let mut one = metric.encode_family(&labels)?;
                match told.kind {
                    Kind::Counter => one.encode_counter::<NoLabelSet, _, u64>(&row.value, None)?,
                    Kind::Gauge => one.encode_gauge(&row.value)?,
                }
            }
        }
        Ok(())
    }
}

/// Labels as the encoder takes them.
#[derive(Debug)]
struct Labels<'a>(&'a [(&'static str, String)]);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        use prometheus_client::encoding::EncodeLabel as _;

        self.0.iter().try_for_each(|(key, value)| (*key, value.as_str()).encode(encoder.encode_label()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hotcell_runtime::config::Token;

    use super::*;

    #[test]
    fn methods_are_few_whatever_is_sent() {
        assert_eq!(word(&Method::from_bytes(b"BREW").unwrap()), "(other)");
        assert_eq!(word(&Method::GET), "GET");
    }

    #[test]
    fn all_is_seen_where_nobody_has_a_token_and_by_whom_the_operator_marked() {
        let mut config = Config::defaults(Path::new("/absent"));
        let (acme, ops, local) = ("acme".parse().unwrap(), "ops".parse().unwrap(), TenantId::default());
        assert!(sees_all(&config, &local));
        config.tenants.entry("ops".parse().unwrap()).or_default().metrics = true;
        config.tenants.entry("acme".parse().unwrap()).or_default().tokens = vec![Token::of("hc_one")];
        assert!(sees_all(&config, &ops) && !sees_all(&config, &acme) && !sees_all(&config, &local));
    }
}
