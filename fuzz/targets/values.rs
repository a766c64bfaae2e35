//! Types of a component, and a text that should be arguments of them: schema, JSON to values, and values to JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &str)| hotcell_sandbox::fuzzing::values(input.0, input.1));
