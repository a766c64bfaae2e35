//! What an agent remembers of earlier runs: the last tasks with their answers, in a file of its own.
//!
//! The file lies in hotcell's state folder, for its user alone. Its name is the agent's, with a digest of where the agent's own file
//! lies: two agents of one name know nothing of each other, and one whose file is moved begins anew. What it did for a tenant it
//! remembers for that tenant alone. It is read when a run begins and written when it ends, whole and by a new name, so that a run that
//! breaks off leaves the old one. Lines that can't be read are left out, and said. Runs that end at the same time take turns, each for a
//! short while: what is not its turn by then is not remembered, for nobody waits on a lock that is not given up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
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

/// What was found in the file.
#[derive(Default)]
struct Read {
    turns: Vec<Turn>,
    /// Why that is not all.
    wrong: Option<String>,
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

    /// What was said before, as a conversation.
    pub(super) async fn messages(&self) -> Vec<Message> {
        let memory = self.clone();
        let read = spawn_blocking(move || memory.read()).await;
        let Read { turns, wrong } = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Read { turns: Vec::new(), wrong: Some(error.to_string()) },
            Err(error) => Read { turns: Vec::new(), wrong: Some(error.to_string()) },
        };
        if let Some(why) = wrong {
            tracing::warn!(file = %self.file.display(), "not all of what the agent knew of earlier runs can be read: {why}");
        }
        let said = turns.into_iter().flat_map(|turn| {
            let answer = Message::Assistant { text: turn.answer, uses: Vec::new(), opaque: None };
            [Message::User(turn.task), answer]
        });
        said.collect()
    }

    /// The last turns: of a file that is too large its end, of a damaged one what is whole.
    fn read(&self) -> io::Result<Read> {
        let bytes = match self.bytes() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Read::default()),
            bytes => bytes?,
        };
        let (mut turns, mut seen, mut broken) = (Vec::new(), 0, 0);
        for line in bytes.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if turns.len() >= self.keep {
                break;
            }
            seen += 1;
            match serde_json::from_slice(line) {
                Ok(turn) => turns.push(turn),
                Err(_) => broken += 1,
            }
        }
        turns.reverse();
        let wrong = (broken > 0).then(|| format!("{broken} of {seen} lines"));
        Ok(Read { turns, wrong })
    }

    /// The file's bytes, from the beginning of a line on.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.file)?;
        // The byte before says whether a line begins there.
        let from = file.metadata()?.len().saturating_sub(MOST_FILE);
        file.seek(SeekFrom::Start(from.saturating_sub(1)))?;
        let mut bytes = Vec::new();
        file.take(MOST_FILE + 1).read_to_end(&mut bytes)?;
        if from > 0 {
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
            bytes.drain(..end);
        }
        Ok(bytes)
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
    fn try_add(&self, turn: Turn) -> io::Result<bool> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = self.file.with_extension("lock");
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(lock)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        // What can't be read is not written over.
        let mut turns = self.read()?.turns;
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
        let tasks =
            |memory: &Remembered| memory.read().unwrap().turns.into_iter().map(|turn| turn.task).collect::<Vec<_>>();
        let messages = memory.messages().await.len();
        assert_eq!((tasks(&memory), messages), (vec!["task 3".to_owned(), "task 4".to_owned()], 4));
        assert_eq!(fs::metadata(&memory.file).unwrap().mode() & 0o777, 0o600);
        fs::write(
            &memory.file,
            b"{\"task\":\"a\",\"answer\":\"b\"}\n{\"task\":\"c\",\"answer\":\"\xff\"}\n{\"task\":\"torn",
        )
        .unwrap();
        assert_eq!(tasks(&memory), ["a"]);
        assert_eq!(memory.read().unwrap().wrong.as_deref(), Some("2 of 3 lines"));
        memory.add(&"x".repeat(100_000), "y", MOST_WAIT).await.unwrap();
        assert!(fs::metadata(&memory.file).unwrap().len() < 5_000);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_written_over() {
        let state = tempfile::tempdir().unwrap();
        let memory = memory(state.path(), 3);
        fs::create_dir_all(&memory.file).unwrap();
        assert!(memory.messages().await.is_empty() && memory.read().is_err());
        let failure = memory.add("task", "answer", MOST_WAIT).await.unwrap_err();
        assert!(failure.code() == Code::File && memory.file.is_dir(), "{failure}");
    }

    #[test]
    fn of_a_file_that_is_too_large_the_newest_are_remembered() {
        let state = tempfile::tempdir().unwrap();
        let memory = memory(state.path(), 3);
        fs::create_dir_all(memory.file.parent().unwrap()).unwrap();
        let answer = "x".repeat(1 << 20);
        let line = |number: u32| format!("{{\"task\":\"{number}\",\"answer\":\"{answer}\"}}\n");
        fs::write(&memory.file, (0..20).map(line).collect::<String>()).unwrap();
        let Read { turns, wrong } = memory.read().unwrap();
        let tasks: Vec<&str> = turns.iter().map(|turn| turn.task.as_str()).collect();
        assert_eq!(
            (tasks, wrong),
            (vec!["17", "18", "19"], None),
            "the line in which its end begins is not a broken one"
        );
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
        assert_eq!(memory(state.path(), 100).read().unwrap().turns.len(), 40);
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
        assert_eq!(memory.read().unwrap().turns.len(), 2);
    }
}
