//! What is measured of a server besides its host: the same for whoever fetches and for whoever is sent to.

use hotcell_runtime::measures::{Measure, Row, Unit, counter, gauge};

use crate::serve::Control;

/// All that is measured of a server.
pub const MEASURES: &[Measure<Control>] = &[
    gauge("hotcell.http.connections", Unit::One, "Connections that are open", |control| {
        vec![Row { labels: Vec::new(), value: control.shared().connections.count() as f64 }]
    }),
    counter("hotcell.http.requests", "Requests that were answered", |control| control.shared().requests.rows()),
    gauge("hotcell.runs", Unit::One, "Runs under way, by their tenant", |control| {
        let runs = control.shared().runs.by_tenant().into_iter();
        runs.map(|(tenant, count)| Row { labels: vec![("tenant", tenant.to_string())], value: count as f64 }).collect()
    }),
];
