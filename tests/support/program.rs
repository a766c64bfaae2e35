//! Where the finished programs lie: the hostile guests, and `hotcell` itself.
//!
//! Both are built by `just test` before the tests, because Cargo can't be told that a test needs them.

use std::path::PathBuf;

/// The guests, in the order of their names.
pub(crate) const GUESTS: &[&str] = &[
    "clock",
    "company",
    "cpu",
    "echo",
    "environment",
    "faults",
    "files",
    "flaky",
    "handles",
    "links",
    "memory",
    "network",
    "output",
    "plain",
    "proof",
    "quota",
    "randomness",
    "readonly",
    "sleeper",
    "state",
    "web",
];

/// A guest's component.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = folder().join(format!("../wasm32-wasip2/tool/examples/{name}.wasm"));
    assert!(path.is_file(), "{} is not there: run `just test`, or `just _guests` before `cargo test`", path.display());
    path
}

/// The program `hotcell`, as it was built with the tests.
pub(crate) fn hotcell() -> PathBuf {
    let path = folder().join("hotcell");
    assert!(
        path.is_file(),
        "{} is not there: run `just test`, or `cargo build -p hotcell-cli` before `cargo test`",
        path.display()
    );
    path
}

/// What only tests need, kept between runs.
pub(crate) fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// `target/debug`, where this program lies in `deps`.
fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows where it is");
    test.ancestors().nth(2).expect("a folder of programs").to_owned()
}
