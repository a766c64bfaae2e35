//! What was agreed to is what runs, however long that takes and whatever becomes of the tool meanwhile.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use hotcell_call::{Code, Effect, Event, Foreseen, Happening};
use hotcell_runtime::{Approver, Heard, Question, RunInput, Subscription};
use serde_json::json;
use tokio::sync::Semaphore;

use super::minds::{agent, toml};
use super::rejected::until;
use crate::support::{Harness, closed, program::guest};

/// Agrees as soon as it is let.
struct Later(Arc<Semaphore>);

impl Approver for Later {
    fn ask<'a>(&'a self, _question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async { self.0.acquire().await.is_ok() })
    }
}

/// Waits for an event.
async fn heard(events: &mut Subscription, is: impl Fn(&Event) -> bool) -> Arc<Event> {
    loop {
        match events.next().await {
            Some(Heard::Event(event)) if is(&event) => return event,
            Some(Heard::Event(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn is_of(event: &Event, tool: &str) -> bool {
    matches!(&event.what, Happening::Accepted { target } if target.tool.as_str() == tool)
}

const NARROW: &str = "[fs]\nwrite = [\"sub\"]\n";
const WIDE: &str = "[fs]\nwrite = [\".\"]\n";

/// The same program in other bytes: with a section behind it that nobody reads.
fn in_other_bytes() -> Vec<u8> {
    let mut component = fs::read(guest("flaky")).expect("a guest");
    component.extend([0, 5, 4, b'm', b'o', b'r', b'e']);
    component
}

/// A host with one cell, which is taken until the test lets go of it, and a tool that may write.
async fn taken(root: &Path) -> (Harness, tokio::task::JoinHandle<()>) {
    let grants = format!("[tools.victim]\nfs.write = [{root:?}]\n");
    let harness = Harness::with(&format!("[limits]\nfuel = \"100000G\"\n[schedule]\nin_flight = 1\n{grants}"));
    harness.tool("victim", "flaky", NARROW);
    // It is compiled before the cell is taken, for that takes its time.
    let call = harness.call("victim.nap", json!({"ms": 0})).run();
    assert!(call.await.result.is_ok());
    let call = harness.call("cpu.spin", json!({}));
    let holds = tokio::spawn(async move { drop(call.run().await) });
    until(|| async { harness.host.load().running == 1 }).await;
    (harness, holds)
}

// A call was bound to what was approved until the answer came, and not until its turn: what lay in the folder then was what ran.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_changes_between_the_answer_and_the_call_is_not_called() {
    for (swap, outcome) in [("nothing", "ok"), ("bytes", "denied"), ("grants", "denied")] {
        let folder = tempfile::tempdir().expect("a folder");
        let sub = folder.path().join("sub");
        fs::create_dir(&sub).expect("a folder");
        let (harness, holds) = taken(folder.path()).await;
        let more = "[run]\nparallel = 1\n[approve]\nask = [\"victim.write\"]\n";
        let agent = agent(&harness, &toml("plan", "rules", &["echo.text", "victim.*"], more)).await;
        let may = Arc::new(Semaphore::new(0));
        let mut events = harness.host.events();
        let task = format!("a = echo.text(text=\"x\")\nb = victim.write(root={sub:?}, calls=1)\nanswer done");
        let input =
            RunInput { value: task.into(), approver: Some(Arc::new(Later(Arc::clone(&may)))), ..RunInput::default() };
        let host = harness.host.clone();
        let running = tokio::spawn(async move { host.run(&agent, input).await });
        // The one call at a time that the run may make waits for the cell: the other has its answer, and waits for that.
        heard(&mut events, |event| is_of(event, "echo")).await;
        may.add_permits(1);
        heard(&mut events, |event| matches!(event.what, Happening::ApprovalAnswered { agreed: true, .. })).await;
        match swap {
            "bytes" => drop(harness.shape("victim", &in_other_bytes())),
            "grants" => harness.tool("victim", "flaky", WIDE),
            _ => {}
        }
        holds.abort();
        let ran = running.await.expect("a run");
        let write = ran.actions.iter().find(|action| action.target == "victim.write").expect("an action");
        assert_eq!((write.outcome.as_str(), sub.join("calls").exists()), (outcome, outcome == "ok"), "{swap}");
        let history = harness.host.history(ran.run).expect("a history");
        closed(&history.events);
        if outcome != "ok" {
            let call = history.events.iter().find(|event| is_of(event, "victim")).expect("the call").call;
            let of_it = history.events.iter().filter(|event| event.call == call);
            let told: Vec<&Happening> = of_it.map(|event| &event.what).collect();
            assert!(matches!(told[..], [_, Happening::Finished { code: Some("E0308"), .. }]), "{swap}: {told:?}");
        }
    }
}

// What has its place in the queue is what was agreed to, in this attempt and in the next, whatever is in the folder by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_its_cell_runs_what_was_agreed_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let sub = folder.path().join("sub");
    fs::create_dir(&sub).expect("a folder");
    let (harness, holds) = taken(folder.path()).await;
    let more = "[approve]\nask = [\"victim.*\"]\n[retry]\nmax = 1\n";
    let agent = agent(&harness, &toml("react", "rules", &["victim.*"], more)).await;
    let may = Arc::new(Semaphore::new(1));
    let mut events = harness.host.events();
    let task = format!("a = victim.idempotent(root={sub:?}, calls=2)\nanswer {{{{a}}}}");
    let input = RunInput { value: task.into(), approver: Some(Arc::new(Later(may))), ..RunInput::default() };
    let host = harness.host.clone();
    let running = tokio::spawn(async move { host.run(&agent, input).await });
    heard(&mut events, |event| event.run.is_some() && matches!(event.what, Happening::Queued)).await;
    harness.shape("victim", &in_other_bytes());
    holds.abort();
    let ran = running.await.expect("a run");
    assert_eq!(ran.answer.as_deref(), Some("2"), "{:?} {:?}", ran.failure, ran.actions);
    assert_eq!(ran.calls, 2, "it was made again");
    let now = harness.call("victim.nap", json!({"ms": 0})).run().await.receipt.digest.expect("a digest");
    let history = harness.host.history(ran.run).expect("a history");
    let shown = history.events.iter().find_map(|event| match &event.what {
        Happening::ResultAvailable { shown, .. } => Some(shown.clone()),
        _ => None,
    });
    let shown = shown.expect("a result");
    assert!(shown.contains("sha256:") && !shown.contains(&now.to_string()), "{shown}");
}

// By the runtime's own words: what a call was foreseen to be, whole, or it is not made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_made_as_it_was_foreseen_or_not_at_all() {
    let harness = Harness::new();
    let seen = harness.call("echo.text", json!({"text": "x"})).run().await.receipt;
    let foreseen = Foreseen {
        digest: seen.digest.expect("a digest"),
        effects: Effect::Pure..=Effect::Pure,
        grants: Arc::clone(&seen.grants),
    };
    let other = harness.call("plain.limits", json!({})).run().await.receipt;
    let mut granted = (*seen.grants).clone();
    granted.env.insert("HOME".to_owned(), "/".to_owned());
    for (agreed, may) in [
        (foreseen.clone(), true),
        (Foreseen { digest: other.digest.expect("a digest"), ..foreseen.clone() }, false),
        (Foreseen { effects: Effect::Pure..=Effect::Write, ..foreseen.clone() }, false),
        (Foreseen { grants: Arc::new(granted), ..foreseen.clone() }, false),
    ] {
        let mut call = harness.call("echo.text", json!({"text": "x"}));
        call.call.agreed = Some(agreed);
        let outcome = call.run().await;
        let code = outcome.result.as_ref().err().map(|failure| failure.code());
        assert_eq!((code, outcome.receipt.attempts), ((!may).then_some(Code::Approval), u32::from(may)));
    }
}
