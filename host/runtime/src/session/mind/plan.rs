//! Plan first: the model makes a graph of calls, it is judged as any agent's steps are, its calls are made as far side by side as
//! their data allows, and the model makes an answer of what came of them.
//!
//! A plan that can't be used goes back with all that is wrong in it, a few times; nothing of it runs before it is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use hotcell_agent::document::Source;
use hotcell_agent::model::{ChatReply, Form, Message, ToolResult, ToolUse, spelled};
use hotcell_agent::{Agent, Diagnostic, Work, weight_of_text};
use hotcell_call::{ByteSize, Code, Failure, Happening, Kind, StepId, Target, shortened};
use hotcell_flow::dag::{self, OnFailure, State};
use serde_json::{Map, Value, json};

use super::conversation::{Conversation, Results, held_by_result};
use super::shown::{Envelope, Origin};
use super::{MOST_TOLD, Thinker};
use crate::session::out::Out;
use crate::session::room::Share;
use crate::session::step::Run;
use crate::session::{Action, StepOutcome};

/// Steps of a plan.
const MOST_STEPS: usize = 100;

/// A plan that can be made.
struct Planned<'r> {
    steps: Agent,
    reply: ChatReply,
    _share: Share<'r>,
}

/// What a plan takes: as a value that came, as one that is written down, and as steps.
const COPIES: u64 = 3;

impl Thinker<'_> {
    pub(super) async fn plan(&self, task: &str) -> Result<String, Failure> {
        let mut said = self.conversation(task)?;
        let planned = self.planned(&mut said).await?;
        self.now("acting");
        let (steps, results) = self.carry_out(&planned.steps, task).await?;
        said.push(Message::Assistant {
            text: planned.reply.text,
            uses: uses(&planned.steps),
            opaque: planned.reply.opaque,
        })?;
        said.results(self.results(&planned.steps, &steps, &results)?);
        self.now("answering");
        let reply = self.reply(&self.system(), said.copied()?, self.specs(), None).await?;
        if !reply.uses.is_empty() {
            return Err(Failure::new(Code::Model, format!("{} gave no answer", self.caller.agent.name))
                .why("after its plan was carried out, its model wanted to use more tools"));
        }
        self.answer(reply)
    }

    /// A plan that can be carried out.
    async fn planned(&self, said: &mut Conversation<'_>) -> Result<Planned<'_>, Failure> {
        let system = format!("{}\n\n{}", self.system(), self.manner());
        let form = Form { name: "plan".to_owned(), schema: schema() };
        let mut wrong = String::new();
        for _ in 0..self.mind.attempts {
            self.now("planning");
            let reply = self.reply(&system, said.copied()?, Vec::new(), Some(form.clone())).await?;
            let one = weight_of_text(&reply.text).as_u64();
            let share = self.room.take(ByteSize::bytes(one.saturating_mul(COPIES)))?;
            match self.judged(&reply.text).await {
                Ok(steps) => return Ok(Planned { steps, reply, _share: share }),
                Err(why) => wrong = why,
            }
            self.tell(|| Happening::ErrorOccurred { what: shortened(&wrong, MOST_TOLD) });
            said.push(Message::reply(&reply))?;
            said.push(Message::User(format!("This plan can't be used:\n{wrong}\nGive the whole plan again, mended.")))?;
        }
        Err(Failure::new(Code::Model, format!("{} made no plan that can be used", self.caller.agent.name))
            .why(format!("after {} attempts: {}", self.mind.attempts, shortened(&wrong, 1_000)))
            .fix("a model that plans better, or `[plan] attempts`"))
    }

    /// The steps of a plan, or all that is wrong with it.
    async fn judged(&self, text: &str) -> Result<Agent, String> {
        let text = text.trim().trim_start_matches("```json").trim_start_matches("```").trim_end_matches("```");
        let plan: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let steps = plan.get("steps").and_then(Value::as_array).ok_or("it has no list `steps`")?;
        if steps.is_empty() || steps.len() > MOST_STEPS {
            return Err(format!("it has {} steps: 1 to {MOST_STEPS} fit", steps.len()));
        }
        let offered: BTreeSet<Target> = self.mind.tools.iter().map(|offer| offer.target.clone()).collect();
        let written = written(steps, &offered.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let told = |wrong: Vec<Diagnostic>| wrong.iter().take(10).map(brief).collect::<Vec<_>>().join("\n");
        self.caller.host.steps(&Source::new("plan", &written), offered).await.map_err(told)
    }

    async fn carry_out(
        &self,
        steps: &Agent,
        task: &str,
    ) -> Result<(Vec<StepOutcome>, BTreeMap<StepId, Arc<Value>>), Failure> {
        // Nothing of a plan is saved.
        let run = Run::new(self.caller, steps, Value::String(task.to_owned()), Out::new(PathBuf::new()), &self.room)
            .going_on()
            .through(&self.gate);
        // The run's time ends it here, and not from without: what was used until then is counted.
        let made = dag::run(&steps.dag, OnFailure::GoOn, |node| run.work(node));
        let progress = tokio::time::timeout_at(self.caller.deadline.into(), made).await;
        let states: Vec<State> = match &progress {
            Ok(progress) => steps.dag.nodes().filter_map(|node| progress.state(node)).collect(),
            Err(_) => Vec::new(),
        };
        drop(progress);
        let outcome = run.finish(states, None, std::time::Duration::ZERO);
        self.add(outcome.fuel, outcome.failed_calls);
        for step in &outcome.steps {
            self.acted(Action {
                action: step.step.to_string(),
                call: None,
                run: None,
                target: target(steps, &step.step),
                outcome: ended(step, outcome.results.contains_key(&step.step)),
                elapsed: std::time::Duration::ZERO,
            });
        }
        if let Some(failure) = outcome.failure.filter(|failure| failure.kind() == Kind::OverBudget) {
            return Err(failure);
        }
        Ok((outcome.steps, outcome.results))
    }

    /// What came of each step, as it is put before the model.
    fn results(
        &self,
        steps: &Agent,
        ended: &[StepOutcome],
        results: &BTreeMap<StepId, Arc<Value>>,
    ) -> Result<Results<'_>, Failure> {
        let each = ended.iter().map(|step| {
            let target = target(steps, &step.step);
            let value = results.get(&step.step).map(ToString::to_string);
            let skipped = Failure::new(Code::Reference, "it was not made, because a step before it failed");
            let given = match (&step.first_failure, &value) {
                (None, Some(text)) => Ok(text.as_str()),
                (Some(failure), _) => Err(failure),
                (None, None) => Err(&skipped),
            };
            let envelope = Envelope::new(Origin::Tool { target: &target, digest: None }, given, self.mind.shown);
            let name = spelled(&target);
            ToolResult { id: step.step.to_string(), name, text: envelope.text, is_error: envelope.is_error }
        });
        let (mut list, mut share) = (Vec::new(), self.room.take(ByteSize::default())?);
        for result in each {
            share.grow(held_by_result(&result))?;
            list.push(result);
        }
        Ok(Results { list, share })
    }

    /// How plans are made, and of what.
    fn manner(&self) -> String {
        let mut manner = String::from(
            "First make a plan: JSON of the form {\"steps\": [{\"id\": \"a\", \"call\": \"tool.function\", \"with\": {…}}]}, and nothing else. \
             A step may use the result of an earlier one as {{steps.ID}} or {{steps.ID.field}} in its `with`, and the task as {{input}}. \
             Steps that don't refer to each other run side by side. The functions, with the schemas of their inputs:\n",
        );
        for offer in &self.mind.tools {
            let _ = writeln!(manner, "{}: {} {}", offer.target, offer.description, offer.input);
        }
        manner
    }
}

