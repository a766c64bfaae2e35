//! What a model wants is done: each use a call down the path, or a run of another agent.

use std::time::Instant;

use hotcell_agent::model::{ToolResult, ToolUse};
use hotcell_agent::{Offer, SubAgent, weight};
use hotcell_call::{ByteSize, CallId, Code, Failure, Happening, Kind, Payload, nearest, shortened};
use hotcell_flow::gather::gather;
use serde_json::{Map, Value};

use super::conversation::{Results, held_by_result, held_by_uses};
use super::shown::{Envelope, Origin};
use super::{MOST_TOLD, Thinker};
use crate::events::About;
use crate::session::caller::Wanted as Called;
use crate::session::closing::Closing;
use crate::session::{Action, Within};

/// Uses of one reply that are made; of the others the model is told that they were too many.
const MOST_USES: usize = 64;

/// What a use turned out to be.
enum Wanted<'m> {
    Function(&'m Offer),
    Agent(&'m SubAgent),
}

impl Thinker<'_> {
    /// Makes all uses of one reply, side by side, and gives what came of each, in their order.
    ///
    /// # Errors
    ///
    /// Only what ends the conversation: a budget that is spent, no more room, or its cancellation. All else is a result, for the model
    /// to read.
    pub(super) async fn act(&self, uses: Vec<ToolUse>) -> Result<Results<'_>, Failure> {
        let at_once = self.caller.agent.bounds.parallel;
        // They stand in the conversation, too.
        let _uses = self.room.take(held_by_uses(&uses))?;
        let results = gather(&uses, at_once, |place, one| async move {
            let result = if place >= MOST_USES {
                let failure =
                    Failure::new(Code::Input, "too many uses in one reply").why(format!("{MOST_USES} are made"));
                self.unmade(one, &failure)
            } else {
                self.one(one).await?
            };
            let share = self.room.take(held_by_result(&result))?;
            Ok::<_, Failure>((result, share))
        });
        let (mut list, mut share) = (Vec::with_capacity(uses.len()), self.room.take(ByteSize::default())?);
        for result in results.await {
            let (result, held) = result?;
            list.push(result);
            share.join(held);
        }
        Ok(Results { list, share })
    }

    async fn one(&self, one: &ToolUse) -> Result<ToolResult, Failure> {
        let wanted = self.wanted(&one.name);
        let (wanted, input) = match (wanted, &one.input) {
            (Ok(wanted), Ok(input)) => (wanted, input),
            (Err(failure), _) => return Ok(self.unmade(one, &failure)),
            (Ok(_), Err(text)) => {
                let failure = Failure::new(Code::Input, format!("the input of {} is no JSON object", one.name));
                return Ok(self.unmade(one, &failure.why(format!("it is {}", shortened(text, 200)))));
            }
        };
        match wanted {
            Wanted::Function(offer) => self.function(one, offer, input).await,
            Wanted::Agent(sub) => self.agent(one, sub, input).await,
        }
    }

    fn wanted(&self, name: &str) -> Result<Wanted<'_>, Failure> {
        if let Some(offer) = self.mind.offer(name) {
            return Ok(Wanted::Function(offer));
        }
        if let Some(sub) = self.mind.sub_agent(name) {
            return Ok(Wanted::Agent(sub));
        }
        let names: Vec<String> = self.specs().into_iter().map(|spec| spec.name).collect();
        let failure = Failure::new(Code::UnknownTool, format!("there is no tool `{}`", shortened(name, 100)));
        Err(match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => failure.fix(format!("did you mean `{near}`?")),
            None => failure.why(format!("there are {}", names.into_iter().take(20).collect::<Vec<_>>().join(", "))),
        })
    }

    async fn function(&self, one: &ToolUse, offer: &Offer, input: &Map<String, Value>) -> Result<ToolResult, Failure> {
        let text = serde_json::to_string(input)
            .map_err(|error| Failure::new(Code::Fault, "an input can't be written").caused_by(error))?;
        let (_text, input) = (self.room.take(ByteSize::of(text.len()))?, Payload::new(text));
        let agreed = match self.gate.pass(self.caller, &offer.target, &input).await {
            Ok(agreed) => agreed,
            Err(failure) => return Ok(self.unmade(one, &failure)),
        };
        let target = offer.target.to_string();
        let call = self.caller.host.next_call(offer.target.clone(), input.clone()).id;
        let open = self.required(Some(call), one, &target, input.as_str());
        let began = Instant::now();
        let wanted = Called { id: Some(call), target: &offer.target, input, retries: None, agreed };
        let made = match self.caller.call(wanted, |outcome| self.count(outcome)).await {
            Ok(made) => made,
            Err(failure) => {
                open.tell(result(one, &failure.kind().to_string(), None));
                return Err(failure);
            }
        };
        // The run's own end, and not one of the call.
        if let Err(failure) = &made.result
            && failure.kind() == Kind::Cancelled
        {
            return Err(failure.clone());
        }
        let origin = Origin::Tool { target: &target, digest: made.receipt.digest };
        let envelope = Envelope::new(origin, made.result.as_ref().map(Payload::as_str), self.mind.shown);
        self.acted(Action {
            action: one.id.clone(),
            call: Some(call),
            run: None,
            target,
            outcome: made.word(),
            elapsed: began.elapsed(),
        });
        Ok(available(open, one, &made.word(), &envelope))
    }

    async fn agent(&self, one: &ToolUse, sub: &SubAgent, input: &Map<String, Value>) -> Result<ToolResult, Failure> {
        let Some(Value::String(task)) = input.get("task") else {
            let failure = Failure::new(Code::Input, format!("the input of {} has no `task`", one.name))
                .fix("{\"task\": \"what it is to do\"}");
            return Ok(self.unmade(one, &failure));
        };
        let target = format!("agent {}", sub.agent());
        let open = self.required(None, one, &target, task);
        let began = Instant::now();
        let within = Within {
            tenant: self.caller.owner.tenant.clone(),
            parent: self.caller.owner.run,
            ledger: std::sync::Arc::clone(&self.ledger),
            count: std::sync::Arc::clone(&self.caller.count),
            room: std::sync::Arc::clone(&self.room),
            share: sub.share,
            asks: std::sync::Arc::clone(self.gate.asks()),
            approval: std::sync::Arc::clone(self.gate.approval()),
            under_way: std::sync::Arc::clone(&self.caller.under_way),
            deadline: self.caller.deadline,
            depth: self.depth + 1,
        };
        // Boxed: a run within a run, however deep.
        let outcome = Box::pin(self.caller.host.run_within(&sub.agent, task, within)).await;
        let word = outcome.word();
        self.add(outcome.fuel, outcome.failed_calls);
        self.acted(Action {
            action: one.id.clone(),
            call: None,
            run: Some(outcome.run),
            target,
            outcome: word.clone(),
            elapsed: began.elapsed(),
        });
        // What it holds was given back with its run: now it is held here, and part of it once more as JSON.
        let results: u64 = outcome.results.values().map(|result| weight(result).as_u64()).sum();
        let held = ByteSize::of(outcome.answer.as_ref().map_or(0, String::len)).as_u64().saturating_add(results);
        let _held = match self.room.take(ByteSize::bytes(held.saturating_mul(2))) {
            Ok(held) => held,
            Err(failure) => {
                open.tell(result(one, &failure.kind().to_string(), None));
                return Err(failure);
            }
        };
        let given = match (&outcome.failure, &outcome.answer) {
            (Some(failure), _) => Err(failure),
            (None, Some(answer)) => Ok(Value::String(answer.clone()).to_string()),
            // Steps leave results: that of the last is what they are for.
            (None, None) => {
                let last = outcome.steps.iter().rev().find_map(|step| outcome.results.get(&step.step));
                Ok(last.map(ToString::to_string).unwrap_or_default())
            }
        };
        let envelope =
            Envelope::new(Origin::Agent(sub.agent()), given.as_deref().map_err(|failure| *failure), self.mind.shown);
        Ok(available(open, one, &word, &envelope))
    }

    /// Tells what is to be done, which is cancelled where nothing else is told of it.
    fn required(&self, call: Option<CallId>, one: &ToolUse, target: &str, input: &str) -> Closing<'_> {
        let (events, about) = (&self.caller.host.0.events, About { call, ..self.caller.owner.about() });
        events.tell(about, || Happening::ActionRequired {
            action: shortened(&one.id, 100),
            target: target.to_owned(),
            input: shortened(input, MOST_TOLD),
        });
        Closing::of(events, about, result(one, &Kind::Cancelled.to_string(), None))
    }

    /// A use of which nothing came, because it could not be made: the model is told why.
    fn unmade(&self, one: &ToolUse, failure: &Failure) -> ToolResult {
        self.tell(|| Happening::ErrorOccurred { what: shortened(&failure.to_string(), MOST_TOLD) });
        self.acted(Action {
            action: one.id.clone(),
            call: None,
            run: None,
            target: shortened(&one.name, 100),
            outcome: failure.kind().to_string(),
            elapsed: std::time::Duration::ZERO,
        });
        let envelope = Envelope::new(Origin::None, Err(failure), self.mind.shown);
        ToolResult { id: one.id.clone(), name: one.name.clone(), text: envelope.text, is_error: true }
    }
}

/// Tells what came of a use, and gives it as the model is shown it.
fn available(open: Closing<'_>, one: &ToolUse, outcome: &str, envelope: &Envelope) -> ToolResult {
    open.tell(result(one, outcome, Some(envelope)));
    ToolResult { id: one.id.clone(), name: one.name.clone(), text: envelope.text.clone(), is_error: envelope.is_error }
}

/// What came of a use; without an envelope the model is shown nothing any more.
fn result(one: &ToolUse, outcome: &str, envelope: Option<&Envelope>) -> Happening {
    Happening::ResultAvailable {
        action: shortened(&one.id, 100),
        outcome: outcome.to_owned(),
        size: envelope.map_or(ByteSize::default(), |envelope| envelope.size),
        shown: envelope.map_or_else(String::new, |envelope| shortened(&envelope.text, MOST_TOLD)),
    }
}
