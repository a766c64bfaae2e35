//! The one object of `--json`.

use hotcell_call::{Failure, Limits};
use hotcell_runtime::proof::{Proof, Row, Verdict};
use hotcell_runtime::status::Times;
use serde::Serialize;

/// What was proved. Times are in milliseconds.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    holds: bool,
    attacks: Vec<RowObject<'a>>,
    /// As the store of a call had them that narrowed none.
    limits: &'a Limits,
    neighbour: NeighbourObject<'a>,
    took_ms: f64,
}

#[derive(Serialize)]
struct RowObject<'a> {
    attack: &'a str,
    limit: &'a str,
    set: Option<&'a str>,
    narrowed_from: Option<&'a str>,
    expected: &'a str,
    outcome: Option<&'a str>,
    reached: Option<&'a str>,
    took_ms: f64,
    after_ms: Option<f64>,
    calls: u32,
    neighbour: Times,
    verdict: &'static str,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct NeighbourObject<'a> {
    alone: Times,
    beside: Times,
    failed: Option<&'a Failure>,
}

impl<'a> Object<'a> {
    pub(super) fn new(proof: &'a Proof) -> Self {
        Self {
            holds: proof.holds(),
            attacks: proof.rows.iter().map(RowObject::new).collect(),
            limits: &proof.limits,
            neighbour: NeighbourObject {
                alone: proof.idle.into(),
                beside: proof.beside.into(),
                failed: proof.harmed.as_ref(),
            },
            took_ms: proof.took.as_secs_f64() * 1e3,
        }
    }
}

impl<'a> RowObject<'a> {
    fn new(row: &'a Row) -> Self {
        let (verdict, why) = match &row.verdict {
            Verdict::Holds => ("holds", None),
            Verdict::Broken(why) => ("broken", Some(why.as_str())),
            Verdict::Untried(why) => ("untried", Some(why.as_str())),
        };
        Self {
            attack: row.attack,
            limit: row.limit,
            set: row.set.as_deref(),
            narrowed_from: row.narrowed_from.as_deref(),
            expected: row.expected,
            outcome: row.outcome.as_deref(),
            reached: row.reached.as_deref(),
            took_ms: row.took.as_secs_f64() * 1e3,
            after_ms: row.after.map(|after| after.as_secs_f64() * 1e3),
            calls: row.calls,
            neighbour: row.neighbour.into(),
            verdict,
            why,
        }
    }
}
