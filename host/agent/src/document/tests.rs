use std::path::{Path, PathBuf};

use hotcell_call::{Access, ClockMode, GrantKeys, GrantSet, RandomMode, Wants};

use super::*;
use crate::Diagnostic;

fn shown(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(Diagnostic::message).collect()
}

fn read_grants(text: &str) -> Result<GrantKeys, Vec<Diagnostic>> {
    let source = Source::new("hotcell.toml", text);
    let lookup = |name: &str| (name == "TZ").then(|| "UTC".to_owned());
    read(&source, |root| Some(grants(root, Path::new("/srv/app/conf"), &lookup)))
}

fn read_wants(text: &str) -> Result<WantKeys, Vec<Diagnostic>> {
    read(&Source::new("tool.toml", text), |root| Some(wants(root)))
}

#[test]
fn a_key_that_nobody_asked_for_is_an_error_at_every_level() {
    let text = "a = 1\nb = 2\n[t]\nc = 3\nd = 4\n[[l]]\ne = 5\nf = 6\n";
    let wrong = read(&Source::new("x", text), |root| {
        root.get("a")?.number(0, 9)?;
        root.section("t")?.get("c")?;
        root.sections("l").first()?.get("e")?;
        Some(())
    });
    assert_eq!(shown(&wrong.unwrap_err()), ["unknown key `b`", "unknown key `d`", "unknown key `f`"]);
}

#[test]
fn reading_goes_on_after_an_error() {
    let text = "a = 'x'\nb = []\n";
    let wrong = read(&Source::new("x", text), |root| {
        let a = root.get("a").and_then(|item| item.number(0, 9));
        let b = root.get("b").and_then(|item| item.string());
        let c = root.need("c", "c = 1");
        Some((a?, b?.span, c?.span()))
    });
    assert_eq!(
        shown(&wrong.unwrap_err()),
        ["the file has no `c`", "`a` wants a whole number from 0 to 9", "`b` wants a string"]
    );
}

#[test]
fn a_reader_that_gives_none_without_a_reason_is_not_taken_for_success() {
    let refused = read(&Source::new("x", ""), |_| None::<()>).unwrap_err();
    assert_eq!(refused.len(), 1);
}

#[test]
fn no_more_than_a_hundred_errors_are_told() {
    let text: String = (0..1_000).map(|i| format!("k{i} = 1\n")).collect();
    let wrong = read(&Source::new("x", text), |_| Some(())).unwrap_err();
    assert_eq!(wrong.len(), 101);
    assert_eq!(wrong[100].message(), "900 more errors are not shown");
}

#[test]
fn a_text_that_is_too_large_is_not_parsed() {
    let text = "#".repeat(MOST_BYTES + 1);
    let wrong = read(&Source::new("x", text), |_| Some(())).unwrap_err();
    assert_eq!(shown(&wrong), ["the file is larger than 1 MiB"]);
}

#[test]
fn limits_are_read_with_their_places() {
    let text = "[limits]\nfuel = 50_000_000\ntimeout = \"2s\"\nmemory = \"1.5MiB\"\nhandles = 0\n";
    let table = read(&Source::new("x", text), |root| Some(limits(root))).unwrap();
    assert_eq!(table.keys.fuel.map(|fuel| fuel.as_u64()), Some(50_000_000));
    assert_eq!(table.keys.memory.map(|size| size.as_u64()), Some(1_572_864));
    assert_eq!((table.keys.handles, table.keys.log), (Some(0), None));
    let place = table.place("timeout").unwrap();
    assert_eq!(text.get(place), Some("\"2s\""));
    assert_eq!(table.place("log"), None);
}

#[test]
fn every_limit_can_be_written() {
    let value = |name: &str| match name {
        "handles" | "instances" | "entries" | "requests" => "5",
        "timeout" => "\"5s\"",
        _ => "\"5\"",
    };
    for name in hotcell_call::LimitKeys::NAMES {
        let text = format!("limits.{name} = {}", value(name));
        let table = read(&Source::new("x", text), |root| Some(limits(root))).unwrap();
        assert_ne!(table.keys, hotcell_call::LimitKeys::default(), "{name}");
        assert!(table.place(name).is_some(), "{name}");
    }
}

