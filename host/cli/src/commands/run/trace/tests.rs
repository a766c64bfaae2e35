use std::sync::Arc;
use std::time::Duration;

use hotcell_call::{ByteSize, Effects, StepId};

use super::*;
use crate::output::Output;

/// Events as they come, each a millisecond after the one before.
#[derive(Default)]
struct Story {
    trace: Trace,
    at_ms: u64,
}

impl Story {
    fn tell(&mut self, run: u128, call: Option<u128>, what: Happening) {
        self.at_ms += 1;
        let (call, run) = (call.map(CallId::from_bits), Some(RunId::from_bits(run)));
        let event = Event { seq: self.at_ms, at_ms: self.at_ms, tenant: None, call, run, what };
        self.trace.hear(&Heard::Event(Arc::new(event)));
    }

    fn run(&mut self, run: u128, agent: &str, pattern: &'static str, parent: Option<u128>) {
        let parent = parent.map(RunId::from_bits);
        let (agent, task) = (agent.to_owned(), "a task".to_owned());
        self.tell(run, None, Happening::RunStarted { agent, pattern, steps: 0, parent, task });
    }

    fn thought(&mut self, run: u128, uses: &[&str]) {
        let uses = uses.iter().map(|name| (*name).to_owned()).collect();
        let (model, took) = ("local/small".to_owned(), Duration::from_millis(250));
        self.tell(run, None, Happening::Thought { model, text: String::new(), uses, tokens: 420, took });
    }

    fn action(&mut self, run: u128, action: &str, call: Option<u128>, target: &str) {
        let (action, target) = (action.to_owned(), target.to_owned());
        self.tell(run, call, Happening::ActionRequired { action, target, input: String::new() });
    }

    fn result(&mut self, run: u128, action: &str, outcome: &str) {
        let (action, outcome, size) = (action.to_owned(), outcome.to_owned(), ByteSize::bytes(2));
        self.tell(run, None, Happening::ResultAvailable { action, outcome, size, shown: String::new() });
    }

    fn call(&mut self, run: u128, call: u128, target: &str, code: Option<&'static str>) {
        let target = target.parse().unwrap();
        self.tell(run, Some(call), Happening::Accepted { target });
        let (queue, run_time) = (Duration::from_micros(1_500), Duration::from_millis(38));
        let (outcome, effects) = ("ok".to_owned(), Effects::default());
        let what = Happening::Finished { outcome, code, queue, run_time, fuel: 41_000, effects, decisions_dropped: 0 };
        self.tell(run, Some(call), what);
    }

    fn end(&mut self, run: u128, outcome: &str, answer: Option<&str>) {
        let (outcome, answer) = (outcome.to_owned(), answer.map(str::to_owned));
        self.tell(run, None, Happening::RunFinished { outcome, answer });
    }

    fn drawn(self, run: u128) -> String {
        lines(&Output::plain(), &self.trace.of(RunId::from_bits(run)).unwrap()).join("\n")
    }
}

fn step(name: &str) -> StepId {
    name.parse().unwrap()
}

