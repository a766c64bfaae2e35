//! The document of the paths against a program of others that makes requests of it, fitting and unfitting: `just test-clients`.

use std::process::Command;

use super::with;
use crate::support::source::root;

#[test]
#[ignore = "needs Python: just test-clients"]
fn schemathesis_finds_no_answer_that_the_document_does_not_have() {
    let (shell, served) = with(&[], "");
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let output = Command::new(root().join("target/clients/schemathesis/bin/st"))
        .args(["run", &format!("http://{}/openapi.json", served.address), "--checks", checks])
        // What goes on for ever, and the engine that runs whatever it is given, end by the time that they have.
        .args(["--exclude-path-regex", "/events$|/script\\.", "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "15", "--seed", "1", "--workers", "2", "--continue-on-failure", "--no-color"])
        .current_dir(shell.path("."))
        .output()
        .expect("schemathesis");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains(" generated, "), "{told}");
}
