//! `hotcell trust`: lets a found hotcell.toml reach beyond its folder, as long as it stays as it is.

use std::path::Path;

use hotcell_call::{Code, Failure};
use hotcell_runtime::config::{Config, FILE_NAME, Place};
use hotcell_runtime::{Trust, reaches};
use serde::Serialize;

use crate::exit::{Exit, Trouble};
use crate::output::{GREEN, Output, YELLOW, one_line};

#[derive(Serialize)]
struct Decision {
    file: String,
    /// What it reaches beyond its folder.
    reaches: Vec<String>,
    trusted: bool,
}

pub(super) fn run(place: &Path, show: bool, output: &Output) -> Result<Exit, Trouble> {
    let config = Config::load(&found(place))?;
    let trust = Trust::of_user();
    let Some(origin) = &config.origin else {
        return Err(Failure::new(Code::Command, "there is no hotcell.toml to trust")
            .why("neither in this folder nor above it")
            .into());
    };
    if !show {
        trust.accept(&config)?;
    }
    let decision = Decision {
        file: one_line(origin.file.display()),
        reaches: reaches(&config).iter().map(ToString::to_string).collect(),
        trusted: trust.check(&config).is_ok(),
    };
    if output.is_json() {
        output.object(&decision)?;
    } else {
        tell(output, &decision);
    }
    Ok(Exit::OK)
}

/// A folder means the file in it or above it, and so does a file that could be found there. Another is one that the environment
/// names. None is named with `--config` here: that would count as the operator's own, and need no trust.
fn found(place: &Path) -> Place {
    if place.is_dir() {
        return Place::Above(place.to_owned());
    }
    if place.file_name().is_none_or(|name| name != FILE_NAME) {
        return Place::Told(place.to_owned());
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    Place::Above(folder.unwrap_or(Path::new(".")).to_owned())
}

fn tell(output: &Output, decision: &Decision) {
    let word = match decision.trusted {
        true => output.styled(GREEN, "trusted"),
        false => output.styled(YELLOW, "not trusted"),
    };
    output.line(format_args!("{}: {word}", decision.file));
    for reach in &decision.reaches {
        output.line(format_args!("  {reach}"));
    }
    if decision.reaches.is_empty() {
        output.line("  it reaches nothing beyond its own folder");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_up_as_it_will_be_found() {
        let temp = tempfile::tempdir().unwrap();
        let above = |path: &str| Place::Above(path.into());
        assert_eq!(found(Path::new("hotcell.toml")), above("."));
        assert_eq!(found(Path::new("a/hotcell.toml")), above("a"));
        assert_eq!(found(temp.path()), Place::Above(temp.path().to_owned()));
        assert_eq!(found(Path::new("a/other.toml")), Place::Told("a/other.toml".into()));
    }
}
