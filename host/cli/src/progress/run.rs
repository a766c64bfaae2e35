//! How far a run is.

use std::collections::BTreeMap;
use std::time::Instant;

use hotcell_agent::Agent;
use hotcell_call::{Event, Happening, RunId, StepId, format_duration};
use hotcell_runtime::Heard;

use super::Stage;
use crate::output::{DIM, GREEN, Output, RED, YELLOW, one_line};

/// Names of tools and agents are shown to this many columns, so that what stands behind them stands below each other.
const NAMES: usize = 24;
/// Things under way that the moving line names.
const MOST_NAMED: usize = 5;

/// What was heard of a run so far.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    stage: Stage,
    agent: String,
    /// Steps that were known before; none: a model decides.
    steps: usize,
    ended: usize,
    calls: u64,
    failed: u64,
    turns: u64,
    tokens: u64,
    /// What the run itself does now.
    state: &'static str,
    running: Vec<Running>,
    /// Runs within it, by the names of their agents.
    within: BTreeMap<RunId, String>,
    /// Columns of the longest step's name.
    width: usize,
    /// The run that ended last: that of the agent itself ends after all within it.
    over: Option<RunId>,
    gone: bool,
}

/// A step or an action under way.
struct Running {
    run: Option<RunId>,
    /// By which its end is known: a step's name, or an action's.
    key: String,
    name: String,
    calls: usize,
    since: Instant,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(output: &'a Output, agent: &Agent, stage: Stage) -> Self {
        let longest = agent.steps.iter().map(|step| step.id.as_str().len()).max();
        Self {
            output,
            stage,
            agent: agent.name.to_string(),
            steps: agent.steps.len(),
            ended: 0,
            calls: 0,
            failed: 0,
            turns: 0,
            tokens: 0,
            state: "",
            running: Vec::new(),
            within: BTreeMap::new(),
            width: longest.unwrap_or(NAMES),
            over: None,
            gone: false,
        }
    }

    /// Whether the end of that run was heard, or nothing more will be.
    pub(crate) fn is_over(&self, run: RunId) -> bool {
        self.gone || self.over == Some(run)
    }

    /// Takes the next of what happened; none: nothing more will.
    pub(crate) fn hear(&mut self, heard: Option<&Heard>) {
        match heard {
            Some(Heard::Event(event)) => self.happened(event),
            // The numbers are those of what was heard; the summary has them all.
            Some(Heard::Missed(_)) => {}
            None => self.gone = true,
        }
        self.stage.say(self.line());
    }

    fn happened(&mut self, event: &Event) {
        match &event.what {
            Happening::RunStarted { agent, parent, .. } => {
                if let (Some(run), Some(_)) = (event.run, parent) {
                    self.within.insert(run, agent.clone());
                }
            }
            Happening::StepStarted { step, calls } => self.start(event.run, step.as_str(), step.as_str(), *calls),
            Happening::StepFinished { step, state } => self.finished(event.run, step, state),
            Happening::ActionRequired { action, target, .. } => self.start(event.run, action, target, 1),
            Happening::ResultAvailable { action, outcome, .. } => {
                if let Some(running) = self.end(event.run, action) {
                    let line = self.ending(&running.name, outcome, event.run, Some(&running));
                    self.stage.keep(self.output, line);
                }
            }
            Happening::ErrorOccurred { what } => {
                let line = format!("  {}  {}", self.output.styled_note(RED, "error"), one_line(what));
                self.stage.keep(self.output, line);
            }
            Happening::StateChanged { to, .. } if event.run.is_none_or(|run| !self.within.contains_key(&run)) => {
                self.state = to;
            }
            Happening::Thought { tokens, .. } => {
                self.turns += 1;
                self.tokens = self.tokens.saturating_add(*tokens);
            }
            Happening::Finished { code, .. } => {
                self.calls += 1;
                self.failed += u64::from(code.is_some());
            }
            Happening::RunFinished { .. } => {
                self.over = event.run;
                self.running.retain(|running| running.run != event.run);
            }
            _ => {}
        }
    }

    fn start(&mut self, run: Option<RunId>, key: &str, name: &str, calls: usize) {
        let (key, name) = (key.to_owned(), name.to_owned());
        self.running.push(Running { run, key, name, calls, since: Instant::now() });
    }

    fn end(&mut self, run: Option<RunId>, key: &str) -> Option<Running> {
        let place = self.running.iter().position(|running| running.run == run && running.key == key)?;
        Some(self.running.swap_remove(place))
    }

    fn finished(&mut self, run: Option<RunId>, step: &StepId, state: &str) {
        self.ended += 1;
        let running = self.end(run, step.as_str());
        let line = self.ending(step.as_str(), state, run, running.as_ref());
        self.stage.keep(self.output, line);
    }

    /// The line that stays of a step or an action.
    fn ending(&self, name: &str, state: &str, run: Option<RunId>, running: Option<&Running>) -> String {
        let style = match state {
            "done" | "ok" => GREEN,
            "skipped" => YELLOW,
            _ => RED,
        };
        let state = self.output.styled_note(style, format_args!("{state:<7}"));
        let took = running.map_or_else(String::new, |running| {
            let times = if running.calls == 1 { String::new() } else { format!("× {}  ", running.calls) };
            format!("{times}{}", format_duration(running.since.elapsed()))
        });
        let name = match run.and_then(|run| self.within.get(&run)) {
            Some(agent) => format!("{agent}: {name}"),
            None => name.to_owned(),
        };
        format!("  {name:<width$}  {state}  {}", self.output.styled_note(DIM, took), width = self.width)
    }

