//! Drives a pass in which each node gives a value, and gets those of the nodes that it needs.

use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::{Dag, Node, OnFailure, Progress, State, Verdict};

/// What the nodes gave that a node needs, in the order of [`Dag::needs`]. A node that failed and was
/// [overlooked](OnFailure::Overlook) gave nothing.
#[derive(Debug, Clone)]
pub struct Inputs<T>(Vec<(Node, Option<Arc<T>>)>);

/// How a node ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End<T, E> {
    /// With a value.
    Done(Arc<T>),
    /// With an error.
    Failed(E),
    /// It was never started, because another one failed.
    Skipped {
        /// The one that failed.
        because: Node,
    },
}

/// As [`run`](super::run), with values: each node gets what the nodes that it needs gave, and its own is kept until the end.
/// The ends are in the order of the nodes, one for each.
///
/// A value is kept once, however many nodes read it.
pub async fn evaluate<K, T, E, F>(
    dag: &Dag<K>,
    on_failure: OnFailure,
    mut step: impl FnMut(Node, Inputs<T>) -> F,
) -> Vec<End<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut progress = Progress::new(dag);
    let mut results: Vec<Option<Result<Arc<T>, E>>> = dag.nodes().map(|_| None).collect();
    let mut running = FuturesUnordered::new();
    loop {
        let ready: Vec<Node> = progress.ready().collect();
        for node in ready {
            if progress.start(node).is_ok() {
                let work = step(node, Inputs::of(dag, node, &results));
                running.push(async move { (node, work.await) });
            }
        }
        let Some((node, result)) = running.next().await else {
            break;
        };
        on_failure.apply(&mut progress, node, if result.is_ok() { Verdict::Done } else { Verdict::Failed });
        if let Some(place) = results.get_mut(node.index()) {
            *place = Some(result.map(Arc::new));
        }
    }
    let end = |(node, result): (Node, Option<Result<Arc<T>, E>>)| match (result, progress.state(node)) {
        (Some(Ok(value)), _) => End::Done(value),
        (Some(Err(error)), _) => End::Failed(error),
        (None, Some(State::Skipped { because })) => End::Skipped { because },
        // The pass is over, so a node without a result was skipped.
        (None, _) => End::Skipped { because: node },
    };
    dag.nodes().zip(results).map(end).collect()
}

impl<T> Inputs<T> {
    fn of<K, E>(dag: &Dag<K>, node: Node, results: &[Option<Result<Arc<T>, E>>]) -> Self {
        let value = |need: &Node| results.get(need.index())?.as_ref()?.as_ref().ok().cloned();
        Self(dag.needs(node).iter().map(|need| (*need, value(need))).collect())
    }

    /// What `node` gave, if it is needed here and did not fail.
    #[must_use]
    pub fn get(&self, node: Node) -> Option<&T> {
        self.0.iter().find(|(need, _)| *need == node)?.1.as_deref()
    }

    /// All values that there are, with the nodes that gave them.
    pub fn iter(&self) -> impl Iterator<Item = (Node, &T)> {
        self.0.iter().filter_map(|(node, value)| Some((*node, value.as_deref()?)))
    }
}
