//! Several calls in one cell: each is its own in all but the memory, and none takes another down.
//!
//! The sandbox of these tests has room for one cell. So each also shows that a cell is gone before the next begins: a batch that
//! had two would be refused the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hotcell_call::{ByteSize, Code, GrantSet, Outcome};
use hotcell_sandbox::OpenGrants;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::component::{Contract, world};
use crate::support::{Item, Seen, Shared, item};

/// `text`, and which call of its cell said it.
fn said(text: &str, turn: u32) -> Value {
    json!({"text": text, "turn": turn})
}

fn say(text: &str) -> Item {
    item("company.say", json!({"text": text}))
}

fn code(outcome: &Outcome) -> Option<Code> {
    outcome.result.as_ref().err().map(hotcell_call::Failure::code)
}

// === who shares ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_has_its_own_answer_and_receipt_and_all_have_one_cell() {
    let company = Shared::guest("company").await;
    let items = (0..64).map(|n| say(&n.to_string()));
    let outcomes = company.run(items).await;
    for (n, outcome) in (0_u32..).zip(&outcomes) {
        assert_eq!(outcome.ok(), said(&n.to_string(), n + 1));
        let receipt = &outcome.receipt;
        assert!(receipt.shared_cell && !receipt.pure, "nobody may take it for a function of its input");
        assert!(receipt.fuel_exact && (1..1_000_000).contains(&receipt.fuel), "{}", receipt.fuel);
        assert_eq!(receipt.instantiate.is_zero(), n > 0, "the instance is made once, for the first");
        assert!(receipt.instantiate <= receipt.run && receipt.busy <= receipt.run);
        assert_eq!(receipt.input, ByteSize::of(json!({"text": n.to_string()}).to_string().len()));
        assert_eq!((receipt.digest, &*receipt.grants), (Some(company.tool.digest()), &GrantSet::default()));
    }
    // The same work costs the same, but for the first, which also made the instance.
    assert_eq!(outcomes[10].receipt.fuel, outcomes[40].receipt.fuel);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_one_is_a_call_like_any_other() {
    let company = Shared::guest("company").await;
    assert!(company.run([]).await.is_empty());
    let batch = company.run([say("x")]).await;
    let alone = company.alone(say("x")).await;
    for outcome in [&batch[0], &alone] {
        assert_eq!(outcome.ok(), said("x", 1));
        assert!(outcome.receipt.pure && !outcome.receipt.shared_cell);
    }
    assert_eq!(batch[0].receipt.fuel, alone.receipt.fuel);
}

