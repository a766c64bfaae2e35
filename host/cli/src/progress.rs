//! How far something is: on a terminal a line that moves; of a run, elsewhere, a line for each step that ended.

use std::fmt::Write;
use std::time::{Duration, Instant};

use hotcell_agent::Agent;
use hotcell_call::{Happening, StepId, format_duration};
use hotcell_runtime::Heard;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::output::{DIM, GREEN, Output, RED, YELLOW};

/// How often the line moves when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// What was heard of a run so far.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    /// None where nothing may move.
    bar: Option<ProgressBar>,
    agent: String,
    steps: usize,
    ended: usize,
    calls: u64,
    failed: u64,
    running: Vec<Running>,
    /// Columns of the longest step's name.
    width: usize,
    over: bool,
}

/// A step under way.
struct Running {
    step: StepId,
    calls: usize,
    since: Instant,
}

/// How many of so many: on a terminal a bar that moves, elsewhere nothing.
pub(crate) struct Counter(Option<ProgressBar>);

impl Counter {
    pub(crate) fn new(output: &Output, what: &str, of: u64) -> Self {
        Self(output.is_lively().then(|| {
            let bar = ProgressBar::new(of).with_message(what.to_owned());
            let template = "{spinner} {msg}  {wide_bar:.dim} {human_pos} of {human_len}  {rate}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                let rate = |state: &ProgressState, text: &mut dyn Write| {
                    // Writing to a text can't fail.
                    let _ = write!(text, "{:.0}/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate));
            }
            bar.enable_steady_tick(TICK);
            bar
        }))
    }

    /// One more.
    pub(crate) fn one(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl<'a> Progress<'a> {
    pub(crate) fn new(output: &'a Output, agent: &Agent) -> Self {
        let bar = output.is_lively().then(|| {
            let bar = ProgressBar::new_spinner();
            // The template is ours and sound; should it not be, the default one does.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self {
            output,
            bar,
            agent: agent.name.to_string(),
            steps: agent.steps.len(),
            ended: 0,
            calls: 0,
            failed: 0,
            running: Vec::new(),
            width: agent.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or_default(),
            over: false,
        }
    }

    /// Whether the run's end was heard.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes the next of what happened; none: nothing more will.
    pub(crate) fn hear(&mut self, heard: Option<Heard>) {
        match heard {
            Some(Heard::Event(event)) => self.happened(&event.what),
            // The numbers are those of what was heard; the summary has them all.
            Some(Heard::Missed(_)) => {}
            None => self.over = true,
        }
        if self.over {
            self.clear();
        } else if let Some(bar) = &self.bar {
            bar.set_message(self.line());
        }
    }

    fn happened(&mut self, what: &Happening) {
        match what {
            Happening::StepStarted { step, calls } => {
                self.running.push(Running { step: step.clone(), calls: *calls, since: Instant::now() });
            }
            Happening::StepFinished { step, state } => self.finished(step, state),
            Happening::Finished { code, .. } => {
                self.calls += 1;
                self.failed += u64::from(code.is_some());
            }
            Happening::RunFinished { .. } => self.over = true,
            _ => {}
        }
    }

    fn finished(&mut self, step: &StepId, state: &str) {
        self.ended += 1;
        let place = self.running.iter().position(|running| running.step == *step);
        let running = place.map(|place| self.running.swap_remove(place));
        let line = self.ending(step, state, running.as_ref());
        match &self.bar {
            Some(bar) => bar.println(line),
            None => self.output.note(line),
        }
    }

    /// The line that stays of a step.
    fn ending(&self, step: &StepId, state: &str, running: Option<&Running>) -> String {
        let style = match state {
            "failed" => RED,
            "skipped" => YELLOW,
            _ => GREEN,
        };
        let state = self.output.styled_note(style, format_args!("{state:<7}"));
        let took = running.map_or_else(String::new, |running| {
            let times = if running.calls == 1 { String::new() } else { format!("× {}  ", running.calls) };
            format!("{times}{}", format_duration(running.since.elapsed()))
        });
        format!("  {:<width$}  {state}  {}", step.as_str(), self.output.styled_note(DIM, took), width = self.width)
    }

    /// The line that moves.
    fn line(&self) -> String {
        let failed = if self.failed > 0 { format!(" ({} failed)", self.failed) } else { String::new() };
        let running: Vec<String> = self
            .running
            .iter()
            .map(|running| match running.calls {
                1 => running.step.to_string(),
                calls => format!("{} × {calls}", running.step),
            })
            .collect();
        format!(
            "{}  {} of {} steps  {} calls{failed}  {}",
            self.agent,
            self.ended,
            self.steps,
            self.calls,
            running.join(", ")
        )
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress<'_> {
    /// However the run ends, the terminal is left as it was.
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hotcell_call::{Effects, Event};

    use super::*;

    fn event(what: Happening) -> Option<Heard> {
        Some(Heard::Event(Arc::new(Event { seq: 0, at_ms: 0, call: None, run: None, what })))
    }

    fn finished(code: Option<&'static str>) -> Option<Heard> {
        let (queue, run_time) = (Duration::ZERO, Duration::ZERO);
        let (outcome, effects) = (String::new(), Effects::default());
        event(Happening::Finished { outcome, code, queue, run_time, fuel: 0, effects, decisions_dropped: 0 })
    }

    #[test]
    fn what_is_heard_is_counted_until_the_end() {
        let output = Output::plain();
        let step = |name: &str| name.parse::<StepId>().unwrap();
        let mut progress = Progress {
            output: &output,
            bar: None,
            agent: "scout".to_owned(),
            steps: 3,
            ended: 0,
            calls: 0,
            failed: 0,
            running: Vec::new(),
            width: 5,
            over: false,
        };
        progress.hear(event(Happening::StepStarted { step: step("list"), calls: 1 }));
        progress.hear(event(Happening::StepStarted { step: step("stats"), calls: 400 }));
        assert_eq!(progress.line(), "scout  0 of 3 steps  0 calls  list, stats × 400");
        progress.hear(finished(None));
        progress.hear(finished(Some("E0901")));
        progress.hear(Some(Heard::Missed(7)));
        progress.hear(event(Happening::StepFinished { step: step("list"), state: "done" }));
        assert_eq!(progress.line(), "scout  1 of 3 steps  2 calls (1 failed)  stats × 400");
        assert_eq!(progress.ending(&step("list"), "skipped", None).trim_end(), "  list   skipped");
        assert!(!progress.is_over());
        progress.hear(event(Happening::RunFinished { outcome: "ok".to_owned(), answer: None }));
        assert!(progress.is_over());
    }
}
