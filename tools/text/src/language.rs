//! `language`: what a file is written in.
//!
//! By its name, then its extension, then its first line. Names tell more than contents, and cost nothing: no file is
//! guessed by statistics, so the same name always gives the same answer unless it says nothing at all.

mod table;

use table::{BY_EXTENSION, BY_INTERPRETER, BY_NAME};

/// What a file is written in.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Language {
    /// The usual name, such as `Rust` or `Markdown`; `unknown` if nothing tells.
    pub language: &'static str,
    /// What sort of text that is.
    pub kind: Kind,
}

/// Sorts of text.
#[hotcell::output]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Programs, and what builds or runs them.
    Code,
    /// Values: configuration, tables, lock files.
    Data,
    /// Text for people.
    Prose,
    /// Text between tags, and how it looks.
    Markup,
    /// All else: pictures, archives, programs in machine code, and files that nothing is known of.
    Other,
}

/// Tells what a file is written in: by its name, its extension, or the first line of its text.
#[hotcell::tool(effect = "pure")]
pub fn language(
    /// The file's name, with or without its folder, e.g. `src/main.rs` or `Makefile`.
    name: String,
    /// Its text (the beginning is enough): asked only if the name says nothing.
    text: Option<String>,
) -> Language {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_lowercase();
    let (language, kind) = by_name(&file)
        .or_else(|| by_extension(&file))
        .or_else(|| by_first_line(text.as_deref().unwrap_or_default()))
        .unwrap_or(("unknown", Kind::Other));
    Language { language, kind }
}

type Known = (&'static str, Kind);

fn by_name(file: &str) -> Option<Known> {
    // `Dockerfile.dev`, `Makefile.am`, `.env.local`: a family by its first part.
    let family = |name: &str| file.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let exact = BY_NAME.iter().find(|(name, ..)| *name == file);
    let (_, language, kind) =
        exact.or_else(|| BY_NAME.iter().find(|(name, ..)| table::FAMILIES.contains(name) && family(name)))?;
    Some((*language, *kind))
}

/// The longest extension that is known wins: `d.ts` before `ts`. A name that is nothing but an extension has none.
fn by_extension(file: &str) -> Option<Known> {
    let stem = file.trim_start_matches('.');
    stem.match_indices('.').find_map(|(dot, _)| {
        let extension = stem.get(dot + 1..)?;
        lookup(BY_EXTENSION, extension)
    })
}

fn by_first_line(text: &str) -> Option<Known> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next()?.trim();
    if let Some(command) = first.strip_prefix("#!") {
        return interpreter(command);
    }
    let lower: String = first.chars().take(64).collect::<String>().to_lowercase();
    match lower {
        l if l.starts_with("<?xml") => Some(("XML", Kind::Markup)),
        l if l.starts_with("<!doctype html") || l.starts_with("<html") => Some(("HTML", Kind::Markup)),
        l if l.starts_with("<?php") => Some(("PHP", Kind::Code)),
        l if l.starts_with("%pdf-") => Some(("PDF", Kind::Other)),
        _ => None,
    }
}

/// `/usr/bin/env -S python3.11 -u` is `python`.
fn interpreter(command: &str) -> Option<Known> {
    let mut words = command.split_whitespace();
    let mut program = words.next()?.rsplit('/').next()?;
    if program == "env" {
        program = words.find(|word| !word.starts_with('-') && !word.contains('='))?.rsplit('/').next()?;
    }
    let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    lookup(BY_INTERPRETER, program)
}

fn lookup(table: &[(&str, &'static str, Kind)], wanted: &str) -> Option<Known> {
    let (_, language, kind) = table.iter().find(|(words, ..)| words.split(' ').any(|word| word == wanted))?;
    Some((*language, *kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, text: &str) -> (&'static str, Kind) {
        let Language { language, kind } = language(name.into(), Some(text.into()));
        (language, kind)
    }

    #[test]
    fn by_name_extension_or_first_line() {
        for (name, text, wanted, kind) in [
            ("src/main.rs", "", "Rust", Kind::Code),
            ("C:\\x\\A.PY", "", "Python", Kind::Code),
            ("types.d.ts", "", "TypeScript", Kind::Code),
            ("a.b.tar.gz", "", "archive", Kind::Other),
            ("Makefile", "", "Makefile", Kind::Code),
            ("Dockerfile.dev", "", "Dockerfile", Kind::Code),
            (".env.production", "", "dotenv", Kind::Data),
            ("Cargo.lock", "", "TOML", Kind::Data),
            ("LICENSE-MIT", "", "plain text", Kind::Prose),
            ("README", "", "plain text", Kind::Prose),
            ("a.md", "#!/bin/sh", "Markdown", Kind::Prose),
            ("run", "#!/usr/bin/env -S FOO=1 python3.11 -u\n", "Python", Kind::Code),
            ("run", "#!/bin/bash -e\r\n", "Shell", Kind::Code),
            ("run", "#! /usr/bin/node", "JavaScript", Kind::Code),
            ("page", "\u{feff}<!DOCTYPE html>\n", "HTML", Kind::Markup),
            ("logo.svg", "", "SVG", Kind::Markup),
            ("a.wit", "", "WIT", Kind::Code),
            ("x.toml", "", "TOML", Kind::Data),
            (".gitignore", "", "ignore list", Kind::Data),
            (".rs", "", "unknown", Kind::Other),
            ("x.", "", "unknown", Kind::Other),
            ("", "", "unknown", Kind::Other),
            ("run", "#!", "unknown", Kind::Other),
            ("run", "#!/usr/bin/env", "unknown", Kind::Other),
            ("notes", "just words", "unknown", Kind::Other),
        ] {
            assert_eq!(told(name, text), (wanted, kind), "{name} {text:?}");
        }
    }

    #[test]
    fn nothing_is_in_a_table_twice() {
        for table in [BY_NAME, BY_EXTENSION, BY_INTERPRETER] {
            let mut words: Vec<_> = table.iter().flat_map(|(words, ..)| words.split(' ')).collect();
            let all = words.len();
            words.sort_unstable();
            for pair in words.windows(2) {
                assert_ne!(pair[0], pair[1]);
            }
            assert!(all > 10 && words.iter().all(|word| *word == word.to_lowercase()));
        }
    }

    #[test]
    fn the_kind_is_a_word() {
        assert_eq!(hotcell::call("language", r#"{"name": "a.rs"}"#).unwrap(), r#"{"language":"Rust","kind":"code"}"#);
    }
}
