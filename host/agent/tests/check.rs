//! Agents' files as their authors see them: refused with all that is wrong, or taken as what they mean.
#![expect(clippy::unwrap_used, reason = "what a test stands on may fail by a panic too")]

mod catalog;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use catalog::Catalog;
use hotcell_agent::document::Source;
use hotcell_agent::{Agent, Diagnostic, InputKind, OnError, Scope, Work};
use hotcell_call::{ByteSize, Code, Count, Kind, Priority, Target};
use proptest::prelude::*;
use serde_json::json;

fn read(name: &str, text: &str) -> Result<Agent, Vec<Diagnostic>> {
    Agent::read(&Source::new(name, text), &Catalog)
}

fn bad() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

#[test]
fn every_bad_file_is_told_whole() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("bad");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for path in bad() {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let diagnostics = read(&format!("agents/{stem}.toml"), &text).unwrap_err();
            let shown: Vec<String> = diagnostics.iter().map(Diagnostic::render).collect();
            insta::assert_snapshot!(stem, shown.join("\n\n"));
        }
    });
}

#[test]
fn nothing_of_a_hostile_file_reaches_the_terminal() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/hostile.toml"));
    let diagnostics = read("agents/\x1b[2J.toml", &text.unwrap()).unwrap_err();
    for diagnostic in &diagnostics {
        let shown = diagnostic.render();
        assert_eq!(hotcell_call::printable(&shown), shown);
        assert!(shown.lines().all(|line| line.chars().count() < 300), "{shown}");
    }
}

#[test]
fn a_file_is_one_failure_with_the_outcome_of_what_is_wrong() {
    let wider = "[tools]\nallow = [\"calc.*\"]\n[limits]\nfuel = \"20G\"\n[[step]]\nid = \"a\"\ncall = \"calc.eval\"\nwith.expression = \"1\"\n";
    let failure = hotcell_agent::failure(&read("a.toml", wider).unwrap_err());
    assert_eq!((failure.code(), failure.kind()), (Code::Wider, Kind::Denied));
    assert!(failure.reason().starts_with("a.toml:4:8: `fuel` is 20G here"), "{failure}");

    let worse = format!("{wider}tiemout = 5\n");
    let failure = hotcell_agent::failure(&read("a.toml", &worse).unwrap_err());
    assert_eq!((failure.code(), failure.kind()), (Code::File, Kind::Invalid));
    assert!(failure.reason().ends_with("(and 1 more)"), "{failure}");
}

#[test]
fn a_diagnostic_is_an_object_for_programs() {
    let diagnostics = read("agents/a.toml", "[agent]\nnmae = \"x\"\n[[step]]\nid = \"a\"\nvalue = 1\n").unwrap_err();
    assert_eq!(
        serde_json::to_value(&diagnostics).unwrap(),
        json!([{
            "code": "E0205", "file": "agents/a.toml", "line": 2, "column": 1, "span": [8, 12],
            "message": "unknown key `nmae`", "label": "not a key of `[agent]`", "hint": "did you mean `name`?",
        }])
    );
}

const GOOD: &str = r##"
[agent]
name = "analyst"
description = "Looks at files."
pattern = "steps"

[input]
kind = "folder"
default = "."
description = "The folder to look at."

[tools]
allow = ["files.*", "text.stats", "calc", "chart.bars"]

[tools.files]
limits.timeout = "5s"
fs.read = ["."]

[limits]
fuel = "1G"

[schedule]
priority = "low"
deadline = "20s"

[retry]
max = 4

[run]
parallel = 4
timeout = "1m"
max_calls = "10k"

[[step]]
id = "report"
value = "# {{steps.sum}} of {{steps.stats[0].lines}}\n"
save = "report.md"

[[step]]
id = "list"
call = "files.walk"
with = { path = "{{input}}" }

[[step]]
id = "stats"
call = "text.stats"
for_each = "{{steps.list.files}}"
parallel = 16
when = '{{item.kind}} == "text"'
with.text = "{{item.text}}"
retry = 2
on_error = { default = { lines = 0, name = "{{item.path}}" } }
save = "stats/{{index}}.json"

