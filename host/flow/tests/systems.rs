//! `docs/systems.md` says the truth: of every system it names the tests that there are, and places that exist.
//!
//! The tests' names are made from the sources: `UPDATE_DOCS=1 cargo test -p hotcell-flow --test systems` writes them anew.

#![expect(clippy::expect_used, clippy::panic, reason = "what a test stands on may fail by a panic too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The numbers that the page is about: core patterns, concurrent tools, scheduling, backpressure, the reactive agent and
/// middleware, optimisation, the complete agent.
fn numbers() -> impl Iterator<Item = String> {
    (1..=60).chain([67]).chain(69..=80).map(|number| format!("S{number:02}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn page() -> String {
    read(&root().join("docs/systems.md"))
}

/// The Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry that can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of all functions that tests could be: those of the host, and those of the suite.
fn functions() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["host", "tests"] {
        sources(&root().join(folder), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        // By the house's manner a test's attribute stands above it, or above the block of properties that it is in.
        for line in read(&file).lines() {
            let line = line.trim_start().trim_start_matches("async ");
            let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// The tests that are named after each number.
fn numbered(functions: &BTreeSet<String>) -> BTreeMap<String, Vec<&str>> {
    let mut tests: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in functions {
        let number = name.strip_prefix('s').and_then(|rest| rest.split_once('_')).map(|(number, _)| number);
        if let Some(number) = number.filter(|number| number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit())) {
            tests.entry(format!("S{number}")).or_default().push(name);
        }
    }
    tests
}

/// What stands in backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The cells of a system's row in a table of so many columns; none if the line is something else.
fn row<const COLUMNS: usize>(line: &str) -> Option<[&str; COLUMNS]> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let number = cells.first()?.strip_prefix('S')?;
    let is_one = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { cells.try_into().ok() } else { None }
}

/// The numbers listed as open.
fn open(page: &str) -> BTreeSet<&str> {
    let (_, open) = page.split_once("\n## Open\n").expect("a section of what is open");
    open.lines().filter_map(row).map(|[number, _what]| number).collect()
}

/// The page as it should be: each row's last cell has the tests of its number, then those that were written there by hand and
/// still exist.
fn made(page: &str, functions: &BTreeSet<String>) -> String {
    let numbered = numbered(functions);
    let mut made = String::new();
    for line in page.lines() {
        match row::<5>(line) {
            None => made += line,
            Some([number, what, promised, place, tests]) => {
                let own = numbered.get(number).into_iter().flatten().copied();
                let prefix = format!("{}_", number.to_lowercase());
                let others = quoted(tests).filter(|name| !name.starts_with(&prefix) && functions.contains(*name));
                let all: Vec<String> = own.chain(others).map(|name| format!("`{name}`")).collect();
                made += &format!("| {number} | {what} | {promised} | {place} | {} |", all.join("<br>"));
            }
        }
        made.push('\n');
    }
    made
}

#[test]
fn the_page_names_every_test_that_there_is_and_no_other() {
    let (page, functions) = (page(), functions());
    let made = made(&page, &functions);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join("docs/systems.md"), &made).expect("the page can be written");
    } else {
        assert!(page == made, "stale: UPDATE_DOCS=1 cargo test -p hotcell-flow --test systems");
    }
}

#[test]
fn every_system_has_its_row_and_a_test_or_is_listed_as_open() {
    let (page, functions) = (page(), functions());
    let (numbered, open) = (numbered(&functions), open(&page));
    let rows: Vec<&str> = page.lines().filter_map(row::<5>).map(|[number, ..]| number).collect();
    assert_eq!(rows, numbers().collect::<Vec<_>>());
    for number in numbers() {
        assert!(
            numbered.contains_key(&number) || open.contains(number.as_str()),
            "{number} has no test and is not open"
        );
    }
    assert!(open.iter().all(|number| rows.contains(number)), "{open:?}");
}

#[test]
fn every_place_that_the_page_names_exists() {
    for [number, _, _, place, _] in page().lines().filter_map(row) {
        assert!(place.contains('`'), "{number} lives nowhere");
        for path in quoted(place) {
            let (room, modules) = path.split_once("::").unwrap_or_else(|| panic!("{path} is no place"));
            let folder = root().join("host").join(room).join("src").join(modules.replace("::", "/"));
            assert!(folder.is_dir() || folder.with_extension("rs").is_file(), "{number}: there is no `{path}`");
        }
    }
}

#[test]
fn every_figure_that_the_page_names_is_measured() {
    let mut files = Vec::new();
    sources(&root().join("benches"), &mut files);
    let benches: String = files.iter().map(|file| read(file)).collect();
    for [number, _, promised, _, _] in page().lines().filter_map(row) {
        for figure in quoted(promised).filter(|name| name.starts_with("flow.") || name.starts_with("metric.")) {
            assert!(benches.contains(&format!("\"{figure}\"")), "{number}: `{figure}` is not measured");
        }
    }
}

/// The original's own tests.
#[test]
fn the_seven_tests_of_the_original_are_there() {
    let functions = functions();
    for name in [
        "test_async_retry",
        "test_async_timeout",
        "test_async_batcher",
        "test_rate_limiter",
        "test_pipeline",
        "test_concurrent_execution",
        "test_backpressure_queue",
    ] {
        assert!(functions.contains(name), "{name} is missing");
    }
}
