use std::sync::Arc;

use hotcell_call::Limits;

use super::*;

fn row(attack: &'static str, limit: &'static str, outcome: &str, verdict: Verdict) -> Row {
    Row {
        attack,
        limit,
        set: Some("1MiB".to_owned()),
        narrowed_from: None,
        expected: "exhausted(memory)",
        outcome: Some(outcome.to_owned()),
        reached: Some("1.0MiB".to_owned()),
        took: Duration::from_micros(1_234),
        after: None,
        calls: 1,
        neighbour: Default::default(),
        verdict,
    }
}

fn proof(rows: Vec<Row>) -> Proof {
    let (idle, beside) = Default::default();
    Proof { rows, limits: Arc::new(Limits::default()), idle, beside, harmed: None, took: Duration::from_millis(3_456) }
}

#[test]
fn what_holds_and_what_does_not_is_told_by_mark_and_word() {
    let broken = Verdict::Broken("the limit on its store was 4GiB,\nnot 64MiB".to_owned());
    let late = Row {
        after: Some(Duration::from_millis(12)),
        narrowed_from: Some("10s".to_owned()),
        ..row("endless sleep", "timeout", "timed-out", Verdict::Holds)
    };
    let untried = Row {
        outcome: None,
        set: None,
        reached: None,
        calls: 0,
        ..row("trap", "trap", "", Verdict::Untried("there was no time".to_owned()))
    };
    let proof = proof(vec![row("memory growth", "memory", "ok", broken), late, untried]);
    insta::assert_snapshot!(lines(&Output::plain(), &proof).join("\n"));
    assert!(!proof.holds());
}

#[test]
fn where_all_hold_that_is_the_last_word() {
    let proof = proof(vec![row("memory growth", "memory", "exhausted(memory)", Verdict::Holds)]);
    assert_eq!(
        lines(&Output::plain(), &proof).last().map(String::as_str),
        Some("1 of 1 attacks were stopped as they should be (3.45s)")
    );
    assert!(proof.holds());
}
