//! The configuration in force, and who set what.

use std::path::PathBuf;

use hotcell_agent::Diagnostic;
use hotcell_runtime::config::{Config, From, Place};
use hotcell_runtime::{Trust, reaches};
use serde::Serialize;

use super::finding::{Finding, Weight};
use crate::operator::here;
use crate::output::one_line;

#[derive(Debug, Serialize)]
pub(super) struct Settings {
    /// The file; none: there is none, or it can't be read.
    pub(super) file: Option<PathBuf>,
    pub(super) trust: Standing,
    pub(super) values: Vec<Value>,
    /// Variables of ours that are set, by their names: flags take their values from them, and some are folders.
    pub(super) environment: Vec<String>,
    /// All that is wrong in the file, as `hotcell check` would show it.
    #[serde(skip)]
    pub(super) wrong: Vec<Diagnostic>,
}

/// How it stands with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// There is none.
    None,
    /// It was named on the command line, so it need not be trusted.
    Named,
    /// It reaches nothing beyond its own folder, so it need not be trusted.
    Harmless,
    /// It does, and its user trusts it.
    Trusted,
    /// It does, and nobody does: it is not in force, and no call is made.
    Untrusted,
    /// Something is wrong in it: it is not in force, and no call is made.
    Broken,
}

#[derive(Debug, Serialize)]
pub(super) struct Value {
    pub(super) key: String,
    pub(super) value: String,
    /// `default`, a file with its line, or a variable.
    pub(super) from: String,
}

impl Settings {
    /// Reads what is at `place`. The configuration that comes with it is that in force: the defaults, if the file can't be.
    pub(super) fn look(place: &Place, findings: &mut Vec<Finding>) -> (Config, Self) {
        let (config, trust, wrong) = match Config::load(place) {
            Err(wrong) => {
                findings.push(broken(&wrong));
                (defaults(), Standing::Broken, wrong)
            }
            Ok(config) => match Trust::of_user().check(&config) {
                Err(failure) => {
                    findings.push(Finding::problem(&failure));
                    (config, Standing::Untrusted, Vec::new())
                }
                Ok(()) => {
                    let standing = standing(&config);
                    (config, standing, Vec::new())
                }
            },
        };
        let file = config.origin.as_ref().map(|origin| origin.file.clone());
        // What is not in force is not shown as if it were.
        let config = if trust == Standing::Untrusted { defaults() } else { config };
        let shown = config.origin.as_ref().map_or_else(String::new, |origin| {
            origin.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
        });
        let values = config.effective().into_iter().map(|setting| Value {
            key: one_line(setting.key),
            value: one_line(setting.value),
            from: match setting.from {
                From::Default => "default".to_owned(),
                From::Line(line) => format!("{}:{line}", one_line(&shown)),
                From::Variable(name) => name.to_owned(),
            },
        });
        let values = values.collect();
        (config, Self { file, trust, values, environment: variables(), wrong })
    }
}

fn standing(config: &Config) -> Standing {
    match &config.origin {
        None => Standing::None,
        Some(origin) if origin.named => Standing::Named,
        Some(_) if reaches(config).is_empty() => Standing::Harmless,
        Some(_) => Standing::Trusted,
    }
}

fn defaults() -> Config {
    Config::defaults(&here().unwrap_or_default())
}

fn broken(wrong: &[Diagnostic]) -> Finding {
    let failure = hotcell_agent::failure(wrong);
    Finding { weight: Weight::Problem, ..Finding::problem(&failure) }
}

/// The names of variables that begin with ours.
fn variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut ours: Vec<String> = names.filter(|name| name.starts_with("HOTCELL_")).map(one_line).collect();
    ours.sort();
    ours
}
