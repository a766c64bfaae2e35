//! A graph through which values flow: operations with named, typed ports, and connections between them.
//!
//! An operation fires once, when each of its inputs has a value, and its outputs go to whatever is connected with
//! them. Operations that don't wait for each other overlap. Everything that can be wrong with the wiring is found before
//! anything runs: a name that does not exist, a type that does not fit, an input with two sources, an input with none, and
//! feedback. Feedback is refused rather than bounded: in a graph that fires once a value would have to be there before it
//! is made, and a loop that goes round many times is work for whoever calls the circuit.
//!
//! Where a [`Dag`] says only that one thing comes after another, a circuit says what passes between them, as a dataflow
//! graph does (Dennis, 1974). It is a [`Dag`] underneath, and [`evaluate`](crate::dag::evaluate) drives it.
//!
//! What it does not do: it does not bound how many operations run at a time beyond the width of the graph (what one uses, it
//! takes a [`Permit`](crate::permit::Permit) for), and it keeps every value until the pass is over.
//!
//! ```
//! use hotcell_flow::circuit::{Draft, Operation, PortError, Values};
//! use hotcell_flow::dag::OnFailure;
//!
//! let mut draft = Draft::<PortError>::new();
//! draft.add("split", Operation::new(async |values: Values| {
//!     let text = values.get::<String>("text")?;
//!     let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
//!     Ok(Values::new().with("words", words))
//! }).takes::<String>("text").gives::<Vec<String>>("words"))?;
//! draft.add("count", Operation::new(async |values: Values| {
//!     Ok(Values::new().with("number", values.get::<Vec<String>>("words")?.len()))
//! }).takes::<Vec<String>>("words").gives::<usize>("number"))?;
//! draft.connect(("split", "words"), ("count", "words"))?;
//! let circuit = draft.build()?;
//!
//! let inputs = [("split", Values::new().with("text", "so many words".to_owned()))];
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let run = circuit.execute(inputs, OnFailure::GoOn).await?;
//! assert_eq!(*run.get::<usize>("count", "number")?, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod operation;
mod run;

use std::collections::BTreeMap;

pub use error::{BadCircuit, BadInput, Fault, PortError};
pub use operation::{Operation, Values};
pub use run::Run;

use self::operation::Port;
use crate::dag::{Dag, DagError};

/// A circuit that is being wired.
pub struct Draft<E> {
    operations: Vec<Placed<E>>,
    places: BTreeMap<String, usize>,
}

/// Operations whose wiring fits. It may be executed any number of times, also at once.
pub struct Circuit<E> {
    operations: Vec<Placed<E>>,
    dag: Dag<String>,
}

struct Placed<E> {
    name: String,
    operation: Operation<E>,
    /// Where each input has its value from, in the order of the inputs; none if from outside.
    sources: Vec<Option<Source>>,
}

#[derive(Debug, Clone)]
struct Source {
    operation: usize,
    port: String,
}

// === impl Draft ===

impl<E> Default for Draft<E> {
    fn default() -> Self {
        Self { operations: Vec::new(), places: BTreeMap::new() }
    }
}

impl<E> Draft<E> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an operation.
    ///
    /// # Errors
    ///
    /// [`BadCircuit`] if its name is taken, or two of its inputs or outputs have one name.
    pub fn add(&mut self, name: impl Into<String>, operation: Operation<E>) -> Result<&mut Self, BadCircuit> {
        let name = name.into();
        for side in [&operation.inputs, &operation.outputs] {
            if let Some(port) = doubled(side) {
                return Err(BadCircuit::DuplicatePort { operation: name, port: port.to_owned() });
            }
        }
        if self.places.contains_key(&name) {
            return Err(BadCircuit::Duplicate(name));
        }
        self.places.insert(name.clone(), self.operations.len());
        let sources = operation.inputs.iter().map(|_| None).collect();
        self.operations.push(Placed { name, operation, sources });
        Ok(self)
    }

    /// Leads an output to an input, each named by its operation and its port. An output may lead to many inputs, an input
    /// comes from one output.
    ///
    /// # Errors
    ///
    /// [`BadCircuit`] with the names that do not fit.
    pub fn connect(&mut self, from: (&str, &str), to: (&str, &str)) -> Result<&mut Self, BadCircuit> {
        let (source, target) = (self.place(from.0)?, self.place(to.0)?);
        let gives = self.port(source, from, "output", |operation| &operation.outputs)?.1.clone();
        let (input, takes) = self.port(target, to, "input", |operation| &operation.inputs)?;
        if gives.kind != takes.kind {
            let (gives, takes) = (gives.kind_name, takes.kind_name);
            return Err(BadCircuit::Types { from: dotted(from), gives, to: dotted(to), takes });
        }
        let slot = self.operations.get_mut(target).and_then(|placed| placed.sources.get_mut(input));
        match slot {
            Some(slot @ None) => *slot = Some(Source { operation: source, port: from.1.to_owned() }),
            _ => return Err(BadCircuit::Taken(dotted(to))),
        }
        Ok(self)
    }

    /// The circuit, if nothing in it waits for itself.
    ///
    /// # Errors
    ///
    /// [`BadCircuit::Cycle`] with the operations that do.
    pub fn build(self) -> Result<Circuit<E>, BadCircuit> {
        let name = |place: usize| self.operations.get(place).map(|placed| placed.name.clone());
        let edges = self.operations.iter().flat_map(|placed| {
            let from = placed.sources.iter().flatten().filter_map(|source| name(source.operation));
            from.map(|from| (from, placed.name.clone()))
        });
        let names = self.operations.iter().map(|placed| placed.name.clone());
        let dag = Dag::new(names, edges).map_err(|error| match error {
            DagError::Cycle(path) => BadCircuit::Cycle(path),
            DagError::Duplicate(name) | DagError::Unknown { name, .. } => BadCircuit::Unknown(name),
        })?;
        Ok(Circuit { operations: self.operations, dag })
    }

    fn place(&self, name: &str) -> Result<usize, BadCircuit> {
        self.places.get(name).copied().ok_or_else(|| BadCircuit::Unknown(name.to_owned()))
    }

    fn port(
        &self,
        place: usize,
        (operation, port): (&str, &str),
        side: &'static str,
        ports: impl Fn(&Operation<E>) -> &Vec<Port>,
    ) -> Result<(usize, &Port), BadCircuit> {
        let known = self.operations.get(place).map_or(&[][..], |placed| ports(&placed.operation));
        known.iter().enumerate().find(|(_, known)| known.name == port).ok_or_else(|| BadCircuit::UnknownPort {
            operation: operation.to_owned(),
            side,
            port: port.to_owned(),
            known: listed(known),
        })
    }
}

fn dotted((operation, port): (&str, &str)) -> String {
    format!("{operation}.{port}")
}

fn listed(ports: &[Port]) -> String {
    let names: Vec<String> = ports.iter().map(|port| format!("`{}`", port.name)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn doubled(ports: &[Port]) -> Option<&str> {
    let earlier = |place: usize, port: &Port| ports.iter().take(place).any(|other| other.name == port.name);
    ports.iter().enumerate().find(|(place, port)| earlier(*place, port)).map(|(_, port)| port.name.as_str())
}

#[cfg(test)]
mod tests;
