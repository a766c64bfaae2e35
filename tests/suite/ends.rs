//! However a run ends, whatever it has begun has ended before: of each thing its events tell one end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hotcell_call::{Code, Event, Happening};
use hotcell_runtime::{Approver, Heard, Host, Question, RunInput, RunOutcome};
use serde_json::json;

use super::minds::{agent, script, told, toml};
use crate::support::{Harness, closed};

/// Nobody who would ever answer.
struct Silent;

impl Approver for Silent {
    fn ask<'a>(&'a self, _question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

fn input(task: &str) -> RunInput {
    RunInput { value: task.into(), approver: Some(Arc::new(Silent)), ..RunInput::default() }
}

fn harness() -> Harness {
    Harness::with("[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n")
}

/// An agent's file, its task, and what its events tell while it runs.
type Case = (String, &'static str, fn(&Happening) -> bool);

/// Runs that do not end by themselves: their agent, their task, and what must stand in them.
fn endless() -> Vec<Case> {
    let ask = "[approve]\nask = [\"echo.text\"]\ntimeout = \"1h\"\n";
    let side =
        format!("{ask}[[agents]]\nname = \"worker\"\npattern = \"react\"\ntools.allow = [\"echo.*\", \"cpu.spin\"]\n");
    let steps = "[agent]\n[tools]\nallow = [\"cpu.spin\"]\n[[step]]\nid = \"a\"\ncall = \"cpu.spin\"\n";
    let allow = &["echo.*", "cpu.spin"];
    let (runs, asks) = (
        (|what| matches!(what, Happening::Started { .. })) as fn(&Happening) -> bool,
        (|what| matches!(what, Happening::ApprovalAsked { .. })) as fn(&Happening) -> bool,
    );
    let (question, call) = ("echo.text(text=\"x\")\necho.text(text=\"y\")", "cpu.spin()\ncpu.spin()");
    vec![
        (steps.to_owned(), "", runs),
        (toml("react", "rules", allow, ask), question, asks),
        (toml("react", "rules", allow, ask), call, runs),
        (toml("plan", "rules", allow, ask), question, asks),
        (toml("plan", "rules", allow, ask), call, runs),
        (toml("reactive", "rules", allow, ask), question, asks),
        (toml("reactive", "rules", allow, ask), call, runs),
        (toml("react", "rules", &["echo.any"], &side), "agent.worker(task=\"cpu.spin()\")", runs),
        (
            toml("react", "rules", &["echo.*"], &side),
            "agent.worker(task=\"echo.text(text=1)\\necho.text(text=\\\"x\\\")\")",
            asks,
        ),
    ]
}

fn bounded(toml: &str) -> String {
    let time = if toml.contains("[model]") { "[budget]\ntime = \"300ms\"\n" } else { "[run]\ntimeout = \"300ms\"\n" };
    // Before the agents at its side, whose keys all that follows would be.
    match toml.split_once("[[") {
        Some((own, more)) => format!("{own}{time}[[{more}"),
        None => format!("{toml}{time}"),
    }
}

// S50: of each run and of all that it begins one end, in its order, whoever ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s50_a_run_that_is_given_up_ends_what_it_has_begun() {
    let harness = harness();
    for (text, task, stands) in endless() {
        let agent = agent(&harness, &text).await;
        let (mut events, run) = (harness.host.events(), Host::next_run());
        let (host, input) = (harness.host.clone(), RunInput { run: Some(run), ..input(task) });
        let running = tokio::spawn(async move { host.run(&agent, input).await });
        let mut all: Vec<Arc<Event>> = Vec::new();
        let mut given_up = false;
        while !all.last().is_some_and(|event| event.ends(run)) {
            let Some(Heard::Event(event)) = events.next().await else { panic!("it is told") };
            if !given_up && stands(&event.what) {
                running.abort();
                given_up = true;
            }
            all.push(event);
        }
        let begun = all.iter().filter(|event| matches!(event.what, Happening::RunStarted { .. }));
        for run in begun.filter_map(|event| event.run) {
            let of_it: Vec<Arc<Event>> = all.iter().filter(|event| event.run == Some(run)).cloned().collect();
            closed(&of_it);
            let end = of_it.last().map(|event| &event.what);
            assert!(matches!(end, Some(Happening::RunFinished { outcome, .. }) if outcome == "cancelled"), "{end:?}");
        }
        let withdrawn = |event: &Arc<Event>| matches!(event.what, Happening::ApprovalAnswered { withdrawn: true, .. });
        let asked = all.iter().filter(|event| matches!(event.what, Happening::ApprovalAsked { .. })).count();
        assert_eq!(all.iter().filter(|event| withdrawn(event)).count(), asked, "{text}");
    }
}

// S50: the same where its time is up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s50_a_run_whose_time_is_up_ends_what_it_has_begun() {
    let harness = harness();
    for (text, task, stands) in endless() {
        let agent = agent(&harness, &bounded(&text)).await;
        let mut events = harness.host.events();
        let outcome = harness.host.run(&agent, input(task)).await;
        assert_eq!(outcome.failure.map(|failure| failure.code()), Some(Code::Budget), "{text}");
        let mut all: Vec<Arc<Event>> = Vec::new();
        while !all.last().is_some_and(|event| event.ends(outcome.run)) {
            let Some(Heard::Event(event)) = events.next().await else { panic!("it is told") };
            all.push(event);
        }
        assert!(all.iter().any(|event| stands(&event.what)), "{text}");
        let begun = all.iter().filter(|event| matches!(event.what, Happening::RunStarted { .. }));
        for run in begun.filter_map(|event| event.run) {
            closed(&all.iter().filter(|event| event.run == Some(run)).cloned().collect::<Vec<_>>());
        }
    }
}

