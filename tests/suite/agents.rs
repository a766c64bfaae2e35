//! Runs of agents: shipped ones over real files, and small ones that call hostile guests.

use std::fs;
use std::time::{Duration, Instant};

use hotcell_agent::Diagnostic;
use hotcell_call::Code;
use hotcell_runtime::{RunInput, RunOutcome};
use serde_json::{Value, json};

use super::cli::Shell;
use crate::support::Harness;

const HEAD: &str = "[agent]\nname = \"case\"\n[input]\nkind = \"json\"\n";

/// Runs an agent of these steps.
async fn run(harness: &Harness, toml: &str, input: Value) -> (RunOutcome, tempfile::TempDir) {
    let out = tempfile::tempdir().expect("a folder");
    let file = out.path().join("agent.toml");
    fs::write(&file, format!("{HEAD}{toml}")).expect("a file");
    let agent = harness.host.load_agent(&file).await;
    let agent = agent.unwrap_or_else(|wrong| panic!("{}", wrong.iter().map(Diagnostic::render).collect::<String>()));
    let input = RunInput { value: input, out: Some(out.path().join("saved")), ..RunInput::default() };
    (harness.host.run(&agent, input).await, out)
}

/// What is wrong in an agent's file.
async fn refused(harness: &Harness, toml: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    fs::write(&file, format!("{HEAD}{toml}")).expect("a file");
    let wrong = harness.host.load_agent(&file).await.expect_err("a file that does not fit");
    wrong.iter().map(Diagnostic::render).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn well(outcome: &RunOutcome) {
    assert!(outcome.failure.is_none(), "{:?}\n{:#?}", outcome.failure, outcome.steps);
}

fn result<'a>(outcome: &'a RunOutcome, step: &str) -> &'a Value {
    let found = outcome.results.iter().find(|(id, _)| id.as_str() == step);
    found.map_or(&Value::Null, |(_, value)| value)
}

