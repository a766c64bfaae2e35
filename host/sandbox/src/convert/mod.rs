//! JSON ↔ values of the component model, for functions of components that know nothing of hotcell.
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string`, `list<T>`, `tuple<…>`, record | as one would expect; a record's options may be left out |
//! | integers | exact numbers; of 64 bits also as a string of digits on the way in |
//! | `f32`, `f64` | number, or "NaN", "Infinity", "-Infinity" |
//! | `char` | a string of one character |
//! | `list<u8>` | base64 |
//! | enum; flags | its name; a list of names |
//! | variant | `{"case": payload}`, or the case's name where it has no payload |
//! | `option<T>` | null or the value; `{"some": value}` where the value is itself an option |
//! | `result<T, E>` | `{"ok": …}` or `{"err": …}`; at the top of an answer the value alone, and the error is the tool's failure |
//!
//! **What it costs, and what bounds it.** A [`wasmtime::component::Val`] takes 40 bytes for one byte of a list. Lists of bytes
//! at the top of a signature therefore take a [typed route](typed) without any `Val`, and everything else has a [budget](cost)
//! that follows from the limits of the call.

mod call;
mod cost;
mod mismatch;
mod read;
mod typed;
mod value;
mod write;

#[cfg(fuzzing)]
pub(crate) use read::arguments;
#[cfg(fuzzing)]
pub(crate) use write::Text;

pub(crate) use call::{Caller, Prepared, Returned, is_host_call_fuel, is_lowering};

#[cfg(test)]
mod tests;
