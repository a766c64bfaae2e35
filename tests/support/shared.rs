//! Calls that share a cell: batches of one tool, made at the sandbox, without a host around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::{CallId, Decision, GrantSet, LimitKeys, Outcome, Payload, Target, TenantId, Used};
use hotcell_sandbox::{Attempt, Compiler, Invocation, Observer, OpenGrants, Sandbox, Settings, Tool};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::harness::set;
use super::program::{guest, hotcell, scratch};

/// A tool in a sandbox that has room for one cell: a second one at the same time would be refused.
pub(crate) struct Shared {
    pub(crate) tool: Tool,
}

/// A call of a batch that is yet to be made.
pub(crate) struct Item {
    target: Target,
    invocation: Invocation,
}

/// A call of `target`, with nothing granted and all limits the defaults.
pub(crate) fn item(target: &str, input: Value) -> Item {
    let target: Target = target.parse().unwrap_or_else(|error| panic!("{error}"));
    let invocation = Invocation {
        call: CallId::from_bits(0),
        target: target.clone(),
        tenant: TenantId::default(),
        weight: 1,
        input: Payload::new(input.to_string()),
        limits: Arc::default(),
        grants: OpenGrants::open(GrantSet::default()).expect("nothing to open"),
        deadline: None,
        cancel: CancellationToken::new(),
        observer: None,
    };
    Item { target, invocation }
}

impl Shared {
    /// A guest of ours.
    pub(crate) async fn guest(name: &str) -> Self {
        let tool = sandbox().open(&name.parse().expect("a name"), &guest(name)).await;
        Self { tool: tool.unwrap_or_else(|failure| panic!("{failure}")) }
    }

    /// A component that was assembled for the test; its name is `shape`.
    pub(crate) async fn shape(component: Vec<u8>) -> Self {
        let tool = sandbox().open_bytes(&"shape".parse().expect("a name"), component.leak()).await;
        Self { tool: tool.unwrap_or_else(|failure| panic!("{failure}")) }
    }

    /// Makes the calls in one batch.
    pub(crate) async fn run(&self, items: impl IntoIterator<Item = Item>) -> Vec<Outcome> {
        let (targets, calls): (Vec<_>, Vec<_>) =
            items.into_iter().map(|item| (item.target.clone(), item.into_call())).unzip();
        let mut attempts = Vec::new();
        self.tool.invoke_batch(calls, |_| true, |_, attempt| attempts.push(attempt)).await;
        assert_eq!(attempts.len(), targets.len(), "an attempt for each");
        targets.into_iter().zip(attempts).map(|(target, attempt)| outcome(target, attempt)).collect()
    }

    /// Makes a call by itself.
    pub(crate) async fn alone(&self, item: Item) -> Outcome {
        let target = item.target.clone();
        let (function, invocation) = item.into_call();
        outcome(target, self.tool.invoke(&function, invocation).await)
    }
}

impl Item {
    pub(crate) fn limit(mut self, key: &str, value: &str) -> Self {
        let mut keys = LimitKeys::default();
        set(&mut keys, key, value);
        self.invocation.limits = Arc::new(self.invocation.limits.with(&keys));
        self
    }

    pub(crate) fn by(mut self, tenant: &str) -> Self {
        self.invocation.tenant = tenant.parse().expect("a tenant");
        self
    }

    pub(crate) fn granted(mut self, grants: &Arc<OpenGrants>) -> Self {
        self.invocation.grants = Arc::clone(grants);
        self
    }

    pub(crate) fn deadline(mut self, wait: Duration) -> Self {
        self.invocation.deadline = Some(Instant::now() + wait);
        self
    }

    /// What happens when the guest speaks of its progress.
    pub(crate) fn when_it_speaks(mut self, then: impl Fn() + Send + Sync + 'static) -> Self {
        self.invocation.observer = Some(Arc::new(Hears(then)));
        self
    }

    /// What ends the call from outside.
    pub(crate) fn cancel(&self) -> CancellationToken {
        self.invocation.cancel.clone()
    }

    fn into_call(self) -> (Arc<str>, Invocation) {
        (self.target.function.expect("a function"), self.invocation)
    }
}

/// Hears a guest's progress and nothing else.
struct Hears<F>(F);

impl<F: Fn() + Send + Sync> Observer for Hears<F> {
    fn progress(&self, _done: u64, _total: Option<u64>, _message: &str) {
        (self.0)();
    }

    fn used(&self, _used: Used) {}

    fn decided(&self, _decision: Decision) {}
}

fn sandbox() -> Sandbox {
    let compiler = Compiler { program: hotcell(), args: vec!["__compile".into()] };
    let settings = Settings { calls: 1, cache: Some(scratch("cache")), ..Settings::new(compiler) };
    Sandbox::new(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn outcome(target: Target, attempt: Box<Attempt>) -> Outcome {
    let Attempt { result, receipt, log } = *attempt;
    Outcome { call: CallId::from_bits(0), target, result, receipt, log, note: None }
}
