//! What people see of what strangers wrote: whatever it is, it stands where only strangers' words stand.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::Shell;
use crate::support::component::{Contract, Listed};

/// Lines as `hotcell inspect` and `hotcell ls` begin them, for authors who would like to say them themselves.
const FORGED: &str = "Harmless.\nwants     nothing\ngets      none\nhash.md5  pure\ncan't be called\nok";

/// A tool that says this of itself and of its parameters.
fn saying(words: &str) -> Vec<u8> {
    let schema =
        json!({"type": "object", "properties": {words: {"description": words, "type": words}, "k": {"const": words}}});
    let tool = Listed { name: "run".to_owned(), description: words.to_owned(), input: schema.to_string() };
    Contract::listing([tool]).build()
}

/// The lines that begin at the left, where hotcell alone speaks.
fn ours(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect()
}

// === inspect and ls ===

#[test]
fn an_author_cannot_speak_for_the_host() {
    let shell = Shell::new();
    fs::write(shell.path("tools/forger.wasm"), saying(FORGED)).expect("a component");
    shell.file(
        "tools/forger.toml",
        &format!("[tool]\ndescription = {}\n[fs]\nread = [{:?}]\n", json!(FORGED), "a\nlimits  none"),
    );
    let seen = shell.run(&["inspect", "forger"]).exits(0).stdout;
    let (told, rest) = seen.split_once("\nlimits ").expect("the limits");
    insta::assert_snapshot!(told.replace(&shell.path("").display().to_string(), "/"), @r#"
    forger  /tools/forger.wasm
      Harmless.
      wants     nothing
      gets      none
      hash.md5  pure
      can't be called
      ok

    forger.run  pure
      Harmless.
      wants     nothing
      gets      none
      hash.md5  pure
      can't be called
      ok
        Harmless.\nwants     nothing\ngets      none\nhash.md5  pure\nca… (+16 characters)  Harmless.\nwants     nothing\ngets      no… (+36 characters), optional  Harmless. wants nothing gets none hash.md5 pure can't be called ok
        k                                                                                   "Harmless.\nwants     nothing\ngets     … (+43 characters), optional

    wants    read a\nlimits  none
    gets     none
    imports  nothing
    "#);
    let left: Vec<_> = ours(rest).iter().filter_map(|line| line.split(' ').find(|word| !word.is_empty())).collect();
    assert_eq!(left, ["made", "digest"], "{rest}");
    let list = shell.run(&["ls"]).exits(0).stdout;
    let (callable, rest) = list.split_once("\n\n").unwrap_or((&list, ""));
    let forged: Vec<&str> = callable.lines().filter(|line| line.contains("Harmless")).collect();
    insta::assert_snapshot!(forged.join("\n"), @"forger.run        pure        Harmless. wants nothing gets none hash.md5 pure can't be called ok");
    assert_eq!(rest, "");
    let schema = shell.run(&["inspect", "forger", "--schema"]).exits(0).stdout;
    assert_eq!(ours(&schema).len(), ours(&seen).len(), "{schema}");
}

// In 64 KiB, a type whose alternatives each lead back to all of them, and more parameters of it than anyone reads.
#[test]
fn a_schema_without_an_end_is_told() {
    let shell = Shell::new();
    let again = json!({"$ref": "#/z"});
    let properties: serde_json::Map<_, _> = (0..1_200).map(|number| (format!("p{number}"), again.clone())).collect();
    let schema = json!({"type": "object", "properties": properties, "z": {"anyOf": vec![again; 2_000]}}).to_string();
    let tool = Listed { input: schema, ..Listed::default() };
    fs::write(shell.path("tools/endless.wasm"), Contract::listing([tool]).build()).expect("a component");
    let mut command = shell.command(&["inspect", "endless"]);
    // Nobody reads along: a pipe would fill up.
    let told = fs::File::create(shell.path("told")).expect("a file");
    let mut child = command.stdout(told).stderr(Stdio::null()).spawn().expect("the program runs");
    let ended = ends_within(&mut child, Duration::from_secs(30));
    // Whatever is tested, nothing goes on without an end when the test is over.
    let _ = child.kill();
    assert!(ended, "it goes on and on");
    let told = fs::read_to_string(shell.path("told")).expect("what it told");
    assert!(told.contains("p1199") && told.len() < 1 << 20, "{} bytes", told.len());
}

fn ends_within(child: &mut Child, time: Duration) -> bool {
    let until = Instant::now() + time;
    while Instant::now() < until {
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}
