use std::sync::Arc;

use hotcell_call::{CallId, Capability, Denial, Failure, Log, LogBytes, Payload};

use super::*;

/// An outcome with this word, under the default limits, with a receipt to be changed.
fn outcome(result: Result<&str, Code>, change: impl FnOnce(&mut Receipt)) -> Outcome {
    let mut receipt = Receipt { limits: Arc::new(Limits::default()), ..Receipt::default() };
    change(&mut receipt);
    Outcome {
        call: CallId::from_bits(0),
        target: "proof.run".parse().unwrap(),
        result: result.map(Payload::new).map_err(|code| Failure::new(code, "x").reached("2KiB", "1KiB")),
        receipt,
        log: Log::default(),
        note: None,
    }
}

fn judged(bound: Bound, result: Result<&str, Code>, change: impl FnOnce(&mut Receipt)) -> Verdict {
    judge(bound, &Limits::default(), &outcome(result, change), None)
}

#[track_caller]
fn broken(verdict: Verdict, says: &str) {
    match verdict {
        Verdict::Broken(why) => assert!(why.contains(says), "{why}"),
        other => panic!("{other:?}, and {says:?} is no reason?"),
    }
}

const FUEL: Bound = Bound::Limit("fuel", "exhausted(fuel)");
const TIME: Bound = Bound::Limit("timeout", "timed-out");
const MEMORY: Bound = Bound::Limit("memory", "exhausted(memory)");
const OUTPUT: Bound = Bound::Limit("output", "exhausted(output)");
const RANDOM: Bound = Bound::Limit("random", "exhausted(random)");
const DISK: Bound = Bound::Limit("disk", "exhausted(disk)");
const ENTRIES: Bound = Bound::Limit("entries", "exhausted(disk)");
const REQUESTS: Bound = Bound::Limit("requests", "exhausted(requests)");
const SENT: Bound = Bound::Limit("sent", "exhausted(http-body)");
const RECEIVED: Bound = Bound::Limit("received", "exhausted(http-body)");
const HANDLES: Bound = Bound::Limit("handles", "exhausted(handles)");

#[test]
fn a_limit_that_ended_the_guest_holds() {
    for (bound, code) in [
        (FUEL, Code::Fuel),
        (TIME, Code::Timeout),
        (MEMORY, Code::Memory),
        (OUTPUT, Code::Output),
        (RANDOM, Code::RandomBytes),
        (DISK, Code::Disk),
        (ENTRIES, Code::Disk),
        (HANDLES, Code::Handles),
        (REQUESTS, Code::Requests),
        (SENT, Code::Sent),
        (RECEIVED, Code::Received),
        (Bound::Stack, Code::Stack),
        (Bound::Compile, Code::Compile),
        (Bound::Trap, Code::Unreachable),
    ] {
        assert_eq!(judged(bound, Err(code), |_| {}), Verdict::Holds, "{bound:?}");
    }
}

#[test]
fn a_guest_that_ends_by_itself_has_met_no_limit() {
    let of_calls = [FUEL, TIME, MEMORY, OUTPUT, RANDOM, DISK, ENTRIES, HANDLES, REQUESTS, SENT, RECEIVED];
    for bound in of_calls.into_iter().chain([Bound::Stack, Bound::Compile]) {
        broken(judged(bound, Ok("1"), |_| {}), "it ended ok, not");
        broken(judged(bound, Err(Code::ToolFailed), |_| {}), "it ended failed, not");
    }
    broken(judged(TIME, Err(Code::Cancelled), |_| {}), "had to be cancelled");
}

#[test]
fn what_stood_on_the_store_has_to_be_what_was_asked_for() {
    let wide = |receipt: &mut Receipt| receipt.limits = Arc::new(crate::config::ceiling());
    for (bound, code) in [
        (FUEL, Code::Fuel),
        (TIME, Code::Timeout),
        (MEMORY, Code::Memory),
        (OUTPUT, Code::Output),
        (RANDOM, Code::RandomBytes),
        (DISK, Code::Disk),
        (ENTRIES, Code::Disk),
        (HANDLES, Code::Handles),
        (REQUESTS, Code::Requests),
        (SENT, Code::Sent),
        (RECEIVED, Code::Received),
    ] {
        // The right word alone is no proof.
        broken(judged(bound, Err(code), wide), "the limit on its store was");
    }
    broken(judged(Bound::Log, Ok("null"), wide), "the limit on its store was");
    broken(judged(Bound::Limit("input", "invalid"), Err(Code::InputTooLarge), |_| {}), "the limit was 1KiB, not 4MiB");
}

