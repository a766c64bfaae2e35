//! A run in which a model decides what is done.
//!
//! The model is asked for a reply; what it wants to use goes down the host's one path; what came of it is put before it as data; and
//! so on until it answers. All of it is bounded: replies, tokens, money, calls, time, and what the conversation holds.

mod act;
mod billed;
mod conversation;
mod memory;
mod plan;
mod react;
mod reactive;
mod shown;
mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hotcell_agent::model::{
    ChatModel, ChatReply, ChatRequest, Form, Lender, Message, ModelError, ModelName, Space, StopReason, ToolSpec, Usage,
};
use hotcell_agent::{Mind, Pattern, weight};
use hotcell_call::{ByteSize, Code, Failure, Happening, Outcome, shortened};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::session::approve::Gate;
use crate::session::caller::Caller;
use crate::session::ledger::Ledger;
use crate::session::room::{Room, no_room};
use crate::session::{Action, RunOutcome, TaskOutcome};

use self::conversation::{Copied, held, size, written};
use self::memory::Remembered;
use self::reactive::Incoming;

/// What a conversation may hold.
const MOST_CONVERSATION: ByteSize = ByteSize::mib(16);
/// Tokens of a reply for which nobody says how many it may have.
const USUAL_REPLY: u32 = 8_192;
/// An id or a name of a use: they are repeated in every request after it.
const MOST_NAME: usize = 256;
/// Actions that a run keeps: the last ones.
const MOST_ACTIONS: usize = 10_000;
/// What events tell of a text.
const MOST_TOLD: usize = 500;

/// A run under way.
pub(super) struct Thinker<'a> {
    pub(super) caller: &'a Caller<'a>,
    pub(super) mind: &'a Mind,
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) ledger: Arc<Ledger>,
    /// What it holds, with all runs around.
    pub(super) room: Arc<Room>,
    pub(super) gate: Gate,
    /// How many runs are around this one.
    pub(super) depth: usize,
    pub(super) actions: Mutex<Vec<Action>>,
    state: Mutex<&'static str>,
    /// Fuel, and calls that did not end `ok`.
    cost: Mutex<(u64, u64)>,
    /// What it knows of earlier runs.
    remembered: Mutex<Vec<Message>>,
    tasks: Mutex<Vec<TaskOutcome>>,
    /// Of a run with several tasks: no more are let in.
    over: CancellationToken,
}

impl<'a> Thinker<'a> {
    pub(super) fn new(
        caller: &'a Caller<'a>,
        mind: &'a Mind,
        model: Arc<dyn ChatModel>,
        ledger: Arc<Ledger>,
        room: Arc<Room>,
        gate: Gate,
        depth: usize,
    ) -> Self {
        let (actions, state) = (Mutex::default(), Mutex::new("waiting"));
        let cost = Mutex::default();
        Self {
            caller,
            mind,
            model,
            ledger,
            room,
            gate,
            depth,
            actions,
            state,
            cost,
            remembered: Mutex::default(),
            tasks: Mutex::default(),
            over: CancellationToken::new(),
        }
    }

    /// Does what the run is for, as the agent's pattern says.
    pub(super) async fn work(&self, task: &str) -> Result<String, Failure> {
        let memory = self.memory();
        if let Some(memory) = &memory {
            let messages = memory.messages().await;
            self.room.take(held(&messages))?.for_good();
            *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = messages;
        }
        let answer = match self.caller.agent.pattern {
            Pattern::Plan => self.plan(task).await?,
            Pattern::React | Pattern::Steps => self.react(task).await?,
            Pattern::Reactive => self.react_to(task).await?,
        };
        // It is kept to the end.
        self.room.take(ByteSize::of(answer.len()))?.for_good();
        if let Some(memory) = &memory {
            // The answer is there: that it is written down must not take the time that would end the run without it.
            let left = self.caller.deadline.saturating_duration_since(Instant::now()) / 2;
            if let Err(failure) = memory.add(task, &answer, left.min(memory::MOST_WAIT)).await {
                tracing::warn!(agent = %self.caller.agent.name, %failure, "the run is not remembered");
            }
        }
        Ok(answer)
    }

