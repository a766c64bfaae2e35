//! The document of the paths against a program of others that makes requests of it, fitting and unfitting: `just test-clients`.

use std::process::Command;

use super::with;
use crate::support::source::root;

/// Terms that each call can keep.
const TERMS: &str = r#"
[parameters]
"header.hotcell-deadline" = "30s"
"header.hotcell-timeout" = "5s"
"header.hotcell-fuel" = "1G"
"header.hotcell-memory" = "64MiB"
"#;

#[test]
#[ignore = "needs Python: just test-clients"]
fn schemathesis_finds_no_answer_that_the_document_does_not_have() {
    let (shell, served) = with(&[], "");
    // Whoever gives a call no time, fuel or memory is told so, by 503, 504 or 507: what is left are errors of the server's own.
    shell.file("schemathesis.toml", TERMS);
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
