//! The first stage: is this a call that can be made at all?
//!
//! A known tool and function, an input within its limit that fits the schema, limits and grants that only narrow what the operator
//! set, and a deadline. Whatever fails here has cost nothing and started nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::{
    ByteSize, Code, Digest, Effect, Failure, Foreseen, LimitKeys, Limits, Payload, Priority, Receipt, Target, TenantId,
    ToolCall, ToolName, Wants, Wider, nearest,
};
use hotcell_flow::breaker::Breakers;
use hotcell_sandbox::{Attempt, Invocation, Observer, OpenGrants};
use tokio_util::sync::CancellationToken;

use crate::batches::Batches;
use crate::canonical::canonical;
use crate::config::TenantConfig;
use crate::entry::{Function, Opened};
use crate::flight::Question;
use crate::host::Host;
use crate::switches;
use crate::terms::Terms;

/// A call that may be made.
pub(crate) struct Ready {
    opened: Arc<Opened>,
    function: Arc<Function>,
    call: Arc<ToolCall>,
    /// With its function named, whether the caller did or not.
    target: Target,
    input: Payload,
    limits: Arc<Limits>,
    grants: Arc<OpenGrants>,
    cancel: CancellationToken,
    weight: u32,
    /// What it asks, where the answer may be kept or shared, and for how long.
    question: Option<(Question, Duration)>,
}

/// Inputs beyond this are not looked up: to bring one into its canonical form takes time, and few come twice.
const MOST_QUESTION: ByteSize = ByteSize::kib(64);

impl Host {
    /// Checks a call.
    pub(crate) async fn intake(&self, call: Arc<ToolCall>, cancel: CancellationToken) -> Result<Ready, Failure> {
        let tenant = self.known(&call)?;
        if tenant.is_some_and(|tenant| !tenant.may_see(&call.target.tool)) {
            return Err(not_offered(&call));
        }
        let weight = tenant.map_or(1, |tenant| tenant.weight);
        let opened = self.opened(&call.target).await?;
        // Of another tool it means nothing that the call would not fit.
        if call.agreed.as_ref().is_some_and(|agreed| agreed.digest != opened.tool.digest()) {
            return Err(another(&call.target));
        }
        let hidden = |failure: Failure| match tenant {
            // The names of the others are not its to know.
            Some(tenant) if tenant.tools.is_some() => not_offered(&call),
            _ => failure,
        };
        let function = Arc::clone(opened.function(&call.target).map_err(hidden)?);
        let target = Target { tool: call.target.tool.clone(), function: Some(Arc::clone(&function.schema.name)) };
        if tenant.is_some_and(|tenant| !tenant.may_call(&target)) {
            return Err(not_offered(&call));
        }
        if let Some(wider) = opened.limits.wider(&call.limits).first() {
            return Err(too_wide(&call, wider));
        }
        let limits = switches::left(opened.tightened(&call.limits));
        let input = fitting(&function, &call.target, &call.input, &limits)?;
        let grants = opened.left(call.wants.as_ref())?;
        // From here on it is this component with these grants, in the queue and in each attempt, whatever becomes of its file.
        if call.agreed.as_ref().is_some_and(|agreed| *agreed != foreseen(&opened, &function, &grants)) {
            return Err(another(&target));
        }
        let mut ready = Ready { opened, function, call, target, input, limits, grants, cancel, weight, question: None };
        ready.ask();
        Ok(ready)
    }

    /// Whether a call would be made with this input: one that would not need not be asked for.
    pub(crate) async fn fits(&self, target: &Target, limits: &LimitKeys, input: &Payload) -> Result<(), Failure> {
        let opened = self.opened(target).await?;
        fitting(opened.function(target)?, target, input, &opened.tightened(limits)).map(drop)
    }

    /// What can be said of a call before it is made, as its tool is now.
    pub(crate) async fn foreseen(&self, target: &Target, wants: Option<&Wants>) -> Result<Foreseen, Failure> {
        let opened = self.opened(target).await?;
        let grants = opened.left(wants)?;
        Ok(foreseen(&opened, opened.function(target)?, &grants))
    }

    /// What is known of the call's tenant, which must be known and may have the class that it asks for.
    fn known(&self, call: &ToolCall) -> Result<Option<&TenantConfig>, Failure> {
        let tenants = &self.0.config.tenants;
        match tenants.get(&call.tenant) {
            Some(tenant) if call.priority < tenant.priority => Err(too_urgent(call, tenant.priority).of(&call.target)),
            Some(tenant) => Ok(Some(tenant)),
            None if tenants.is_empty() || call.tenant == TenantId::default() => Ok(None),
            None => Err(unknown(&call.tenant, tenants.keys()).of(&call.target)),
        }
    }
}