    /// Does the tasks that come: the one that the run was given, or a change of a file after the other.
    async fn react_to(&self, task: &str) -> Result<String, Failure> {
        let (send, tasks) = tokio::sync::mpsc::channel(64);
        match &self.mind.watch {
            None => {
                // The one place is free: nobody else sends.
                let _ = send.send(Incoming { number: 1, text: task.to_owned() }).await;
                drop(send);
                self.reactive(tasks).await?;
            }
            Some(watch) => {
                self.may_watch(Path::new(task)).await?;
                let watching = watch::watch(Path::new(task), watch, send, || self.now("watching"));
                let watching = async {
                    match watch.time {
                        // Its time is up: no more tasks come in, and those that did are done.
                        Some(time) => tokio::time::timeout(time, watching).await.unwrap_or(Ok(())),
                        None => watching.await,
                    }
                };
                let watching = async {
                    tokio::select! {
                        watched = watching => watched,
                        () = self.over.cancelled() => Ok(()),
                    }
                };
                let (watched, done) = tokio::join!(watching, self.reactive(tasks));
                watched?;
                done?;
            }
        }
        self.together(&self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A folder is watched only where one of the tools may read it for this agent: names and times of files are worth something, too.
    async fn may_watch(&self, folder: &Path) -> Result<(), Failure> {
        let refused = |why: String| {
            let shown = shortened(&folder.display().to_string(), 200);
            Failure::new(Code::Files, format!("{} may not watch `{shown}`", self.caller.agent.name)).why(why)
        };
        let real = folder.canonicalize().map_err(|error| refused(error.to_string()))?;
        for offer in &self.mind.tools {
            let wants = self.caller.agent.wants(&offer.target.tool);
            let opened = self.caller.host.opened(&offer.target).await;
            // A tool that can't be called, or whose part of a folder is not there, reads nothing.
            let Ok(grants) = opened.and_then(|opened| opened.left(wants.as_ref())) else { continue };
            let hosts = grants.set().folders.iter().map(|granted| granted.host.join(&granted.part));
            if hosts.filter_map(|host| host.canonicalize().ok()).any(|host| real.starts_with(host)) {
                return Ok(());
            }
        }
        let fix = format!("--allow-read {}", hotcell_call::shell(&folder.display().to_string()));
        Err(refused("none of its tools may read it, as the operator grants and the agent narrows".to_owned()).fix(fix))
    }

    fn memory(&self) -> Option<Remembered> {
        let host = self.caller.host;
        Some(Remembered::of(
            self.caller.agent,
            &self.caller.owner.tenant,
            self.mind.memory?,
            host.config().state.as_deref()?,
        ))
    }

    /// Counts what a call cost.
    fn count(&self, outcome: &Outcome) {
        self.add(outcome.receipt.fuel_charged(), u64::from(outcome.result.is_err()));
    }

    fn add(&self, fuel: u64, failed: u64) {
        let mut cost = self.cost.lock().unwrap_or_else(PoisonError::into_inner);
        *cost = (cost.0.saturating_add(fuel), cost.1.saturating_add(failed));
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> Happening) {
        self.caller.host.0.events.tell(self.caller.owner.about(), what);
    }

    pub(super) fn actions(&self) -> MutexGuard<'_, Vec<Action>> {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was done.
    fn acted(&self, action: Action) {
        let mut actions = self.actions();
        if actions.len() >= MOST_ACTIONS {
            actions.remove(0);
        }
        actions.push(action);
    }

    /// What the run does from now on.
    pub(super) fn now(&self, to: &'static str) {
        let from = std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), to);
        if from != to {
            self.tell(|| Happening::StateChanged { from, to });
        }
    }

