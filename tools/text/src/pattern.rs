//! Patterns: the bounds under which one is compiled.

use hotcell::Error;
use regex::{Regex, RegexBuilder};

/// What a compiled pattern may take. `\w{500}` fits, `(\w{100}){100}` doesn't.
const MAX_COMPILED: usize = 8 << 20;

/// Compiles a pattern that a caller gave. `^` and `$` are the ends of lines, as in an editor.
pub(crate) fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, Error> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .case_insensitive(ignore_case)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| Error::invalid_input("$.pattern", explain(&error)))
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!(
                "the compiled pattern is over {limit} bytes; write smaller repetitions, or `(?-u)` for ASCII classes"
            )
        }
        other => other.to_string(),
    }
}