// === plans ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_hands_results_on_and_saves_them() {
    let harness = Harness::new();
    let toml = r#"
        [tools]
        allow = ["echo.*"]
        [[step]]
        id = "words"
        call = "echo.any"
        with = { value = ["one", "two", "three"] }
        [[step]]
        id = "each"
        for_each = "{{steps.words}}"
        call = "echo.text"
        with = { text = "{{index}}: {{item}} of {{input.name}}" }
        [[step]]
        id = "note"
        value = "{{steps.each[1]}}"
        save = "notes/second.txt"
    "#;
    let (outcome, out) = harness.with_neighbour(run(&harness, toml, json!({"name": "all"}))).await;
    well(&outcome);
    assert_eq!(*result(&outcome, "each"), json!(["0: one of all", "1: two of all", "2: three of all"]));
    assert_eq!(fs::read_to_string(out.path().join("saved/notes/second.txt")).expect("the file"), "1: two of all");
    assert_eq!((outcome.calls, outcome.failed_calls), (4, 0));
    assert!(outcome.fuel > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_items_of_a_fan_out_fail_alone() {
    let harness = Harness::new();
    let toml = r#"
        [tools]
        allow = ["output.*", "echo.*"]
        [tools.output]
        limits.output = "1KiB"
        [[step]]
        id = "sizes"
        for_each = "{{input}}"
        parallel = 4
        call = "output.answer"
        with = { bytes = "{{item}}" }
        on_error = { default = "too much" }
        [[step]]
        id = "skipped"
        for_each = "{{input}}"
        call = "output.answer"
        with = { bytes = "{{item}}" }
        on_error = "skip"
    "#;
    let (outcome, _) = harness.with_neighbour(run(&harness, toml, json!([1, 100_000, 2]))).await;
    well(&outcome);
    assert_eq!(*result(&outcome, "sizes"), json!(["x", "too much", "xx"]));
    assert_eq!(*result(&outcome, "skipped"), json!(["x", null, "xx"]));
    assert_eq!((outcome.calls, outcome.failed_calls), (6, 2));
    let step = &outcome.steps[0];
    assert_eq!(step.first_failure.as_ref().map(|failure| failure.code()), Some(Code::Output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_step_ends_the_run_and_names_what_was_skipped() {
    let harness = Harness::new();
    let toml = r#"
        [tools]
        allow = ["cpu.*", "echo.*"]
        [tools.cpu]
        limits.fuel = "5M"
        [[step]]
        id = "spin"
        call = "cpu.spin"
        [[step]]
        id = "after"
        call = "echo.any"
        with = { value = "{{steps.spin}}" }
    "#;
    let (outcome, _) = harness.with_neighbour(run(&harness, toml, Value::Null)).await;
    assert_eq!(outcome.failure.as_ref().map(|failure| failure.code()), Some(Code::Fuel), "{:?}", outcome.failure);
    assert_eq!(outcome.exit_code(), 4);
    let states: Vec<&str> = outcome.steps.iter().map(|step| step.state).collect();
    assert_eq!(states[0], "failed");
    assert_ne!(states[1], "done");
    assert_eq!(outcome.calls, 1);
}

// === bounds ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_makes_no_more_calls_than_it_may() {
    let harness = Harness::new();
    let toml = r#"
        [run]
        max_calls = 5
        [tools]
        allow = ["echo.*"]
        [[step]]
        id = "each"
        for_each = "{{input}}"
        call = "echo.any"
        with = { value = "{{item}}" }
    "#;
    let (outcome, _) = run(&harness, toml, json!(vec![1; 50])).await;
    let failure = outcome.failure.expect("a failure");
    assert_eq!((failure.code(), failure.kind().word()), (Code::Budget, "over-budget"), "{failure}");
    assert!(outcome.calls <= 5, "{}", outcome.calls);
    assert!(failure.to_string().contains('5'), "{failure}");
}

// The counter of a guest that is stopped by the clock says hardly anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_always_times_out_does_not_work_for_nothing() {
    let harness = Harness::new();
    let toml = r#"
        [tools]
        allow = ["cpu.*"]
        [tools.cpu]
        limits.timeout = "200ms"
        [[step]]
        id = "spin"
        for_each = "{{input}}"
        call = "cpu.spin"
        on_error = "skip"
    "#;
    let (outcome, _) = run(&harness, toml, json!([1, 2, 3])).await;
    well(&outcome);
    assert_eq!((outcome.calls, outcome.failed_calls), (3, 3));
    assert!((100_000_000..=30_000_000_000).contains(&outcome.fuel), "{}", outcome.fuel);
}

// As text, these results are an eighth of what may be held; as values they are twice as much.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_holds_no_more_memory_than_it_may() {
    let harness = Harness::new();
    let toml = r#"
        [[step]]
        id = "copies"
        for_each = "{{input}}"
        parallel = 1
        value = "{{input}}"
        on_error = "skip"
        [[step]]
        id = "after"
        value = "{{steps.copies[0]}}"
    "#;
    let (outcome, _) = run(&harness, toml, json!(vec![[0]; 4_000])).await;
    let failure = outcome.failure.as_ref().expect("a failure");
    assert_eq!((failure.code(), outcome.exit_code()), (Code::RunMemory, 8), "{failure}");
    assert!(outcome.results.is_empty() && outcome.steps[1].state != "done", "{:?}", outcome.steps);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_takes_no_longer_than_it_may() {
    let harness = Harness::with("[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n");
    let toml = r#"
        [run]
        timeout = "300ms"
        [tools]
        allow = ["cpu.*"]
        [[step]]
        id = "spin"
        for_each = "{{input}}"
        parallel = 4
        call = "cpu.spin"
    "#;
    let started = Instant::now();
    let (outcome, _) = harness.with_neighbour(run(&harness, toml, json!([1, 2, 3, 4, 5, 6]))).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // The run's end is the deadline of its calls: whichever is told first.
    let failure = outcome.failure.expect("a failure");
    assert!(["over-budget", "timed-out"].contains(&failure.kind().word()), "{failure}");
    assert_eq!(harness.host.load().under_way, 0, "its calls ended with it");
}

// === what a file may not say ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_can_only_narrow_what_the_operator_gives() {
    let granted = tempfile::tempdir().expect("a folder");
    let harness = Harness::with(&format!(
        "[tools.files]\nfs.read = [{:?}]\nlimits.fuel = \"5M\"\n",
        granted.path().display().to_string()
    ));
    let step = "[[step]]\nid = \"read\"\ncall = \"files.read\"\nwith = { path = \"x\" }\n";
    for (more, words) in [
        ("[tools.files]\nlimits.fuel = \"50M\"\n", ["50M", "5M"]),
        ("[tools.files]\nfs.write = [\".\"]\n", ["fs.write", "agent.toml"]),
        ("[tools.files]\nfs.read = [\"/etc\"]\n", ["/etc", "agent.toml"]),
        ("[tools.files]\nclock.mode = \"real\"\n", ["clock", "agent.toml"]),
    ] {
        let wrong = refused(&harness, &format!("[tools]\nallow = [\"files.*\"]\n{more}{step}")).await;
        for word in words {
            assert!(wrong.contains(word), "{more}: {wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_narrows_to_a_part_and_never_through_a_link() {
    let scene = tempfile::tempdir().expect("a folder");
    let path = |within: &str| scene.path().join(within).display().to_string();
    for folder in ["granted/data/deep", "beside"] {
        fs::create_dir_all(path(folder)).expect("a folder");
    }
    fs::write(path("granted/data/deep/x"), "mine").expect("a file");
    fs::write(path("beside/x"), "not yours").expect("a file");
    std::os::unix::fs::symlink("../../beside", path("granted/data/out")).expect("a link");
    let harness = Harness::with(&format!("[tools.files]\nfs.read = [{:?}]\n", path("granted")));
    let agent = |part: &str, file: &str| {
        format!(
            "[tools]\nallow = [\"files.*\"]\n[tools.files]\nfs.read = [{part:?}]\n\
             [[step]]\nid = \"read\"\ncall = \"files.read\"\nwith = {{ path = {file:?} }}\n",
            file = path(file),
        )
    };
    let (honest, _) = run(&harness, &agent("data/deep", "granted/data/deep/x"), Value::Null).await;
    well(&honest);
    assert_eq!(*result(&honest, "read"), json!("mine"));
    for part in ["data/out", "data/out/deeper"] {
        let (hostile, _) = run(&harness, &agent(part, "granted/data/out/x"), Value::Null).await;
        let failure = hostile.failure.expect("a failure");
        assert_eq!(failure.code(), Code::Grant, "{failure}");
        assert!(failure.reason().contains("`out` in it is a link"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_is_shown_at_once() {
    let harness = Harness::new();
    let toml = r#"
        [tools]
        allow = ["echo.*"]
        [[step]]
        id = "one"
        call = "ehco.text"
        with = { text = "{{steps.two}}" }
        [[step]]
        id = "two"
        call = "echo.text"
        with = { text = "{{steps.one}}" }
        [[step]]
        id = "three"
        call = "echo.txet"
        with = { text = "{{steps.four}}" }
        [[step]]
        id = "five"
        call = "cpu.spin"
        [[step]]
        id = "six"
        value = 1
        save = "../escape.txt"
    "#;
    let wrong = refused(&harness, toml).await;
    for word in ["ehco", "echo.txet", "four", "cpu.spin", "../escape.txt", "agent.toml:"] {
        assert!(wrong.contains(word), "{word}: {wrong}");
    }
}

// H88: what a caller hands in is data; it is not read as a file, a name or a reference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_is_data_whatever_it_says() {
    let harness = Harness::new();
    let toml = "[tools]\nallow = [\"echo.*\"]\n[[step]]\nid = \"say\"\ncall = \"echo.any\"\nwith = { value = \"{{input}}\" }\n\
                [[step]]\nid = \"again\"\ncall = \"echo.text\"\nwith = { text = \"it said {{steps.say}}\" }\n";
    for hostile in
        ["{{steps.say}}", "${HOME}", "\"\n[tools]\nallow = [\"*\"]\n", "../../etc/passwd", "{{input}}{{item}}"]
    {
        let (outcome, _) = run(&harness, toml, json!(hostile)).await;
        well(&outcome);
        assert_eq!(*result(&outcome, "say"), json!(hostile));
        assert_eq!(*result(&outcome, "again"), json!(format!("it said {hostile}")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_saved_in_its_folder_or_not_at_all() {
    let harness = Harness::new();
    let toml = "[[step]]\nid = \"save\"\nvalue = \"owned\"\nsave = \"{{input}}\"\n";
    for hostile in
        ["../escape.txt", "/tmp/hotcell-escape.txt", "a/../../escape.txt", "", ".", "..", "a\0b", "link/escape.txt"]
    {
        let out = tempfile::tempdir().expect("a folder");
        let file = out.path().join("agent.toml");
        fs::write(&file, format!("{HEAD}{toml}")).expect("a file");
        let agent = harness.host.load_agent(&file).await.unwrap_or_else(|wrong| panic!("{wrong:?}"));
        let saved = out.path().join("saved");
        fs::create_dir(&saved).expect("a folder");
        std::os::unix::fs::symlink(out.path(), saved.join("link")).expect("a link");
        let input = RunInput { value: json!(hostile), out: Some(saved), ..RunInput::default() };
        let outcome = harness.host.run(&agent, input).await;
        assert!(outcome.failure.is_some(), "{hostile:?} was saved: {:?}", outcome.files);
        assert!(
            !out.path().join("escape.txt").exists() && !std::path::Path::new("/tmp/hotcell-escape.txt").exists(),
            "{hostile:?}"
        );
    }
}

// === shipped agents, as a person runs them ===

#[test]
fn the_file_analyst_reports_on_a_folder() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("project/src")).expect("a folder");
    shell.file("project/src/main.rs", "fn main() {\n    // TODO: say something\n}\n");
    shell.file("project/a.py", "print('same')\n");
    shell.file("project/b.py", "print('same')\n");
    shell.file("project/config.txt", &format!("aws_access_key_id = AKIA{}\n", "IOSFODNN7EXAMPLQ"));
    fs::write(shell.path("project/binary.dat"), [0, 159, 146, 150]).expect("a file");
    let seen = shell.run(&["run", "file-analyst", "project", "--out", "report"]).exits(0);
    let report = fs::read_to_string(shell.path("report/report.md")).expect("a report");
    for word in ["main.rs", "TODO: say something", "a.py", "b.py", "config.txt", "Rust", "Python"] {
        assert!(report.contains(word), "{word}: {report}");
    }
    assert!(!report.contains("AKIAIOSFODNN7EXAMPLQ"), "a secret is shown: {report}");
    assert!(fs::read_to_string(shell.path("report/lines.svg")).is_ok_and(|svg| svg.starts_with("<svg")));
    assert!(seen.stderr.contains("calls"), "{}", seen.stderr);
    // It was given the folder to read: nothing in it is new.
    let files = walk(&shell.path("project"));
    assert_eq!(files.len(), 5, "{files:?}");
    let object = shell.run(&["run", "file-analyst", "project", "--out", "again", "--json"]).exits(0).json();
    assert_eq!(object["agent"], "file-analyst");
    assert!(object["calls"].as_u64().is_some_and(|calls| calls >= 20), "{object}");
}

// A checkout with its own tools and settings is read like any other.
#[test]
fn a_checkout_with_tools_can_be_analysed() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("project/tools")).expect("a folder");
    shell.file("project/hotcell.toml", "[limits]\nfuel = \"20G\"\n");
    shell.file("project/tools/notes.md", "# Notes\n");
    let mut command = shell.command(&["run", "file-analyst", ".", "--out", "../report"]);
    let output = command.current_dir(shell.path("project")).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_to_string(shell.path("report/report.md")).is_ok_and(|report| report.contains("notes.md")));
}

#[test]
fn the_csv_report_describes_a_table() {
    let shell = Shell::new();
    shell.file("sales.csv", "region,amount\nnorth,10\nsouth,20\nnorth,30\n");
    shell.run(&["run", "csv-report", "sales.csv", "--out", "report"]).exits(0);
    let report = fs::read_to_string(shell.path("report/report.md")).expect("a report");
    for word in ["region", "sum of amount", "| north | 2 | 40 |\n| south | 1 | 20 |", "3 rows", "# sales.csv"] {
        assert!(report.contains(word), "{word}: {report}");
    }
}

// Whoever opens the report sees the table's texts as texts, and asks no server of the table's for a picture.
#[test]
fn a_hostile_table_is_described_as_text() {
    let shell = Shell::new();
    let table = "na|me\\|x,\"<script>alert(1)</script>\",count\n[click](http://evil),\"a\nb\",1\n[click](http://evil),`code`,2000\n![i](http://t),*bold*,3\n,,4\n,,5\n";
    shell.file("bad.csv", table);
    shell.run(&["run", "csv-report", "bad.csv", "--out", "report"]).exits(0);
    let report = fs::read_to_string(shell.path("report/report.md")).expect("a report");
    insta::assert_snapshot!(report, @r"
    # bad.csv

    5 rows, 3 columns.

    ## Columns

    | column | type | missing | distinct | least | most | mean | sum |
    | --- | --- | ---: | ---: | --- | --- | ---: | ---: |
    | na\|me\\\|x | text | 2 | 2 | \!\[i\](http://t) | \[click\](http://evil) |  |  |
    | \<script\>alert(1)\</script\> | text | 2 | 3 | \*bold\* | a b |  |  |
    | count | integer | 0 | 5 | 1 | 2,000 | 402.6 | 2,013 |

    ## By na\|me\\\|x

    ![Sum of count by na\|me\\\|x](groups.svg)

    | na\|me\\\|x | number of rows | sum of count |
    | --- | ---: | ---: |
    | \[click\](http://evil) | 2 | 2,001 |
    | (none) | 2 | 9 |
    | \!\[i\](http://t) | 1 | 3 |
    ");
    let markdown = json!({"text": report}).to_string();
    let html = shell.run(&["call", "markdown.html", "-d", &markdown, "--json"]).exits(0).json();
    let html = html["value"]["html"].as_str().unwrap_or_default();
    assert_eq!(
        (html.matches("<img").count(), html.matches("<a ").count(), html.matches("<script").count()),
        (1, 0, 0),
        "{html}"
    );
}

#[test]
fn a_hostile_folder_is_analysed_like_any_other() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("project")).expect("a folder");
    std::os::unix::fs::symlink("/etc/passwd", shell.path("project/link")).expect("a link");
    std::os::unix::fs::symlink("..", shell.path("project/up")).expect("a link");
    std::os::unix::fs::symlink("loop", shell.path("project/loop")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, shell.path("project/pipe"), rustix::fs::Mode::RUSR).expect("a pipe");
    shell.file("project/new\nline | `tick`.md", "# Title\n");
    shell.file("project/one-line.js", &"x".repeat(1 << 20));
    shell.file("project/template.txt", "{{input}} {{steps.walk}}\n");
    shell.run(&["run", "file-analyst", "project", "--out", "report"]).exits(0);
    let report = fs::read_to_string(shell.path("report/report.md")).expect("a report");
    assert!(!report.contains("root:"), "{report}");
    assert!(report.contains("`project/new line \\| 'tick'.md` | 8 B | 1 |"), "a name takes one line: {report}");
}

#[test]
fn agents_that_do_not_exist_or_do_not_fit_are_told_as_that() {
    let shell = Shell::new();
    let seen = shell.run(&["run", "file-analist", "."]).exits(6);
    assert!(seen.stderr.contains("file-analyst"), "{}", seen.stderr);
    shell.file("bad.toml", "[agent]\nname = \"bad\"\n[[step]]\nid = \"a\"\ncall = \"nothing.here\"\nneeds = [\"b\"]\n");
    let seen = shell.run(&["run", "bad.toml"]).exits(2);
    assert!(seen.stderr.contains("bad.toml:5") && seen.stderr.contains("nothing.here"), "{}", seen.stderr);
    let seen = shell.run(&["check", "bad.toml", "--json"]).exits(2);
    assert!(seen.json().to_string().contains("there is no tool `nothing`"), "{}", seen.stdout);
    shell.run(&["run", "file-analyst", "/nowhere/at/all", "--out", "report"]).exits(2);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