    /// What the model knows that it may use.
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        let tools = self.mind.tools.iter().map(|offer| ToolSpec {
            name: offer.name(),
            description: offer.description.clone(),
            input: offer.input.clone(),
        });
        let agents = self.mind.agents.iter().map(|sub| ToolSpec {
            name: sub.name(),
            description: format!("Another agent. {}", sub.agent.description),
            input: json!({
                "type": "object",
                "properties": { "task": { "type": "string", "description": "What it is to do, with all that it must know." } },
                "required": ["task"],
                "additionalProperties": false
            }),
        });
        tools.chain(agents).collect()
    }

    /// Asks the model for its next reply.
    ///
    /// # Errors
    ///
    /// [`Code::Budget`] when nothing is left to spend, [`Code::RunMemory`] when there is no room; what went wrong with the model.
    pub(super) async fn reply(
        &self,
        system: &str,
        said: Copied<'_>,
        tools: Vec<ToolSpec>,
        form: Option<Form>,
    ) -> Result<ChatReply, Failure> {
        let events = &self.caller.host.0.events;
        let Copied { messages, share } = said;
        let size = size(&messages);
        if size > MOST_CONVERSATION {
            return Err(Failure::new(
                Code::RunMemory,
                format!("the conversation of {} is too long", self.caller.agent.name),
            )
            .why(format!("it holds {size} of {MOST_CONVERSATION}"))
            .fix("a smaller `[tools] result`, or a smaller task")
            .reached(size, MOST_CONVERSATION));
        }
        let bytes = size.as_u64().saturating_add(preamble(system, &tools, form.as_ref()));
        // What the request has is known to the provider alone; a fourth of its bytes is near.
        let has = bytes / 4;
        let most = u64::from(self.mind.max_tokens.unwrap_or(USUAL_REPLY));
        let aside = self.ledger.admit(has.saturating_add(most), self.gate.approval(), events).await?;
        let bound = (aside.tokens() < has.saturating_add(most)).then(|| aside.tokens().saturating_sub(has));
        let left = bound.into_iter().chain(self.affordable(has)).min();
        if left == Some(0) {
            return Err(self.too_dear(has));
        }
        let left = left.filter(|left| *left < most).map(|left| u32::try_from(left).unwrap_or(u32::MAX));
        // It is sent as a text, which is made of one value that has all of it once more.
        let beside = held_beside(system, &tools, form.as_ref());
        // A text that grows has room for as much again.
        let made = share.size().as_u64().saturating_add(beside).saturating_add(bytes.saturating_mul(2));
        let _copies = self.room.take(ByteSize::bytes(made.saturating_add(beside)))?;
        let request = ChatRequest {
            system: system.to_owned(),
            messages,
            tools,
            form,
            max_tokens: self.mind.max_tokens.into_iter().chain(left).min(),
            temperature: self.mind.temperature,
            deadline: Some(self.caller.deadline),
            bill: self.bill(),
            space: Space::of(Arc::clone(&self.room) as Arc<dyn Lender>),
        };
        let began = Instant::now();
        let reply = self.model.reply(&request, &mut |_| {}).await;
        let reply = reply.map_err(|error| self.failed(&error))?;
        self.pay(&reply);
        drop(aside);
        if reply.uses.iter().any(|one| one.id.len() > MOST_NAME || one.name.len() > MOST_NAME) {
            let why = format!("it names what it wants to use in more than {MOST_NAME} bytes");
            return Err(self.failed(&ModelError::Malformed(why)));
        }
        self.tell(|| Happening::Thought {
            model: reply.model.clone(),
            text: shortened(&reply.text, MOST_TOLD),
            uses: reply.uses.iter().take(64).map(|one| shortened(&one.name, 100)).collect(),
            tokens: reply.usage.total(),
            took: began.elapsed(),
        });
        Ok(reply)
    }

    /// A reply that is an answer.
    ///
    /// # Errors
    ///
    /// When the model did not come to its end.
    pub(super) fn answer(&self, reply: ChatReply) -> Result<String, Failure> {
        let name = &self.caller.agent.name;
        match reply.stop {
            StopReason::Complete => Ok(reply.text),
            StopReason::MaxTokens => Err(Failure::new(Code::Model, format!("the answer of {name} is cut"))
                .why(format!("{} stopped at the most tokens of a reply", reply.model))
                .fix("raise `[model] max_tokens`, or `[budget] tokens`")),
            StopReason::Filtered => Err(Failure::new(Code::Model, format!("there is no answer of {name}"))
                .why(format!("the provider of {} held it back", reply.model))),
        }
    }

    /// How many tokens of a reply what is left of a budget of money pays for, by the dearest of the models; none: there is no such budget,
    /// or nothing has a price.
    fn affordable(&self, has: u64) -> Option<u64> {
        const MILLION: u64 = 1_000_000;
        let left = self.ledger.money()?;
        let host = self.caller.host;
        let of = |name: &ModelName| {
            let name = name.to_string();
            let request = host.price(&name, Usage { input: has, output: 0 })?;
            let million = host.price(&name, Usage { input: 0, output: MILLION })?;
            let tokens = u128::from(left.saturating_sub(request)) * u128::from(MILLION) / u128::from(million.max(1));
            Some(if request >= left { 0 } else { u64::try_from(tokens).unwrap_or(u64::MAX) })
        };
        self.mind.models.iter().filter_map(of).min()
    }

    fn too_dear(&self, has: u64) -> Failure {
        let name = &self.caller.agent.name;
        Failure::new(Code::Budget, format!("the next request of {name} is more than is left of its budget"))
            .why(format!("it has about {has} tokens, before anything is answered"))
            .fix("raise `[budget] tokens` or `cost`, or give it less to read")
    }

    fn failed(&self, error: &ModelError) -> Failure {
        if matches!(error, ModelError::Spent) {
            return Failure::new(Code::Budget, format!("{} has spent its budget", self.caller.agent.name))
                .why("on replies that broke off, each of which is paid for")
                .fix("raise `[budget] tokens` or `cost`, or ask another model");
        }
        if let ModelError::NoRoom(why) = error {
            return no_room(why.clone());
        }
        let failure = Failure::new(Code::Model, format!("the model of {} gave no reply", self.caller.agent.name));
        failure.why(format!("{}: {error}", self.model.name()))
    }
}

