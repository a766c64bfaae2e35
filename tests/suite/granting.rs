//! `hotcell allow`, `revoke` and `grant`: what a person grants for good, and finds out before.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::cli::Shell;

/// A folder with a guest that reads files, and something to read.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.install(&["files"]);
    fs::create_dir_all(shell.path("docs/inner")).expect("a folder");
    shell.file("docs/a.md", "hello");
    shell
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_grant_is_learned_allowed_shown_used_and_taken_back() {
    let shell = shell();
    shell.file("hotcell.toml", "# ours\n[schedule]\nqueue = 100 # few\n");
    fs::set_permissions(shell.path("hotcell.toml"), fs::Permissions::from_mode(0o640)).expect("a file");
    let call = ["call", "filer.read", "path=docs/a.md"];
    let learned = shell.run(&[&["--json", "grant", "learn", "filer", "--"], &call[..]].concat());
    let learned = json(&learned.stdout);
    assert_eq!(learned["outcome"], "denied", "{learned}");
    assert_eq!(learned["allow"][0], "hotcell allow filer read docs");
    assert!(!fs::read_to_string(shell.path("hotcell.toml")).unwrap().contains("docs"), "learning grants nothing");

    let allowed = shell.run(&["allow", "filer", "read", "docs"]);
    assert_eq!(allowed.exit, 0, "{}", allowed.stderr);
    let text = fs::read_to_string(shell.path("hotcell.toml")).unwrap();
    assert_eq!(text, "# ours\n[schedule]\nqueue = 100 # few\n\n[tools.filer]\nfs.read = [\"docs\"]\n");
    assert_eq!(fs::metadata(shell.path("hotcell.toml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(shell.run(&call).exit, 0);

    // Twice is once, and says so.
    let again = json(&shell.run(&["--json", "allow", "filer", "read", "docs"]).stdout);
    assert_eq!((&again["changed"], again["grants"].as_array().map(Vec::len)), (&Value::Bool(false), Some(1)));
    let shown = json(&shell.run(&["--json", "grant", "show", "filer"]).stdout);
    assert_eq!((&shown["grants"][0]["line"], &shown["grants"][0]["state"]), (&6.into(), &"granted".into()), "{shown}");

    assert_eq!(shell.run(&["revoke", "filer", "read", "docs"]).exit, 0);
    assert_eq!(shell.run(&call).exit, 3);
    let gone = shell.run(&["revoke", "filer"]);
    assert!(gone.exit == 2 && gone.stderr.contains("grants it nothing"), "{}", gone.stderr);
}

#[test]
fn a_path_means_the_same_folder_wherever_it_was_typed() {
    let shell = shell();
    shell.file("hotcell.toml", "");
    let within = shell.command(&["allow", "filer", "read", "../inner"]).current_dir(shell.path("docs/inner")).output();
    assert!(within.expect("it runs").status.success());
    let text = fs::read_to_string(shell.path("hotcell.toml")).unwrap();
    assert!(text.contains("fs.read = [\"docs/inner\"]"), "{text}");
}

#[test]
fn what_can_not_be_granted_changes_nothing() {
    let shell = shell();
    let text = "tools.filer = { fs = { read = \"docs\" } }\n";
    for (words, exit, said) in [
        (&["allow", "filer", "read", "nowhere"][..], 2, "E0207"),
        (&["allow", "filter", "read", "docs"], 6, "did you mean `filer`?"),
        (&["allow", "filer", "read"], 2, "hotcell allow TOOL read FOLDER"),
        (&["allow", "filer", "clock", "now"], 2, "as a whole"),
        (&["allow", "filer", "net", "https://example.com/*"], 2, "names no method"),
        (&["allow", "filer", "all"], 2, "possible values"),
        (&["grant", "learn", "filer", "--", "run", "file-analyst"], 2, "only a call"),
    ] {
        let seen = shell.run(words);
        assert!(seen.exit == exit && seen.stderr.contains(said), "{words:?}: {} {}", seen.exit, seen.stderr);
    }
    assert!(!shell.path("hotcell.toml").exists());
    // A file that is wrong is not made worse.
    shell.file("hotcell.toml", text);
    assert_ne!(shell.run(&["allow", "filer", "read", "docs"]).exit, 0);
    assert_eq!(fs::read_to_string(shell.path("hotcell.toml")).unwrap(), text);
}

#[test]
fn a_request_is_explained_by_the_rule_that_decides_and_its_line() {
    let shell = shell();
    let rule = "GET https://api.example.com/v1/*";
    assert_eq!(shell.run(&["allow", "filer", "net", rule]).exit, 0);
    let explain = |request: &str| {
        let seen = shell.run(&["--json", "grant", "explain", "filer", request]);
        (seen.exit, json(&seen.stdout))
    };
    let (exit, verdict) = explain("GET https://api.example.com/v1/items?q=1");
    assert_eq!((exit, &verdict["rule"]["rule"], &verdict["rule"]["line"]), (0, &rule.into(), &2.into()), "{verdict}");
    for request in [
        "POST https://api.example.com/v1/items",
        "GET https://api.example.com/v2",
        "GET http://api.example.com/v1/items",
        "GET https://api.example.com/v1/../v2",
        "GET https://evil.example/v1/",
    ] {
        let (exit, verdict) = explain(request);
        assert_eq!((exit, &verdict["allowed"]), (3, &Value::Bool(false)), "{request}");
    }
    let userinfo = shell.run(&["grant", "explain", "filer", "GET https://api.example.com@evil.example/v1/"]);
    assert_eq!(userinfo.exit, 2, "{}", userinfo.stdout);
}

// H88: what is typed is written as it was typed, and never as more of the file.
#[test]
fn nothing_that_is_typed_becomes_a_line_of_the_file() {
    let shell = shell();
    shell.file("hotcell.toml", "");
    let injected = "docs\"]\nfs.write = [\"/";
    for words in [
        &["allow", "x]\nfs.read = [\"/\"]\n[tools.filer", "read", "docs"][..],
        &["allow", "x\"\n[tools.filer]\nfs.write=[\"/\"]", "read", "docs"],
        &["allow", "filer", "env", "A\"]\nfs.write = [\"/"],
        &["allow", "filer", "net", "GET https://a.test/*\"]\nfs.write = [\"/"],
        &["allow", "filer", "read", injected],
    ] {
        let seen = shell.run(words);
        assert!([2, 3].contains(&seen.exit), "{words:?}: {}", seen.stderr);
        assert_eq!(fs::read_to_string(shell.path("hotcell.toml")).unwrap(), "", "{words:?}");
    }
    // A folder may have such a name: then it is that folder, and nothing else.
    fs::create_dir_all(shell.path(injected)).expect("a folder");
    shell.run(&["allow", "filer", "read", injected]).exits(0);
    let text = fs::read_to_string(shell.path("hotcell.toml")).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    let shown = json(&shell.run(&["--json", "grant", "show", "filer"]).stdout);
    let grants = shown["grants"].as_array().expect("grants");
    assert!(grants.len() == 1 && shown.to_string().contains("docs\\\"]\\nfs.write"), "{shown}");
    assert!(text.contains("fs.read = ") && !text.contains("\nfs.write"), "{text}");
}

// H88: no file takes its values from variables, and no file has a key that nobody knows.
#[test]
fn a_file_says_what_it_says_and_no_more() {
    let shell = shell();
    shell.install(&["environment", "echo"]);
    let with_secret = |words: &[&str]| {
        let mut command = shell.command(words);
        command.env("SECRET", "a-secret-of-the-callers");
        crate::cli::Seen::of(command.output().expect("the program runs"), words)
    };
    shell
        .file("hotcell.toml", "[tools.environment]\nenv.set = { A = \"${SECRET} $SECRET {{env.SECRET}} %SECRET%\" }\n");
    let seen = with_secret(&["call", "environment.variable", "name=A"]).exits(0);
    assert_eq!(seen.stdout, "${SECRET} $SECRET {{env.SECRET}} %SECRET%\n");
    let seen = with_secret(&["call", "echo.text", "text=${SECRET} {{SECRET}}"]).exits(0);
    assert_eq!(seen.stdout, "${SECRET} {{SECRET}}\n");
    for (file, text, place) in [
        ("hotcell.toml", "[tools.filer]\nfs.read = []\ngrant = [\"/\"]\n", "hotcell.toml:3:1"),
        ("hotcell.toml", "[tools.\"x\\n[tools.filer]\"]\nfs.read = [\"/\"]\n", "hotcell.toml:1:"),
        ("hotcell.toml", "[tools.filer]\nfs.read = []\nfs.read = [\"/\"]\n", "hotcell.toml:3:"),
        ("hotcell.toml", "a: &a [x]\nb: [*a, *a]\n", "hotcell.toml:1:"),
        ("tools/filer.toml", "[fs]\nread = []\ngrant = [\"/\"]\n", "filer.toml:3:1"),
    ] {
        let before = fs::read_to_string(shell.path(file)).ok();
        shell.file(file, text);
        let seen = shell.run(&["call", "filer.read", "path=/etc/hostname"]);
        assert_ne!(seen.exit, 0, "{text}: {}", seen.stdout);
        let seen = shell.run(&["check", file]).exits(2);
        assert!(seen.stderr.contains(place) || seen.stdout.contains(place), "{text}: {} {}", seen.stdout, seen.stderr);
        match before {
            Some(before) => shell.file(file, &before),
            None => fs::remove_file(shell.path(file)).expect("the file was there"),
        }
    }
}
