use std::time::Duration;

use hotcell_call::{Access, ClockMode, Count, RandomMode};

use super::*;
use crate::config::{FILE_NAME, InFlight, ShareBy, ceiling};

fn read(text: &str) -> Result<Config, Vec<Diagnostic>> {
    let lookup = |name: &str| match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "HOME" => Some("/home/op".to_owned()),
        _ => None,
    };
    Config::read(&Source::new(FILE_NAME, text), Path::new("/srv/app/hotcell.toml"), true, &lookup)
}

fn refused(text: &str) -> String {
    let shown: Vec<String> = read(text).unwrap_err().iter().map(Diagnostic::render).collect();
    shown.join("\n\n")
}

const WHOLE: &str = r#"
[limits]
fuel = "20G"
memory = "128MiB"

[tools.fetch]
path = "build/fetch.wasm"
limits.timeout = "2s"
limits.fuel = "5G"
fs.read = ["docs"]
fs.write = ["/var/out"]
env.allow = ["TOKEN", "UNSET"]
env.set = { TZ = "UTC" }
clock.mode = "real"
random.mode = "seeded"
random.seed = 7

[catalog]
folders = ["tools", "../more", "tools"]
agents = []

[schedule]
in_flight = 16
queue = 32

[host]
memory = "512MiB"

[compile]
max_file = "8MiB"
memory = "2GiB"
cpu = "1m"
timeout = "90s"

[cache]
folder = "/var/cache/hotcell"
max_size = "100MiB"
"#;

#[test]
fn every_key_lands() {
    let config = read(WHOLE).unwrap();
    assert_eq!(config.folders, [Path::new("/srv/app/tools"), Path::new("/srv/app/../more")]);
    assert!(config.agents.is_empty());
    assert_eq!((config.schedule.in_flight, config.schedule.queue), (InFlight::Fixed(16), 32));
    assert_eq!(config.process_memory, ByteSize::mib(512));
    assert_eq!((config.compile.max_file, config.compile.memory), (ByteSize::mib(8), ByteSize::mib(2_048)));
    assert_eq!((config.compile.cpu.as_secs(), config.compile.timeout.as_secs()), (60, 90));
    assert_eq!(config.compile.max_cache, ByteSize::mib(100));
    assert_eq!(config.cache.as_deref(), Some(Path::new("/var/cache/hotcell")));
    let tool = &config.tools[&"fetch".parse().unwrap()];
    assert_eq!(tool.path.as_deref(), Some(Path::new("/srv/app/build/fetch.wasm")));
    assert_eq!(tool.environment, ["TOKEN", "UNSET"]);
}

#[test]
fn a_tool_has_its_own_limits_over_those_of_all_over_the_defaults() {
    let config = read(WHOLE).unwrap();
    let (limits, grants) = config.for_tool(&"fetch".parse().unwrap());
    assert_eq!((limits.fuel, limits.timeout), (Count::new(5_000_000_000), Duration::from_secs(2)));
    assert_eq!((limits.memory, limits.output), (ByteSize::mib(128), Limits::default().output));
    let folders: Vec<_> =
        grants.folders.iter().map(|f| (f.guest.as_str(), f.host.to_str().unwrap(), f.access)).collect();
    assert_eq!(folders, [("/var/out", "/var/out", Access::Write), ("docs", "/srv/app/docs", Access::Read)]);
    assert_eq!(
        grants.env.into_iter().collect::<Vec<_>>(),
        [("TOKEN".to_owned(), "s3cret".to_owned()), ("TZ".to_owned(), "UTC".to_owned())]
    );
    assert_eq!((grants.clock, grants.random), (ClockMode::Real, RandomMode::Seeded(7)));
    let (limits, grants) = config.for_tool(&"other".parse().unwrap());
    assert_eq!((limits.fuel, limits.timeout), (Count::new(20_000_000_000), Limits::default().timeout));
    assert!(grants.is_empty());
}

#[test]
fn an_empty_file_is_the_defaults() {
    let (empty, defaults) = (read("").unwrap(), Config::defaults(Path::new("/srv/app")));
    assert_eq!(empty.folders, defaults.folders);
    assert_eq!(empty.folders, [Path::new("/srv/app/tools")]);
    assert_eq!((empty.schedule.in_flight, empty.schedule.queue), (InFlight::Fixed(1_024), 4_096));
    assert_eq!(empty.process_memory, ByteSize::mib(4_096));
    assert_eq!(empty.cache.as_deref(), Some(Path::new("/home/op/.cache/hotcell")));
    assert_eq!(empty.for_tool(&"any".parse().unwrap()).0, Limits::default());
}

