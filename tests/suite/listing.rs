//! What can be asked without a call: which tools there are, what is wrong in a file, what a code means.

use std::fs;

use serde_json::{Value, json};

use crate::cli::Shell;
use crate::support::program::guest;

// === ls and inspect ===

#[test]
fn what_there_is_can_be_listed_and_looked_at() {
    let shell = Shell::new();
    shell.install(&["echo", "plain"]);
    let list = shell.run(&["ls"]).exits(0);
    for name in ["echo.text", "plain.divide", "plain.shapes.move-by", "calc.eval"] {
        assert!(list.stdout.contains(name), "{name}: {}", list.stdout);
    }
    let tools = shell.run(&["ls", "--json"]).exits(0).json();
    assert!(tools["tools"].as_array().is_some_and(|tools| tools.len() > 2), "{tools}");
    let echo = shell.run(&["inspect", "echo", "--json"]).exits(0).json();
    assert_eq!(echo["name"], "echo");
    assert!(echo["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{echo}");
    assert_eq!(echo["limits"]["fuel"], 10_000_000_000_u64);
    shell.run(&["inspect", "ehco"]).exits(6);
}

/// A folder of tools in which not all is well.
fn untidy() -> Shell {
    let shell = Shell::new();
    shell.install(&["echo"]);
    shell.file("tools/broken.wasm", "not a component");
    fs::copy(guest("cpu"), shell.path("tools/one.wasm")).expect("a guest");
    fs::copy(guest("cpu"), shell.path("tools/two.wasm")).expect("a guest");
    for name in ["one", "two"] {
        shell.file(&format!("tools/{name}.toml"), "[tool]\nname = \"twin\"\n");
    }
    shell
}

#[test]
fn what_can_not_be_called_is_listed_apart_with_the_reason() {
    let shell = untidy();
    let seen = shell.run(&["ls"]).exits(0).stdout;
    let (callable, unusable) = seen.split_once("\ncan't be called\n").expect("both parts");
    assert!(
        callable.lines().any(|line| line.starts_with("echo.text ") && line.contains("  Gives back the text.")),
        "{callable}"
    );
    assert!(!callable.contains("twin") && !callable.contains("broken"), "{callable}");
    let names: Vec<&str> = callable.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.is_sorted(), "{names:?}");
    insta::assert_snapshot!(unusable.replace(&shell.path("tools").display().to_string(), "tools"), @r"
      broken  rejected[E0701]: broken: tools/broken.wasm is not a component: it is text
      twin    rejected[E0709]: the name `twin` is claimed by 2 tools: tools/one.wasm and tools/two.wasm
    ");
}

#[test]
fn programs_read_the_same_list() {
    let shell = untidy();
    let list = shell.run(&["ls", "--json"]).exits(0).json();
    let named = |key: &str, name: &str| -> Option<Value> {
        list["tools"].as_array()?.iter().find(|tool| tool[key] == name).cloned()
    };
    let echo = named("name", "echo").expect("a tool");
    assert!(echo["functions"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "echo.text")), "{echo}");
    assert!(named("name", "twin").is_none() && named("name", "broken").is_none());
    let mut broken: Vec<(String, Value)> = Vec::new();
    for entry in list["broken"].as_array().expect("a list") {
        let origin = entry["origin"].as_str().expect("where it lies");
        broken.push((origin.rsplit('/').next().unwrap_or_default().to_owned(), entry["error"]["code"].clone()));
    }
    broken.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(json!(broken), json!([["broken.wasm", "E0701"], ["one.wasm", "E0709"]]));
}

// === check ===

