//! The honest neighbour: another tenant with a tool that echoes, called all the time while the attacks go on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hotcell_call::{Failure, Payload, Target, TenantId};
use hotcell_flow::profile::{Spread, Times};
use tokio::task::JoinSet;

use crate::host::Host;

/// The neighbour at work; dropped, it stops.
pub(super) struct Neighbour {
    told: Arc<Mutex<Told>>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Told {
    /// All calls.
    all: Spread,
    /// Those since the last look.
    since: Spread,
    failed: Option<Failure>,
}

/// Between two calls: several hundred a second, which leaves the cores to the others.
const PAUSE: Duration = Duration::from_millis(2);
/// What it is called with, and what it has to answer: little, so that it gets through wherever anything does.
pub(super) const INPUT: &str = r#"{"text":"hi"}"#;
const ANSWER: &str = r#""hi""#;

impl Neighbour {
    pub(super) fn start(host: Host, tenant: TenantId, target: Target) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let mut task = JoinSet::new();
        let into = Arc::clone(&told);
        task.spawn(async move {
            loop {
                let mut call = host.next_call(target.clone(), Payload::new(INPUT));
                call.tenant = tenant.clone();
                call.retries = Some(0);
                let began = Instant::now();
                let outcome = host.call(call).await;
                into.lock().unwrap_or_else(PoisonError::into_inner).count(began.elapsed(), outcome.result);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { told, _task: task }
    }

    /// How long the calls took that ended since the last look.
    pub(super) fn since(&self) -> Times {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut told.since).times()
    }

    /// How long all took, and the first failure.
    pub(super) fn all(&self) -> (Times, Option<Failure>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (told.all.times(), told.failed.clone())
    }
}

impl Told {
    fn count(&mut self, took: Duration, result: Result<Payload, Failure>) {
        self.all.time(took);
        self.since.time(took);
        match result {
            Ok(answer) if answer.as_str() == ANSWER => {}
            Ok(_) => drop(self.failed.get_or_insert_with(|| {
                Failure::new(hotcell_call::Code::Fault, "the neighbour was given another's answer")
            })),
            Err(failure) => drop(self.failed.get_or_insert(failure)),
        }
    }
}
