//! What people see of what strangers wrote: whatever it is, it stands where only strangers' words stand.

use std::fs;

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
