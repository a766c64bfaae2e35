//! The folders of the user who runs the host.
//!
//! As the XDG base directories say: a variable that is unset, empty or relative counts for nothing. Our own variables come first,
//! and may be relative, because who sets them means them.

use std::path::{Path, PathBuf};

/// Reads a variable of the environment; tests bring their own.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

const OUR_CACHE: &str = "HOTCELL_CACHE_DIR";
const BASE_CACHE: &str = "XDG_CACHE_HOME";

/// The process's own environment.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where compiled components are kept.
pub(super) fn cache_folder(lookup: Lookup<'_>) -> Option<PathBuf> {
    folder(lookup, OUR_CACHE, BASE_CACHE, ".cache")
}

/// The variable that says so; none: the home alone does.
pub(super) fn cache_variable(lookup: Lookup<'_>) -> Option<&'static str> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match (set(OUR_CACHE), set(BASE_CACHE)) {
        (Some(_), _) => Some(OUR_CACHE),
        (None, Some(base)) if base.is_absolute() => Some(BASE_CACHE),
        (None, _) => None,
    }
}

/// Where hotcell remembers what the user decided: `$HOTCELL_STATE_DIR`, else `hotcell` in `$XDG_STATE_HOME` or `~/.local/state`;
/// none where there is no home.
#[must_use]
pub fn state_folder() -> Option<PathBuf> {
    folder(&environment, "HOTCELL_STATE_DIR", "XDG_STATE_HOME", ".local/state")
}

fn folder(lookup: Lookup<'_>, ours: &str, base: &str, home: &str) -> Option<PathBuf> {
    let set = |name| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(ours) {
        return std::path::absolute(folder).ok();
    }
    let absolute = |path: &PathBuf| path.is_absolute();
    let base = set(base).filter(absolute);
    let base = base.or_else(|| Some(set("HOME").filter(absolute)?.join(home)))?;
    Some(Path::join(&base, "hotcell"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_variable_wins_and_relative_ones_of_the_system_count_for_nothing() {
        for (set, expected) in [
            (&[("HOTCELL_CACHE_DIR", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")][..], Some("/c")),
            (&[("HOTCELL_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")], Some("/x/hotcell")),
            (&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")], Some("/h/.cache/hotcell")),
            (&[("HOME", "h")], None),
            (&[], None),
        ] {
            let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(cache_folder(&lookup).as_deref(), expected.map(Path::new), "{set:?}");
        }
    }
}
