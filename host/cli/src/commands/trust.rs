//! `hotcell trust`: lets a found hotcell.toml reach beyond its folder, as long as it stays as it is.

use std::path::Path;

use hotcell_call::{Code, Failure, shortened};
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
    let config = Config::load(&found(place)?)?;
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

/// A folder means the file in it or above it. A file is looked up by its folder too: named by itself it would count as the
/// operator's own, and need no trust.
fn found(place: &Path) -> Result<Place, Failure> {
    if place.is_dir() {
        return Ok(Place::Above(place.to_owned()));
    }
    if place.file_name().is_none_or(|name| name != FILE_NAME) {
        let what = format!("{} needs no trust", shortened(&place.display().to_string(), 200));
        return Err(Failure::new(Code::Command, what)
            .why(format!("only a {FILE_NAME} is found by its place; any other file is named with --config")));
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(Place::Above(folder.unwrap_or(Path::new(".")).to_owned()))
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
    fn only_a_file_that_is_found_by_its_place_is_looked_up() {
        let temp = tempfile::tempdir().unwrap();
        let above = |path: &str| Place::Above(path.into());
        assert_eq!(found(Path::new("hotcell.toml")).unwrap(), above("."));
        assert_eq!(found(Path::new("a/hotcell.toml")).unwrap(), above("a"));
        assert_eq!(found(temp.path()).unwrap(), Place::Above(temp.path().to_owned()));
        assert_eq!(found(Path::new("a/other.toml")).unwrap_err().code(), Code::Command);
    }
}
