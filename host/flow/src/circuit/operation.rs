//! What stands at a node: named, typed inputs and outputs, and the work between them.

use std::any::{Any, TypeId, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::PortError;

/// Values at named ports. A value is kept once, however many read it.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<String, Arc<dyn Any + Send + Sync>>);

/// An operation: its ports, and what it does once all its inputs have a value.
pub struct Operation<E> {
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    pub(super) work: Work<E>,
}

pub(super) type Work<E> = Arc<dyn Fn(Values) -> BoxFuture<'static, Result<Values, E>> + Send + Sync>;

/// A port, by its name and by the type of what passes through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) kind: TypeId,
    pub(super) kind_name: &'static str,
}

// === impl Values ===

impl Values {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a value at a port; one that was there is replaced.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, port: impl Into<String>, value: T) -> Self {
        self.0.insert(port.into(), Arc::new(value));
        self
    }

    /// The value at a port.
    ///
    /// # Errors
    ///
    /// [`PortError`] if there is none, or one of another type.
    pub fn get<T: Any + Send + Sync>(&self, port: &str) -> Result<Arc<T>, PortError> {
        let value = self.0.get(port).ok_or_else(|| PortError::Empty(port.to_owned()))?;
        let wanted = type_name::<T>();
        Arc::clone(value).downcast().map_err(|_other| PortError::Type { port: port.to_owned(), wanted })
    }

    /// The names of the ports that have a value.
    pub fn ports(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn put(&mut self, port: &str, value: Arc<dyn Any + Send + Sync>) {
        self.0.insert(port.to_owned(), value);
    }

    pub(super) fn raw(&self, port: &str) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.get(port)
    }

    /// Whether these are values for `ports`: one for each, of its type, and no more.
    pub(super) fn check(&self, ports: &[Port]) -> Result<(), PortError> {
        for port in ports {
            let value = self.0.get(&port.name).ok_or_else(|| PortError::Empty(port.name.clone()))?;
            if value.as_ref().type_id() != port.kind {
                return Err(PortError::Type { port: port.name.clone(), wanted: port.kind_name });
            }
        }
        match self.0.keys().find(|name| ports.iter().all(|port| port.name != **name)) {
            Some(more) => Err(PortError::Undeclared(more.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ports()).finish()
    }
}

// === impl Operation ===

impl<E> Operation<E> {
    /// An operation without ports yet. `work` gets a value for each input, and gives one for each output.
    pub fn new<F>(work: impl Fn(Values) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Values, E>> + Send + 'static,
    {
        let work: Work<E> = Arc::new(move |inputs| work(inputs).boxed());
        Self { inputs: Vec::new(), outputs: Vec::new(), work }
    }

    /// With an input.
    #[must_use]
    pub fn takes<T: Any + Send + Sync>(mut self, port: impl Into<String>) -> Self {
        self.inputs.push(Port::of::<T>(port.into()));
        self
    }

    /// With an output.
    #[must_use]
    pub fn gives<T: Any + Send + Sync>(mut self, port: impl Into<String>) -> Self {
        self.outputs.push(Port::of::<T>(port.into()));
        self
    }
}

impl Port {
    fn of<T: Any>(name: String) -> Self {
        Self { name, kind: TypeId::of::<T>(), kind_name: type_name::<T>() }
    }
}