#[test]
fn every_error_of_every_file_is_told() {
    let shell = Shell::new();
    // Apart, so that it is one of the files and not the operator's.
    fs::create_dir(shell.path("etc")).expect("a folder");
    shell.file("etc/hotcell.toml", "[limits]\nfule = \"1G\"\ntimeout = 5\n");
    shell.file("tool.toml", "[tool]\nname = \"Not A Name\"\n[fs]\nread = \"docs\"\n");
    let agent = |expression: &str| {
        format!(
            "[agent]\nname = \"a\"\n[tools]\nallow = [\"calc\"]\n[[step]]\nid = \"s\"\ncall = \"calc.eval\"\nwith = {{ {expression} }}\n"
        )
    };
    shell.file("agent.toml", &agent("expresion = \"{{steps.t}}\""));
    shell.file("good.toml", &agent("expression = \"1\""));
    let files = ["etc/hotcell.toml", "tool.toml", "agent.toml", "good.toml", "missing.toml"];
    let seen = shell.run(&[&["check"], &files[..]].concat()).exits(2);
    assert_eq!(seen.stderr, "");
    insta::assert_snapshot!(seen.stdout, @r#"
error[E0205]: unknown key `fule`
 --> etc/hotcell.toml:2:1
  |
2 | fule = "1G"
  | ^^^^ not a key of `[limits]`
  |
  = help: did you mean `fuel`?

error[E0205]: `timeout` wants a duration such as "250ms", "2s" or "5m"
 --> etc/hotcell.toml:3:11
  |
3 | timeout = 5
  |           ^ this is a whole number

etc/hotcell.toml: 2 errors

error[E0205]: `Not A Name` is no tool name: 1 to 64 characters, of a-z 0-9 _ -, the first a letter or digit
 --> tool.toml:2:8
  |
2 | name = "Not A Name"
  |        ^^^^^^^^^^^^

error[E0205]: `read` wants a list of strings
 --> tool.toml:4:8
  |
4 | read = "docs"
  |        ^^^^^^ this is a string

tool.toml: 2 errors

error[E0205]: `calc.eval` needs `expression`
 --> agent.toml:8:8
  |
8 | with = { expresion = "{{steps.t}}" }
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: with = { expression = … }

error[E0205]: `calc.eval` takes no `expresion`
 --> agent.toml:8:10
  |
8 | with = { expresion = "{{steps.t}}" }
  |          ^^^^^^^^^
  |
  = help: did you mean `expression`?

error[E0205]: there is no step `t`
 --> agent.toml:8:23
  |
8 | with = { expresion = "{{steps.t}}" }
  |                       ^^^^^^^^^^^
  |
  = help: did you mean `s`?

agent.toml: 3 errors
good.toml: ok

error[E0205]: the file can't be read: No such file or directory
--> missing.toml

missing.toml: 1 error
"#);
    let report = shell.run(&[&["check", "--json"], &files[..]].concat()).exits(2).json();
    let told: Vec<_> = report["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| json!([file["about"], file["ok"], file["diagnostics"].as_array().map(Vec::len)]))
        .collect();
    assert_eq!(
        json!(told),
        json!([["config", false, 2], ["tool", false, 2], ["agent", false, 3], ["agent", true, 0], ["agent", false, 1]])
    );
    shell.run(&["check", "good.toml"]).exits(0);
}

// === explain ===

#[test]
fn every_code_can_be_explained() {
    let shell = Shell::new();
    let all = shell.run(&["explain"]).exits(0).stdout;
    for code in hotcell_call::Code::ALL {
        assert!(all.contains(code.page().id), "{code} is not listed");
    }
}

#[test]
fn a_code_that_is_none_leads_to_those_that_there_are() {
    let shell = Shell::new();
    let seen = shell.run(&["explain", "E0303x"]).exits(6);
    assert!(seen.stdout.is_empty() && seen.stderr.contains("fix   hotcell explain E0303\n"), "{}", seen.stderr);
    for text in ["E9999", "zzz", "", "E0303\n\u{1b}[2J"] {
        let program = shell.run(&["explain", text, "--json"]).exits(6).json();
        assert_eq!(program["outcome"], "unknown", "{text:?}: {program}");
        assert!(program["error"]["fix"].as_str().is_some_and(|fix| fix.starts_with("hotcell explain")), "{program}");
    }
}