#[test]
fn unknown_keys_are_shown_at_once_with_what_was_meant() {
    insta::assert_snapshot!(refused(
        r#"
[limit]
fuel = "5G"

[schedule]
inflight = 10
max_wait = "2s"

[tools.fetch]
net.allow = ["GET https://example.com/*"]
limits.timeout_ms = 500
fs.reed = ["docs"]

[tools."Bad name"]
fs.read = ["."]

[journal]
path = "journal.db"
"#
    ));
}

#[test]
fn values_beyond_their_bounds_are_shown_at_once_with_the_bound() {
    insta::assert_snapshot!(refused(
        r#"
[limits]
memory = "8GiB"
timeout = "2h"
fuel = 0

[tools.fetch]
limits.instances = 1000

[schedule]
in_flight = 0
queue = 10_000_000

[host]
memory = "1MiB"

[compile]
cpu = "5ms"
max_file = "a lot"

[cache]
folder = "cache"
max_size = "1KiB"
"#
    ));
}

#[test]
fn the_cache_is_never_where_a_checkout_could_bring_one() {
    for (folder, fits) in [
        ("/var/cache/hotcell", true),
        ("/srv/app/cache", false),
        ("/srv/app", false),
        ("/srv/other/../app/cache", false),
        ("cache", false),
        ("", false),
    ] {
        assert_eq!(read(&format!("[cache]\nfolder = \"{folder}\"")).is_ok(), fits, "{folder}");
    }
    let temp = tempfile::tempdir().unwrap();
    let (file, link) = (temp.path().join("repo/hotcell.toml"), temp.path().join("link"));
    std::fs::create_dir(temp.path().join("repo")).unwrap();
    std::os::unix::fs::symlink(temp.path().join("repo"), &link).unwrap();
    let text = format!("[cache]\nfolder = \"{}\"", link.join("cache").display());
    std::fs::write(&file, text).unwrap();
    assert!(Config::load(&Place::File(file)).is_err(), "a link that leads back in");
}

#[test]
fn no_ceiling_is_under_its_default() {
    let defaults = Limits::default();
    assert_eq!(ceiling().wider(&whole(&defaults)), []);
}

fn whole(limits: &Limits) -> LimitKeys {
    LimitKeys {
        fuel: Some(limits.fuel),
        timeout: Some(limits.timeout),
        memory: Some(limits.memory),
        input: Some(limits.input),
        output: Some(limits.output),
        log: Some(limits.log),
        handles: Some(limits.handles),
        instances: Some(limits.instances),
        random: Some(limits.random),
        host_data: Some(limits.host_data),
        disk: Some(limits.disk),
        entries: Some(limits.entries),
        requests: Some(limits.requests),
        sent: Some(limits.sent),
        received: Some(limits.received),
    }
}

#[test]
fn the_nearest_file_counts_and_none_is_the_defaults() {
    let temp = tempfile::tempdir().unwrap();
    let deep = temp.path().join("a/b/c");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(temp.path().join(FILE_NAME), "[schedule]\nqueue = 1").unwrap();
    std::fs::write(temp.path().join("a/b").join(FILE_NAME), "[schedule]\nqueue = 2").unwrap();
    let load = |folder: &Path| Config::load(&Place::Above(folder.to_owned())).unwrap();
    assert_eq!((load(&deep).schedule.queue, load(temp.path()).schedule.queue), (2, 1));
    let origin = load(&deep).origin.unwrap();
    assert_eq!((origin.folder, origin.named), (temp.path().join("a/b"), false));
    let none = Config::load(&Place::Defaults(deep.clone())).unwrap();
    assert_eq!((none.origin, none.schedule.queue), (None, 4_096));
    let named = Config::load(&Place::File(temp.path().join(FILE_NAME))).unwrap();
    assert_eq!((named.schedule.queue, named.origin.unwrap().named), (1, true));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_not_passed_over() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join(FILE_NAME)).unwrap();
    let refused = Config::load(&Place::Above(temp.path().to_owned())).unwrap_err();
    assert!(refused[0].render().contains("not a regular file"), "{}", refused[0].render());
    assert!(Config::load(&Place::File(temp.path().join("absent.toml"))).is_err());
}

#[test]
fn a_broken_file_is_named_as_short_as_it_can_be() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join(FILE_NAME), "queue = 1").unwrap();
    let refused = |place| Config::load(&place).unwrap_err()[0].place();
    assert_eq!(refused(Place::Above(temp.path().to_owned())), "hotcell.toml:1:1");
}