// S50: and where it ends by itself, well or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s50_a_run_that_ends_by_itself_has_ended_what_it_has_begun() {
    let harness = harness();
    let text = json!({"text": "x"});
    let both: [(&str, serde_json::Value); 2] = [("echo.text", text.clone()), ("echo.txet", text.clone())];
    let three = [("echo.text", text.clone()), ("echo.text", text.clone()), ("echo.text", text)];
    let well = script(&[("", &both), ("done", &[])]);
    let silent = script(&[("", &both)]);
    let spent = format!("[budget]\ncalls = 2\n{}", script(&[("", &three), ("done", &[])]));
    let turns = format!("[budget]\nturns = 1\n{}", script(&[("", &three), ("done", &[])]));
    for (pattern, more, code) in [
        ("react", &well, None),
        ("reactive", &well, None),
        ("react", &silent, Some(Code::Model)),
        ("reactive", &silent, Some(Code::Model)),
        ("react", &spent, Some(Code::Budget)),
        ("reactive", &spent, Some(Code::Budget)),
        ("react", &turns, Some(Code::Budget)),
        ("reactive", &turns, Some(Code::Budget)),
    ] {
        let agent = agent(&harness, &toml(pattern, "scripted", &["echo.*"], more)).await;
        let outcome: RunOutcome = harness.host.run(&agent, input("go")).await;
        assert_eq!(outcome.failure.as_ref().map(|failure| failure.code()), code, "{pattern}: {:?}", outcome.failure);
        let told = told(&harness, outcome.run);
        let tasks = told.iter().filter(|what| matches!(what, Happening::TaskFinished { .. })).count();
        assert_eq!(tasks, usize::from(pattern == "reactive"), "{told:?}");
    }
}

// Each attempt is counted before it is made: side by side, retries found room that others were about to take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_made_again_side_by_side_make_no_more_than_there_may_be() {
    let harness = Harness::with("[breaker]\nmode = \"off\"\n");
    // Several tools: what the host itself lets be made again is bounded for each.
    let tools: Vec<String> = (0..8).map(|number| format!("flaky{number}")).collect();
    tools.iter().for_each(|tool| harness.tool(tool, "flaky", ""));
    let targets: Vec<String> = (0..40).map(|number| format!("{}.maybe", tools[number % tools.len()])).collect();
    let uses = targets.iter().map(|target| (target.as_str(), json!({"up": false})));
    let uses: Vec<(&str, serde_json::Value)> = uses.collect();
    let allow: Vec<&str> = targets.iter().take(tools.len()).map(String::as_str).collect();
    // What the calls want is 40 attempts, and 120 more.
    for most in [40_u64, 41, 97, 160, 161] {
        let bounds = format!("[run]\nparallel = 40\n[retry]\nmax = 3\n[budget]\ncalls = {most}\n");
        let more = format!("{bounds}{}", script(&[("", &uses), ("", &uses[..1]), ("done", &[])]));
        let agent = agent(&harness, &toml("react", "scripted", &allow, &more)).await;
        let outcome = harness.host.run(&agent, RunInput { value: "go".into(), ..RunInput::default() }).await;
        let history = harness.host.history(outcome.run).expect("a history");
        let started = history.events.iter().filter(|event| matches!(event.what, Happening::Started { .. })).count();
        let dropped = history.dropped;
        assert!(dropped == 0 && started as u64 <= most, "{started} of {most}, {dropped} dropped");
        assert_eq!((outcome.calls, started as u64), (most, most), "{:?}", outcome.failure);
        closed(&history.events);
    }
}
