//! Runs that go on without whoever began them: calls and agents that were only asked to be begun, and requests that may come again.
//!
//! Their number is bounded, and so is what is kept of those that have ended. When there is no room, the oldest that has ended makes
//! some: of the tenant that has most of them, so that nobody loses an end to another's diligence. Each belongs to its tenant: to all
//! others it is not there.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hotcell_call::{AgentName, ByteSize, Code, Failure, Kind, Outcome, RunId, Target, TenantId};
use hotcell_runtime::{RunOutcome, trace};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::wire::OutcomeObject;

/// All runs that are known.
#[derive(Debug)]
pub(crate) struct Runs {
    kept: Arc<Mutex<Kept>>,
    /// One has ended.
    ended: Arc<Notify>,
    /// Requests are told apart by a hash that nobody can foresee.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Kept {
    runs: HashMap<RunId, Arc<Run>>,
    keys: HashMap<(TenantId, String), (u64, RunId)>,
    /// How many were begun, for their order.
    begun: u64,
    /// Those that have ended, in all.
    weight: usize,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) tenant: TenantId,
    what: What,
    number: u64,
    began: SystemTime,
    key: Option<String>,
    /// What its end weighs; 0 before that.
    weight: AtomicUsize,
    end: watch::Receiver<Option<Arc<End>>>,
    cancel: CancellationToken,
}

/// What is run.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Call(Target),
    Agent(AgentName),
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct End {
    at: SystemTime,
    pub(crate) result: Ended,
}

#[derive(Debug)]
pub(crate) enum Ended {
    Call(Outcome),
    Agent(RunOutcome),
    /// Before there was anything to be told of it.
    Failed(Failure),
}

/// A request by which a run is known when it comes again.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    key: String,
    request: u64,
}

/// What is to be begun.
pub(crate) struct Begin {
    pub(crate) id: RunId,
    pub(crate) tenant: TenantId,
    pub(crate) what: What,
    pub(crate) key: Option<Key>,
}

/// What all ends that are kept may weigh.
const MOST_KEPT: ByteSize = ByteSize::mib(64);
/// What is kept of an end beside its texts.
const WEIGHT: usize = 1_024;

