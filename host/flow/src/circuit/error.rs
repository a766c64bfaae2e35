//! Why operations are no circuit, why a circuit can't start, and why an operation gave nothing.

use crate::Panicked;

/// Why operations and connections are no circuit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCircuit {
    /// Two operations have one name.
    #[error("there are two operations named `{0}`")]
    Duplicate(String),
    /// Two inputs, or two outputs, of an operation have one name.
    #[error("`{operation}` has two ports named `{port}` on one side")]
    DuplicatePort {
        /// The operation.
        operation: String,
        /// The port.
        port: String,
    },
    /// No operation has that name.
    #[error("there is no operation named `{0}`")]
    Unknown(String),
    /// The operation has no such port on that side.
    #[error("`{operation}` has no {side} named `{port}`, only {known}")]
    UnknownPort {
        /// The operation.
        operation: String,
        /// `input` or `output`.
        side: &'static str,
        /// The port.
        port: String,
        /// Those that it has.
        known: String,
    },
    /// What comes out of one does not fit into the other.
    #[error("`{from}` gives {gives}, but `{to}` takes {takes}")]
    Types {
        /// `operation.port`, where the value comes from.
        from: String,
        /// Its type.
        gives: &'static str,
        /// `operation.port`, where it should go.
        to: String,
        /// The type wanted there.
        takes: &'static str,
    },
    /// An input that has its value from elsewhere already.
    #[error("`{0}` has a value from elsewhere already")]
    Taken(String),
    /// Operations that wait for each other; the first is also the last.
    #[error("{} is a cycle: a value would have to be there before it is made", .0.join(" → "))]
    Cycle(Vec<String>),
}

/// Why a circuit can't start: nothing has run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadInput {
    /// An input that is connected with nothing was given no value.
    #[error("`{0}` needs a value")]
    Missing(String),
    /// A value was given for what is no free input.
    #[error("`{0}` is no input to be given a value for")]
    Unknown(String),
    /// The value is of another type.
    #[error("`{port}` takes {takes}, and was given another type")]
    Type {
        /// `operation.port`.
        port: String,
        /// The type wanted.
        takes: &'static str,
    },
}

/// Why an operation gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault<E> {
    /// Its own error.
    #[error("{0}")]
    Failed(E),
    /// It panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// It read or wrote a port that it does not have, wrote another type, or left an output empty.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A port was used in a way that does not fit what the operation said of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// There is no value.
    #[error("port `{0}` has no value")]
    Empty(String),
    /// The value is of another type.
    #[error("port `{port}` does not hold {wanted}")]
    Type {
        /// The port.
        port: String,
        /// The type that was asked for, or declared.
        wanted: &'static str,
    },
    /// No such port was declared.
    #[error("there is no port `{0}`")]
    Undeclared(String),
}