[[step]]
id = "sum"
call = "calc"
needs = ["list"]
with = { expression = "1 + {{steps.stats[0].lines}}" }
on_error = "skip"
"##;

#[test]
fn a_good_file_is_what_it_means() {
    let agent = read("agents/other.toml", GOOD)
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.iter().map(Diagnostic::render).collect::<String>()));
    assert_eq!(agent.name.as_str(), "analyst");
    assert_eq!(agent.output, Path::new("analyst-output"));
    let input = agent.input.as_ref().unwrap();
    assert_eq!((input.kind, input.default.as_deref()), (InputKind::Folder, Some(".")));
    assert_eq!(agent.bounds.parallel.get(), 4);
    assert_eq!(agent.bounds.timeout, Duration::from_secs(60));
    assert_eq!(agent.bounds.max_calls, 10_000);
    let schedule = agent.schedule;
    assert_eq!((schedule.priority, schedule.retries), (Priority::Low, Some(4)));
    assert_eq!(schedule.call_timeout, Some(Duration::from_secs(20)));

    let needs = |id: &str| {
        let step = agent.steps.iter().find(|step| step.id.as_str() == id).unwrap();
        step.needs.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(needs("report"), ["stats", "sum"]);
    assert_eq!(needs("stats"), ["list"]);
    assert_eq!(needs("sum"), ["list", "stats"]);
    for node in agent.dag.nodes() {
        assert_eq!(agent.dag.name(node), agent.step(node).map(|step| &step.id));
    }
    assert_eq!(agent.dag.needs(agent.dag.nodes().next().unwrap()).len(), 2);

    let sum = &agent.steps[3];
    let Work::Call { target, .. } = &sum.work else { panic!() };
    assert_eq!(*target, "calc.eval".parse::<Target>().unwrap(), "the function is named");
    assert_eq!(sum.on_error, OnError::Skip);
    assert!(matches!(agent.steps[2].on_error, OnError::Default(_)));
    assert_eq!((agent.steps[2].retry, agent.steps[2].parallel.unwrap().get()), (Some(2), 16));
}

#[test]
fn limits_and_wants_are_those_of_the_tool_over_those_of_all() {
    let agent = read("a.toml", GOOD).unwrap();
    let tool = |name: &str| name.parse().unwrap();
    let files = agent.limits(&tool("files"));
    assert_eq!(files.fuel, Some(Count::new(1_000_000_000)));
    assert_eq!(files.timeout, Some(Duration::from_secs(5)));
    assert_eq!(agent.limits(&tool("calc")).timeout, None);
    assert_eq!(agent.wants(&tool("calc")), None);
    let wants = agent.wants(&tool("files")).unwrap();
    assert_eq!((wants.read, wants.write), (vec![".".to_owned()], vec![]));
    assert_eq!(wants.env, ["LANG"], "what it does not speak of stays");
    assert_eq!(agent.tools().len(), 3);
}

#[test]
fn a_step_resolves_against_what_came_before() {
    let agent = read("a.toml", GOOD).unwrap();
    let most = ByteSize::mib(1);
    let (input, item) = (json!("src"), json!({"text": "a b", "kind": "text", "path": "x"}));
    let steps = BTreeMap::from([
        ("list".parse().unwrap(), json!({"files": [item]}).into()),
        ("stats".parse().unwrap(), json!([{"lines": 2}]).into()),
        ("sum".parse().unwrap(), json!(3).into()),
    ]);
    let scope = Scope { input: &input, steps: &steps, item: None };
    let [report, list, stats, _] = agent.steps.as_slice() else { panic!() };
    let Work::Value(value) = &report.work else { panic!() };
    assert_eq!(value.resolve(&scope, most).unwrap(), json!("# 3 of 2\n"));
    let Work::Call { with, .. } = &list.work else { panic!() };
    assert_eq!(with.resolve(&scope, most).unwrap(), json!({"path": "src"}));
    assert_eq!(list.items(&scope, most).unwrap(), None);

    let items = stats.items(&scope, most).unwrap().unwrap();
    let scope = Scope { item: Some((0, &items[0])), ..scope };
    assert!(stats.when.as_ref().unwrap().holds(&scope).unwrap());
    let Work::Call { with, .. } = &stats.work else { panic!() };
    assert_eq!(with.resolve(&scope, most).unwrap(), json!({"text": "a b"}));
    let save = stats.save.as_ref().unwrap();
    assert!(save.is_per_item());
    assert_eq!(save.path(&scope).unwrap(), Path::new("stats/0.json"));
}

