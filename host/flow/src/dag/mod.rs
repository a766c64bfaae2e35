//! Work in an order: what must end before what may start.
//!
//! A [`Dag`] is checked once, when it is made: names are unique, edges join names that exist, and no path leads back to
//! where it began. Whoever holds one need not fear a node that never gets ready. [`Progress`] counts one pass through it and
//! is pure; [`run`] drives a pass, and [`evaluate`] one in which the nodes hand on values.
//!
//! Whoever drives it never looks whether something is ready: the end of one node is what starts the next. So the whole
//! takes as long as its longest path, to the instant, if nothing else holds up the steps.
//!
//! ```
//! use hotcell_flow::dag::{Dag, End, OnFailure, evaluate};
//!
//! let dag = Dag::new(["list", "words", "lines", "report"], [
//!     ("list", "words"), ("list", "lines"), ("words", "report"), ("lines", "report"),
//! ])?;
//! let step = async |node, inputs: hotcell_flow::dag::Inputs<u32>| {
//!     let sum: u32 = inputs.iter().map(|(_, value)| value).sum();
//!     if dag.name(node) == Some(&"lines") { Err("no such file") } else { Ok(sum + 1) }
//! };
//! # let ends = tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let ends = evaluate(&dag, OnFailure::GoOn, step).await;
//! # ends });
//! assert_eq!(ends[2], End::Failed("no such file"));
//! let lines = dag.nodes().nth(2).unwrap();
//! assert_eq!(ends[3], End::Skipped { because: lines });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evaluate;
mod progress;
mod run;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

pub use evaluate::{End, Inputs, evaluate};
pub use progress::{Counts, OutOfTurn, Progress, State, Verdict};
pub use run::{OnFailure, run};

/// A graph without cycles, its nodes named by `K`.
#[derive(Debug, Clone)]
pub struct Dag<K> {
    names: Vec<K>,
    needs: Vec<Vec<Node>>,
    dependents: Vec<Vec<Node>>,
}

/// A node, by its place in the list that the graph was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(usize);

impl Node {
    /// Its place in the list.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Why nodes and edges are no [`Dag`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DagError<K: fmt::Display> {
    /// Two nodes have one name.
    #[error("there are two nodes named `{0}`")]
    Duplicate(K),
    /// An edge leads from or to a name that no node has.
    #[error("`{neighbour}` is joined with `{name}`, which does not exist")]
    Unknown {
        /// The name that no node has.
        name: K,
        /// The other end of the edge.
        neighbour: K,
    },
    /// Nodes that wait for each other, each before the next; the first is also the last.
    #[error("{} is a cycle", path(.0))]
    Cycle(Vec<K>),
}

/// `a → b → a`.
fn path<K: fmt::Display>(names: &[K]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(" → ")
}

// === impl Dag ===

impl<K: Clone + Eq + Hash + fmt::Display> Dag<K> {
    /// Makes a graph of `nodes`, and `edges` of what comes before and what comes after it. An edge that is named twice
    /// counts once.
    ///
    /// # Errors
    ///
    /// [`DagError`] with the names that do not fit. Of several cycles it names one.
    pub fn new(
        nodes: impl IntoIterator<Item = K>,
        edges: impl IntoIterator<Item = (K, K)>,
    ) -> Result<Self, DagError<K>> {
        let names: Vec<K> = nodes.into_iter().collect();
        let mut places = HashMap::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            if places.insert(name.clone(), Node(place)).is_some() {
                return Err(DagError::Duplicate(name.clone()));
            }
        }
        let mut dag = Self { needs: vec![Vec::new(); names.len()], dependents: vec![Vec::new(); names.len()], names };
        for (before, after) in edges {
            match (places.get(&before), places.get(&after)) {
                (Some(from), Some(to)) => dag.join(*from, *to),
                (None, _) => {
                    return Err(DagError::Unknown { name: before, neighbour: after });
                }
                (_, None) => {
                    return Err(DagError::Unknown { name: after, neighbour: before });
                }
            }
        }
        for list in dag.needs.iter_mut().chain(&mut dag.dependents) {
            list.sort_unstable();
            list.dedup();
        }
        dag.check()?;
        Ok(dag)
    }

    fn join(&mut self, from: Node, to: Node) {
        if let (Some(needs), Some(dependents)) = (self.needs.get_mut(to.0), self.dependents.get_mut(from.0)) {
            needs.push(from);
            dependents.push(to);
        }
    }

    /// Takes away nodes that need nothing until none is left (Kahn); what can't be taken away is a cycle or behind one.
    fn check(&self) -> Result<(), DagError<K>> {
        let mut left: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut free: Vec<Node> = self.nodes().filter(|node| self.is_free(*node)).collect();
        while let Some(node) = free.pop() {
            for dependent in self.dependents(node) {
                if let Some(count) = left.get_mut(dependent.0) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(*dependent);
                    }
                }
            }
        }
        let stuck = |node: &Node| left.get(node.0).is_some_and(|count| *count > 0);
        match self.nodes().find(stuck) {
            None => Ok(()),
            Some(start) => Err(DagError::Cycle(self.cycle(start, stuck))),
        }
    }

    /// Walks from `start` to what it waits for, and on, until a node comes up again. Each stuck node waits for a stuck
    /// one, so the walk ends in a cycle; it is told in the order of the edges.
    fn cycle(&self, start: Node, stuck: impl Fn(&Node) -> bool) -> Vec<K> {
        let mut walk = vec![start];
        let mut met = vec![false; self.len()];
        let mut here = start;
        while let Some(next) = self.needs(here).iter().copied().find(|node| stuck(node)) {
            match met.get_mut(here.0) {
                Some(met) if !*met => *met = true,
                _ => break,
            }
            walk.push(next);
            here = next;
        }
        let again = walk.pop().unwrap_or(start);
        let ring: Vec<Node> = walk.into_iter().skip_while(|node| *node != again).collect();
        let mut ring: Vec<Node> = ring.into_iter().rev().collect();
        let first = ring.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(place, _)| place);
        ring.rotate_left(first);
        ring.extend(ring.first().copied());
        ring.iter().filter_map(|node| self.name(*node)).cloned().collect()
    }
}

impl<K> Dag<K> {
    /// All nodes, in the order of the list.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<K> {
        (0..self.names.len()).map(Node)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of a node of this graph; none for another graph's.
    #[must_use]
    pub fn name(&self, node: Node) -> Option<&K> {
        self.names.get(node.0)
    }

    /// What must be done before `node` may start.
    #[must_use]
    pub fn needs(&self, node: Node) -> &[Node] {
        self.needs.get(node.0).map_or(&[], Vec::as_slice)
    }

    /// What waits for `node`.
    #[must_use]
    pub fn dependents(&self, node: Node) -> &[Node] {
        self.dependents.get(node.0).map_or(&[], Vec::as_slice)
    }

    fn is_free(&self, node: Node) -> bool {
        self.needs(node).is_empty()
    }
}

#[cfg(test)]
mod tests;
