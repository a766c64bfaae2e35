//! Writes tools for hotcell: a plain function becomes a WebAssembly component that an agent, a shell or a program can call.
//!
//! # A tool
//!
//! This is a whole one:
//!
//! ```
//! /// Greets somebody.
//! #[hotcell::tool(effect = "pure")]
//! fn greet(
//!     /// Whom to greet.
//!     name: String,
//! ) -> String {
//!     format!("Hello, {name}!")
//! }
//! ```
//!
//! It needs a library that depends on `hotcell` and on nothing else. `hotcell new tool NAME` writes one, and
//! `cargo build --release --target wasm32-wasip2` makes it a component: dropped into the tools' folder, it is listed, described
//! and callable. Each call runs in a fresh cell, so there is nothing to keep between two, and no harm in a panic: its message
//! goes to the call's log, and the call ends as `trapped`.
//!
//! Each function with the attribute is a tool, in whichever module it is, public or not. If the component is `calc.wasm`, then
//! `eval` in it is `calc.eval`.
//!
//! # What its callers see
//!
//! The doc comment says what the tool does, and those of the parameters what to give it: they are all that a model knows, so
//! they deserve care. The types become a JSON Schema. Whatever serde can read and schemars can describe may be a parameter:
//! numbers, texts, `Vec`, `Option`, maps, [`serde_json::Value`] for any JSON, and types of your own:
//!
//! ```
//! /// A place on the map.
//! #[hotcell::input]
//! struct Place {
//!     /// Degrees, north is positive.
//!     latitude: f64,
//!     longitude: f64,
//! }
//!
//! #[hotcell::input]
//! #[serde(rename_all = "lowercase")]
//! enum Unit {
//!     Km,
//!     Miles,
//! }
//!
//! #[hotcell::output]
//! struct Length {
//!     length: f64,
//!     unit: Unit,
//! }
//!
//! /// Measures the way along some places.
//! #[hotcell::tool(effect = "pure")]
//! fn length(
//!     places: Vec<Place>,
//!     /// Round to so many digits.
//!     digits: Option<u8>,
//!     #[hotcell(default = Unit::Km)] unit: Unit,
//! ) -> Length {
//!     // …
//! #     Length { length: 0.0, unit }
//! }
//! ```
//!
//! - A parameter whose type is written `Option<..>` may be absent, and so may one with `#[hotcell(default = ..)]`, which stands
//!   in the schema. The default is an expression; a text in quotes becomes whatever the parameter's type makes of it.
//! - [`macro@input`] and [`macro@output`] put the derives of serde and schemars on a type, and the attributes of both may
//!   stand below. A crate that depends on them itself may as well derive them on its own.
//! - An input that doesn't fit never arrives: the caller reads `$.places[3].latitude: invalid type: string "x", expected f64`.
//!   Keys that no parameter has are refused, so that a misspelt one is not silently ignored.
//! - JSON knows no NaN and no infinities: in an output they would be `null`. Return an error instead.
//!
//! # What it may do
//!
//! `effect` says what a call may do to the world outside its cell: `"pure"` is a function of its input, `"read"` looks at
//! something outside, `"idempotent"` changes something and may be repeated, `"write"` changes something each time. The host
//! retries, coalesces and caches by it. It is also the default, so a tool that says nothing is repeated by nobody.
//!
//! Files, clock and environment are those of `std`, as far as the operator grants them; otherwise they answer with an error.
//!
//! # When it fails
//!
//! A tool returns `Result<T, E>`, where `E` is `String`, `&'static str`, [`Error`], or any error: `?` turns all those of `std`
//! and of other crates into an [`Error`].
//!
//! ```
//! use hotcell::Error;
//!
//! /// Counts the lines of a file.
//! #[hotcell::tool(effect = "read")]
//! fn lines(
//!     /// Relative to the granted folder.
//!     path: String,
//! ) -> Result<usize, Error> {
//!     if path.is_empty() {
//!         return Err(Error::invalid_input("path", "it is empty; `.` is the granted folder"));
//!     }
//!     Ok(std::fs::read_to_string(&path)?.lines().count())
//! }
//!
//! let error = lines(String::new()).unwrap_err();
//! assert_eq!(error.to_string(), "$.path: it is empty; `.` is the granted folder");
//! ```
//!
//! An error type of your own that should become something better than a text has `impl From<Mine> for hotcell::Error`, and in
//! return is no `std::error::Error`.
//!
//! # How to test it
//!
//! The function stays a function: `cargo test` calls it like any other. [`call`] goes the way that callers go, through JSON,
//! and [`list`] shows the schemas:
//!
//! ```
//! # #[hotcell::tool]
//! # fn greet(name: String) -> String { format!("Hello, {name}!") }
//! let answer = hotcell::call("greet", r#"{"name": "Ada"}"#);
//! assert_eq!(answer.as_deref(), Ok(r#""Hello, Ada!""#));
//!
//! let error = hotcell::call("greet", "{}").unwrap_err();
//! assert_eq!(error.to_string(), "$.name: wanted a value, found nothing: this argument is required");
//! ```
//!
//! A long call tells how far it is by [`progress`], and asks [`time_left`] whether it should hurry. Natively progress goes
//! nowhere and time doesn't run out.
//!
//! # How to keep it small and fast
//!
//! In its `Cargo.toml`:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]     # alone: with "rlib" beside it, Cargo optimises each crate by itself, and it is half as large again
//!
//! [profile.release]
//! codegen-units = 1
//! lto = true
//! opt-level = "s"             # 3 is faster, and larger by a quarter
//! strip = true
//! ```
//!
//! And in its `.cargo/config.toml`, because memory that is there from the start costs a call less than memory that it has to
//! ask for:
//!
//! ```toml
//! [target.wasm32-wasip2]
//! rustflags = ["-Clink-arg=--initial-memory=4194304"]
//! ```

// A component's exports can't be made without; `guest.rs` says where.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

mod answer;
mod arguments;
mod context;
mod error;
#[cfg(target_family = "wasm")]
mod guest;
mod place;
mod schema;
mod tool;

pub use context::{progress, time_left};
pub use error::Error;
pub use hotcell_macros::{input, output, tool};
pub use tool::{Effect, Tool, call, list};
pub use {schemars, serde, serde_json};

/// What the attributes write refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::answer::{result, result_schema, value};
    pub use crate::arguments::Arguments;
    pub use crate::schema::{Absent, Parameter};
    pub use crate::tool::Declaration;
    pub use inventory::submit;
}
