//! What hostile guests have in common: the report of what they tried, and a way to raw descriptors.
//!
//! Each guest is a program of its own beside this file: one theme a file, one attack a function. Those that try many ways to
//! the same thing give a list of [`Probe`]s, so that a test can tell which one got through. A guest may lie, of course: the tests
//! believe an `ESCAPE` and look at the host's own files for the rest.

use std::fmt::Debug;

use wasip2::filesystem::preopens;
use wasip2::filesystem::types::Descriptor;

/// One thing that was tried.
#[hotcell::output]
pub struct Probe {
    /// What it was.
    pub tried: String,
    /// `blocked …` with what the guest saw, or `ESCAPE …` with what it got.
    pub seen: String,
}

impl Probe {
    /// An attempt that must not succeed.
    pub fn of<T: Debug, E: Debug>(tried: impl Into<String>, result: Result<T, E>) -> Self {
        let seen = match result {
            Ok(got) => format!("ESCAPE {got:?}"),
            Err(error) => format!("blocked {error:?}"),
        };
        Self { tried: tried.into(), seen: seen.chars().take(200).collect() }
    }

    /// An attempt that may succeed as long as it doesn't bring up `secret`.
    pub fn unless<E: Debug>(tried: impl Into<String>, result: Result<String, E>, secret: &str) -> Self {
        match result {
            Ok(got) if !got.contains(secret) => {
                Self { tried: tried.into(), seen: "blocked: nothing of it was there".to_owned() }
            }
            result => Self::of(tried, result),
        }
    }
}

/// The granted folder of that name, as WASI hands it out.
///
/// # Errors
/// A text with the names that there are.
pub fn folder(name: &str) -> Result<Descriptor, String> {
    let mut names = Vec::new();
    for (descriptor, guest) in preopens::get_directories() {
        if guest == name {
            return Ok(descriptor);
        }
        names.push(guest);
    }
    Err(format!("no folder `{name}` among {names:?}"))
}
