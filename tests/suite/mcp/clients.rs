//! The clients that others made: `just test-clients`.
//!
//! Each says what it saw in a line of JSON.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{ENDLESS, NEW, OLD, shell};
use crate::cli::Shell;
use crate::support::program::{guest, hotcell, scratch};
use crate::support::served::Served;
use crate::support::source::root;

/// Two ways to one host: the words for a client that starts it, and those for one that connects.
struct Ground {
    shell: Shell,
    served: Served,
}

impl Ground {
    fn new() -> Self {
        let shell = shell(&["cpu", "echo"], ENDLESS);
        let served = Served::start(shell.command(&["--config", "hotcell.toml", "serve"]));
        Self { shell, served }
    }

    fn ways(&self) -> [Vec<String>; 2] {
        let config = self.shell.path("hotcell.toml");
        let stdio = ["stdio", &hotcell().display().to_string(), "--config", &config.display().to_string(), "mcp"];
        let http = ["http", &format!("http://{}/mcp", self.served.address)];
        [stdio.map(str::to_owned).to_vec(), http.map(str::to_owned).to_vec()]
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.env("HOTCELL_CACHE_DIR", scratch("cache")).env("HOME", self.shell.path(".")).current_dir(clients());
        command
    }
}

fn clients() -> PathBuf {
    root().join("target/clients")
}

#[track_caller]
fn saw(seen: &Value) {
    assert_eq!((&seen["value"], &seen["text"]), (&json!(14), &json!("14")), "{seen}");
    assert_eq!((&seen["invalid"], &seen["unknown"]), (&json!([true, "invalid"]), &json!(-32602)), "{seen}");
    assert!(seen["tools"].as_array().is_some_and(|tools| tools.contains(&json!("echo__text"))), "{seen}");
}

#[test]
#[ignore = "needs Node: just test-clients"]
fn the_sdk_for_typescript_lists_calls_cancels_and_hears_of_changes() {
    let ground = Ground::new();
    for way in ground.ways() {
        let mut client: Child =
            ground.command("node".into()).arg("sdk.mjs").args(&way).stdout(Stdio::piped()).spawn().expect("node");
        let mut lines = BufReader::new(client.stdout.take().expect("a pipe")).lines();
        let seen = lines.next().expect("what it saw").expect("a line");
        let seen: Value = serde_json::from_str(&seen).expect("JSON");
        saw(&seen);
        // It forgets what it asked for when the answer is in the same piece.
        assert!(seen["progress"].as_array().is_some_and(|far| !far.is_empty()), "{seen}");
        assert_eq!((&seen["spin"], &seen["ping"]), (&json!("cancelled"), &json!(true)), "{seen}");
        let name = format!("tools/echo-{}.wasm", way[0]);
        fs::copy(guest("echo"), ground.shell.path(&name)).expect("a guest");
        assert_eq!(lines.next().expect("a word").expect("a line"), "changed");
        assert!(client.wait().expect("it ends").success());
    }
}

#[test]
#[ignore = "needs Python: just test-clients"]
fn the_sdk_for_python_lists_calls_and_cancels_in_both_eras() {
    let ground = Ground::new();
    for way in ground.ways() {
        for (mode, version) in [("auto", NEW), ("legacy", OLD)] {
            let python = clients().join("python/bin/python");
            let output = ground.command(python).arg("sdk.py").arg(mode).args(&way).output().expect("python");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let seen: Value = serde_json::from_str(&text).expect("JSON");
            saw(&seen);
            assert_eq!(seen["progress"], json!([1.0, 2.0, 3.0, 4.0, 5.0]), "{seen}");
            assert_eq!((&seen["version"], &seen["cancelled"]), (&json!(version), &json!(true)), "{seen}");
        }
    }
}

#[test]
#[ignore = "needs Node: just test-clients"]
fn the_inspector_lists_and_calls_and_finds_no_schema_that_clients_do_not_take() {
    let ground = Ground::new();
    let modules = clients().join("inspector/node_modules");
    let (bin, node) = (modules.join(".bin"), modules.join("node/bin"));
    let path = format!("{}:{}", node.display(), std::env::var("PATH").unwrap_or_default());
    let url = format!("http://{}/mcp", ground.served.address);
    let program = hotcell().display().to_string();
    // What is typed behind a program's name is the inspector's own, so the configuration is found by the folder.
    let ways: [&[&str]; 2] = [&[&program, "mcp"], &[&url, "--transport", "http"]];
    for way in ways {
        let inspect = |words: &[&str]| -> Value {
            let mut command = ground.command(bin.join("mcp-inspector"));
            command.env("PATH", &path).current_dir(ground.shell.path(".")).arg("--cli").args(way).args(words);
            let output = command.output().expect("the inspector");
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
        };
        let list = inspect(&["--method", "tools/list", "--strict"]);
        let names: Vec<&Value> = list["tools"].as_array().into_iter().flatten().map(|tool| &tool["name"]).collect();
        assert!(names.contains(&&json!("echo__text")), "{names:?}");
        let call = ["--method", "tools/call", "--tool-name", "calc__eval", "--tool-arg", "expression=6*7"];
        assert_eq!(inspect(&call)["structuredContent"]["value"], 42);
    }
}
