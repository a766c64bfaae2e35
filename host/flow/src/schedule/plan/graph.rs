//! Tasks that need each other, taken together.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::record::Key;
use super::record::Stage;
use super::{Id, Plan, SubmitError, Task};
use crate::dag::{Dag, DagError, Progress, Verdict};
use crate::fair::Place;

impl<I: Id, K: Id, T> Plan<I, K, T> {
    /// Takes all of `tasks`, or none of them. They may need each other, in any order of the list. The keys are in the order of
    /// the list.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why they are not taken: of several reasons, one.
    pub fn submit_all(&mut self, now: Instant, tasks: Vec<(Task<I, K>, T)>) -> Result<Vec<Key>, SubmitError<I>> {
        self.advance(now);
        let count = tasks.len();
        let sorted = self.sorted(now, &tasks).and_then(|order| Ok((order, self.hold_all(&tasks)?)));
        let (order, places) = match sorted {
            Ok(sorted) => sorted,
            Err(error) => {
                self.status.refused += u64::try_from(count).unwrap_or(u64::MAX);
                return Err(error);
            }
        };
        let mut left: Vec<_> = tasks.into_iter().zip(places).map(Some).collect();
        let mut keys = Vec::with_capacity(count);
        for index in order {
            if let Some(((task, value), place)) = left.get_mut(index).and_then(Option::take) {
                let (key, because) = self.take(Stage::Blocked(place), task, value);
                keys.push((index, key, because));
            }
        }
        // Only when all are joined: an end may push an older one, which some of them need, out of memory.
        keys.sort_unstable_by_key(|(index, ..)| *index);
        for (_, key, because) in &keys {
            self.let_go(now, *key, because.clone());
        }
        Ok(keys.into_iter().map(|(_, key, _)| key).collect())
    }

    /// The order in which they can be taken: each after what it needs, and else as in the list.
    fn sorted(&self, now: Instant, tasks: &[(Task<I, K>, T)]) -> Result<Vec<usize>, SubmitError<I>> {
        let mut places: HashMap<&I, usize> = HashMap::with_capacity(tasks.len());
        for (index, (task, _)) in tasks.iter().enumerate() {
            self.check_alone(now, task)?;
            if places.insert(&task.id, index).is_some() {
                return Err(SubmitError::Duplicate(task.id.clone()));
            }
        }
        let mut edges = HashSet::new();
        for (after, (task, _)) in tasks.iter().enumerate() {
            for need in &task.needs {
                match places.get(need) {
                    Some(before) => {
                        edges.insert((*before, after));
                    }
                    None if self.knows(need) => {}
                    None => return Err(SubmitError::UnknownNeed { task: task.id.clone(), need: need.clone() }),
                }
            }
        }
        let name = |index: usize| tasks.get(index).map(|(task, _)| task.id.clone());
        match Dag::new(0..tasks.len(), edges) {
            Ok(dag) => Ok(walk(&dag)),
            Err(DagError::Cycle(ring)) => Err(SubmitError::Cycle(ring.into_iter().filter_map(name).collect())),
            Err(DagError::Duplicate(index) | DagError::Unknown { name: index, .. }) => {
                Err(name(index).map_or(SubmitError::Closed, SubmitError::Duplicate))
            }
        }
    }

    fn hold_all(&mut self, tasks: &[(Task<I, K>, T)]) -> Result<Vec<Place>, SubmitError<I>> {
        let mut places = Vec::with_capacity(tasks.len());
        for (task, _) in tasks {
            match self.queue.hold(&task.tenant) {
                Ok(place) => places.push(place),
                Err(full) => {
                    places.into_iter().for_each(|place| self.queue.release(place));
                    return Err(full.into());
                }
            }
        }
        Ok(places)
    }
}

/// All nodes, each after what it needs.
fn walk(dag: &Dag<usize>) -> Vec<usize> {
    let mut progress = Progress::new(dag);
    let mut order = Vec::with_capacity(dag.len());
    loop {
        let Some(node) = progress.ready().next() else {
            return order;
        };
        if progress.start(node).is_err() || progress.finish(node, Verdict::Done).is_err() {
            return order;
        }
        order.push(node.index());
    }
}