// H43 turned round: what a fresh cell hides, a shared one shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_sees_what_the_calls_before_it_left_in_its_memory() {
    let state = Shared::guest("state").await;
    let outcomes = state.run((0..5).map(|_| item("state.count", json!({})))).await;
    assert_eq!(outcomes.iter().map(Seen::ok).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(state.alone(item("state.count", json!({}))).await.ok(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_grants_and_limits_of_a_cell_never_meet() {
    let company = Shared::guest("company").await;
    let grants = |value: &str| {
        let env = [("NAME".to_owned(), value.to_owned())].into();
        OpenGrants::open(GrantSet { env, ..GrantSet::default() }).expect("nothing to open")
    };
    let (one, same, other) = (grants("1"), grants("1"), grants("2"));
    let outcomes = company
        .run([
            say("a").by("a"),
            say("b").by("b"),
            say("b again").by("b"),
            say("a again").by("a"),
            say("granted").granted(&one),
            say("granted the same").granted(&same),
            say("granted another").granted(&other),
            say("less memory").granted(&other).limit("memory", "32MiB"),
            say("fewer handles").granted(&other).limit("memory", "32MiB").limit("handles", "5"),
            say("other fuel").granted(&other).limit("memory", "32MiB").limit("handles", "5").limit("fuel", "1M"),
        ])
        .await;
    let turns: Vec<Value> = outcomes.iter().map(|outcome| outcome.ok()["turn"].clone()).collect();
    assert_eq!(turns, [1, 1, 2, 1, 1, 2, 1, 1, 1, 2]);
    assert_eq!(&outcomes[6].receipt.grants, other.set());
    assert_eq!(outcomes[9].receipt.limits.fuel.as_u64(), 1_000_000);
}

// Folders of one path may be different ones: only who was granted the very same handle shares.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_that_were_opened_twice_are_two() {
    let company = Shared::guest("company").await;
    let folder = tempfile::tempdir().expect("a folder");
    let set = GrantSet {
        folders: vec![hotcell_call::Folder::whole("data", folder.path(), hotcell_call::Access::Read)],
        ..GrantSet::default()
    };
    let open = || OpenGrants::open(set.clone()).expect("a folder");
    let (one, two) = (open(), open());
    let items = [&one, &one, &two, &one].map(|grants| say("x").granted(grants));
    let turns: Vec<Value> = company.run(items).await.iter().map(|outcome| outcome.ok()["turn"].clone()).collect();
    assert_eq!(turns, [1, 2, 1, 1]);
}

// === what ends a cell ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_costs_only_itself() {
    let company = Shared::guest("company").await;
    let outcomes = company
        .run([
            say("before"),
            item("company.breaks", json!({})),
            say("after"),
            item("company.spin", json!({})).limit("fuel", "5M"),
            say("after"),
            item("company.spin", json!({})).limit("timeout", "50ms"),
            say("after"),
            item("company.answer", json!({"bytes": 5_000})).limit("output", "4KiB"),
            say("after"),
            item("company.spin", json!({})).when_it_speaks(|| panic!("a bug of the host's")),
            say("after"),
            say("and on"),
        ])
        .await;
    assert_eq!(outcomes[0].ok(), said("before", 1));
    let failure = outcomes[1].ends("trapped(unreachable)");
    assert!(failure.reason().contains("in turn 2"), "{failure}");
    let failure = outcomes[3].ends("exhausted(fuel)");
    assert!(failure.reason().contains("5M of 5M"), "{failure}");
    assert!((4_900_000..=5_000_000).contains(&outcomes[3].receipt.fuel), "{}", outcomes[3].receipt.fuel);
    outcomes[5].ends("timed-out");
    let run = outcomes[5].receipt.run;
    assert!(run >= Duration::from_millis(50) && run < Duration::from_secs(2), "{run:?}");
    assert!(outcomes[5].receipt.busy <= run);
    outcomes[7].ends("exhausted(output)");
    assert_eq!(code(&outcomes[9]), Some(Code::Fault));
    for after in [2, 4, 6, 8, 10] {
        assert_eq!(outcomes[after].ok(), said("after", 1), "a new cell after {after}");
        assert!(!outcomes[after].receipt.instantiate.is_zero());
    }
    assert_eq!(outcomes[11].ok(), said("and on", 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_tools_own_ends_no_cell() {
    let company = Shared::guest("company").await;
    let fail = || item("company.fail", json!({"text": "as it should"}));
    let outcomes = company.run([fail(), say("x"), fail(), fail(), say("y")]).await;
    for failed in [0, 2, 3] {
        assert_eq!(outcomes[failed].ends("failed").reason(), "as it should");
    }
    assert_eq!((outcomes[1].ok(), outcomes[4].ok()), (said("x", 2), said("y", 5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_behind_is_met_by_nobody() {
    let company = Shared::guest("company").await;
    let item = |target: &str, input: Value| item(target, input).limit("handles", "20");
    let outcomes = company
        .run([
            item("company.say", json!({"text": "x"})),
            // Each may have as many handles as it would alone.
            item("company.keep", json!({"handles": 10})),
            item("company.keep", json!({"handles": 10})),
            item("company.keep", json!({"handles": 40})),
            item("company.say", json!({"text": "x"})),
            // No input tells what the answer of the next would depend on.
            item("company.hurry", json!({})),
            item("company.say", json!({"text": "x"})),
        ])
        .await;
    assert_eq!((outcomes[0].ok(), outcomes[1].ok(), outcomes[2].ok()), (said("x", 1), json!(2), json!(1)));
    outcomes[3].ends("exhausted(handles)");
    assert_eq!((outcomes[4].ok(), outcomes[5].ok(), outcomes[6].ok()), (said("x", 1), json!(2), said("x", 1)));
}

// A component that can be called once, and traps at its second call; one whose clean-up traps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_not_be_called_twice_takes_nobody_down() {
    let core = r#"(module (global $used (mut i32) (i32.const 0))
        (func (export "run") (result i32)
            (if (global.get $used) (then unreachable)) (global.set $used (i32.const 1)) (i32.const 7)))"#;
    let once = Shared::shape(world("package t:t; world w { export run: func() -> u32; }", core)).await;
    let outcomes = once.run((0..6).map(|_| item("shape.run", json!({})))).await;
    for pair in outcomes.chunks(2) {
        assert_eq!(pair[0].ok(), 7);
        pair[1].ends("trapped(unreachable)");
    }
    let cleans = Shared::shape(Contract { post: "unreachable".to_owned(), ..Contract::default() }.build()).await;
    for outcome in cleans.run((0..3).map(|_| item("shape.run", json!({})))).await {
        outcome.ends("trapped(unreachable)");
    }
}

// Functions of plain components: arguments that don't fit never come to the cell, and cost nobody theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_that_do_not_fit_cost_no_cell() {
    let core = r#"(module (global $calls (mut i32) (i32.const 0))
        (func (export "run") (param i32) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls)))"#;
    let plain = Shared::shape(world("package t:t; world w { export run: func(n: u32) -> u32; }", core)).await;
    let run = |n: Value| item("shape.run", json!({"n": n}));
    let unknown = item("shape.walk", json!({}));
    let outcomes = plain.run([run(json!(1)), run(json!("one")), unknown, run(json!(-1)), run(json!(1))]).await;
    assert_eq!((outcomes[0].ok(), outcomes[4].ok()), (json!(1), json!(2)));
    for never in [1, 3] {
        outcomes[never].ends("invalid");
        assert!(!outcomes[never].receipt.shared_cell && outcomes[never].receipt.fuel == 0);
    }
    outcomes[2].ends("unknown");
}

// === limits ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_and_counts_begin_anew_for_each() {
    let company = Shared::guest("company").await;
    let dice = |bytes: u64| item("company.dice", json!({"bytes": bytes})).limit("random", "100B");
    let clock = || item("company.clock", json!({}));
    let outcomes = company.run([dice(60), dice(60), clock(), clock(), dice(101), dice(60)]).await;
    let [sum, turn] = [0, 1].map(|part| outcomes[0].ok()[part].clone());
    assert_eq!(turn, 1);
    assert_eq!(outcomes[1].ok(), json!([sum, 2]), "a seed begins anew, too");
    assert_eq!(outcomes[3].ok(), json!([outcomes[2].ok()[0], 4]), "and so does the clock");
    outcomes[4].ends("exhausted(random)");
    assert_eq!(outcomes[5].ok(), json!([sum, 1]));
    for (outcome, random) in outcomes.iter().zip([60, 60, 0, 0, 0, 60]) {
        assert_eq!(outcome.receipt.random, ByteSize::bytes(random));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_has_a_log_of_its_own() {
    let company = Shared::guest("company").await;
    let print = |bytes: u64| item("company.print", json!({"bytes": bytes})).limit("log", "1KiB");
    let outcomes = company.run([print(10), print(3_000), print(20), say("x").limit("log", "1KiB")]).await;
    // A library keeps the stream that it printed to, and an open handle ends a cell.
    assert_eq!((outcomes[0].ok(), outcomes[2].ok(), outcomes[3].ok()), (json!(1), json!(1), said("x", 1)));
    for (outcome, (kept, dropped)) in outcomes.iter().zip([(10, 0), (1_024, 1_976), (20, 0), (0, 0)]) {
        assert_eq!((outcome.receipt.stdout.kept, outcome.receipt.stdout.dropped), (kept, dropped));
        assert_eq!(outcome.log.stdout, vec![b'x'; usize::try_from(kept).expect("few")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_the_cells() {
    let company = Shared::guest("company").await;
    let hold = |mib: u32| item("company.hold", json!({"mib": mib})).limit("memory", "32MiB");
    let outcomes = company.run([hold(6), hold(6), hold(6), hold(6), hold(12), hold(25), hold(25), hold(31)]).await;
    let peaks: Vec<u64> = outcomes.iter().map(|outcome| outcome.receipt.memory_peak.as_u64() >> 20).collect();
    let turns: Vec<Value> = outcomes.iter().take(4).map(Seen::ok).collect();
    // The third leaves it more than half full, so the fourth begins a new one.
    assert_eq!(turns, [1, 2, 3, 1], "{peaks:?}");
    assert!(peaks.windows(2).take(2).all(|pair| pair[0] + 5 <= pair[1]) && peaks[2] >= 18, "{peaks:?}");
    assert!(peaks[3] < 12, "{peaks:?}");
    // One that would do alone finds too little left; what it is told names the sum.
    assert_eq!(outcomes[4].ok(), 2);
    let words: Vec<String> = outcomes.iter().skip(5).map(Outcome::word).collect();
    assert_eq!(words, ["ok", "ok", "exhausted(memory)"], "{peaks:?}");
}

// A call's clock begins with its own run: what those before it took is not its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_turn_is_no_time_of_the_call() {
    let company = Shared::guest("company").await;
    let spin = || item("company.spin", json!({})).limit("timeout", "60ms");
    let outcomes = company.run([spin(), spin(), spin(), say("x").limit("timeout", "100ms"), say("y")]).await;
    for outcome in &outcomes[..3] {
        outcome.ends("timed-out");
        assert!(outcome.receipt.run >= Duration::from_millis(60));
    }
    assert_eq!((outcomes[3].ok(), outcomes[4].ok()), (said("x", 1), said("y", 2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_holds_while_a_call_waits_and_while_it_runs() {
    let company = Shared::guest("company").await;
    let spin = || item("company.spin", json!({})).limit("fuel", "100000G").limit("timeout", "100ms");
    let outcomes = company
        .run([
            spin(),
            say("too late").deadline(Duration::from_millis(20)),
            say("in time").deadline(Duration::from_secs(60)),
            spin().limit("timeout", "60s").deadline(Duration::from_millis(250)),
            say("x"),
        ])
        .await;
    outcomes[0].ends("timed-out");
    let failure = outcomes[1].ends("refused(late)");
    assert!(failure.what().contains("was not started") && failure.remedy().is_some(), "{failure}");
    assert!(!outcomes[1].receipt.shared_cell && outcomes[1].receipt.run.is_zero());
    assert_eq!(outcomes[2].ok(), said("in time", 1));
    let failure = outcomes[3].result.as_ref().expect_err("it never ends");
    assert!([Code::Timeout, Code::Late].contains(&failure.code()), "{failure}");
    assert_eq!(outcomes[4].ok()["text"], "x");
}

// === cancelling ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cancelled_is_skipped_or_stopped_and_the_others_go_on() {
    let company = Shared::guest("company").await;
    let before = say("before");
    before.cancel().cancel();
    let waiting = say("waiting");
    let others = waiting.cancel();
    let spinning = item("company.spin", json!({})).limit("fuel", "100000G");
    let own = spinning.cancel();
    let spinning = spinning.when_it_speaks(move || {
        others.cancel();
        own.cancel();
    });
    let outcomes = company.run([say("first"), before, spinning, waiting, say("a"), say("b")]).await;
    assert_eq!(outcomes[0].ok(), said("first", 1));
    for cancelled in [1, 2, 3] {
        outcomes[cancelled].ends("cancelled");
    }
    // Skipping ends no cell: it was the second call of the first.
    assert!(outcomes[2].receipt.instantiate.is_zero() && !outcomes[2].receipt.fuel_exact);
    assert!(outcomes[2].receipt.run < Duration::from_secs(5), "{:?}", outcomes[2].receipt.run);
    assert!([1, 3].iter().all(|never| outcomes[*never].receipt.run.is_zero()));
    assert_eq!((outcomes[4].ok(), outcomes[5].ok()), (said("a", 1), said("b", 2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drops_a_batch_ends_all_of_it() {
    let company = Shared::guest("company").await;
    let (begun, heard) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let spin = || {
        let (begun, heard) = (Arc::clone(&begun), Arc::clone(&heard));
        item("company.spin", json!({})).limit("fuel", "100000G").limit("timeout", "60s").when_it_speaks(move || {
            heard.fetch_add(1, Ordering::Relaxed);
            begun.notify_one();
        })
    };
    tokio::select! {
        _ = company.run([say("x"), spin(), spin()]) => panic!("it never ends"),
        () = begun.notified() => {}
    }
    // The only cell that there is, is free again.
    assert_eq!(company.alone(say("y")).await.ok(), said("y", 1));
    assert_eq!(heard.load(Ordering::Relaxed), 1, "the second never began");
}

// === all together ===

/// What a call of the mix does, and how it ends.
struct Kind {
    target: &'static str,
    input: &'static str,
    word: &'static str,
    /// Whether the next call may have its cell.
    shares: bool,
}

const fn kind(target: &'static str, input: &'static str, word: &'static str, shares: bool) -> Kind {
    Kind { target, input, word, shares }
}

const KINDS: &[Kind] = &[
    kind("company.say", r#"{"text": "x"}"#, "ok", true),
    kind("company.say", r#"{"text": "x"}"#, "ok", true),
    kind("company.clock", "{}", "ok", true),
    kind("company.dice", r#"{"bytes": 9}"#, "ok", true),
    kind("company.dice", r#"{"bytes": 2000}"#, "exhausted(random)", false),
    kind("company.fail", r#"{"text": "x"}"#, "failed", true),
    kind("company.say", r#"{"text": 1}"#, "invalid", true),
    kind("company.breaks", "{}", "trapped(unreachable)", false),
    kind("company.spin", "{}", "exhausted(fuel)", false),
    kind("company.answer", r#"{"bytes": 100}"#, "ok", true),
    kind("company.answer", r#"{"bytes": 9000}"#, "exhausted(output)", false),
    kind("company.keep", r#"{"handles": 2}"#, "ok", false),
    kind("company.hurry", "{}", "ok", false),
    kind("company.hold", r#"{"mib": 100}"#, "exhausted(memory)", false),
];

// Whatever comes together, in whatever order: each ends as it would alone, and a new cell begins exactly where it should.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_as_it_would_alone_whatever_comes_before() {
    let company = Shared::guest("company").await;
    let limited = |kind: &Kind| {
        let input = serde_json::from_str(kind.input).expect("JSON");
        let limited = item(kind.target, input).limit("fuel", "2M").limit("output", "8KiB");
        limited.limit("random", "1KiB").limit("memory", "16MiB")
    };
    for kind in KINDS {
        assert_eq!(company.alone(limited(kind)).await.word(), kind.word, "{} {}", kind.target, kind.input);
    }
    let mut seed = 0x2545_f491_u32;
    for round in 0..30 {
        let mix: Vec<&Kind> = (0..40)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                &KINDS[(seed >> 8) as usize % KINDS.len()]
            })
            .collect();
        let outcomes = company.run(mix.iter().map(|kind| limited(kind))).await;
        let mut fresh = true;
        for (place, (kind, outcome)) in mix.iter().zip(&outcomes).enumerate() {
            let at = format!("round {round}, {place}: {} {}", kind.target, kind.input);
            assert_eq!(outcome.word(), kind.word, "{at}: {:?}", outcome.result);
            assert_eq!(!outcome.receipt.instantiate.is_zero(), fresh, "{at}");
            fresh = !kind.shares;
        }
    }
}
