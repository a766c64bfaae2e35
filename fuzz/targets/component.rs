//! Bytes that somebody calls a component: what the compile child makes of them before it compiles, and its parent after.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| hotcell_sandbox::fuzzing::component(bytes));