/// Bytes of a request beside its conversation.
fn preamble(system: &str, tools: &[ToolSpec], form: Option<&Form>) -> u64 {
    let text = |schema: &Value| schema.to_string().len();
    let tools = tools.iter().map(|tool| tool.name.len() + written(&tool.description) + text(&tool.input));
    let form = form.map_or(0, |form| text(&form.schema));
    ByteSize::of(tools.sum::<usize>() + form + written(system)).as_u64()
}

/// What that takes, as a value each.
fn held_beside(system: &str, tools: &[ToolSpec], form: Option<&Form>) -> u64 {
    let tools = tools.iter().map(|tool| tool.name.len() + tool.description.len() + weight(&tool.input).as_usize());
    let form = form.map_or(0, |form| weight(&form.schema).as_usize());
    ByteSize::of(tools.sum::<usize>() + form + system.len()).as_u64()
}

/// How a run of a model ends.
pub(super) fn finish(thinker: Thinker<'_>, ended: Result<String, Failure>, base: RunOutcome) -> RunOutcome {
    let actions = thinker.actions.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (answer, failure) = match ended {
        Ok(answer) => (Some(answer), None),
        Err(failure) => (None, Some(failure)),
    };
    let (fuel, failed_calls) = thinker.cost.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (fuel, failed_calls) = (base.fuel + fuel, base.failed_calls + failed_calls);
    let tasks = thinker.tasks.into_inner().unwrap_or_else(PoisonError::into_inner);
    RunOutcome { answer, failure, actions, tasks, spent: thinker.ledger.spent(), fuel, failed_calls, ..base }
}
