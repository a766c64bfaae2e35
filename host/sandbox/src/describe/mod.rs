//! What a tool is and what can be called in it: names, schemas, documentation, imports.
//!
//! Two steps in two processes. The compile child [scans](mod@scan) the hostile bytes and [reports](report) facts: exported functions
//! with their [types](shape), imports, what an instantiation makes. The serving process never parses the file; it judges the
//! report ([`Descriptor::new`]) and, for a component of our own contract, the answer of its `list` ([`functions_from_list`]).

mod count;
mod descriptor;
mod docs;
mod import;
mod intern;
mod lift;
mod listed;
mod names;
mod report;
mod scan;
mod schema;
mod shape;

#[cfg(fuzzing)]
pub(crate) use schema::input as input_schema;

pub(crate) use descriptor::Plain;
pub use descriptor::{Contract, Descriptor, Function};
pub use import::Import;
pub(crate) use listed::{ListedTool, functions_from_list};
pub use report::Parts;
pub(crate) use report::Report;
pub(crate) use scan::scan;
pub(crate) use shape::{Broken, Shape, ShapeId, Shapes, Signature};