    /// The line that moves.
    fn line(&self) -> String {
        let failed = if self.failed > 0 { format!(" ({} failed)", self.failed) } else { String::new() };
        let named = self.running.iter().take(MOST_NAMED).map(|running| match running.calls {
            1 => running.name.clone(),
            calls => format!("{} × {calls}", running.name),
        });
        let mut named: Vec<String> = named.collect();
        if self.running.len() > MOST_NAMED {
            named.push("…".to_owned());
        }
        let (agent, calls, named) = (&self.agent, self.calls, named.join(", "));
        if self.steps > 0 {
            return format!("{agent}  {} of {} steps  {calls} calls{failed}  {named}", self.ended, self.steps);
        }
        let tokens = if self.tokens > 0 { format!("  {} tokens", self.tokens) } else { String::new() };
        format!("{agent}  {}  {} turns{tokens}  {calls} calls{failed}  {named}", self.state, self.turns)
    }
}

impl Drop for Progress<'_> {
    /// However the run ends, the terminal is left as it was.
    fn drop(&mut self) {
        self.stage.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use hotcell_call::{ByteSize, Effects};

    use super::*;

    fn progress(output: &Output, steps: usize) -> Progress<'_> {
        Progress {
            output,
            stage: Stage::default(),
            agent: "scout".to_owned(),
            steps,
            ended: 0,
            calls: 0,
            failed: 0,
            turns: 0,
            tokens: 0,
            state: "",
            running: Vec::new(),
            within: BTreeMap::new(),
            width: 5,
            over: None,
            gone: false,
        }
    }

    fn hear(progress: &mut Progress<'_>, run: u128, what: Happening) {
        let event = Event { seq: 0, at_ms: 0, tenant: None, call: None, run: Some(RunId::from_bits(run)), what };
        progress.hear(Some(&Heard::Event(Arc::new(event))));
    }

    fn finished(code: Option<&'static str>) -> Happening {
        let (queue, run_time) = (Duration::ZERO, Duration::ZERO);
        let (outcome, effects) = (String::new(), Effects::default());
        Happening::Finished { outcome, code, queue, run_time, fuel: 0, effects, decisions_dropped: 0 }
    }

    fn over() -> Happening {
        Happening::RunFinished { outcome: "ok".to_owned(), answer: None }
    }

    #[test]
    fn what_is_heard_is_counted_until_the_end() {
        let output = Output::plain();
        let step = |name: &str| name.parse::<StepId>().unwrap();
        let mut progress = progress(&output, 3);
        hear(&mut progress, 1, Happening::StepStarted { step: step("list"), calls: 1 });
        hear(&mut progress, 1, Happening::StepStarted { step: step("stats"), calls: 400 });
        assert_eq!(progress.line(), "scout  0 of 3 steps  0 calls  list, stats × 400");
        hear(&mut progress, 1, finished(None));
        hear(&mut progress, 1, finished(Some("E0901")));
        progress.hear(Some(&Heard::Missed(7)));
        hear(&mut progress, 1, Happening::StepFinished { step: step("list"), state: "done" });
        assert_eq!(progress.line(), "scout  1 of 3 steps  2 calls (1 failed)  stats × 400");
        assert_eq!(progress.ending("list", "skipped", None, None).trim_end(), "  list   skipped");
        assert!(!progress.is_over(RunId::from_bits(1)));
        hear(&mut progress, 1, over());
        assert!(progress.is_over(RunId::from_bits(1)));
    }

    // An agent that another uses ends its own run, and not the one that is waited for.
    #[test]
    fn of_a_model_it_is_told_what_it_does_now_and_the_end_is_its_own() {
        let output = Output::plain();
        let mut progress = progress(&output, 0);
        let started = |parent: Option<u128>, agent: &str| Happening::RunStarted {
            agent: agent.to_owned(),
            pattern: "react",
            steps: 0,
            parent: parent.map(RunId::from_bits),
            task: String::new(),
        };
        let action = |action: &str, target: &str| Happening::ActionRequired {
            action: action.to_owned(),
            target: target.to_owned(),
            input: String::new(),
        };
        hear(&mut progress, 1, started(None, "scout"));
        hear(&mut progress, 1, Happening::StateChanged { from: "thinking", to: "acting" });
        hear(&mut progress, 1, action("a", "agent critic"));
        hear(&mut progress, 2, started(Some(1), "critic"));
        hear(&mut progress, 2, Happening::StateChanged { from: "waiting", to: "thinking" });
        let took = Duration::from_millis(7);
        let thought =
            |tokens| Happening::Thought { model: String::new(), text: String::new(), uses: Vec::new(), tokens, took };
        hear(&mut progress, 2, thought(40));
        hear(&mut progress, 2, action("a", "calc.eval"));
        assert_eq!(progress.line(), "scout  acting  1 turns  40 tokens  0 calls  agent critic, calc.eval");
        assert!(
            progress.ending("calc.eval", "ok", Some(RunId::from_bits(2)), None).starts_with("  critic: calc.eval  ok")
        );
        let result = Happening::ResultAvailable {
            action: "a".to_owned(),
            outcome: "ok".to_owned(),
            size: ByteSize::bytes(2),
            shown: String::new(),
        };
        hear(&mut progress, 2, result);
        assert!(progress.line().ends_with("  agent critic"), "{}", progress.line());
        hear(&mut progress, 2, over());
        assert!(!progress.is_over(RunId::from_bits(1)));
        hear(&mut progress, 1, over());
        assert!(progress.is_over(RunId::from_bits(1)));
    }
}
