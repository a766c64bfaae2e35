//! What an author reads who uses an attribute wrongly.
//!
//! Each `ui/*.rs` must fail to compile with the text of its `.stderr`. `TRYBUILD=overwrite` writes these anew.

#[test]
fn wrong_use_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
