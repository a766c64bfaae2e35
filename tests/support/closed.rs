//! What holds of the events of every run, however it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotcell_call::{Event, Happening};

/// What an event says of the thing that it is about.
enum Turn {
    Begins(String),
    Ends(String),
    Neither,
}

/// Checks the events of one run: each thing that begins in it ends once, and before the run does, which ends once too.
#[track_caller]
pub(crate) fn closed(events: &[Arc<Event>]) {
    let told = || events.iter().map(|event| format!("{:?}\n", event.what)).collect::<String>();
    let [first, between @ .., last] = events else { panic!("a run begins and ends: {events:?}") };
    assert!(matches!(first.what, Happening::RunStarted { .. }), "{}", told());
    assert!(matches!(last.what, Happening::RunFinished { .. }), "{}", told());
    let (mut open, mut steps) = (BTreeMap::<String, usize>::new(), Vec::new());
    for event in between {
        assert_eq!(event.run, first.run);
        match turn(event) {
            Turn::Begins(what) => *open.entry(what).or_default() += 1,
            Turn::Ends(what) => {
                let begun = open.get(&what).is_some_and(|open| *open > 0);
                // Steps end once, and one that had nothing to do has not begun.
                let step = matches!(event.what, Happening::StepFinished { .. }) && !steps.contains(&what);
                assert!(begun || step, "{what} has ended, and had not begun:\n{}", told());
                open.entry(what.clone()).and_modify(|open| *open -= usize::from(begun));
                steps.push(what);
            }
            Turn::Neither => {}
        }
    }
    open.retain(|_, open| *open > 0);
    assert!(open.is_empty(), "the run has ended, and these have not: {open:?}\n{}", told());
}

fn turn(event: &Event) -> Turn {
    let call = event.call;
    match &event.what {
        Happening::Accepted { .. } => Turn::Begins(format!("call {call:?}")),
        Happening::Finished { .. } => Turn::Ends(format!("call {call:?}")),
        Happening::ActionRequired { action, .. } => Turn::Begins(format!("action {action} {call:?}")),
        Happening::ResultAvailable { action, .. } => Turn::Ends(format!("action {action} {call:?}")),
        Happening::TaskReceived { task, .. } => Turn::Begins(format!("task {task}")),
        Happening::TaskFinished { task, .. } => Turn::Ends(format!("task {task}")),
        Happening::StepStarted { step, .. } => Turn::Begins(format!("step {step}")),
        Happening::StepFinished { step, .. } => Turn::Ends(format!("step {step}")),
        Happening::ApprovalAsked { what, input } => Turn::Begins(format!("question {what} {input:?}")),
        Happening::ApprovalAnswered { what, input, .. } => Turn::Ends(format!("question {what} {input:?}")),
        Happening::RunStarted { .. } | Happening::RunFinished { .. } => panic!("within a run: {event:?}"),
        _ => Turn::Neither,
    }
}
