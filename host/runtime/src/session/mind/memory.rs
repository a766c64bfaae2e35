//! What an agent remembers of earlier runs: the last tasks with their answers, in a file of its own.
//!
//! The file lies in hotcell's state folder, for its user alone. It is read when a run begins and written when it ends, whole and by a
//! new name, so that a run that breaks off leaves the old one. Two runs that end at the same time are both remembered: they take turns.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hotcell_agent::Memory;
use hotcell_agent::model::Message;
use hotcell_call::{AgentName, shortened};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// What is kept of a task and of an answer.
const MOST_TEXT: usize = 4_096;
/// What is read of a file.
const MOST_FILE: u64 = 16 << 20;

/// One task with its answer.
#[derive(Serialize, Deserialize)]
struct Turn {
    task: String,
    answer: String,
}

/// The memory of one agent.
pub(super) struct Remembered {
    file: PathBuf,
    keep: usize,
}

impl Remembered {
    /// The memory of an agent below `state`.
    pub(super) fn of(agent: &AgentName, memory: Memory, state: &Path) -> Self {
        let file = state.join("memory").join(format!("{agent}.jsonl"));
        Self { file, keep: usize::try_from(memory.keep).unwrap_or(usize::MAX) }
    }

    /// What was said before, as a conversation. What can't be read is forgotten: a line at a time.
    pub(super) fn messages(&self) -> Vec<Message> {
        let turns = self.turns().into_iter().flat_map(|turn| {
            let answer = Message::Assistant { text: turn.answer, uses: Vec::new(), opaque: None };
            [Message::User(turn.task), answer]
        });
        turns.collect()
    }

    fn turns(&self) -> Vec<Turn> {
        let mut text = String::new();
        let read = File::open(&self.file).and_then(|file| file.take(MOST_FILE).read_to_string(&mut text));
        if read.is_err() {
            return Vec::new();
        }
        let mut turns: Vec<Turn> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let before = turns.len().saturating_sub(self.keep);
        turns.drain(..before);
        turns
    }

    /// Remembers another turn; the oldest beyond the bound are forgotten.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub(super) fn add(&self, task: &str, answer: &str) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        let mut turns = self.turns();
        turns.push(Turn { task: cut(task), answer: cut(answer) });
        let before = turns.len().saturating_sub(self.keep);
        let new = self.file.with_extension("new");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        for turn in turns.into_iter().skip(before) {
            serde_json::to_writer(&mut file, &turn)?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        fs::rename(&new, &self.file)
    }
}

fn cut(text: &str) -> String {
    if text.len() <= MOST_TEXT { text.to_owned() } else { shortened(text, MOST_TEXT) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn the_last_turns_are_remembered_and_damage_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let agent: AgentName = "scout".parse().unwrap();
        let memory = Remembered::of(&agent, Memory { keep: 2 }, state.path());
        assert!(memory.messages().is_empty());
        for number in 0..5 {
            memory.add(&format!("task {number}"), "an answer\nof two lines").unwrap();
        }
        let tasks = |memory: &Remembered| memory.turns().into_iter().map(|turn| turn.task).collect::<Vec<_>>();
        assert_eq!((tasks(&memory), memory.messages().len()), (vec!["task 3".to_owned(), "task 4".to_owned()], 4));
        assert_eq!(fs::metadata(&memory.file).unwrap().mode() & 0o777, 0o600);
        fs::write(&memory.file, "{\"task\":\"a\",\"answer\":\"b\"}\n{\"task\":\"torn").unwrap();
        assert_eq!(tasks(&memory), ["a"]);
        memory.add(&"x".repeat(100_000), "y").unwrap();
        assert!(fs::metadata(&memory.file).unwrap().len() < 5_000);
    }

    #[test]
    fn runs_that_end_together_are_all_remembered() {
        let state = tempfile::tempdir().unwrap();
        let agent: AgentName = "scout".parse().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let memory = Remembered::of(&agent, Memory { keep: 100 }, state.path());
                scope.spawn(move || (0..5).for_each(|turn| memory.add(&format!("{number}.{turn}"), "done").unwrap()));
            }
        });
        assert_eq!(Remembered::of(&agent, Memory { keep: 100 }, state.path()).turns().len(), 40);
    }
}
