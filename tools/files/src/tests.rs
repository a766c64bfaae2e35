//! The functions over real folders.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::walk::Listing;

/// A folder with the given files, each of them holding its own path. A path with a slash at its end is an empty folder.
fn folder(paths: &[&str]) -> TempDir {
    let root = tempfile::tempdir().expect("a folder for the test");
    for path in paths {
        let at = root.path().join(path);
        fs::create_dir_all(if path.ends_with('/') { &at } else { at.parent().expect("below the root") })
            .expect("folders");
        if !path.ends_with('/') {
            fs::write(&at, path).expect("a file");
        }
    }
    root
}

fn path_in(root: &TempDir, below: &str) -> String {
    root.path().join(below).to_str().expect("a UTF-8 path").to_owned()
}

struct Ask {
    glob: Option<&'static str>,
    max: u32,
    hidden: bool,
    all: bool,
}

const PLAIN: Ask = Ask { glob: None, max: 100, hidden: false, all: false };

fn walked(root: &TempDir, ask: &Ask) -> Listing {
    let glob = ask.glob.map(str::to_owned);
    walk(path_in(root, ""), glob, ask.max, ask.hidden, ask.all).expect("a walk")
}

fn below<'a>(root: &TempDir, listing: &'a Listing) -> Vec<&'a str> {
    let base = path_in(root, "");
    listing.files.iter().map(|file| file.path.strip_prefix(&base).expect("joined to the asked path")).collect()
}

const TREE: [&str; 9] = [
    "a/b.rs",
    "a/c/d.TOML",
    "a-b.txt",
    "a.rs",
    ".hidden/x.rs",
    ".git/config",
    "target/debug/x.rs",
    "node_modules/m.js",
    "empty/",
];

#[test]
fn walks_in_the_order_of_the_paths() {
    let root = folder(&TREE);
    let listing = walked(&root, &PLAIN);
    assert_eq!(below(&root, &listing), ["a-b.txt", "a.rs", "a/b.rs", "a/c/d.TOML"]);
    let sizes: Vec<_> = listing.files.iter().map(|file| (file.bytes, file.extension.as_str())).collect();
    assert_eq!(sizes, [(7, "txt"), (4, "rs"), (6, "rs"), (10, "toml")]);
    assert_eq!((listing.skipped, listing.truncated, listing.unreadable.len()), (4, false, 0));
}

#[test]
fn walks_what_was_asked_for() {
    let root = folder(&TREE);
    for (ask, expect) in [
        (Ask { glob: Some("*.rs"), ..PLAIN }, &["a.rs", "a/b.rs"][..]),
        (Ask { glob: Some("a/*.rs"), ..PLAIN }, &["a/b.rs"]),
        (Ask { glob: Some("**/*.{rs,TOML}"), ..PLAIN }, &["a.rs", "a/b.rs", "a/c/d.TOML"]),
        (Ask { glob: Some("nothing"), ..PLAIN }, &[]),
        (Ask { hidden: true, glob: Some("*.rs"), ..PLAIN }, &[".hidden/x.rs", "a.rs", "a/b.rs"]),
        (Ask { all: true, glob: Some("{config,m.js}"), ..PLAIN }, &[".git/config", "node_modules/m.js"]),
    ] {
        assert_eq!(
            below(&root, &walked(&root, &ask)),
            expect,
            "{:?} hidden: {} all: {}",
            ask.glob,
            ask.hidden,
            ask.all
        );
    }
}

