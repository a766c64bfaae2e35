use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, Parser, error::ErrorKind};
use hotcell_call::{ByteSize, Count, Priority};

use super::*;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(std::iter::once("hotcell").chain(line.split_whitespace()))
}

fn call(line: &str) -> Asked {
    match parse(line).unwrap().command {
        Command::Call(args) => args.asked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_declaration_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn the_help_shows_every_command() {
    insta::assert_snapshot!(Args::command().term_width(100).render_help());
}

#[test]
fn a_tool_is_a_name_or_a_file() {
    let file = |path: &str, function: Option<&str>| CallTarget::File {
        path: PathBuf::from(path),
        function: function.map(str::to_owned),
    };
    let named = |text: &str| CallTarget::Named(text.parse().unwrap());
    for (text, target) in [
        ("calc", named("calc")),
        ("calc.eval", named("calc.eval")),
        ("adder.math.add", named("adder.math.add")),
        ("x.wasm", file("x.wasm", None)),
        ("x.wasm#", file("x.wasm", None)),
        ("X.WASM", file("X.WASM", None)),
        ("a/b/x.wasm#math.add", file("a/b/x.wasm", Some("math.add"))),
        ("a#b/x.wasm", file("a#b/x.wasm", None)),
        ("a#b/x.wasm#f", file("a#b/x.wasm", Some("f"))),
        ("/opt/tool", file("/opt/tool", None)),
        ("./calc", file("./calc", None)),
    ] {
        assert_eq!(text.parse(), Ok(target), "{text}");
    }
    for text in ["", "Calc", "calc#eval", "a b", "-x"] {
        assert!(text.parse::<CallTarget>().is_err(), "{text}");
    }
}

#[test]
fn where_a_tool_is_meant_its_function_may_stand() {
    let named = |name: &str| ToolRef::Named(name.parse().unwrap());
    for (text, tool) in
        [("calc", named("calc")), ("calc.eval", named("calc")), ("x.wasm#eval", ToolRef::File("x.wasm".into()))]
    {
        assert_eq!(text.parse(), Ok(tool), "{text}");
    }
}

#[test]
fn an_agent_is_a_name_or_a_file() {
    for (text, agent) in [
        ("scout", AgentRef::Named("scout".parse().unwrap())),
        ("scout.toml", AgentRef::File("scout.toml".into())),
        ("agents/scout", AgentRef::File("agents/scout".into())),
    ] {
        assert_eq!(text.parse(), Ok(agent), "{text}");
    }
}

#[test]
fn limits_are_read_with_their_units() {
    let args = call("call calc --fuel 50M --memory 8MiB --timeout 250ms --deadline 2s");
    assert_eq!(args.limits.fuel, Some(Count::new(50_000_000)));
    assert_eq!(args.limits.memory, Some(ByteSize::mib(8)));
    assert_eq!(args.limits.timeout, Some(Duration::from_millis(250)));
    assert_eq!(args.schedule.deadline, Some(Duration::from_secs(2)));
    let refused = parse("call calc --timeout 2").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ValueValidation);
    assert!(refused.to_string().contains("`2` is not a duration such as"), "{refused}");
}

#[test]
fn a_call_may_be_for_a_tenant_and_of_a_class() {
    let args = call("call calc --priority low --retries 0 --tenant acme").schedule;
    assert_eq!((args.priority, args.retries), (Some(Priority::Low), Some(0)));
    assert_eq!(args.tenant.map(|tenant| tenant.to_string()).as_deref(), Some("acme"));
    for line in ["call calc --priority urgent", "call calc --tenant A!", "call calc --retries -1"] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn grants_may_be_given_several_times() {
    let args = call("call files.walk path=a --allow-read a --allow-read b --allow-env TZ --allow-clock");
    assert_eq!(args.grants.allow_read, ["a", "b"]);
    assert_eq!(args.assignments, ["path=a"]);
    assert!(args.grants.allow_clock && !args.grants.allow_random);
}

#[test]
fn data_may_be_negative_and_excludes_assignments() {
    assert_eq!(call("call calc -d -").data.as_deref(), Some("-"));
    assert_eq!(call("call calc -d [-1]").data.as_deref(), Some("[-1]"));
    assert_eq!(parse("call calc a=1 -d {}").unwrap_err().kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn flags_for_everywhere_may_stand_anywhere() {
    for line in ["--json ls", "ls --json"] {
        assert!(parse(line).unwrap().global.json, "{line}");
    }
    assert_eq!(parse("ls -vv").unwrap().global.verbose, 2);
    assert_eq!(parse("ls -q -v").unwrap_err().kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn a_bench_is_many_of_the_same_call() {
    let bench = |line: &str| match parse(line).unwrap().command {
        Command::Bench(args) => args,
        other => panic!("{other:?}"),
    };
    let args = bench("bench calc.eval expression=1 -n 10M -j 64 --warmup 1k --fuel 1M");
    assert_eq!((args.calls.as_u64(), args.in_flight, args.warmup.as_u64()), (10_000_000, Some(64), 1_000));
    assert_eq!((args.asked.assignments.len(), args.asked.limits.fuel), (1, Some(Count::new(1_000_000))));
    assert_eq!(bench("bench calc").calls.as_u64(), 1_000);
    for line in ["bench", "bench calc -n 0", "bench calc -n -1", "bench calc -j 0", "bench calc -j 100001"] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn a_run_does_some_things_at_once_and_not_too_many() {
    let run = |line: &str| match parse(line).map(|args| args.command) {
        Ok(Command::Run(args)) => Ok((args.parallel, args.tasks.in_flight)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(run("run scout --parallel 1024 --tasks x -j 1024"), Ok((Some(1_024), Some(1_024))));
    for (flag, named) in [("--parallel", "--parallel <N>"), ("-j", "--in-flight <N>")] {
        for number in ["0", "1025", "99999999999999999999"] {
            let refused = run(&format!("run scout {flag} {number}")).unwrap_err();
            assert!(refused.contains(named) && refused.starts_with("error: invalid value"), "{refused}");
        }
    }
    assert!(run("run scout --parallel 0").unwrap_err().contains("0 is not in 1..=1024"));
}

#[test]
fn a_look_comes_neither_too_often_nor_never() {
    let top = |line: &str| match parse(line).map(|args| args.command) {
        Ok(Command::Top(args)) => Some(args),
        _ => None,
    };
    let args = top("top").unwrap();
    assert_eq!((args.interval, args.once), (Duration::from_secs(1), false));
    assert_eq!(top("top --once --interval 200ms").unwrap().interval, Duration::from_millis(200));
    for line in ["top --interval 199ms", "top --interval 0s", "top --interval 1", "top --interval 2h", "top calc"] {
        assert!(top(line).is_none(), "{line}");
    }
}

#[test]
fn the_sdk_is_a_folder_or_a_repository() {
    for (text, sdk) in [
        ("../guest-sdk", Sdk::Path("../guest-sdk".into())),
        ("https://example.com/hotcell", Sdk::Git("https://example.com/hotcell".into())),
        ("git@example.com:a/b", Sdk::Git("git@example.com:a/b".into())),
    ] {
        assert_eq!(text.parse(), Ok(sdk), "{text}");
    }
}
