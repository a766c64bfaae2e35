//! Errors of the file system, with the path and a way on.

use std::io;

use hotcell::Error;

/// An error of the system while doing `what` (a verb) to `path`.
///
/// The system's own words are kept: they tell what a hint can only guess.
pub(crate) fn io(what: &str, path: &str, error: &io::Error) -> Error {
    Error::failed(format!("failed to {what} `{path}`: {error}{}", hint(error.kind())))
}

fn hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "; it is not there, or not inside a granted folder: `files.walk` lists what is",
        io::ErrorKind::PermissionDenied => "; the path must be inside a folder that was granted to this tool",
        io::ErrorKind::IsADirectory => "; name a file inside it",
        io::ErrorKind::NotADirectory => "; a part of the path before the last is a file",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_systems_words_and_names_the_path() {
        for (kind, hint) in [
            (io::ErrorKind::NotFound, "files.walk"),
            (io::ErrorKind::PermissionDenied, "granted"),
            (io::ErrorKind::Other, "as the host said"),
        ] {
            let text = io("read", "a/b.txt", &io::Error::new(kind, "as the host said")).to_string();
            assert!(text.contains("failed to read `a/b.txt`: as the host said"), "{text}");
            assert!(text.contains(hint), "{text}");
        }
    }
}