#[test]
fn a_cut_walk_holds_the_first_files_and_says_so() {
    let root = folder(&TREE);
    for (max, expect, truncated) in [(2, 2, true), (3, 3, true), (4, 4, false)] {
        let listing = walked(&root, &Ask { max, ..PLAIN });
        assert_eq!((listing.files.len(), listing.truncated), (expect, truncated), "max: {max}");
        assert_eq!(below(&root, &listing)[..2], ["a-b.txt", "a.rs"]);
    }
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_below_the_asked_path() {
    let root = folder(&["real/x.txt"]);
    std::os::unix::fs::symlink(root.path(), root.path().join("real/loop")).expect("a link");
    std::os::unix::fs::symlink(root.path().join("real"), root.path().join("named")).expect("a link");
    assert_eq!(below(&root, &walked(&root, &PLAIN)), ["real/x.txt"]);
    let named = walk(path_in(&root, "named"), None, 10, false, false).expect("a walk of the link itself");
    assert_eq!(named.files.len(), 1);
    assert_eq!(stat(path_in(&root, "named")).expect("a stat").kind, Kind::Link);
}

#[test]
fn a_file_is_listed_as_itself() {
    let root = folder(&["a/b.rs"]);
    let path = path_in(&root, "a/b.rs");
    let listing = walk(path.clone(), Some("*.rs".to_owned()), 10, false, false).expect("a walk");
    assert_eq!(listing.files.iter().map(|file| &file.path).collect::<Vec<_>>(), [&path]);
}

#[test]
fn bad_arguments_are_named() {
    let glob = |text: &str| Some(text.to_owned());
    for (result, names) in [
        (walk(".".into(), glob("src/{a"), 1, false, false).map(drop), "$.glob"),
        (walk(".".into(), glob(&"*".repeat(2000)), 1, false, false).map(drop), "$.glob"),
        (walk(".".into(), None, 0, false, false).map(drop), "$.max"),
        (read("x".into(), 0, 0, Encoding::Text).map(drop), "$.max_bytes"),
        (read("x".into(), 3 << 20, 0, Encoding::Text).map(drop), "$.max_bytes"),
        (write("x".into(), None, None).map(drop), "`text` or `base64`"),
    ] {
        let error = result.expect_err(names).to_string();
        assert!(error.contains(names), "{error}");
    }
}

#[test]
fn what_is_missing_is_an_error_that_names_the_path() {
    let root = folder(&["a/"]);
    let gone = path_in(&root, "gone");
    for error in [
        walk(gone.clone(), None, 1, false, false).map(drop).expect_err("no walk"),
        read(gone.clone(), 100, 0, Encoding::Text).map(drop).expect_err("no read"),
        stat(gone.clone()).map(drop).expect_err("no stat"),
        read(path_in(&root, "a"), 100, 0, Encoding::Text).map(drop).expect_err("no read of a folder"),
    ] {
        assert!(error.to_string().contains(path_in(&root, "").trim_end_matches('/')), "{error}");
    }
}

#[test]
fn a_long_file_is_read_in_parts() {
    let root = folder(&[]);
    let path = path_in(&root, "long.txt");
    let text = "aé€\n".repeat(10);
    write(path.clone(), Some(text.clone()), None).expect("a write");
    let (mut all, mut offset, mut parts) = (String::new(), 0, 0);
    loop {
        let part = read(path.clone(), 9, offset, Encoding::Text).expect("a part");
        assert_eq!((part.bytes, part.binary, part.base64), (text.len() as u64, false, None));
        all.push_str(&part.text.expect("text"));
        parts += 1;
        assert_eq!(part.truncated, part.next.is_some());
        let Some(next) = part.next else { break };
        offset = next;
    }
    // Seven of the parts end before a character that the cut went through.
    assert_eq!((all, parts), (text, 10));
}

#[test]
fn bytes_that_are_not_text_come_as_base64_only_if_asked_for() {
    let root = folder(&[]);
    let path = path_in(&root, "deep/er/x.bin");
    let written = write(path.clone(), None, Some("AP8=".to_owned())).expect("a write with folders");
    assert_eq!((written.bytes, written.path.as_str()), (2, path.as_str()));
    let text = read(path.clone(), 100, 0, Encoding::Text).expect("a read");
    assert_eq!((text.binary, text.text, text.base64, text.bytes), (true, None, None, 2));
    let exact = read(path.clone(), 100, 0, Encoding::Base64).expect("a read");
    assert_eq!((exact.binary, exact.text, exact.base64.as_deref()), (true, None, Some("AP8=")));
}

#[test]
fn stat_tells_files_from_folders() {
    let root = folder(&["a/b.txt"]);
    let file = stat(path_in(&root, "a/b.txt")).expect("a stat");
    assert_eq!((file.kind, file.bytes), (Kind::File, 7));
    assert!(file.modified_unix_ms.expect("a time") > 1_500_000_000_000);
    assert_eq!(stat(path_in(&root, "a")).expect("a stat").kind, Kind::Folder);
    assert!(Path::new(&file.path).ends_with("a/b.txt"));
}
