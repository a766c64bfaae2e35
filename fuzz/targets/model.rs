//! What a provider of models could send: streams of events of either kind, wherever they are cut, and bodies that are none.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| hotcell_runtime::fuzzing::provider(bytes));
