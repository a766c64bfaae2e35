//! `tool.toml`: what the author of a tool says of it.
//!
//! It may stand beside its component, as `X.toml` by `X.wasm`, or in a folder of its own and name the component. All of it is
//! optional, and none of it gives a tool anything: wants and limits only narrow what the operator gives.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hotcell_agent::document::{self, Item, Section, Source};
use hotcell_agent::{Diagnostic, failure};
use hotcell_call::{Effect, Failure, LimitKeys, ToolName, Wants, printable};

use crate::config::results;

/// What the author says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolFile {
    /// Its name, where it is not the file's.
    pub name: Option<ToolName>,
    /// What it is for, for components that don't say it themselves.
    pub description: Option<String>,
    /// Its version, in whatever form.
    pub version: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// What its calls do to the world, for components that don't say it themselves.
    pub effect: Option<Effect>,
    /// The component, relative to the file and within its folder.
    pub wasm: Option<PathBuf>,
    /// The most that it needs of what the operator grants: what is not named is not wanted.
    pub wants: Wants,
    /// Limits under which it is content to run.
    pub limits: LimitKeys,
    /// How long answers may be kept that depend on the input alone.
    pub cache_ttl: Option<Duration>,
}

/// The most bytes of a description, as of one that a component gives itself.
const MOST_DESCRIPTION: usize = 1_024;
/// The most bytes of a version or a licence.
const MOST_WORD: usize = 128;

const EFFECTS: &[(&str, Effect)] =
    &[("pure", Effect::Pure), ("read", Effect::Read), ("idempotent", Effect::Idempotent), ("write", Effect::Write)];

impl ToolFile {
    /// Reads a file that was found beside a component, and so may be no link.
    ///
    /// # Errors
    ///
    /// One failure for all that is wrong in it; [`check`](Self::check) has each.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let source = Source::found(path).map_err(|diagnostic| failure(&[*diagnostic]))?;
        Self::of(&source).map_err(|diagnostics| failure(&diagnostics))
    }

    /// Reads a text that is known as `name`.
    ///
    /// # Errors
    ///
    /// One failure for all that is wrong in it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        Self::of(&Source::new(name, text)).map_err(|diagnostics| failure(&diagnostics))
    }

    /// Reads a file that somebody named.
    ///
    /// # Errors
    ///
    /// All that is wrong in it, or why it can't be read; never an empty list.
    pub fn check(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let source = Source::read(path).map_err(|diagnostic| vec![*diagnostic])?;
        Self::of(&source)
    }

    fn of(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        document::read(source, |root| Some(Self::sections(root)))
    }

    fn sections(root: &Section<'_>) -> Self {
        let head = root.section("tool");
        let get = |key| head.as_ref()?.get(key);
        Self {
            name: get("name").and_then(|item| item.parsed()).map(|name| name.value),
            description: get("description").and_then(|item| text(&item, MOST_DESCRIPTION)),
            version: get("version").and_then(|item| text(&item, MOST_WORD)),
            license: get("license").and_then(|item| text(&item, MOST_WORD)),
            effect: get("effect").and_then(|item| item.word(EFFECTS)),
            wasm: get("wasm").and_then(|item| inside(&item)),
            wants: document::wants(root).wants(),
            limits: document::limits(root).keys,
            cache_ttl: results::ttl(root),
        }
    }
}

/// A text of so many bytes at most, fit to be shown.
fn text(item: &Item<'_>, most: usize) -> Option<String> {
    let text = item.string()?.value;
    if text.len() > most {
        let message = format!("`{}` has {} bytes", item.name(), text.len());
        item.report(item.wrong(message, "").hint(format!("at most {most}")));
        return None;
    }
    Some(printable(text))
}

/// A path that stays in the folder of the file: whoever drops a folder among the tools can't make the host open a file elsewhere.
fn inside(item: &Item<'_>) -> Option<PathBuf> {
    let path = Path::new(item.string()?.value);
    let fits = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.file_name().is_none() || !path.components().all(fits) {
        let message = "the component must lie in the folder of this file, or below";
        item.report(item.wrong(message, "").hint("wasm = \"weather.wasm\""));
        return None;
    }
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
[tool]
name = "weather"
description = "Current weather for a city."
version = "1.2.0"
license = "MIT"
effect = "read"
wasm = "target/weather.wasm"

[limits]
fuel = "50M"
timeout = "2s"

[fs]
read = ["data"]

[env]
allow = ["TZ"]

[clock]
mode = "real"
"#;

    #[test]
    fn every_key_lands() {
        let file = ToolFile::parse("weather.toml", WHOLE).unwrap();
        assert_eq!(file.name.unwrap().as_str(), "weather");
        assert_eq!(file.description.unwrap(), "Current weather for a city.");
        assert_eq!((file.version.unwrap(), file.license.unwrap()), ("1.2.0".to_owned(), "MIT".to_owned()));
        assert_eq!(file.effect, Some(Effect::Read));
        assert_eq!(file.wasm.unwrap(), Path::new("target/weather.wasm"));
        assert_eq!((file.limits.fuel.unwrap().as_u64(), file.limits.timeout.unwrap().as_secs()), (50_000_000, 2));
        let wants =
            Wants { read: vec!["data".to_owned()], env: vec!["TZ".to_owned()], real_clock: true, ..Wants::default() };
        assert_eq!(file.wants, wants);
    }

    #[test]
    fn an_empty_file_wants_nothing() {
        assert_eq!(ToolFile::parse("x.toml", "").unwrap(), ToolFile::default());
    }

    #[test]
    fn all_that_is_wrong_is_shown_at_once() {
        let text = r#"
[tool]
name = "Weather"
descripton = "Current weather."
effect = "reads"
wasm = "../weather.wasm"

[limits]
timeout_ms = 200

[net]
allow = ["GET https://api.example.com/*"]

[fs]
read = ["/etc"]
"#;
        let diagnostics = ToolFile::of(&Source::new("weather.toml", text)).unwrap_err();
        let shown: Vec<String> = diagnostics.iter().map(Diagnostic::render).collect();
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn a_component_lies_where_its_file_lies() {
        for (wasm, fits) in [
            ("x.wasm", true),
            ("./target/x.wasm", true),
            ("/x.wasm", false),
            ("a/../../x.wasm", false),
            ("", false),
            (".", false),
        ] {
            let text = format!("[tool]\nwasm = \"{wasm}\"");
            assert_eq!(ToolFile::parse("tool.toml", &text).is_ok(), fits, "{wasm}");
        }
    }

    #[test]
    fn texts_are_bounded_and_drive_no_terminal() {
        let file = ToolFile::parse("x.toml", "[tool]\nversion = \"1\\u001b[2J\"").unwrap();
        assert_eq!(file.version.unwrap(), "1\\u{1b}[2J");
        let long = format!("[tool]\ndescription = \"{}\"", "x".repeat(1_025));
        let refused = ToolFile::parse("x.toml", &long).unwrap_err();
        assert!(refused.reason().contains("1025 bytes"), "{refused}");
    }
}
