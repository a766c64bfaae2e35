//! What was not granted can't be had, whatever the way; what was granted can, and no more.
//!
//! A guest says of each thing that it tried whether it was blocked. Guests may lie: what counts is the host's own canaries, files
//! beside the granted folder that are compared before and after.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use hotcell_call::{Capability, Code, Outcome, Wants};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cli::Shell;
use crate::support::program::{guest, scratch};
use crate::support::{Harness, Seen};

const SECRET: &str = "TOP-SECRET-7391";

/// A granted folder with a secret beside it.
struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["granted/a/b", "granted/sub", "beside", "scratch"] {
            fs::create_dir_all(scene.0.path().join(folder)).expect("a folder");
        }
        for (file, text) in [
            ("secret.txt", SECRET),
            ("beside/inner", SECRET),
            ("granted/file.txt", "granted"),
            ("granted/a/deep.txt", "deep"),
        ] {
            fs::write(scene.0.path().join(file), text).expect("a file");
        }
        scene
    }

    fn path(&self, within: &str) -> String {
        self.0.path().join(within).display().to_string()
    }

    /// The links that `links.climb` expects.
    fn plant_links(&self) {
        let granted = self.0.path().join("granted");
        for (target, link) in [
            ("../secret.txt", "file-link"),
            ("../beside", "folder-link"),
            ("..", "up-link"),
            ("loop-link", "loop-link"),
        ] {
            symlink(target, granted.join(link)).expect("a link");
        }
    }

    fn grants(&self, tool: &str, access: &str) -> String {
        format!("[tools.{tool}]\nfs.{access} = [{:?}]\n", self.path("granted"))
    }

    /// Everything below a folder but what is granted: names, kinds, contents, and when they were changed.
    fn canaries(&self) -> BTreeMap<PathBuf, (u32, String, i64, i64)> {
        let mut seen = listing(self.0.path());
        let (granted, scratch) = (self.0.path().join("granted"), self.0.path().join("scratch"));
        seen.retain(|path, _| !path.starts_with(&granted) && !path.starts_with(&scratch));
        // The folder itself changes when a guest makes a file beside what it was granted: so it stays in.
        seen
    }
}