#[test]
fn grants_are_folders_of_the_machine_and_values() {
    let keys = read_grants(
        "fs.read = ['docs', '../data', '/var/x', 'out/./']\nfs.write = ['out']\n\
         [env]\nallow = ['TZ', 'ABSENT']\nset = { MODE = 'fast' }\n\
         [clock]\nmode = 'real'\n[random]\nmode = 'seeded'\nseed = 7\n",
    )
    .unwrap();
    let folders: Vec<_> =
        keys.folders.unwrap().into_iter().map(|folder| (folder.guest, folder.host, folder.access)).collect();
    let folder = |guest: &str, host: &str, access| (guest.to_owned(), PathBuf::from(host), access);
    assert_eq!(
        folders,
        [
            folder("out", "/srv/app/conf/out", Access::Write),
            folder("docs", "/srv/app/conf/docs", Access::Read),
            folder("../data", "/srv/app/data", Access::Read),
            folder("/var/x", "/var/x", Access::Read),
        ],
        "`out` is in both: it may be written"
    );
    let env: Vec<_> = keys.env.unwrap().into_iter().collect();
    assert_eq!(env, [("MODE".to_owned(), "fast".to_owned()), ("TZ".to_owned(), "UTC".to_owned())]);
    assert_eq!(keys.clock, Some(ClockMode::Real));
    assert_eq!(keys.random, Some(RandomMode::Seeded(7)));
    assert_eq!(read_grants("").unwrap(), GrantKeys::default());
}

#[test]
fn grants_that_make_no_sense_are_told() {
    for text in [
        "fs.read = ['']",
        "fs.read = ['a\\u0000b']".replace('\'', "\"").as_str(),
        "fs.red = []",
        "env.allow = ['']",
        "random = { mode = 'system', seed = 1 }",
        "random.seed = -1",
        "clock = 'real'",
        "env.set = { A = 1 }",
    ] {
        assert_eq!(read_grants(text).unwrap_err().len(), 1, "{text}");
    }
}

#[test]
fn wants_stay_within_what_is_granted() {
    let keys = read_wants("fs.read = ['.', 'a/b']\nenv.allow = ['TZ']\nclock.mode = 'real'\n").unwrap();
    assert_eq!(
        keys.wants(),
        Wants {
            read: vec![".".to_owned(), "a/b".to_owned()],
            env: vec!["TZ".to_owned()],
            real_clock: true,
            ..Wants::default()
        }
    );
    for text in ["fs.read = ['/etc']", "fs.write = ['a/../..']", "env.set = { A = 'b' }", "random.seed = 5"] {
        assert_eq!(read_wants(text).unwrap_err().len(), 1, "{text}");
    }
}

#[test]
fn what_an_agent_does_not_speak_of_it_leaves_as_it_is() {
    let granted =
        read_grants("fs.write = ['out']\nenv.allow = ['TZ']\nclock.mode = 'real'\nrandom.mode = 'system'\n").unwrap();
    let granted = GrantSet::default().with(&granted);
    let left = |text: &str| granted.narrowed(&read_wants(text).unwrap().within(&granted));
    assert_eq!(left(""), granted);
    assert_eq!(left("env.allow = []").env.len(), 0);
    assert_eq!(left("env.allow = []").folders, granted.folders);
    let reader = left("fs.read = ['.']");
    assert_eq!(reader.folders[0].access, Access::Read);
    assert_eq!((reader.clock, reader.env.len()), (ClockMode::Real, 1));
    assert_ne!(left("clock.mode = 'virtual'").clock, ClockMode::Real);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[{1,2}|\\]{1,2}|[a-z]{1,8}|limits|fs|env|random|seed|read|[=.,{}\"'\n #0-9-]|\"64MiB\"|[\\PC]){0,60}") {
        let source = Source::new("x.toml", text);
        let result = read(&source, |root| {
            let _ = (limits(root), wants(root));
            let _ = root.others().iter().map(|(_, item)| item.json()).collect::<Vec<_>>();
            Some(())
        });
        for diagnostic in result.err().into_iter().flatten() {
            let shown = diagnostic.render();
            proptest::prop_assert!(shown.contains("x.toml"), "{}", shown);
        }
    }
}

#[test]
fn a_megabyte_of_anything_is_read_or_refused_in_few_words() {
    for (name, text) in [
        ("arrays", format!("a = {}", "[".repeat(1_000_000))),
        ("inline tables", format!("a = {}", "{a=".repeat(300_000))),
        ("headers", "[".repeat(1_000_000)),
        ("dots", format!("{}a = 1", "a.".repeat(500_000))),
        ("dots in a header", format!("[{}a]", "a.".repeat(500_000))),
        ("dots inline", format!("a = {{ {}a = 1 }}", "a.".repeat(500_000))),
        ("keys", (0..80_000).map(|i| format!("k{i} = 1\n")).collect()),
        ("tables", (0..80_000).map(|i| format!("[a{i}]\n")).collect()),
        ("errors", "=\n".repeat(500_000)),
        ("escapes", "a = \"\\q\"\n".repeat(100_000)),
    ] {
        assert!(text.len() <= MOST_BYTES, "{name}");
        let result = read(&Source::new("x.toml", text), |root| {
            root.get("known");
            Some(())
        });
        let wrong = result.unwrap_err();
        let shown: usize = wrong.iter().map(|wrong| wrong.render().len()).sum();
        assert!(wrong.len() <= 101 && shown < 60_000, "{name}: {shown}");
    }
}
