//! What the compile child found in a component: the facts, before any judgement.
//!
//! It is what is kept on disk beside the code. Names, schemas and what the host offers are made from it at each start, so that a
//! newer host sees an old report with its own eyes.

use serde::{Deserialize, Serialize};

use crate::describe::shape::{Broken, Shapes, Signature};

/// Exported functions that are kept; the rest is counted.
pub(crate) const MOST_EXPORTS: usize = 1_024;
/// Imports that are kept. The engine itself takes no more instances than this.
pub(crate) const MOST_IMPORTS: usize = 1_000;
/// Bytes of a name that are kept: no name that can be called is longer.
pub(crate) const MOST_NAME: usize = 256;
/// Bytes of documentation that are kept of a function, before it is made printable.
pub(crate) const MOST_DOCS: usize = 1_024;

/// What is in a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) shapes: Shapes,
    pub(crate) exports: Vec<Export>,
    /// Exported functions beyond [`MOST_EXPORTS`].
    pub(crate) dropped: u64,
    /// The names of its imports.
    pub(crate) imports: Vec<String>,
    /// The name under which it exports the tool contract, of whatever version.
    pub(crate) contract: Option<String>,
    pub(crate) parts: Parts,
    /// The functions that give room for arguments, by their index in their module.
    pub(crate) allocators: Vec<u32>,
}

/// An exported function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Export {
    /// Where it is: the names of the instances that hold it, then its own.
    pub(crate) path: Vec<String>,
    pub(crate) docs: String,
    pub(crate) types: Result<Signature, Opaque>,
}

/// Why a function can't be called with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Opaque {
    Resource,
    Stream,
    Future,
    ErrorContext,
    Async,
    /// A type that is not yet part of the component model's standard.
    Proposal,
    /// More types, or longer names, than the table takes.
    Size,
}

/// What one instantiation makes, nested components included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Core instances.
    pub instances: u32,
    /// Linear memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
}

impl Report {
    /// Makes sure that the report holds together: it comes from a process that read hostile bytes.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        self.shapes.check()?;
        let signatures = self.exports.iter().filter_map(|export| export.types.as_ref().ok());
        signatures.into_iter().try_for_each(|signature| signature.check(&self.shapes))
    }
}

impl Opaque {
    /// Fit for "can't be called: …".
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Resource => "its types hold a resource, which has no form in JSON",
            Self::Stream => "its types hold a stream, which has no form in JSON",
            Self::Future => "its types hold a future, which has no form in JSON",
            Self::ErrorContext => "its types hold an error-context, which has no form in JSON",
            Self::Async => "it is an async function, of component-model async",
            Self::Proposal => "its types are not yet part of the component model's standard",
            Self::Size => "its types are too many, or their names too long, to be described",
        }
    }
}

impl Parts {
    pub(crate) const ONE_INSTANCE: Self = Self { instances: 1, memories: 0, tables: 0 };

    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            instances: self.instances.saturating_add(more.instances),
            memories: self.memories.saturating_add(more.memories),
            tables: self.tables.saturating_add(more.tables),
        }
    }
}
