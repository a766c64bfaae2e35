//! What `docs/agents.md` and the README tell a newcomer to type, typed.

use std::fs;

use crate::cli::{Seen, Shell};

/// The blocks of a page that are in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("../{page}")).expect("a page");
    let after = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(language));
    after.map(|block| block.trim_start_matches('\n').to_owned()).collect()
}

/// The words of a console block that stand behind `$ hotcell `, up to what is printed.
fn typed(block: &str) -> Vec<String> {
    let (words, rest) = block.strip_prefix("$ hotcell ").and_then(|line| line.split_once('\'')).unwrap_or((block, ""));
    let quoted = rest.split_once('\'').map(|(quoted, _)| quoted.to_owned());
    let words = words.trim_start_matches("$ hotcell ").lines().next().unwrap_or_default();
    words.split_whitespace().map(str::to_owned).chain(quoted).collect()
}

/// What a part of a file needs to be a whole one.
fn whole(part: &str) -> String {
    let mut file = String::new();
    let heads = |section: &str| part.lines().any(|line| line.starts_with(section));
    if !heads("[agent]") && !heads("[[step]]") {
        let pattern = if heads("[watch]") { "reactive" } else { "react" };
        file += &format!("[agent]\npattern = \"{pattern}\"\n");
    }
    if !heads("[model]") && !heads("[[step]]") {
        file += "[model]\nuse = \"rules\"\n";
    }
    if !heads("[tools]") {
        file += "[tools]\nallow = [\"calc.eval\", \"text.*\", \"files.*\"]\n";
    }
    if heads("[watch]") {
        file += "[input]\nkind = \"folder\"\n";
    }
    file + part
}

#[test]
fn every_part_of_a_file_in_the_guide_to_agents_is_right() {
    let shell = Shell::new();
    // The operator's, whom the guide to limits and grants tells to grant it.
    shell.file("hotcell.toml", "[tools.files]\nfs.read = [\".\"]\n");
    fs::create_dir(shell.path("docs")).expect("a folder");
    let parts = blocks("docs/agents.md", "toml");
    assert!(parts.len() >= 10, "{}", parts.len());
    for part in &parts {
        shell.file("part.toml", &whole(part));
        let seen = shell.run(&["check", "part.toml"]);
        assert_eq!(seen.exit, 0, "{part}\n{}", seen.stderr);
    }
    for part in blocks("README.md", "toml").iter().filter(|part| part.contains("[[step]]")) {
        shell.file("part.toml", part);
        shell.run(&["check", "part.toml"]).exits(0);
        shell.run(&["run", "part.toml", "docs"]).exits(0);
    }
}

#[test]
fn the_agents_of_the_guide_do_what_it_says() {
    let shell = Shell::new();
    let (files, consoles) = (blocks("docs/agents.md", "toml"), blocks("docs/agents.md", "console"));
    let find = |blocks: &[String], part: &str| {
        blocks.iter().find(|block| block.contains(part)).unwrap_or_else(|| panic!("{part}")).clone()
    };
    let run = |part: &str| {
        let words = typed(&find(&consoles, part));
        shell.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).exits(0)
    };
    fs::create_dir(shell.path("docs")).expect("a folder");
    shell.file("docs/a.txt", "hello");
    run("new agent sums");
    shell.file("sums.toml", &find(&files, "You add things up."));
    let seen = run("run sums.toml");
    assert_eq!(seen.stdout, "They make 6.\n");
    assert!(seen.stderr.contains("sums  ok  2 turns  1 call  fuel 10.1k  time "), "{}", seen.stderr);
    shell.file("hashes.toml", &find(&files, "save = \"hashes.json\""));
    let seen = run("run hashes.toml");
    assert!(seen.stderr.contains("\nhashes  ok  2 steps  "), "{}", seen.stderr);
    assert!(seen.stderr.contains("  1 file in hashes-output"), "{}", seen.stderr);
    // The grammar of `rules`, as a task.
    let rules = blocks("docs/agents.md", "text");
    assert_eq!(shell.run(&["run", "sums.toml", &rules[0]]).exits(0).stdout, "Half of it is 21.\n");
    // Limits and grants: what the flag grants, and the part of it that is left.
    shell.file("b.txt", "not yours");
    // The shell's folder is its home too, and where hotcell keeps what it decides by is granted to nobody.
    let elsewhere = tempfile::tempdir().expect("a folder");
    shell.file("narrow.toml", &whole(&find(&files, "fs.read = [\"docs\"]")));
    for (path, says) in [("docs/a.txt", "hello\n"), ("b.txt", "files.read failed: files.read may not read `b.txt`")] {
        let task = format!("x = files.read(path=\"{path}\")\nanswer {{{{x.text}}}}");
        let words = ["run", "narrow.toml", "--allow-read", ".", &task];
        let output = shell.command(&words).env("HOTCELL_STATE_DIR", elsewhere.path()).output().expect("it runs");
        let seen = Seen::of(output, &words).exits(0);
        assert!(seen.stdout.starts_with(says), "{}", seen.stdout);
    }
    shell.run(&["check", "narrow.toml"]).exits(3);
    // Asking first: nobody is there, and then somebody agrees to all.
    shell.file("asks.toml", &whole(&find(&files, "[approve]")));
    for (flag, says) in [("--quiet", "calc.eval failed: calc.eval was not approved"), ("--yes", "2")] {
        let seen = shell.run(&["run", "asks.toml", flag, "x = calc.eval(expression=\"1 + 1\")\nanswer {{x}}"]).exits(0);
        assert!(seen.stdout.starts_with(says), "{}", seen.stdout);
    }
    let steps = find(&files, "save = \"hashes.json\"") + "\n[approve]\nask = [\"effect:write\"]\n";
    shell.file("steps.toml", &steps);
    let seen = shell.run(&["check", "steps.toml"]).exits(2);
    let told = seen.stdout + &seen.stderr;
    assert!(told.contains("`approve` means nothing to an agent of steps"), "{told}");
}
