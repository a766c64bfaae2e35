//! One pass of values through a circuit.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BadInput, Circuit, Fault, Placed, PortError, Values, dotted};
use crate::dag::{Dag, End, Inputs, Node, OnFailure, evaluate};
use crate::panicked::caught;

/// What came out of one pass.
#[derive(Debug)]
pub struct Run<'c, E> {
    dag: &'c Dag<String>,
    ends: Vec<End<Values, Fault<E>>>,
}

impl<E> Circuit<E> {
    /// Lets the values of the free inputs in, and drives the pass to its end. What the failure of an operation means for the
    /// rest is said by `on_failure`; one that is [overlooked](OnFailure::Overlook) leaves inputs without a value, and an
    /// operation that lacks one does not fire: it fails by [`PortError::Empty`].
    ///
    /// Dropping it drops all operations that run, and starts no more.
    ///
    /// # Errors
    ///
    /// [`BadInput`] if the values are not those of the free inputs, each of its type. Nothing has run then.
    pub async fn execute<'n>(
        &self,
        inputs: impl IntoIterator<Item = (&'n str, Values)>,
        on_failure: OnFailure,
    ) -> Result<Run<'_, E>, BadInput> {
        let inputs: BTreeMap<&str, Values> = inputs.into_iter().collect();
        self.check(&inputs)?;
        let ends = evaluate(&self.dag, on_failure, |node, upstream| self.fire(node, &inputs, &upstream)).await;
        Ok(Run { dag: &self.dag, ends })
    }

    /// Whether `given` is a value for each free input, and nothing else.
    fn check(&self, given: &BTreeMap<&str, Values>) -> Result<(), BadInput> {
        for placed in &self.operations {
            let values = given.get(placed.name.as_str());
            for port in placed.free() {
                let name = || dotted((&placed.name, &port.name));
                let value =
                    values.and_then(|values| values.raw(&port.name)).ok_or_else(|| BadInput::Missing(name()))?;
                if value.as_ref().type_id() != port.kind {
                    return Err(BadInput::Type { port: name(), takes: port.kind_name });
                }
            }
        }
        for (operation, values) in given {
            let placed = self.operations.iter().find(|placed| placed.name == *operation);
            let placed = placed.ok_or_else(|| BadInput::Unknown((*operation).to_owned()))?;
            let known = |name: &str| placed.free().any(|port| port.name == name);
            if let Some(more) = values.ports().find(|name| !known(name)) {
                return Err(BadInput::Unknown(dotted((operation, more))));
            }
        }
        Ok(())
    }

    /// Gathers the inputs of an operation and starts it.
    fn fire(
        &self,
        node: Node,
        given: &BTreeMap<&str, Values>,
        upstream: &Inputs<Values>,
    ) -> impl Future<Output = Result<Values, Fault<E>>> + use<'_, E> {
        let placed = self.operations.get(node.index());
        let inputs = placed.map(|placed| placed.gather(given, upstream));
        async move {
            let (Some(placed), Some(inputs)) = (placed, inputs) else {
                return Ok(Values::new());
            };
            inputs.check(&placed.operation.inputs)?;
            let outputs = caught(|| (placed.operation.work)(inputs)).await?.map_err(Fault::Failed)?;
            outputs.check(&placed.operation.outputs)?;
            Ok(outputs)
        }
    }
}

impl<E> Placed<E> {
    /// The values of the inputs, as far as there are any.
    fn gather(&self, given: &BTreeMap<&str, Values>, upstream: &Inputs<Values>) -> Values {
        let from = |place: usize| upstream.iter().find(|(node, _)| node.index() == place);
        let mut inputs = Values::new();
        for (port, source) in self.operation.inputs.iter().zip(&self.sources) {
            let value = match source {
                Some(source) => from(source.operation).and_then(|(_, values)| values.raw(&source.port)),
                None => given.get(self.name.as_str()).and_then(|values| values.raw(&port.name)),
            };
            if let Some(value) = value {
                inputs.put(&port.name, Arc::clone(value));
            }
        }
        inputs
    }

    /// The inputs that are connected with nothing.
    fn free(&self) -> impl Iterator<Item = &super::Port> {
        self.operation.inputs.iter().zip(&self.sources).filter(|(_, source)| source.is_none()).map(|(port, _)| port)
    }
}

impl<E> Run<'_, E> {
    /// How an operation ended; none if there is no such operation.
    #[must_use]
    pub fn end(&self, operation: &str) -> Option<&End<Values, Fault<E>>> {
        self.ends().find(|(name, _)| *name == operation).map(|(_, end)| end)
    }

    /// All operations and how each ended, in the order in which they were added.
    pub fn ends(&self) -> impl Iterator<Item = (&str, &End<Values, Fault<E>>)> {
        let name = |node| self.dag.name(node).map_or("", String::as_str);
        self.dag.nodes().map(name).zip(&self.ends)
    }

    /// The value that came out of a port.
    ///
    /// # Errors
    ///
    /// [`PortError`] if the operation is not done, or has no such port, or one of another type.
    pub fn get<T: Any + Send + Sync>(&self, operation: &str, port: &str) -> Result<Arc<T>, PortError> {
        match self.end(operation) {
            Some(End::Done(values)) => values.get(port),
            _ => Err(PortError::Empty(dotted((operation, port)))),
        }
    }

    /// The name of a node, as in [`End::Skipped`].
    #[must_use]
    pub fn name(&self, node: Node) -> Option<&str> {
        self.dag.name(node).map(String::as_str)
    }
}