#[test]
fn flags_add_grants_and_set_limits_over_the_file() {
    let mut config =
        read("[tools.x]\nfs.read = [\"a\", \"b\"]\nenv.set = { A = \"1\" }\nlimits.fuel = \"1G\"\nlimits.handles = 9")
            .unwrap();
    let flags = read(
        "[tools.x]\nfs.write = [\"./a\", \"c\"]\nenv.set = { B = \"2\" }\nlimits.fuel = \"2G\"\nclock.mode = \"real\"",
    );
    let tool: ToolName = "x".parse().unwrap();
    config.overlay(tool.clone(), flags.unwrap().tools[&tool].clone());
    let (limits, grants) = config.for_tool(&tool);
    assert_eq!((limits.fuel, limits.handles), (Count::new(2_000_000_000), 9));
    assert_eq!(grants.to_string(), "write ./a, read b, write c, env A, env B, clock real");
}

#[test]
fn every_key_of_the_path_lands() {
    let config = read(
        r#"
[schedule]
in_flight = { limit = "gradient", min = 2, start = 4, max = 64 }
per_tool = 5
share_by = "fuel"
age_step = "2s"
patience = "9s"
shed_after = "50ms"
[tenants.acme]
weight = 3
max_concurrent = 7
queue = 9
rate = { limit = "600/m", burst = 20, algorithm = "token-bucket" }
quota = { calls = "10k/h", fuel = "5G/m", time = "10s/m", window = "rolling" }
priority = "low"
[retry]
max = 1
backoff = "1ms..2s"
[breaker]
mode = "off"
[results]
max_size = "1MiB"
max_entries = 5
[tools.x]
retry.max = 4
breaker = { mode = "on", ratio = 0.25, calls = 8, window = "10s", rest = "3s" }
batch = { max = 8, wait = "1ms" }
cache.ttl = "5m"
"#,
    )
    .unwrap();
    let schedule = &config.schedule;
    assert!(matches!(schedule.in_flight, InFlight::Learned { .. }) && schedule.in_flight.most() == 64);
    assert_eq!((schedule.per_tool(), schedule.share_by), (5, ShareBy::Fuel));
    let millis = |time: Duration| time.as_millis();
    assert_eq!((millis(schedule.age_step), millis(schedule.patience)), (2_000, 9_000));
    assert_eq!(schedule.shed_after.map(millis), Some(50));
    let acme = &config.tenants[&"acme".parse().unwrap()];
    assert_eq!((acme.weight, acme.max_concurrent, acme.queue), (3, Some(7), Some(9)));
    assert_eq!(acme.rate.map(|rate| (rate.count(), rate.burst())), Some((600, 20)));
    assert_eq!(acme.quota.fuel.map(|fuel| (fuel.units(), fuel.window().as_secs())), Some((5_000_000_000, 60)));
    assert_eq!(acme.quota.time.map(|time| time.units()), Some(10_000_000));
    assert_eq!(acme.priority, hotcell_call::Priority::Low);
    assert!(config.breaker.policy().is_none() && config.retry.max == Some(1));
    let results = config.results;
    assert_eq!((results.max_size, results.max_entries), (ByteSize::mib(1), 5));
    let tool = &config.tools[&"x".parse().unwrap()];
    assert!(tool.breaker.over(&config.breaker).policy().is_some());
    assert_eq!((tool.retry.max, tool.batch.map(|batch| batch.max)), (Some(4), Some(8)));
    assert_eq!(tool.cache_ttl.map(|ttl| ttl.as_secs()), Some(300));
}

#[test]
fn what_could_never_let_a_call_run_is_refused_where_it_stands() {
    for text in [
        "[tenants.a]\nweight = 0",
        "[tenants.a]\nmax_concurrent = 0",
        "[tenants.a]\nrate = \"0/s\"",
        "[tenants.a]\nrate = \"-1/s\"",
        "[tenants.a]\nrate = \"5\"",
        "[tenants.a]\nrate = { limit = \"5/s\", burst = 2, algorithm = \"sliding-window\" }",
        "[tenants.a]\nrate = { limit = \"5/s\", algorithm = \"leaky\" }",
        "[tenants.a]\nquota.fuel = \"0/h\"",
        "[schedule]\nin_flight = { limit = \"aimd\", min = 9, max = 3 }",
        "[schedule]\nage_step = \"0s\"",
        "[breaker]\nratio = 0",
        "[retry]\nbackoff = \"2s..1s\"",
        "[tools.x]\nbatch.max = 1",
        "[results]\nmax_entries = 0",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
