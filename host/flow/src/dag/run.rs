//! Drives a pass: starts what is ready the moment it is, without polling.

use std::future::Future;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::{Dag, Node, Progress, Verdict};

/// What a failure means for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// What waits for the failed node is skipped; the rest goes on.
    GoOn,
    /// Nothing new starts. What runs is waited for: whoever wants it to end sooner cancels it.
    Stop,
    /// What waits for the failed node runs all the same, and must do without what it would have given.
    Overlook,
}

/// Runs `step` once for each node, after all that the node needs; nodes that don't wait for each other overlap.
///
/// How many run at a time is bounded by the width of the graph alone: what a step uses, it takes a
/// [`Permit`](crate::permit::Permit) for. All steps are polled by whoever awaits the whole, and dropping it drops them.
pub async fn run<K, F>(dag: &Dag<K>, on_failure: OnFailure, mut step: impl FnMut(Node) -> F) -> Progress<'_, K>
where
    F: Future<Output = Verdict>,
{
    let mut progress = Progress::new(dag);
    let mut running = FuturesUnordered::new();
    loop {
        let ready: Vec<Node> = progress.ready().collect();
        for node in ready {
            if progress.start(node).is_ok() {
                let work = step(node);
                running.push(async move { (node, work.await) });
            }
        }
        let Some((node, verdict)) = running.next().await else {
            return progress;
        };
        on_failure.apply(&mut progress, node, verdict);
    }
}

impl OnFailure {
    /// Tells the pass how a node ended, and what that means for the others.
    pub(super) fn apply<K>(self, progress: &mut Progress<'_, K>, node: Node, verdict: Verdict) {
        let known = match (self, verdict) {
            (Self::Overlook, Verdict::Failed) => progress.overlook(node),
            _ => progress.finish(node, verdict).map(drop),
        };
        debug_assert!(known.is_ok(), "only what was started ends");
        if verdict == Verdict::Failed && self == Self::Stop {
            progress.stop(node);
        }
    }
}