fn listing(folder: &Path) -> BTreeMap<PathBuf, (u32, String, i64, i64)> {
    let mut seen = BTreeMap::new();
    let mut paths = vec![folder.to_owned()];
    while let Some(path) = paths.pop() {
        let meta = path.symlink_metadata().expect("what is there");
        if meta.is_dir() {
            paths.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
        let text = if meta.is_file() { fs::read_to_string(&path).expect("a file") } else { String::new() };
        seen.insert(path, (meta.mode(), text, meta.mtime(), meta.mtime_nsec()));
    }
    seen
}

#[track_caller]
fn all_blocked(outcome: &Outcome) {
    let probes = outcome.ok();
    let probes = probes.as_array().expect("a list of probes");
    let escaped: Vec<&Value> =
        probes.iter().filter(|probe| !probe["seen"].as_str().is_some_and(|seen| seen.starts_with("blocked"))).collect();
    assert!(escaped.is_empty(), "{}: {escaped:#?}", outcome.target);
}

fn denied(outcome: &Outcome, capability: Capability) -> bool {
    outcome.receipt.denials.iter().any(|denial| denial.capability == capability)
}

// === nothing by default ===

// H50
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_no_file_is_reached() {
    let (harness, scene) = (Harness::new(), Scene::new());
    let before = listing(scene.0.path());
    for (place, name) in [
        (scene.path("granted"), "file.txt"),
        (scene.path(""), "secret.txt"),
        ("/etc".to_owned(), "passwd"),
        (".".to_owned(), "Cargo.toml"),
    ] {
        let outcome = harness.call("files.outside", json!({"place": place, "name": name})).beside().await;
        all_blocked(&outcome);
        assert!(
            denied(&outcome, Capability::Read) && denied(&outcome, Capability::Write),
            "{:?}",
            outcome.receipt.denials
        );
        assert!(!outcome.receipt.pure, "what asks for files is no function of its input");
    }
    assert_eq!(listing(scene.0.path()), before);
    assert!(!Path::new("/etc/hotcell-escape").exists() && !Path::new("hotcell-escape").exists());
}

// H46, and what surrounds a program
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_there_are_no_surroundings() {
    let harness = Harness::new();
    let seen = harness.call("environment.look", json!({})).beside().await.ok();
    let expected =
        json!({"variables": {}, "arguments": [], "folder": null, "input": "", "terminal": false, "system": []});
    assert_eq!(seen, expected);
}

// H59
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_there_is_no_network() {
    let harness = Harness::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    listener.set_nonblocking(true).expect("a listener that can be asked");
    let address = listener.local_addr().expect("an address").to_string();
    let outcome = harness.call("network.reach", json!({"address": address})).beside().await;
    all_blocked(&outcome);
    assert!(denied(&outcome, Capability::Net), "{:?}", outcome.receipt.denials);
    let failure = harness.call("network.connect", json!({"address": address})).run().await.ends("denied");
    assert_eq!(failure.code(), Code::Net, "{failure}");
    assert!(failure.reason().contains("can't connect to"), "the tool's own words are kept: {failure}");
    assert!(listener.accept().is_err(), "somebody came through");
}

// === denials ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_names_the_path_and_the_line_that_grants_it() {
    let scene = Scene::new();
    let file = scene.path("granted/file.txt");
    let harness = Harness::new();
    for (target, input, access, flag) in [
        ("files.read", json!({"path": file}), "read", "--allow-read"),
        ("files.write", json!({"path": file, "text": "new"}), "write", "--allow-write"),
    ] {
        let failure = harness.call(target, input.clone()).run().await.ends("denied");
        assert_eq!(failure.code(), Code::Files, "{failure}");
        assert!(failure.what().contains(&file), "{failure}");
        let fix = failure.remedy().expect("a fix");
        assert!(fix.contains(flag), "{fix}");
        // What is to be pasted is pasted.
        let line = fix.split("always: ").nth(1).and_then(|rest| rest.split(" under ").next()).expect("a line to paste");
        assert!(line.starts_with(&format!("fs.{access} = ")), "{line}");
        let granted = Harness::with(&format!("[tools.files]\n{line}\n"));
        granted.call(target, input).run().await.ok();
    }
    assert_eq!(fs::read_to_string(file).expect("the file"), "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_that_a_guest_swallows_is_in_the_receipt() {
    let outcome = Harness::new().call("files.shrug", json!({"path": "/etc/passwd"})).run().await;
    assert_eq!(outcome.ok(), "nothing to see");
    assert!(denied(&outcome, Capability::Read));
    assert_eq!(outcome.receipt.denials[0].asked, "/etc/passwd");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receipt_names_the_first_denials_and_counts_the_rest() {
    let input = json!({"place": "/etc", "name": "x".repeat(300)});
    let outcome = Harness::new().call("files.outside", input).run().await;
    assert!(outcome.receipt.denials.len() <= 32);
    for denial in &outcome.receipt.denials {
        assert!(denial.asked.chars().count() < 250, "{}", denial.asked);
    }
}

// === granted folders ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_folder_is_used_and_no_more_than_was_granted() {
    let scene = Scene::new();
    let harness = Harness::with(&scene.grants("files", "read"));
    let path = |within: &str| json!({"path": scene.path(within)});
    assert_eq!(harness.call("files.read", path("granted/file.txt")).run().await.ok(), "granted");
    assert_eq!(harness.call("files.read", path("granted/a/deep.txt")).run().await.ok(), "deep");
    assert_eq!(harness.call("files.list", path("granted")).run().await.ok(), json!(["a", "file.txt", "sub"]));
    harness.call("files.read", path("secret.txt")).run().await.ends("denied");
    harness.call("files.list", path("")).run().await.ends("denied");
    let write = json!({"path": scene.path("granted/new.txt"), "text": "x"});
    harness.call("files.write", write.clone()).run().await.ends("denied");
    // A file that isn't there is no denial.
    harness.call("files.read", path("granted/missing.txt")).run().await.ends("failed");

    let harness = Harness::with(&scene.grants("files", "write"));
    let outcome = harness.call("files.write", write).run().await;
    outcome.ok();
    assert_eq!(fs::read_to_string(scene.path("granted/new.txt")).expect("the file"), "x");
    assert_eq!(outcome.receipt.disk.as_u64(), 1);
    // Another tool has nothing of it.
    harness.tool("other", "files", "");
    harness.call("other.read", path("granted/file.txt")).run().await.ends("denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_and_an_author_can_only_narrow() {
    let scene = Scene::new();
    let harness = Harness::with(&scene.grants("files", "write"));
    let wants = Wants { read: vec!["a".to_owned()], ..Wants::default() };
    let read = |within: &str| harness.call("files.read", json!({"path": scene.path(within)})).wanting(wants.clone());
    assert_eq!(read("granted/a/deep.txt").run().await.ok(), "deep");
    read("granted/file.txt").run().await.ends("denied");
    let write = json!({"path": scene.path("granted/a/new.txt"), "text": "x"});
    harness.call("files.write", write).wanting(wants.clone()).run().await.ends("denied");
    harness
        .call("files.read", json!({"path": scene.path("granted/file.txt")}))
        .wanting(Wants::default())
        .run()
        .await
        .ends("denied");

    // The same, said by the tool's author, under an operator who gives more.
    let grants = scene.grants("modest", "write");
    let harness = Harness::with(&grants);
    harness.tool("modest", "files", "[fs]\nread = [\"a\"]\n");
    let call = |within: &str| harness.call("modest.read", json!({"path": scene.path(within)}));
    assert_eq!(call("granted/a/deep.txt").run().await.ok(), "deep");
    call("granted/file.txt").run().await.ends("denied");
}

// Whoever may write the configuration or the tools has whatever it grants itself.
#[test]
fn what_hotcell_goes_by_is_never_granted() {
    let shell = Shell::new();
    let work = |within: &str| format!("work/{within}");
    for folder in ["tools", "out", "docs"] {
        fs::create_dir_all(shell.path(&work(folder))).expect("a folder");
    }
    fs::copy(guest("files"), shell.path("filer.wasm")).expect("a guest");
    shell.file("work/hotcell.toml", "[catalog]\nfolders = [\"tools\"]\n");
    let write = |folder: &str, path: &str| {
        let (path, config) = (format!("path={path}"), shell.path("work/hotcell.toml").display().to_string());
        shell.run(&["call", "./filer.wasm#write", &path, "text=x", "--allow-write", folder, "--config", &config])
    };
    for (folder, path) in
        [("work", "work/hotcell.toml"), ("work", "work/out/x"), ("work/tools", "work/tools/x.wasm"), (".", "x")]
    {
        let seen = write(folder, path).exits(2);
        assert!(seen.stderr.contains("E0207") && seen.stderr.contains("fix"), "{}", seen.stderr);
        assert!(!shell.path(path).exists() || path.ends_with(".toml"), "{path} was written");
    }
    write("work/out", "work/out/x").exits(0);
    shell.run(&["call", "./filer.wasm#read", "path=work/hotcell.toml", "--allow-read", "work"]).exits(0);
    let cache = scratch("cache").display().to_string();
    let seen = shell.run(&["call", "./filer.wasm#list", &format!("path={cache}"), "--allow-read", &cache]).exits(2);
    assert!(seen.stderr.contains("the cache of compiled tools"), "{}", seen.stderr);
}

/// Wants to read this, relative to what is granted.
fn part(path: &str) -> Wants {
    Wants { read: vec![path.to_owned()], ..Wants::default() }
}

// A checkout may hold links, and a guest that may write can make one: a part of a folder is never reached through one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_folder_never_leads_out_of_it() {
    let scene = Scene::new();
    scene.plant_links();
    symlink("../../beside", scene.0.path().join("granted/a/deep-link")).expect("a link");
    let harness = Harness::with(&format!("{}{}", scene.grants("files", "read"), scene.grants("links", "write")));
    // Another tool makes a link of its own.
    let made = harness.call("links.swap", json!({"root": scene.path("granted"), "times": 0})).run().await;
    made.ok();
    assert!(scene.0.path().join("granted/way-out").is_symlink());
    for (path, link) in [
        ("folder-link", "folder-link"),
        ("up-link", "up-link"),
        ("up-link/beside", "up-link"),
        ("a/deep-link", "deep-link"),
        ("./a/./deep-link/.", "deep-link"),
        ("way-out/beside", "way-out"),
    ] {
        for read in ["beside/inner", "granted/file.txt"] {
            let input = json!({"path": scene.path(read)});
            let call = harness.call("files.read", input.clone()).wanting(part(path));
            refused_for(&call.run().await, link);
            let name = format!("spy-{}", path.replace(['/', '.'], "-"));
            let spying = Harness::with(&scene.grants(&name, "read"));
            spying.tool(&name, "files", &format!("[fs]\nread = [{path:?}]\n"));
            refused_for(&spying.call(&format!("{name}.read"), input).run().await, link);
        }
    }
    for path in ["..", "../beside", "a/../../beside", "/etc"] {
        let input = json!({"path": scene.path("beside/inner")});
        harness.call("files.read", input).wanting(part(path)).run().await.ends("denied");
    }
    let input = json!({"path": scene.path("granted/a/deep.txt")});
    assert_eq!(harness.call("files.read", input).wanting(part("a")).run().await.ok(), "deep");
}

#[track_caller]
fn refused_for(outcome: &Outcome, link: &str) {
    let failure = outcome.ends("invalid");
    assert_eq!(failure.code(), Code::Grant, "{failure}");
    assert!(failure.reason().contains(&format!("`{link}` in it is a link")), "{failure}");
}

// H51
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_shape_of_a_path_leaves_a_granted_folder() {
    for access in ["read", "write"] {
        let scene = Scene::new();
        let before = scene.canaries();
        let harness = Harness::with(&scene.grants("files", access));
        let input = json!({"root": scene.path("granted"), "name": "secret.txt", "full": scene.path("secret.txt"), "secret": SECRET});
        let outcome = harness.call("files.traverse", input).beside().await;
        all_blocked(&outcome);
        assert!(!outcome.result.expect("probes").as_str().contains(SECRET));
        assert_eq!(scene.canaries(), before);
    }
}

// H52
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_link_leaves_a_granted_folder() {
    for access in ["read", "write"] {
        let scene = Scene::new();
        scene.plant_links();
        let before = scene.canaries();
        let harness = Harness::with(&scene.grants("links", access));
        let input = json!({"root": scene.path("granted"), "name": "secret.txt", "full": scene.path("secret.txt"), "secret": SECRET});
        let outcome = harness.call("links.climb", input).beside().await;
        all_blocked(&outcome);
        assert!(!outcome.result.expect("probes").as_str().contains(SECRET));
        assert_eq!(scene.canaries(), before);
        assert!(!scene.0.path().join("hotcell-escape").exists());
    }
}

// H53
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_to_be_read_stays_as_it_is() {
    let scene = Scene::new();
    let (granted, scratch) = (scene.path("granted"), scene.path("scratch"));
    let before = listing(Path::new(&granted));
    let harness = Harness::with(&format!("[tools.readonly]\nfs.read = [{granted:?}]\nfs.write = [{scratch:?}]\n"));
    let outcome = harness
        .call("readonly.change", json!({"root": granted, "scratch": scratch, "name": "file.txt"}))
        .beside()
        .await;
    all_blocked(&outcome);
    assert_eq!(listing(Path::new(&granted)), before);
    assert!(denied(&outcome, Capability::Write), "{:?}", outcome.receipt.denials);
}

// H54
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_becomes_a_link_in_between_leads_nowhere() {
    let scene = Scene::new();
    let before = scene.canaries();
    let harness = Harness::with(&scene.grants("links", "write"));
    let root = scene.path("granted");
    let swap = harness.call("links.swap", json!({"root": root, "times": 3_000}));
    let race =
        || harness.call("links.race", json!({"root": root, "name": "secret.txt", "secret": SECRET, "times": 1_500}));
    let (swapped, one, other) =
        harness.with_neighbour(async { tokio::join!(swap.run(), race().run(), race().run()) }).await;
    assert_eq!(swapped.ok(), 3_000);
    assert_eq!((one.ok(), other.ok()), (json!([]), json!([])));
    assert_eq!(scene.canaries(), before);
}

// H57: more pipes than the pool of blocking threads has room for, and files are still read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_is_never_opened() {
    let scene = Scene::new();
    let pipe = scene.path("granted/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).expect("a pipe");
    let harness = Harness::with(&scene.grants("files", "write"));
    let outcome = harness.call("files.fifo", json!({"path": pipe, "times": 600})).beside().await;
    assert_eq!(outcome.ok(), json!([]));
    assert!(
        outcome.receipt.denials.iter().any(|denial| denial.asked.contains("pipe")),
        "{:?}",
        outcome.receipt.denials
    );
    assert_eq!(harness.call("files.read", json!({"path": scene.path("granted/file.txt")})).run().await.ok(), "granted");
}

// H58
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_is_no_plain_folder_is_refused_with_the_reason() {
    let scene = Scene::new();
    symlink(scene.path("granted"), scene.path("linked")).expect("a link");
    for (path, why) in [
        ("/".to_owned(), "belongs to the system"),
        ("/proc".to_owned(), "belongs to the system"),
        ("/proc/self/fd".to_owned(), "belongs to the system"),
        (scene.path("missing"), "does not exist"),
        (scene.path("secret.txt"), "not a folder"),
        (scene.path("linked"), "link"),
    ] {
        let refused = match Harness::try_with(&format!("[tools.files]\nfs.read = [{path:?}]\n")) {
            Err(error) => error,
            Ok(harness) => {
                let failure =
                    harness.call("files.list", json!({"path": path})).run().await.result.expect_err("a refusal");
                assert_eq!(failure.kind().word(), "invalid", "{path}: {failure}");
                failure.to_string()
            }
        };
        assert!(refused.contains(why), "{path}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_means_the_folder_that_it_was_given_for() {
    let scene = Scene::new();
    let harness = Harness::with(&scene.grants("files", "read"));
    let read = || harness.call("files.read", json!({"path": scene.path("granted/file.txt")}));
    assert_eq!(read().run().await.ok(), "granted");
    // Somebody puts another folder in its place.
    fs::rename(scene.path("granted"), scene.path("moved")).expect("moved away");
    fs::create_dir(scene.path("granted")).expect("a new one");
    fs::write(scene.path("granted/file.txt"), SECRET).expect("another file");
    assert_eq!(read().run().await.ok(), "granted");
}

// What a guest asks to be read is bounded by what the host reads at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_read_of_a_small_file_is_a_small_read() {
    let scene = Scene::new();
    let harness = Harness::with(&scene.grants("files", "read"));
    let read = harness.call("files.read_all", json!({"root": scene.path("granted"), "name": "file.txt"}));
    assert_eq!(read.beside().await.ok(), 2 * "granted".len());
}

// === variables ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn granted_variables_are_seen_and_no_others() {
    let path = std::env::var("PATH").expect("a variable that is always set");
    let harness = Harness::with("[tools.environment]\nenv.allow = [\"PATH\"]\n");
    let seen = harness.call("environment.look", json!({})).run().await;
    assert_eq!(seen.ok()["variables"], json!({"PATH": path}));
    // A receipt is shown to many: it has the names alone.
    let receipt = serde_json::to_value(&seen.receipt).expect("JSON");
    assert_eq!(receipt["grants"]["env"], json!(["PATH"]));
    harness.call("environment.variable", json!({"name": "HOME"})).run().await.ends("failed");
    // Wanted and not given: that is why the tool failed.
    harness.tool("needy", "environment", "[env]\nallow = [\"HOTCELL_TEST_KEY\"]\n");
    let failure = harness.call("needy.variable", json!({"name": "HOTCELL_TEST_KEY"})).run().await.ends("denied");
    assert_eq!(failure.code(), Code::Env, "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("--allow-env HOTCELL_TEST_KEY")), "{failure}");
}

// === clocks ===

// H17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_never_go_backwards() {
    for mode in ["virtual", "real"] {
        let harness = Harness::with(&format!("[tools.clock]\nclock.mode = \"{mode}\"\n"));
        let outcome = harness.call("clock.read", json!({"times": 100_000})).beside().await;
        assert_eq!(outcome.ok(), 100_000);
        assert_eq!(outcome.receipt.pure, mode == "virtual");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_virtual_clock_tells_nothing_and_its_sleeps_end() {
    let harness = Harness::new();
    let start = Instant::now();
    let slept = harness.call("clock.sleep", json!({"ms": 3_600_000})).run().await;
    assert!(slept.ok().as_u64().is_some_and(|ms| ms >= 3_600_000), "{:?}", slept.result);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(slept.receipt.pure);
    let (one, other) =
        (harness.call("clock.now", json!({})).run().await.ok(), harness.call("clock.now", json!({})).run().await.ok());
    assert_eq!((&one, &other), (&json!(946_684_800), &one));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_clock_is_granted() {
    let harness = Harness::with("[tools.clock]\nclock.mode = \"real\"\n");
    let told = harness.call("clock.now", json!({})).run().await.ok().as_u64().expect("seconds");
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs();
    assert!(now.abs_diff(told) <= 30, "{told}, {now}");
    let slept = harness.call("clock.sleep", json!({"ms": 50})).run().await;
    assert!(slept.ok().as_u64().is_some_and(|ms| ms >= 50) && slept.receipt.run >= Duration::from_millis(50));
    // Wanted and not given: then even the virtual one would be a lie.
    harness.tool("dated", "clock", "[clock]\nmode = \"real\"\n");
    let failure = harness.call("dated.now", json!({})).run().await.ends("denied");
    assert_eq!(failure.code(), Code::Clock, "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_knows_how_much_time_it_has() {
    let harness = Harness::new();
    let left = harness.call("clock.left", json!({})).limit("timeout", "2s").run().await.ok().as_u64().expect("ms");
    assert!((1..=2_000).contains(&left), "{left}");
}

// === randomness ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn randomness_is_seeded_unless_the_systems_is_granted() {
    let harness = Harness::new();
    let numbers = || harness.call("randomness.numbers", json!({"count": 4}));
    let (one, other) = (numbers().run().await, numbers().run().await);
    assert_eq!(one.ok(), other.ok(), "a call is a function of its input");
    assert!(one.receipt.pure);
    harness.tool("dice", "randomness", "[random]\nmode = \"system\"\n");
    let failure = harness.call("dice.numbers", json!({"count": 1})).run().await.ends("denied");
    assert_eq!(failure.code(), Code::Random, "{failure}");

    let harness = Harness::with("[tools.randomness]\nrandom.mode = \"system\"\n");
    let numbers = || harness.call("randomness.numbers", json!({"count": 4}));
    let (one, other) = (numbers().run().await, numbers().run().await);
    assert_ne!(one.ok(), other.ok());
    assert!(!one.receipt.pure);
}
