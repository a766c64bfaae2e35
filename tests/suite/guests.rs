//! No guest without a test: a function that nobody calls proves nothing.

use std::collections::BTreeSet;
use std::fs;

use crate::support::Harness;
use crate::support::program::{GUESTS, guest};
use crate::support::source::{read, root, rust_files};

#[test]
fn every_program_is_known_to_the_suite() {
    let programs: BTreeSet<String> = fs::read_dir(root().join("tests/guests"))
        .expect("the guests")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(programs, GUESTS.iter().map(|name| (*name).to_owned()).collect());
    let manifest = read("tests/guests/Cargo.toml");
    for name in GUESTS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
        assert!(guest(name).is_file());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_of_every_guest_is_called_by_a_test() {
    let suite: String = rust_files("tests/suite").iter().map(read).collect();
    let harness = Harness::new();
    let mut forgotten = Vec::new();
    for name in GUESTS {
        let inspected = harness.host.inspect(&name.parse().expect("a name")).await.expect("a tool");
        for function in &inspected.descriptor.functions {
            let target = format!("{name}.{}", function.name);
            if !suite.contains(&format!("\"{target}\"")) {
                forgotten.push(target);
            }
        }
    }
    assert!(forgotten.is_empty(), "nobody calls {forgotten:?}");
}
