//! From what a function returns to the JSON text of an output.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::error::{Error, IntoError};

/// Writes what a function returned that can't fail.
///
/// # Errors
/// [`Error::Failed`] if it can't be written as JSON, such as a map whose keys are lists.
pub fn value<T: Serialize>(value: T) -> Result<String, Error> {
    serde_json::to_string(&value)
        .map_err(|error| Error::failed(format_args!("the output can't be written as JSON: {error}")))
}

/// Writes what a function returned that can fail.
///
/// # Errors
/// The function's own, or that of [`value`].
pub fn result<T: Serialize, E: IntoError<K>, K>(result: Result<T, E>) -> Result<String, Error> {
    result.map_err(IntoError::into_error).and_then(value)
}

/// The schema of what a function gives that can fail.
///
/// Takes the whole return type, because an alias such as `io::Result<T>` doesn't show its parts to a macro.
pub fn result_schema<R: Fallible>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<R::Output>()
}

/// A `Result`, under whatever name.
pub trait Fallible {
    /// What it holds when all went well.
    type Output: JsonSchema;
}

impl<T: JsonSchema, E> Fallible for Result<T, E> {
    type Output = T;
}
