//! For whoever watches over the server: is it alive, and does it take requests?

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use hotcell_call::{Code, Failure};
use http::StatusCode;
use serde::Serialize;

use super::problem::Problem;
use crate::serve::Shared;

#[derive(Serialize)]
struct Alive {
    alive: bool,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// Calls accepted and not ended; of those, how many wait, and how many are in their cells.
    calls: usize,
    waiting: usize,
    running: usize,
    runs: usize,
    connections: usize,
    up_ms: u128,
}

/// It answers, so it is.
pub(super) async fn alive() -> Response {
    super::json(StatusCode::OK, &Alive { alive: true })
}

pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    if shared.draining.is_cancelled() {
        let failure = Failure::new(Code::Draining, "the server is about to end");
        return Err(failure.retry_after(Duration::from_secs(1)).into());
    }
    let load = shared.host().load();
    let ready = Ready {
        ready: true,
        calls: load.under_way,
        waiting: load.waiting,
        running: load.running,
        runs: shared.runs.under_way(),
        connections: shared.connections.count(),
        up_ms: shared.started.elapsed().as_millis(),
    };
    Ok(super::json(StatusCode::OK, &ready))
}