#[test]
fn a_list_that_is_none_is_told_at_run_time() {
    let agent = read("a.toml", GOOD).unwrap();
    let steps = BTreeMap::from([("list".parse().unwrap(), json!({"files": {"a": 1}}).into())]);
    let scope = Scope { input: &json!("."), steps: &steps, item: None };
    let failure = agent.steps[2].items(&scope, ByteSize::mib(1)).unwrap_err();
    assert_eq!(failure.to_string(), "invalid[E0208]: `for_each` of the step `stats` is no list: it is {\"a\":1}");
}

#[test]
fn an_agent_is_named_by_its_file_unless_it_says() {
    let text = "[[step]]\nid = \"a\"\nvalue = 1\n";
    let agent = read("agents/my-agent.toml", text).unwrap();
    assert_eq!(agent.name.as_str(), "my-agent");
    assert_eq!(agent.bounds.max_calls, 100_000);
    assert!(agent.input.is_none());
    let refused = read("agents/My Agent.toml", text).unwrap_err();
    assert!(refused[0].message().starts_with("the file's name"), "{}", refused[0].render());
}

#[test]
fn a_megabyte_of_steps_or_references_is_told_in_few_words() {
    let steps: String = (0..30_000).map(|i| format!("[[step]]\nid = \"s{i}\"\nneeds = [\"t{i}\"]\n")).collect();
    let lost: String = (0..60_000).map(|i| format!("{{{{steps.s{i}}}}}")).collect();
    let references = format!("[[step]]\nid = \"a\"\nvalue = \"{lost}\"\n");
    for text in [steps, references] {
        let text = text.get(..text.len().min(1 << 20)).unwrap_or(&text);
        let wrong = read("a.toml", text).unwrap_err();
        assert!(wrong.len() <= 101, "{}", wrong.len());
    }
}

/// Lines of every good and bad file, in any order: near enough to agents to get far into the check.
fn shuffled() -> impl Strategy<Value = String> {
    let mut lines: Vec<String> = GOOD.lines().map(str::to_owned).collect();
    for path in bad() {
        let text = fs::read_to_string(path).unwrap();
        lines.extend(text.lines().filter(|line| line.len() < 200).map(str::to_owned));
    }
    let mutation = prop::option::weighted(0.1, "[\"'{}\\[\\]=.\\\\]");
    let line = (prop::sample::select(lines), mutation, any::<prop::sample::Index>());
    prop::collection::vec(line, 0..40).prop_map(|lines| {
        let mut text = String::new();
        for (line, mutation, place) in lines {
            let mut line: Vec<char> = line.chars().collect();
            if let Some(c) = mutation.as_deref().and_then(|c| c.chars().next()) {
                line.insert(place.index(line.len() + 1), c);
            }
            text.extend(line);
            text.push('\n');
        }
        text
    })
}

proptest! {
    #[test]
    fn any_file_is_an_agent_or_told_why_not(text in shuffled()) {
        match read("a.toml", &text) {
            Ok(agent) => {
                for node in agent.dag.nodes() {
                    prop_assert_eq!(agent.dag.name(node), agent.step(node).map(|step| &step.id));
                }
            }
            Err(wrong) => {
                prop_assert!(!wrong.is_empty());
                for diagnostic in wrong {
                    prop_assert!(diagnostic.render().contains("a.toml"));
                }
            }
        }
    }
}
