//! Keeps out of a component where it was built.
//!
//! A panic says where it happened, so the paths of all sources end up in the component: whoever gets it would read the name of
//! its author, and how their disk is laid out. The compiler is told other names for those folders.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hotcell_call::{Code, Failure};
use serde::Deserialize;

use super::{TARGET, cargo, started};

/// What the compiler is to be told, as an option of Cargo's.
///
/// Cargo takes flags from one place alone, and prefers the environment to files. So those of the environment are put to the others:
/// else they would push out what the tool's own `.cargo/config.toml` says, and so would ours.
///
/// # Errors
///
/// [`Code::Command`] if Cargo can't be started, or does not understand the folder.
pub(super) fn options(folder: &Path, quiet: bool) -> Result<[String; 2], Failure> {
    let mut flags = given(env::var("CARGO_ENCODED_RUSTFLAGS").ok(), env::var("RUSTFLAGS").ok());
    let user = [(env::var_os("HOME"), "~"), (env::var_os("CARGO_HOME"), "/cargo")];
    let user = user.into_iter().filter_map(|(folder, name)| Some((PathBuf::from(folder?), name.to_owned())));
    // Of several that fit the compiler takes the last.
    flags.extend(user.chain(sources(folder, quiet)?).filter_map(|(folder, name)| remapped(&folder, &name)));
    let flags = toml::Value::Array(flags.into_iter().map(toml::Value::String).collect());
    Ok(["--config".to_owned(), format!("target.{TARGET}.rustflags={flags}")])
}

/// The variables of Cargo that would push out all other flags.
pub(super) const PUSHING: [&str; 2] = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"];

/// Flags of the environment; the first variable wins, as with Cargo.
fn given(encoded: Option<String>, plain: Option<String>) -> Vec<String> {
    let flags: Vec<String> = match (encoded, plain) {
        (Some(flags), _) => flags.split('\u{1f}').map(str::to_owned).collect(),
        (None, Some(flags)) => flags.split(' ').map(|flag| flag.trim().to_owned()).collect(),
        (None, None) => Vec::new(),
    };
    flags.into_iter().filter(|flag| !flag.is_empty()).collect()
}

/// A flag that gives a folder another name; none for one that is the beginning of every path, or of none.
fn remapped(folder: &Path, name: &str) -> Option<String> {
    let path = folder.to_str().filter(|_| folder.is_absolute() && folder.parent().is_some())?;
    Some(format!("--remap-path-prefix={}={name}", path.trim_end_matches('/')))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    source: Option<String>,
    manifest_path: PathBuf,
}

/// The folders of all packages that lie on this disk by their author's will: the tool, and what it names by path.
fn sources(folder: &Path, quiet: bool) -> Result<Vec<(PathBuf, String)>, Failure> {
    let mut command = cargo(folder, quiet);
    command.args(["metadata", "--format-version", "1", "--filter-platform", TARGET]);
    let ran = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| started(&error))?;
    if !ran.status.success() {
        return Err(Failure::new(Code::Command, "the tool does not compile").why("cargo said what is wrong, above"));
    }
    let metadata: Metadata = serde_json::from_slice(&ran.stdout).map_err(|error| {
        Failure::new(Code::Command, "cargo metadata could not be read").why(error.to_string()).caused_by(error)
    })?;
    let local = metadata.packages.into_iter().filter(|package| package.source.is_none());
    Ok(local
        .filter_map(|Package { name, manifest_path, .. }| {
            Some((manifest_path.parent()?.to_owned(), format!("/{name}")))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_environment_are_kept() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(given(None, text("-Ca=b  -C c ")), ["-Ca=b", "-C", "c"]);
        assert_eq!(given(text("-Ca=b c\u{1f}-Cd"), text("-Cx")), ["-Ca=b c", "-Cd"]);
        assert_eq!(given(text(""), text("-Cx")), [""; 0]);
        assert_eq!(given(None, None), [""; 0]);
    }

    #[test]
    fn only_a_folder_that_says_something_gets_another_name() {
        let flag = |folder: &str| remapped(Path::new(folder), "~");
        assert_eq!(flag("/home/ada/").as_deref(), Some("--remap-path-prefix=/home/ada=~"));
        for folder in ["/", "", "relative"] {
            assert_eq!(flag(folder), None, "{folder}");
        }
    }
}
