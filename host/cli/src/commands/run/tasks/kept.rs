//! The lines of earlier runs over the same tasks: what is done is not done again.
//!
//! Of each id only a hash is held, keyed anew each time so that nobody can choose ids that meet: 16 bytes a task.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, Write};
use std::path::Path;

use hotcell_call::{Code, Failure, shortened};
use serde::Deserialize;

use super::read::{Found, next};

/// A file of results, which grows.
pub(super) struct Kept {
    file: File,
    name: String,
    done: HashSet<Mark>,
    seen: HashSet<Mark>,
    keys: (RandomState, RandomState),
}

/// What is held of an id.
type Mark = (u64, u64);

/// What is known of a task by its id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It was not done yet, or not well.
    New,
    /// It ended well before.
    Done,
    /// Another task of this file has its id.
    Twice,
}

/// What is asked of a line.
#[derive(Deserialize)]
struct Line {
    id: String,
    outcome: String,
}

/// No line of ours is longer.
const MOST_LINE: usize = 256 << 20;
/// How each line begins.
const BEGINNING: &[u8] = br#"{"index":"#;

impl Kept {
    /// Opens or makes the file, and reads what is done. What was torn off in the middle of a line is cut away.
    ///
    /// # Errors
    ///
    /// [`Code::Command`] for a file that can't be read and written, that another process has, or in which something else stands: nothing
    /// of such a one is changed.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let name = shortened(&path.display().to_string(), 200);
        let broken = |error: io::Error| unusable(&name, error.to_string());
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(unusable(&name, "another process is writing it")),
            // A file system without locks is no reason not to write there.
            Err(TryLockError::Error(_)) => {}
        }
        let keys = (RandomState::new(), RandomState::new());
        let mut kept = Self { file, name, done: HashSet::new(), seen: HashSet::new(), keys };
        let whole = kept.read()?;
        let length = kept.file.metadata().map_err(|error| kept.broken(&error))?.len();
        if whole < length {
            kept.file.set_len(whole).map_err(|error| kept.broken(&error))?;
        }
        Ok(kept)
    }

    /// Reads what is done, and gives where the last whole line ends.
    fn read(&mut self) -> Result<u64, Failure> {
        let file = self.file.try_clone().map_err(|error| self.broken(&error))?;
        let mut reader = BufReader::new(file);
        let (mut number, mut end) = (0_u64, 0_u64);
        loop {
            number += 1;
            let strange = || unusable(&self.name, format!("line {number} is no result of tasks"));
            match next(&mut reader, MOST_LINE).map_err(|error| self.broken(&error))? {
                Found::End => return Ok(end),
                Found::Line { text, whole: true } => {
                    let line: Line = serde_json::from_slice(&text).map_err(|_| strange())?;
                    if line.outcome == "ok" {
                        let mark = self.mark(&line.id);
                        self.done.insert(mark);
                    }
                    end = end.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX)).saturating_add(1);
                }
                Found::Line { text, whole: false } => {
                    let is_ours = text.iter().zip(BEGINNING).all(|(is, should)| is == should);
                    return if is_ours { Ok(end) } else { Err(strange()) };
                }
                Found::Long => return Err(strange()),
            }
        }
    }

    /// What is known of the next task of the file.
    pub(super) fn know(&mut self, id: &str) -> Known {
        let mark = self.mark(id);
        match (self.seen.insert(mark), self.done.contains(&mark)) {
            (false, _) => Known::Twice,
            (true, true) => Known::Done,
            (true, false) => Known::New,
        }
    }

    /// Appends a line, in one piece.
    ///
    /// # Errors
    ///
    /// [`Code::Command`] if it can't be written.
    pub(super) fn keep(&mut self, line: &str) -> Result<(), Failure> {
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes()).map_err(|error| self.broken(&error))
    }

    fn mark(&self, id: &str) -> Mark {
        (self.keys.0.hash_one(id), self.keys.1.hash_one(id))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        unusable(&self.name, error.to_string())
    }
}

fn unusable(name: &str, why: impl AsRef<str>) -> Failure {
    Failure::new(Code::Command, format!("results can't be kept in {name}")).why(why)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TWO: &str =
        "{\"index\":1,\"id\":\"a\",\"outcome\":\"ok\"}\n{\"index\":2,\"id\":\"b\",\"outcome\":\"failed\"}\n";

    #[test]
    fn what_is_done_is_known_and_what_is_torn_is_cut() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("results.jsonl");
        for torn in ["", "{", "{\"index\":3,\"id\":\"c\",\"outcome\":\"ok\"}"] {
            fs::write(&path, format!("{TWO}{torn}")).unwrap();
            let mut kept = Kept::open(&path).unwrap();
            let known = ["a", "b", "c", "a", "b"].map(|id| kept.know(id));
            assert_eq!(known, [Known::Done, Known::New, Known::New, Known::Twice, Known::Twice], "{torn}");
            kept.keep("{\"index\":3,\"id\":\"c\",\"outcome\":\"ok\"}").unwrap();
            drop(kept);
            assert_eq!(
                fs::read_to_string(&path).unwrap(),
                format!("{TWO}{{\"index\":3,\"id\":\"c\",\"outcome\":\"ok\"}}\n")
            );
            assert_eq!(Kept::open(&path).unwrap().know("c"), Known::Done);
        }
    }

    // Such as the tasks themselves: whoever mistakes one file for the other loses nothing.
    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("tasks.jsonl");
        for text in ["\"a\"\n\"b\"\n", "\"a\"", "{\"id\":\"a\",\"input\":\"x\"}\n", "{\"id\":\"a\"", "text\n"] {
            fs::write(&path, text).unwrap();
            assert!(Kept::open(&path).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn two_do_not_write_the_same_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("results.jsonl");
        let first = Kept::open(&path).unwrap();
        assert!(Kept::open(&path).is_err_and(|failure| failure.reason().contains("another process")));
        drop(first);
        assert!(Kept::open(&path).is_ok());
    }
}
