//! The smallest tool, built as its author would build it: is it a component, a small one, that wants nothing special?
//!
//! Whether it answers is for the tests of the sandbox, which can call it.

#![expect(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use wasmparser::{Parser, Payload};

/// What the README promises for a minimal tool.
const MOST_BYTES: usize = 200 * 1024;
/// What DESIGN.md promises for its source.
const MOST_LINES: usize = 15;

/// Builds `examples/greet.rs` where all guests of the workspace are built, so that most of it is there already.
fn greet() -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "hotcell", "--example", "greet"])
        .args(["--profile", "tool", "--target", "wasm32-wasip2"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "no component was built; `just setup` gives the wasm32-wasip2 target");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("wasm32-wasip2/tool/examples/greet.wasm")
}

/// The names of what a component imports and exports; not those of the components inside it.
fn doors(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

#[test]
fn a_minimal_tool_is_a_small_component_of_the_world() {
    let component = std::fs::read(greet()).unwrap();
    let bytes = component.len();
    assert!(bytes < MOST_BYTES, "the component has {bytes} bytes");

    let (imports, exports) = doors(&component);
    assert_eq!(exports, ["hotcell:tool/tools@0.1.0"]);
    // The standard library's, for the message of a panic. No file, no time of day, no network. The monotonic clock is
    // there with some versions of the C library below it: it waits by that clock when it waits for a stream.
    for import in &imports {
        let known = ["wasi:cli/", "wasi:io/", "wasi:clocks/monotonic-clock@"];
        assert!(known.iter().any(|known| import.starts_with(known)), "{import}");
    }
    assert!(!imports.is_empty());
}

#[test]
fn a_minimal_tool_is_a_short_text() {
    let source = include_str!("../examples/greet.rs");
    assert!(source.lines().count() < MOST_LINES);
}
