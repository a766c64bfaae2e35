//! What an agent remembers of earlier runs: the last tasks with their answers, in a file of its own.
//!
//! The file lies in hotcell's state folder, for its user alone. Its name is the agent's, with a digest of where the agent's own file
//! lies: two agents of one name know nothing of each other, and one whose file is moved begins anew. What it did for a tenant it
//! remembers for that tenant alone. It is read when a run begins and
//! written when it ends, whole and by a new name, so that a run that breaks off leaves the old one. Runs that end at the same time
//! take turns, each for a short while: what is not its turn by then is not remembered, for nobody waits on a lock that is not given up.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hotcell_agent::model::Message;
use hotcell_agent::{Agent, Memory};
use hotcell_call::{Code, Failure, TenantId, format_duration, shortened};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// What is kept of a task and of an answer.
const MOST_TEXT: usize = 4_096;
/// What is read of a file.
const MOST_FILE: u64 = 16 << 20;
/// How long a run waits for its turn, at most.
pub(super) const MOST_WAIT: Duration = Duration::from_secs(5);
/// The pauses between looks whether it is its turn: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

/// One task with its answer.
#[derive(Clone, Serialize, Deserialize)]
struct Turn {
    task: String,
    answer: String,
}

/// The memory of one agent.
#[derive(Clone)]
pub(super) struct Remembered {
    file: Arc<Path>,
    keep: usize,
}

impl Remembered {
    /// The memory of an agent, of what it did for a tenant, below `state`.
    pub(super) fn of(agent: &Agent, tenant: &TenantId, memory: Memory, state: &Path) -> Self {
        let state = match tenant == &TenantId::default() {
            true => state.join("memory"),
            false => state.join("memory").join(tenant.as_str()),
        };
        let name = match &agent.file {
            Some(file) => {
                let digest: [u8; 32] = Sha256::digest(file.as_os_str().as_bytes()).into();
                let place: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                // No agent's name has a dot.
                format!("{}.{place}.jsonl", agent.name)
            }
            None => format!("{}.jsonl", agent.name),
        };
        Self::at(state.join(name), memory)
    }

    fn at(file: PathBuf, memory: Memory) -> Self {
        Self { file: file.into(), keep: usize::try_from(memory.keep).unwrap_or(usize::MAX) }
    }

    /// What was said before, as a conversation. What can't be read is forgotten: a line at a time.
    pub(super) async fn messages(&self) -> Vec<Message> {
        let memory = self.clone();
        let turns = spawn_blocking(move || memory.turns()).await.unwrap_or_default().into_iter().flat_map(|turn| {
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

    /// Remembers another turn; the oldest beyond the bound are forgotten. It waits so long at most for others to be done.
    ///
    /// # Errors
    ///
    /// [`Code::File`] when the file can't be written, or others did not give it up.
    pub(super) async fn add(&self, task: &str, answer: &str, most: Duration) -> Result<(), Failure> {
        let failed = || Failure::new(Code::File, format!("{} can't be written", self.file.display()));
        let turn = Turn { task: cut(task), answer: cut(answer) };
        let (until, mut pause) = (Instant::now() + most, PAUSES.0);
        loop {
            let (memory, turn) = (self.clone(), turn.clone());
            // Each look is short, so that no thread is held by waiting.
            match spawn_blocking(move || memory.try_add(turn)).await {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) if Instant::now() >= until => {
                    let why = format!("another run has held its lock for {}", format_duration(most));
                    return Err(failed().why(why).reached(format_duration(most), format_duration(most)));
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => return Err(failed().why(error.to_string()).caused_by(error)),
                Err(error) => return Err(failed().why("writing it broke off").caused_by(error)),
            }
            // Those who wait together do not come back together.
            tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>())).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Remembers another turn, if nobody else is at it.
    fn try_add(&self, turn: Turn) -> std::io::Result<bool> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = self.file.with_extension("lock");
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(lock)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let mut turns = self.turns();
        turns.push(turn);
        let before = turns.len().saturating_sub(self.keep);
        let new = self.file.with_extension("new");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        for turn in turns.into_iter().skip(before) {
            serde_json::to_writer(&mut file, &turn)?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        fs::rename(&new, &self.file)?;
        Ok(true)
    }
}

fn cut(text: &str) -> String {
    if text.len() <= MOST_TEXT { text.to_owned() } else { shortened(text, MOST_TEXT) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn memory(state: &Path, keep: u32) -> Remembered {
        Remembered::at(state.join("memory/scout.jsonl"), Memory { keep })
    }

    #[tokio::test]
    async fn the_last_turns_are_remembered_and_damage_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let memory = memory(state.path(), 2);
        assert!(memory.messages().await.is_empty());
        for number in 0..5 {
            memory.add(&format!("task {number}"), "an answer\nof two lines", MOST_WAIT).await.unwrap();
        }
        let tasks = |memory: &Remembered| memory.turns().into_iter().map(|turn| turn.task).collect::<Vec<_>>();
        let messages = memory.messages().await.len();
        assert_eq!((tasks(&memory), messages), (vec!["task 3".to_owned(), "task 4".to_owned()], 4));
        assert_eq!(fs::metadata(&memory.file).unwrap().mode() & 0o777, 0o600);
        fs::write(&memory.file, "{\"task\":\"a\",\"answer\":\"b\"}\n{\"task\":\"torn").unwrap();
        assert_eq!(tasks(&memory), ["a"]);
        memory.add(&"x".repeat(100_000), "y", MOST_WAIT).await.unwrap();
        assert!(fs::metadata(&memory.file).unwrap().len() < 5_000);
    }

    #[tokio::test]
    async fn runs_that_end_together_are_all_remembered() {
        let state = tempfile::tempdir().unwrap();
        let runs = (0..8).map(|number| {
            let memory = memory(state.path(), 100);
            async move {
                for turn in 0..5 {
                    memory.add(&format!("{number}.{turn}"), "done", Duration::from_secs(600)).await.unwrap();
                }
            }
        });
        futures::future::join_all(runs).await;
        assert_eq!(memory(state.path(), 100).turns().len(), 40);
    }

    // The lock was waited for without a bound, on a thread that drives runs.
    #[tokio::test]
    async fn who_does_not_give_the_file_up_holds_no_run_and_no_thread() {
        let state = tempfile::tempdir().unwrap();
        let memory = memory(state.path(), 2);
        memory.add("first", "done", MOST_WAIT).await.unwrap();
        let lock = File::open(memory.file.with_extension("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let (mut others, mut tick) = (0, tokio::time::interval(Duration::from_millis(1)));
        let mut add = std::pin::pin!(memory.add("second", "done", Duration::from_millis(100)));
        let failure = loop {
            tokio::select! {
                ended = &mut add => break ended.unwrap_err(),
                _ = tick.tick() => others += 1,
            }
        };
        assert_eq!(failure.code(), Code::File);
        assert!(failure.reason().contains("held its lock for 100ms") && others > 10, "{failure}, {others}");
        drop(lock);
        memory.add("third", "done", MOST_WAIT).await.unwrap();
        assert_eq!(memory.turns().len(), 2);
    }
}
