//! `hotcell check`: everything that is wrong in the files that people write.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotcell_agent::Diagnostic;
use hotcell_agent::document::Source;
use hotcell_call::Failure;
use hotcell_runtime::config::{Config, FILE_NAME, Place};
use hotcell_runtime::{Host, ToolFile};
use serde::Serialize;

use crate::args::Global;
use crate::error;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::{GREEN, Output, one_line};

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum About {
    /// A `hotcell.toml`.
    Config,
    /// A `tool.toml`.
    Tool,
    /// An agent.
    Agent,
}

/// The one object of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    files: &'a [Checked],
}

/// What was found out about one file.
#[derive(Serialize)]
struct Checked {
    file: PathBuf,
    about: About,
    ok: bool,
    diagnostics: Vec<Diagnostic>,
}

pub(super) async fn run(files: Vec<PathBuf>, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    // Only agents are judged by the tools that there are; a broken hotcell.toml must not keep itself from being checked.
    let mut host = None;
    let mut checked = Vec::new();
    for file in files {
        let (about, diagnostics) = check(&file, global, &mut host).await?;
        checked.push(Checked { file, about, ok: diagnostics.is_empty(), diagnostics });
    }
    if output.is_json() {
        output.object(&Report { ok: checked.iter().all(|checked| checked.ok), files: &checked })?;
    } else {
        for (place, one) in checked.iter().enumerate() {
            // What is wrong takes several lines: files stand apart then.
            if place > 0 && !one.ok {
                output.line("");
            }
            show(output, one);
        }
    }
    let diagnostics: Vec<Diagnostic> = checked.into_iter().flat_map(|checked| checked.diagnostics).collect();
    Ok(if diagnostics.is_empty() { Exit::OK } else { Trouble::File(diagnostics).exit() })
}

async fn check(file: &Path, global: &Global, host: &mut Option<Host>) -> Result<(About, Vec<Diagnostic>), Trouble> {
    let source = match Source::read(file) {
        Ok(source) => source,
        Err(diagnostic) => return Ok((about(file, ""), vec![*diagnostic])),
    };
    let about = about(file, source.text());
    let wrong = match about {
        About::Config => Config::load(&Place::File(file.to_owned())).err(),
        About::Tool => ToolFile::check(file).err(),
        About::Agent => {
            let host = match host {
                Some(host) => host,
                None => host.insert(Operator::load(global)?.host()?),
            };
            match host.agent(&source).await {
                Ok(agent) => host.may_begin(&agent).err().map(|failure| vec![told(&source, &failure)]),
                Err(wrong) => Some(wrong),
            }
        }
    };
    Ok((about, wrong.unwrap_or_default()))
}

/// What is wrong with no line of the file, but with what the operator says of its models.
fn told(source: &Arc<Source>, failure: &Failure) -> Diagnostic {
    let wrong = Diagnostic::new(source, format!("{}: {}", failure.what(), failure.reason())).code(failure.code());
    match failure.remedy() {
        Some(fix) => wrong.hint(fix),
        None => wrong,
    }
}

/// What a file is about: by its name, else by the sections that only one kind has, else by what lies beside it.
fn about(file: &Path, text: &str) -> About {
    match file.file_name().and_then(|name| name.to_str()) {
        Some(FILE_NAME) => return About::Config,
        Some("tool.toml") => return About::Tool,
        _ => {}
    }
    let sections = text.lines().filter_map(|line| line.trim_start().strip_prefix('['));
    for section in sections {
        let name: &str = section.trim_start_matches(['[', ' ']);
        match name.split([']', '.', ' ']).next().unwrap_or_default() {
            "agent" | "step" | "input" | "output" | "run" => return About::Agent,
            "tool" => return About::Tool,
            "catalog" | "schedule" | "host" | "compile" | "cache" => return About::Config,
            _ => {}
        }
    }
    if file.with_extension("wasm").exists() { About::Tool } else { About::Agent }
}

fn show(output: &Output, checked: &Checked) {
    if checked.ok {
        let file = one_line(checked.file.display());
        output.line(format_args!("{file}: {}", output.styled(GREEN, "ok")));
    } else {
        output.line(error::drawn(&checked.diagnostics, error::style(output.is_out_colourful())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_by_itself_what_it_is_about() {
        for (file, text, expected) in [
            ("hotcell.toml", "[agent]", About::Config),
            ("a/tool.toml", "", About::Tool),
            ("x.toml", "# [tool]\n[agent]\nname = \"x\"", About::Agent),
            ("x.toml", "[tools]\n[[ step ]]", About::Agent),
            ("x.toml", "[tool]\nname = \"x\"", About::Tool),
            ("x.toml", "[tools.x]\n[schedule]", About::Config),
            ("x.toml", "broken", About::Agent),
        ] {
            assert_eq!(about(Path::new(file), text), expected, "{file}: {text}");
        }
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("x.wasm"), "").unwrap();
        assert_eq!(about(&temp.path().join("x.toml"), "[fs]"), About::Tool);
    }
}
