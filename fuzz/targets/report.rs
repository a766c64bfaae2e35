//! What a compile child that was taken over could tell its parent of a component.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| hotcell_sandbox::fuzzing::report(bytes));