impl Runs {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::default(), ended: Arc::default(), hasher: RandomState::new() }
    }

    /// The key of a request.
    pub(crate) fn key(&self, key: String, path: &str, body: &[u8]) -> Key {
        Key { key, request: self.hasher.hash_one((path, body)) }
    }

    /// Begins a run, or gives the one that the same request began before. It is done by a task of its own, which ends by itself when it
    /// is told to by the token.
    ///
    /// # Errors
    ///
    /// [`Code::Idempotency`] if the key belongs to another request; [`Code::Overloaded`] if so many runs are under way.
    pub(crate) fn begin<W>(
        &self,
        begin: Begin,
        most: u32,
        work: impl FnOnce(CancellationToken) -> W,
    ) -> Result<Arc<Run>, Failure>
    where
        W: Future<Output = Ended> + Send + 'static,
    {
        let mut kept = self.lock();
        let place = begin.key.as_ref().map(|key| (begin.tenant.clone(), key.key.clone()));
        if let (Some(place), Some(key)) = (&place, &begin.key)
            && let Some((request, run)) = kept.keys.get(place)
            && let Some(run) = kept.runs.get(run)
        {
            return if *request == key.request { Ok(Arc::clone(run)) } else { Err(another(&key.key)) };
        }
        kept.make_room(usize::try_from(most).unwrap_or(usize::MAX), &begin.tenant)?;
        let (told, end) = watch::channel(None);
        let cancel = CancellationToken::new();
        kept.begun += 1;
        let run = Arc::new(Run {
            id: begin.id,
            tenant: begin.tenant,
            what: begin.what,
            number: kept.begun,
            began: SystemTime::now(),
            key: place.as_ref().map(|(_, key)| key.clone()),
            weight: AtomicUsize::new(0),
            end,
            cancel: cancel.clone(),
        });
        kept.runs.insert(run.id, Arc::clone(&run));
        if let (Some(place), Some(key)) = (place, begin.key) {
            kept.keys.insert(place, (key.request, run.id));
        }
        drop(kept);
        let work = work(cancel);
        let ending = Ending {
            kept: Arc::clone(&self.kept),
            ended: Arc::clone(&self.ended),
            run: Arc::clone(&run),
            told,
            result: None,
        };
        tokio::spawn(trace::along(async move { ending.with(work.await) }));
        Ok(run)
    }

    /// A run of a tenant.
    ///
    /// # Errors
    ///
    /// [`Code::UnknownRun`], also for the run of another.
    pub(crate) fn find(&self, id: &str, tenant: &TenantId) -> Result<Arc<Run>, Failure> {
        let unknown = || Failure::new(Code::UnknownRun, format!("there is no run {}", hotcell_call::shortened(id, 40)));
        let id: RunId = id.parse().map_err(|_| unknown())?;
        self.lock().runs.get(&id).filter(|run| run.tenant == *tenant).map(Arc::clone).ok_or_else(unknown)
    }

    /// The runs of a tenant, the newest first.
    pub(crate) fn of(&self, tenant: &TenantId) -> Vec<Arc<Run>> {
        let mut runs: Vec<_> = self.lock().runs.values().filter(|run| run.tenant == *tenant).map(Arc::clone).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.number));
        runs
    }

    /// How many are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.lock().runs.values().filter(|run| run.ended().is_none()).count()
    }

    /// How many are under way, of each tenant that has any.
    pub(crate) fn by_tenant(&self) -> BTreeMap<TenantId, usize> {
        let mut counts = BTreeMap::new();
        for run in self.lock().runs.values().filter(|run| run.ended().is_none()) {
            *counts.entry(run.tenant.clone()).or_default() += 1;
        }
        counts
    }

    /// Ends when none is under way.
    pub(crate) async fn gone(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // From here on no end is missed.
            ended.as_mut().enable();
            if self.under_way() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Lets all that are under way end.
    pub(crate) fn cancel_all(&self) {
        self.lock().runs.values().for_each(|run| run.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of a run: however its task ends, its end is told and kept within the bounds.
struct Ending {
    kept: Arc<Mutex<Kept>>,
    ended: Arc<Notify>,
    run: Arc<Run>,
    told: watch::Sender<Option<Arc<End>>>,
    result: Option<Ended>,
}

impl Ending {
    /// It ended as it should.
    fn with(mut self, result: Ended) {
        self.result = Some(result);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let lost = || Ended::Failed(Failure::new(Code::Fault, "the task of a run was lost"));
        let result = self.result.take().unwrap_or_else(lost);
        let (weight, refused) = (result.weight(), result.is_refused());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.run.weight.store(weight, Ordering::Relaxed);
        // Whoever asks later finds it in the run.
        let _ = self.told.send(Some(Arc::new(End { at: SystemTime::now(), result })));
        if kept.runs.contains_key(&self.run.id) {
            kept.weight = kept.weight.saturating_add(weight);
        }
        if refused {
            // Nothing was done: the same request may be tried again.
            kept.release(&self.run);
        }
        kept.lighten(&self.run);
        drop(kept);
        self.ended.notify_waiters();
    }
}

impl Kept {
    /// Makes room for one more of `tenant`.
    fn make_room(&mut self, most: usize, tenant: &TenantId) -> Result<(), Failure> {
        let under_way = |run: &&Arc<Run>| run.ended().is_none();
        let own = self.runs.values().filter(|run| run.tenant == *tenant).filter(under_way).count();
        // As long as there are others, none of them holds all places.
        let others = self.runs.values().any(|run| run.tenant != *tenant);
        let share = if others { most.div_ceil(2) } else { most };
        let running = self.runs.values().filter(under_way).count();
        if running >= most || own >= share {
            return Err(full(running.max(own), share.min(most)));
        }
        while self.runs.len() >= most {
            let Some(run) = self.oldest() else { break };
            self.forget(&run);
        }
        Ok(())
    }

    /// Forgets the oldest ends until the rest may stay; the one that has just come stays in any case, for whoever waits for it.
    fn lighten(&mut self, newest: &Run) {
        while self.weight > MOST_KEPT.as_usize() {
            match self.oldest() {
                Some(run) if run.id != newest.id => self.forget(&run),
                _ => break,
            }
        }
    }

    /// The oldest that has ended, of the tenant that has most of these.
    fn oldest(&self) -> Option<Arc<Run>> {
        let mut ended: HashMap<&TenantId, (usize, &Arc<Run>)> = HashMap::new();
        for run in self.runs.values().filter(|run| run.ended().is_some()) {
            let (count, oldest) = ended.entry(&run.tenant).or_insert((0, run));
            *count += 1;
            if run.number < oldest.number {
                *oldest = run;
            }
        }
        ended.into_values().max_by_key(|(count, oldest)| (*count, oldest.number)).map(|(_, run)| Arc::clone(run))
    }

    fn forget(&mut self, run: &Run) {
        if self.runs.remove(&run.id).is_some() {
            self.weight = self.weight.saturating_sub(run.weight.load(Ordering::Relaxed));
        }
        self.release(run);
    }

    /// Another request may have its key.
    fn release(&mut self, run: &Run) {
        if let Some(key) = &run.key {
            self.keys.remove(&(run.tenant.clone(), key.clone()));
        }
    }
}

impl Run {
    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<Arc<End>> {
        self.end.borrow().clone()
    }

    /// Waits for its end, at most so long.
    pub(crate) async fn wait(&self, most: Duration) -> Option<Arc<End>> {
        tokio::time::timeout(most, self.end()).await.ok()
    }

    /// Waits for its end.
    pub(crate) async fn end(&self) -> Arc<End> {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        ended.unwrap_or_else(|| {
            // Its guard tells the end before it goes.
            let failure = Failure::new(Code::Fault, "the end of a run was lost");
            Arc::new(End { at: SystemTime::now(), result: Ended::Failed(failure) })
        })
    }

    /// Lets it end.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Ended {
    /// The outcome, with its kind.
    fn word(&self) -> String {
        match self {
            Self::Call(outcome) => outcome.word(),
            Self::Agent(outcome) => outcome.word(),
            Self::Failed(failure) => failure.kind().to_string(),
        }
    }

    /// Whether nothing was begun.
    fn is_refused(&self) -> bool {
        let failure = match self {
            Self::Call(outcome) => outcome.result.as_ref().err(),
            Self::Agent(outcome) => outcome.failure.as_ref(),
            Self::Failed(failure) => Some(failure),
        };
        failure.is_some_and(|failure| matches!(failure.kind(), Kind::Refused(_)))
    }

    fn weight(&self) -> usize {
        WEIGHT
            + match self {
                Self::Call(outcome) => {
                    let answer = outcome.result.as_ref().map_or(0, |answer| answer.as_str().len());
                    answer + outcome.log.stdout.len() + outcome.log.stderr.len()
                }
                Self::Agent(outcome) => {
                    outcome.answer.as_ref().map_or(0, String::len)
                        + WEIGHT * (outcome.steps.len() + outcome.actions.len())
                }
                Self::Failed(_) => 0,
            }
    }
}

/// A run as a program reads it.
#[derive(Serialize)]
pub(crate) struct RunObject<'a> {
    run: RunId,
    #[serde(flatten)]
    what: Named<'a>,
    state: &'static str,
    #[serde(serialize_with = "millis")]
    began_ms: SystemTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Named<'a> {
    Call(&'a Target),
    Agent(&'a AgentName),
}

impl<'a> RunObject<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        let end = run.ended();
        Self {
            run: run.id,
            what: match &run.what {
                What::Call(target) => Named::Call(target),
                What::Agent(agent) => Named::Agent(agent),
            },
            state: if end.is_some() { "ended" } else { "running" },
            began_ms: run.began,
            ended_ms: end.as_ref().map(|end| since_1970(end.at)),
            outcome: end.map(|end| end.result.word()),
        }
    }
}

/// A run with how it ended.
#[derive(Serialize)]
pub(crate) struct WholeRun<'a> {
    #[serde(flatten)]
    run: RunObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

impl<'a> WholeRun<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        let end = run.ended();
        let (result, error) = match end.as_deref().map(|end| &end.result) {
            Some(Ended::Call(outcome)) => (raw(&OutcomeObject::new(outcome)), None),
            Some(Ended::Agent(outcome)) => (raw(outcome), None),
            Some(Ended::Failed(failure)) => (None, Some(failure.clone())),
            None => (None, None),
        };
        Self { run: RunObject::new(run), result, error }
    }
}

fn raw<T: Serialize>(value: &T) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}

fn since_1970(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn millis<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(since_1970(*at))
}

fn another(key: &str) -> Failure {
    Failure::new(Code::Idempotency, "the idempotency key belongs to another request")
        .why(format!("`{}` came before, with another path or body", hotcell_call::shortened(key, 60)))
        .fix("a new key for each new request")
}

fn full(running: usize, most: usize) -> Failure {
    Failure::new(Code::Overloaded, "too many runs are under way")
        .why(format!("{running} of {most}"))
        .fix("wait for some to end, or raise `runs` under [server] in hotcell.toml")
        .reached(running, most)
        .retry_after(Duration::from_secs(1))
}