// Two agents of the same name side by side: each action has its own run.
#[test]
fn a_run_is_a_tree_of_thoughts_and_actions_with_runs_within() {
    let mut story = Story::default();
    story.run(1, "scout", "react", None);
    story.thought(1, &["calc__eval", "agent__critic", "agent__critic"]);
    story.action(1, "a", Some(7), "calc.eval");
    story.action(1, "b", None, "agent critic");
    story.run(2, "critic", "react", Some(1));
    story.action(1, "c", None, "agent critic");
    story.run(3, "critic", "react", Some(1));
    story.call(1, 7, "calc.eval", None);
    story.result(1, "a", "ok");
    // Each conversation counts its own actions.
    story.action(2, "a", Some(8), "text.stats");
    story.call(2, 8, "text.stats", Some("E0101"));
    story.result(2, "a", "failed");
    story.end(2, "ok", Some("second"));
    story.result(1, "b", "ok");
    story.tell(1, None, Happening::BudgetWarning { what: "turns", used: "4".to_owned(), most: "5".to_owned() });
    let (what, input) = ("call files.write (write)".to_owned(), Some("{}".to_owned()));
    story.tell(1, None, Happening::ApprovalAsked { what: what.clone(), input: input.clone() });
    story.tell(1, None, Happening::ApprovalAnswered { what, input, agreed: false, withdrawn: false });
    story.tell(1, None, Happening::ErrorOccurred { what: "denied\n\u{1b}[2J".to_owned() });
    story.end(3, "over-budget", None);
    story.result(1, "c", "over-budget");
    story.thought(1, &[]);
    story.end(1, "ok", Some("all is\u{202e} well"));
    insta::assert_snapshot!(story.drawn(1), @r"
    scout  react  ok  23ms
    ├ local/small  420 tokens  250ms  → calc.eval, agent critic, agent critic
    ├ calc.eval  ok  7ms  queue 1.5ms  run 38ms  fuel 41k
    ├ agent critic  ok  12ms
    │ ├ text.stats  failed  3ms  queue 1.5ms  run 38ms  fuel 41k
    │ └ answer  second
    ├ agent critic  over-budget  16ms
    ├ budget  turns  4 of 5
    ├ asked: call files.write (write)  no
    ├ error  denied\n\u{1b}[2J
    ├ local/small  420 tokens  250ms
    └ answer  all is\u{202e} well
    ");
}

#[test]
fn steps_stand_with_their_number_and_functions_with_what_they_took() {
    let mut story = Story::default();
    story.run(1, "analyst", "steps", None);
    story.tell(1, None, Happening::StepStarted { step: step("walk"), calls: 1 });
    story.call(1, 1, "files.walk", None);
    story.tell(1, None, Happening::StepFinished { step: step("walk"), state: "done" });
    story.tell(1, None, Happening::StepStarted { step: step("stats"), calls: 3 });
    for call in 2..5 {
        story.call(1, call, "text.stats", (call == 3).then_some("E0101"));
    }
    story.tell(1, None, Happening::StepFinished { step: step("stats"), state: "failed" });
    story.tell(1, None, Happening::StepFinished { step: step("draw"), state: "skipped" });
    story.end(1, "failed", None);
    insta::assert_snapshot!(story.drawn(1), @r"
    analyst  steps  failed  14ms
    ├ walk  done  3ms
    ├ stats  failed  × 3  7ms
    ├ draw  skipped
    └ calls
      ├ files.walk  × 1  queue 1.5ms  run 38ms  fuel 41k
      └ text.stats  × 3  1 failed  queue 4.5ms  run 114ms  fuel 123k
    ");
}

#[test]
fn what_is_long_is_cut_and_what_was_missed_is_told() {
    let mut story = Story::default();
    story.run(1, "busy", "react", None);
    for number in 0..3_000_u128 {
        story.action(1, &number.to_string(), Some(number), "calc.eval");
        story.call(1, number, "calc.eval", None);
        story.result(1, &number.to_string(), "ok");
    }
    story.trace.hear(&Heard::Missed(7));
    story.end(1, "ok", Some(&"a".repeat(400)));
    let drawn = story.drawn(1);
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!(lines.len(), 1 + MOST_IN_PLACE_AND_MORE + 2, "{drawn}");
    assert_eq!(lines[33], "├ … 1960 more");
    assert_eq!(lines[42], "├ … 1000 more, which were not kept");
    assert!(lines[43].starts_with("├ answer  aaa") && lines[43].ends_with("… (+240 characters)"), "{}", lines[43]);
    assert_eq!(lines[44], "└ 7 events were missed");
}

/// Forty, the number of those between, and that of those that were not kept.
const MOST_IN_PLACE_AND_MORE: usize = 42;

#[test]
fn programs_get_the_same_tree() {
    let mut story = Story::default();
    story.run(1, "scout", "react", None);
    story.action(1, "a", None, "agent critic");
    story.run(2, "critic", "react", Some(1));
    story.action(2, "a", Some(8), "text.stats");
    story.call(2, 8, "text.stats", None);
    story.result(2, "a", "ok");
    story.end(2, "ok", Some("fine"));
    story.result(1, "a", "ok");
    story.end(1, "ok", Some("fine"));
    let run = serde_json::to_value(story.trace.of(RunId::from_bits(1)).unwrap()).unwrap();
    let within = &run["parts"][0]["run"];
    assert_eq!(
        (&run["outcome"], &within["agent"], &within["answer"]),
        (&"ok".into(), &"critic".into(), &"fine".into())
    );
    assert_eq!((&within["parts"][0]["took"]["run_ms"], &within["parts"][0]["part"]), (&38.0.into(), &"action".into()));
    assert!(run.get("missed").is_none() && run.get("more").is_none(), "{run}");
}