#[test]
fn what_was_counted_may_not_pass_the_limit_whatever_the_word() {
    let limits = Limits::default();
    broken(judged(FUEL, Err(Code::Fuel), |receipt| receipt.fuel = limits.fuel.as_u64() + 1), "of 10G");
    let late = |receipt: &mut Receipt| receipt.run = Duration::from_millis(10_751);
    broken(judged(TIME, Err(Code::Timeout), late), "gone only after 10.7");
    let in_time = |receipt: &mut Receipt| receipt.run = Duration::from_millis(10_700);
    assert_eq!(judged(TIME, Err(Code::Timeout), in_time), Verdict::Holds);
    let large = ByteSize::mib(65);
    broken(judged(MEMORY, Err(Code::Memory), |receipt| receipt.memory_peak = large), "it had 65MiB of 64MiB");
    broken(judged(RANDOM, Err(Code::RandomBytes), |receipt| receipt.random = large), "it got 65MiB");
    broken(judged(OUTPUT, Err(Code::Output), |receipt| receipt.output = large), "it answered with 65MiB");
    broken(judged(DISK, Err(Code::Disk), |receipt| receipt.disk = large), "it wrote 65MiB");
    broken(judged(REQUESTS, Err(Code::Requests), |receipt| receipt.requests = 65), "it sent 65 requests of 64");
    broken(judged(SENT, Err(Code::Sent), |receipt| receipt.sent = large), "it sent 65MiB of 8MiB");
    broken(judged(RECEIVED, Err(Code::Received), |receipt| receipt.received = large), "it received 65MiB of 8MiB");
    let kept = |kept, dropped| move |receipt: &mut Receipt| receipt.stderr = LogBytes { kept, dropped };
    broken(judged(Bound::Log, Ok("null"), kept(257 << 10, 1)), "left a log of 257KiB");
    broken(judged(Bound::Log, Ok("null"), kept(256 << 10, 0)), "nothing of the flood was dropped");
    assert_eq!(judged(Bound::Log, Ok("null"), kept(256 << 10, 1)), Verdict::Holds);
}

#[test]
fn what_lies_in_the_folder_counts_and_not_what_is_said_of_it() {
    let limits = Limits::default();
    let look = |bound, code, found| judge(bound, &limits, &outcome(Err(code), |_| {}), Some(&found));
    let found = |bytes, entries| Found { bytes, entries, harm: None };
    assert_eq!(look(DISK, Code::Disk, found(64 << 20, 1)), Verdict::Holds);
    broken(look(DISK, Code::Disk, found((64 << 20) + 1, 1)), "it wrote");
    assert_eq!(look(ENTRIES, Code::Disk, found(0, 1_024)), Verdict::Holds);
    broken(look(ENTRIES, Code::Disk, found(0, 1_025)), "it made 1025 files of 1024");
    let harm = Found { harm: Some("the file beside the folder was changed".to_owned()), ..Found::default() };
    broken(judge(Bound::Nothing, &limits, &outcome(Ok("[]"), |_| {}), Some(&harm)), "was changed");
}

#[test]
fn a_limit_that_was_not_reached_is_neither_held_nor_broken() {
    for code in [Code::Timeout, Code::Fuel, Code::Overloaded] {
        assert!(matches!(judged(MEMORY, Err(code), |_| {}), Verdict::Untried(_)), "{code:?}");
    }
    // Of two that end in the same word it has to be the one.
    for (bound, other) in [(SENT, Code::Received), (RECEIVED, Code::Sent)] {
        assert!(matches!(judged(bound, Err(other), |_| {}), Verdict::Untried(_)), "{other:?}");
    }
    // But one that was passed before another ended the guest is.
    broken(judged(MEMORY, Err(Code::Timeout), |receipt| receipt.memory_peak = ByteSize::mib(65)), "it had 65MiB");
}

#[test]
fn what_is_not_granted_has_to_be_refused_or_not_there() {
    let noted = |receipt: &mut Receipt| receipt.denials = vec![Denial::new(Capability::Net, "a socket")];
    assert_eq!(judged(Bound::Denied, Err(Code::Net), noted), Verdict::Holds);
    broken(judged(Bound::Denied, Err(Code::Net), |_| {}), "no refusal was recorded");
    broken(judged(Bound::Denied, Ok(r#"["tcp"]"#), noted), "it ended ok, not denied");
    assert_eq!(judged(Bound::Nothing, Ok("[]"), |_| {}), Verdict::Holds);
    broken(judged(Bound::Nothing, Ok(r#"["HOME"]"#), |_| {}), "HOME");
}

#[test]
fn a_cell_that_was_used_before_and_a_trap_that_is_none_are_seen() {
    assert_eq!(judged(Bound::Fresh, Ok("1"), |_| {}), Verdict::Holds);
    broken(judged(Bound::Fresh, Ok("2"), |_| {}), "the state of a call before: 2");
    broken(judged(Bound::Trap, Ok("null"), |_| {}), "it ended ok, not trapped(unreachable)");
    broken(judged(Bound::Compile, Err(Code::NotComponent), |_| {}), "not the compiler's limit");
}
