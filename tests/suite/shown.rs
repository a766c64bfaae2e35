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

/// What drives a terminal, turns a line around, and hides.
const DRIVES: &str = "x\r\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\u{2066}\u{e0041}\u{e0101}\u{feff}\u{200b}y";

/// Whether a person could be deceived by it.
fn drives(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || DRIVES.contains(c) && !c.is_ascii_graphic()
}

// H44, H47, H77: it stands in names, descriptions, schemas, files, agents, errors, logs and arguments, and every command is asked.
#[test]
fn no_command_lets_strangers_drive_a_terminal() {
    let shell = Shell::new();
    shell.install(&["output", "faults", "echo"]);
    fs::write(shell.path("tools/liar.wasm"), saying(DRIVES)).expect("a component");
    let written = json!(DRIVES).to_string();
    shell.file(
        "tools/liar.toml",
        &format!("[tool]\ndescription = {written}\nversion = {written}\n[fs]\nread = [{written}]\n"),
    );
    fs::write(shell.path(&format!("tools/{DRIVES}.wasm").replace('/', "_").replacen('_', "/", 1)), "no component")
        .expect("a file");
    fs::create_dir(shell.path("agents")).expect("a folder");
    shell.file("hotcell.toml", "[catalog]\nfolders = [\"tools\"]\nagents = [\"agents\"]\n");
    let step = format!(
        "[[step]]\nid = \"s\"\ncall = \"output.forge\"\n[[step]]\nid = \"t\"\ncall = \"echo.text\"\nwith = {{ text = {written} }}\n"
    );
    shell.file(
        "agents/liar.toml",
        &format!("[agent]\nname = \"liar\"\ndescription = {written}\n[tools]\nallow = [\"*\"]\n{step}"),
    );
    // As it is, and as an escape of the file's own.
    shell.file("raw.toml", &format!("[agent]\nname = \"{DRIVES}\"\n"));
    shell.file("unknown.toml", &format!("[agent]\nname = {written}\n{written} = {written}\n[{written}]\n"));
    let (rule, pair) = (format!("GET https://{DRIVES}/*"), format!("message={DRIVES}"));
    // The first of each says something of it, the others may.
    for words in [
        &["ls"][..],
        &["inspect", "liar"],
        &["inspect", "liar", "--schema"],
        &["inspect", DRIVES],
        &["call", "output.forge"],
        &["call", "faults.panics", &pair],
        &["call", "faults.panics", &pair, "-vvv"],
        &["call", DRIVES],
        &["call", "echo.text", &format!("{DRIVES}=1")],
        &["call", "liar", "-d", &format!("{{{written}: 1}}")],
        &["call", "echo.text", "text=x", "--allow-read", DRIVES],
        &["call", "echo.text", "text=x", "--allow-net", &rule],
        &["call", "echo.text", "text=x", "--tenant", DRIVES],
        &["call", "echo.text", "text=x", "--fuel", DRIVES],
        &["run", "liar"],
        &["run", DRIVES],
        &["run", "raw.toml"],
        &["run", "unknown.toml"],
        &["check", "raw.toml", "unknown.toml", "agents/liar.toml", "tools/liar.toml", DRIVES],
        &["grant", "show"],
        &["grant", "show", "liar"],
        &["grant", "learn", "output.forge"],
        &["grant", "learn", "faults.panics", &pair],
        &["allow", "liar", "read", DRIVES],
        &["allow", DRIVES, "read", "docs"],
        &["allow", "liar", "net", &rule],
        &["revoke", "liar", "read", DRIVES],
        &["trust"],
        &["trust", DRIVES],
        &["bench", "output.forge", "-n", "2"],
        &["bench", DRIVES],
        &["top", DRIVES],
        &["doctor"],
        &["explain", DRIVES],
        &["new", DRIVES],
        &["build", DRIVES],
        &["completions", DRIVES],
        &["--config", DRIVES, "ls"],
        &["--config", "raw.toml", "ls"],
        &[DRIVES],
    ] {
        for more in [&[][..], &["--json"]] {
            let words = &[words, more].concat();
            let seen = shell.run(words);
            for text in [&seen.stdout, &seen.stderr] {
                let wrong: Vec<char> = text.chars().filter(|c| drives(*c)).collect();
                assert!(wrong.is_empty(), "{words:?}: {wrong:?} in {text:?}");
            }
            assert!(!seen.stdout.is_empty() || !seen.stderr.is_empty(), "{words:?} says nothing");
        }
    }
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