impl Ready {
    pub(crate) fn call(&self) -> &ToolCall {
        &self.call
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.call.tenant
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    pub(crate) fn input(&self) -> &Payload {
        &self.input
    }

    pub(crate) fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The time that the tool has, whatever the caller leaves of it.
    pub(crate) fn longest(&self) -> Duration {
        self.opened.limits.timeout
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.opened.terms
    }

    pub(crate) fn effect(&self) -> Effect {
        self.function.effect
    }

    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// How the call ends when its caller ends it.
    pub(crate) fn cancelled(&self) -> Failure {
        Failure::new(Code::Cancelled, format!("{} was cancelled", self.target)).why("before it was started")
    }

    /// The breaker that its failures count for. What is pure has nothing behind it that could be down: that it fails is its
    /// input's fault.
    pub(crate) fn breakers(&self) -> Option<&Breakers<TenantId>> {
        self.opened.terms.breakers.as_ref().filter(|_| self.function.effect != Effect::Pure)
    }

    pub(crate) fn question(&self) -> Option<(Question, Duration)> {
        self.question.clone()
    }

    /// A run of this function for this tenant was more than a function of its input: it is not asked for its answers any more.
    pub(crate) fn mark_unsound(&self) {
        self.function.unsound.insert(self.tenant());
    }

    /// Works out what it asks, if its tool's answers may be kept. The guest then gets the very text that the question has: else
    /// two inputs that are one question could have two answers.
    fn ask(&mut self) {
        // Whoever follows it would have to wait for its time too.
        if self.call.start_at.is_some() {
            return;
        }
        let Some(ttl) = self.opened.ttl.filter(|_| !self.function.unsound.contains(self.tenant())) else { return };
        if self.input.size() > MOST_QUESTION {
            return;
        }
        let Some(input) = canonical(self.input.as_str()) else { return };
        self.input = Payload::new(input);
        let digest = self.opened.tool.digest();
        let name = &self.function.schema.name;
        let question = Question::new(&self.call.tenant, digest, name, &self.input, &self.limits, &self.grants);
        self.question = Some((question, ttl));
    }

    /// Where it finds others to share a cell with, if it may.
    fn company(&self) -> Option<&Batches> {
        let pure = self.function.effect == Effect::Pure && self.question.is_none();
        self.opened.batches.as_ref().filter(|_| pure)
    }

    /// Which component it is.
    pub(crate) fn digest(&self) -> Digest {
        self.opened.tool.digest()
    }

    pub(crate) fn function_name(&self) -> Arc<str> {
        Arc::clone(&self.function.schema.name)
    }

    /// What the receipt says of a call before anything has run.
    pub(crate) fn receipt(&self) -> Receipt {
        Receipt {
            digest: Some(self.opened.tool.digest()),
            fuel_exact: true,
            input: self.input.size(),
            limits: Arc::clone(&self.limits),
            grants: Arc::clone(self.grants.set()),
            ..Receipt::default()
        }
    }

    /// The last stage: the cell.
    pub(crate) async fn run(&self, observer: Arc<dyn Observer>) -> Box<Attempt> {
        let invocation = Invocation {
            call: self.call.id,
            target: self.target.clone(),
            tenant: self.call.tenant.clone(),
            weight: self.weight,
            input: self.input.clone(),
            limits: Arc::clone(&self.limits),
            grants: Arc::clone(&self.grants),
            deadline: self.call.deadline,
            cancel: self.cancel.clone(),
            observer: Some(observer),
        };
        let attempt = match self.company() {
            Some(batches) => batches.run(self, invocation).await,
            None => self.opened.tool.invoke(&self.function.schema.name, invocation).await,
        };
        self.opened.terms.learn(&attempt.receipt);
        attempt
    }
}

fn foreseen(opened: &Opened, function: &Function, grants: &OpenGrants) -> Foreseen {
    let (says, could) = (function.effect, function.effect.max(grants.set().could()));
    Foreseen { digest: opened.tool.digest(), effects: says..=could, grants: Arc::clone(grants.set()) }
}

fn another(target: &Target) -> Failure {
    Failure::new(Code::Approval, format!("{target} was not approved"))
        .why("its tool was changed since it was looked at: what was agreed to, or needed no agreement, was another")
        .fix("call it again: then it is looked at as it is now")
}

/// Told alike whether it is there or not.
fn not_offered(call: &ToolCall) -> Failure {
    Failure::new(Code::UnknownTool, format!("there is no tool `{}` for {}", call.target, call.tenant))
        .why(format!("`tools` under [tenants.{}] in hotcell.toml does not name it", call.tenant))
}

fn too_urgent(call: &ToolCall, most: Priority) -> Failure {
    Failure::new(Code::Wider, format!("the call asks for a more urgent class than {} may have", call.tenant))
        .why(format!("{} was asked for; the most urgent is {most}", call.priority))
        .fix(format!("priority = \"{}\" under [tenants.{}] in hotcell.toml", call.priority, call.tenant))
}

fn unknown<'t>(tenant: &TenantId, known: impl Iterator<Item = &'t TenantId> + Clone) -> Failure {
    let names: Vec<&str> = known.clone().take(10).map(TenantId::as_str).collect();
    let failure = Failure::new(Code::UnknownTenant, format!("there is no tenant `{tenant}`"))
        .why(format!("hotcell.toml names {}", names.join(", ")));
    match nearest(tenant.as_str(), known.map(TenantId::as_str)) {
        Some(near) => failure.fix(format!("did you mean `{near}`?")),
        None => failure.fix(format!("[tenants.{tenant}] in hotcell.toml")),
    }
}

fn too_wide(call: &ToolCall, wider: &Wider) -> Failure {
    Failure::new(Code::Wider, format!("the call asks for a wider limit than {} has", call.target.tool))
        .why(format!("{wider}; a call can only narrow"))
        .fix(operator(&call.target.tool, wider.key, &wider.asked))
}

/// An input that is within its limit and fits the schema, by names.
fn fitting(function: &Function, target: &Target, input: &Payload, limits: &Limits) -> Result<Payload, Failure> {
    if input.size() > limits.input {
        return Err(too_large(target, input.size(), limits.input));
    }
    function.schema.check(target, input)
}

fn too_large(target: &Target, size: ByteSize, limit: ByteSize) -> Failure {
    Failure::new(Code::InputTooLarge, format!("the input of {target} is too large"))
        .why(format!("{size} of JSON, of at most {limit}"))
        .fix(operator(&target.tool, "input", &size.to_string()))
        .reached(size, limit)
}

fn operator(tool: &ToolName, key: &str, value: &str) -> String {
    format!("limits.{key} = \"{value}\" under [tools.{tool}] in hotcell.toml")
}