/// What is wrong, without the picture: the model has not seen the file in which it stands.
fn brief(wrong: &Diagnostic) -> String {
    let hint = wrong.remedy().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("- {}{hint}", wrong.message())
}

/// The schema of a plan.
fn schema() -> Value {
    json!({
        "type": "object",
        "properties": { "steps": { "type": "array", "minItems": 1, "maxItems": MOST_STEPS, "items": {
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "call": { "type": "string" },
                "with": { "type": "object" },
                "needs": { "type": "array", "items": { "type": "string" } }
            },
            "required": ["id", "call", "with"]
        } } },
        "required": ["steps"]
    })
}

/// The plan as an agent's file: so it is judged by the same rules, and in the same words.
fn written(steps: &[Value], allow: &[String]) -> Result<String, String> {
    let step = |(place, step): (usize, &Value)| {
        let Value::Object(step) = step else { return Err(format!("step {} is no object", place + 1)) };
        if let Some(key) = step.keys().find(|key| !matches!(key.as_str(), "id" | "call" | "with" | "needs")) {
            return Err(format!("step {} has the key `{}`, which means nothing", place + 1, shortened(key, 60)));
        }
        let named =
            step.get("id").and_then(Value::as_str).map_or_else(|| (place + 1).to_string(), |id| shortened(id, 60));
        without_null(&Value::Object(step.clone()), "").map_err(|wrong| format!("step {named}: {wrong}"))
    };
    let steps: Vec<Value> = steps.iter().enumerate().map(step).collect::<Result<_, _>>()?;
    let file =
        json!({ "agent": { "name": "plan" }, "input": { "kind": "text" }, "tools": { "allow": allow }, "step": steps });
    toml::to_string(&file).map_err(|error| format!("it can't be written down: {error}"))
}

/// TOML has no null. A field that is null is left out; in a list it is data, which can't be left out and can't be written down.
fn without_null(value: &Value, at: &str) -> Result<Value, String> {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            let each = |(key, value): (&String, &Value)| {
                let at = if at.is_empty() { shortened(key, 60) } else { format!("{at}.{}", shortened(key, 60)) };
                Ok((key.clone(), without_null(value, &at)?))
            };
            kept.map(each).collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        Value::Array(list) => {
            let each = |(place, value): (usize, &Value)| {
                let at = format!("{at}[{place}]");
                if value.is_null() {
                    return Err(format!(
                        "`{at}` is null, and a list in a plan can't hold one (let an earlier step give the whole list)"
                    ));
                }
                without_null(value, &at)
            };
            list.iter().enumerate().map(each).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        other => Ok(other.clone()),
    }
}

/// The steps as a model's own uses of tools, so that their results can be put before it as such.
fn uses(steps: &Agent) -> Vec<ToolUse> {
    let each = steps.steps.iter().map(|step| ToolUse {
        id: step.id.to_string(),
        name: spelled(&target(steps, &step.id)),
        input: Ok(Map::new()),
    });
    each.collect()
}

fn target(steps: &Agent, id: &hotcell_call::StepId) -> String {
    let step = steps.steps.iter().find(|step| step.id == *id);
    match step.map(|step| &step.work) {
        Some(Work::Call { target, .. }) => target.to_string(),
        _ => id.to_string(),
    }
}

/// How a step ended, also in a plan that was broken off: what has a result is done.
fn ended(step: &StepOutcome, has_result: bool) -> String {
    match &step.first_failure {
        Some(failure) => failure.kind().to_string(),
        None if has_result => "ok".to_owned(),
        None => step.state.to_owned(),
    }
}
