//! One pass through a graph: a count, nothing else.

use std::collections::BTreeSet;

use super::{Dag, Node};

/// How far a pass through a [`Dag`] is. Each node is started at most once and ends exactly once.
///
/// It runs nothing: whoever drives the pass asks what is [`ready`](Self::ready), says what it [starts](Self::start), and
/// how that [ended](Self::finish). A node whose needs were not all done is *skipped*, and names the one that failed.
#[derive(Debug, Clone)]
pub struct Progress<'g, K> {
    dag: &'g Dag<K>,
    states: Vec<State>,
    /// How many needs are not done, for each node.
    missing: Vec<usize>,
    ready: BTreeSet<Node>,
    counts: Counts,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Something that it needs is not done.
    Waiting,
    /// It may start.
    Ready,
    /// It was started.
    Running,
    /// It ended well.
    Done,
    /// It did not.
    Failed,
    /// It was never started, because another one failed.
    Skipped {
        /// The one that failed.
        because: Node,
    },
}

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Well: what waits for it may go on.
    Done,
    /// Not well: what waits for it is skipped.
    Failed,
}

/// How many nodes are in each [`State`]. Their sum is the number of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// They wait for others.
    pub waiting: usize,
    /// They may start.
    pub ready: usize,
    /// They were started.
    pub running: usize,
    /// They ended well.
    pub done: usize,
    /// They ended, and not well.
    pub failed: usize,
    /// They never start, since what they need did not end well.
    pub skipped: usize,
}

/// A node was started that is not ready, or ended that is not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("node {} can't go on from {state:?}", node.index())]
pub struct OutOfTurn {
    /// The node.
    pub node: Node,
    /// Where it stands; `Waiting` for a node of another graph.
    pub state: State,
}

// === impl Progress ===

impl<'g, K> Progress<'g, K> {
    /// A pass that has started nothing yet.
    #[must_use]
    pub fn new(dag: &'g Dag<K>) -> Self {
        let ready: BTreeSet<Node> = dag.nodes().filter(|node| dag.is_free(*node)).collect();
        let state = |node| {
            if ready.contains(&node) { State::Ready } else { State::Waiting }
        };
        Self {
            states: dag.nodes().map(state).collect(),
            missing: dag.nodes().map(|node| dag.needs(node).len()).collect(),
            counts: Counts { ready: ready.len(), waiting: dag.len() - ready.len(), ..Counts::default() },
            ready,
            dag,
        }
    }

    /// What may start now, in the order of the list.
    pub fn ready(&self) -> impl Iterator<Item = Node> {
        self.ready.iter().copied()
    }

    /// Says that `node` starts.
    ///
    /// # Errors
    ///
    /// [`OutOfTurn`] if it is not ready.
    pub fn start(&mut self, node: Node) -> Result<(), OutOfTurn> {
        if !self.ready.contains(&node) {
            return Err(self.out_of_turn(node));
        }
        self.set(node, State::Running);
        Ok(())
    }

    /// Says how `node` ended, and gets the nodes that are skipped because of it.
    ///
    /// # Errors
    ///
    /// [`OutOfTurn`] if it is not running.
    pub fn finish(&mut self, node: Node, verdict: Verdict) -> Result<Vec<Node>, OutOfTurn> {
        if self.state(node) != Some(State::Running) {
            return Err(self.out_of_turn(node));
        }
        match verdict {
            Verdict::Done => {
                self.set(node, State::Done);
                self.release(node);
                Ok(Vec::new())
            }
            Verdict::Failed => {
                self.set(node, State::Failed);
                Ok(self.skip(self.dag.dependents(node).to_vec(), node))
            }
        }
    }

    /// Says that `node` failed, and that what waits for it may start all the same.
    ///
    /// # Errors
    ///
    /// [`OutOfTurn`] if it is not running.
    pub fn overlook(&mut self, node: Node) -> Result<(), OutOfTurn> {
        if self.state(node) != Some(State::Running) {
            return Err(self.out_of_turn(node));
        }
        self.set(node, State::Failed);
        self.release(node);
        Ok(())
    }

    /// Skips whatever has not started, because of `because`; gets what that is. What runs still ends by
    /// [`finish`](Self::finish).
    pub fn stop(&mut self, because: Node) -> Vec<Node> {
        self.skip(self.dag.nodes().collect(), because)
    }

    /// Whether no node will start or end any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.counts.waiting + self.counts.ready + self.counts.running == 0
    }

    /// Where `node` stands; none for a node of another graph.
    #[must_use]
    pub fn state(&self, node: Node) -> Option<State> {
        self.states.get(node.index()).copied()
    }

    /// How many nodes stand where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// One need fewer for whatever waits for `node`.
    fn release(&mut self, node: Node) {
        let dag = self.dag;
        for dependent in dag.dependents(node) {
            let Some(missing) = self.missing.get_mut(dependent.index()) else {
                continue;
            };
            *missing = missing.saturating_sub(1);
            if *missing == 0 && self.state(*dependent) == Some(State::Waiting) {
                self.set(*dependent, State::Ready);
            }
        }
    }

    /// Skips those of `nodes` that have not started, and whatever waits for them.
    fn skip(&mut self, mut nodes: Vec<Node>, because: Node) -> Vec<Node> {
        let mut skipped = Vec::new();
        while let Some(node) = nodes.pop() {
            if matches!(self.state(node), Some(State::Waiting | State::Ready)) {
                self.set(node, State::Skipped { because });
                nodes.extend(self.dag.dependents(node));
                skipped.push(node);
            }
        }
        skipped.sort_unstable();
        skipped
    }

    fn set(&mut self, node: Node, state: State) {
        let Some(place) = self.states.get_mut(node.index()) else {
            return;
        };
        let before = std::mem::replace(place, state);
        *self.counts.of(before) -= 1;
        *self.counts.of(state) += 1;
        if state == State::Ready {
            self.ready.insert(node);
        } else {
            self.ready.remove(&node);
        }
    }

    fn out_of_turn(&self, node: Node) -> OutOfTurn {
        OutOfTurn { node, state: self.state(node).unwrap_or(State::Waiting) }
    }
}

impl Counts {
    fn of(&mut self, state: State) -> &mut usize {
        match state {
            State::Waiting => &mut self.waiting,
            State::Ready => &mut self.ready,
            State::Running => &mut self.running,
            State::Done => &mut self.done,
            State::Failed => &mut self.failed,
            State::Skipped { .. } => &mut self.skipped,
        }
    }
}
