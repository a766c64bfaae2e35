//! Files that change are tasks.
//!
//! What the system tells of a folder is only a hint to look: what counts is how each file stands beside how it stood when it was last
//! looked at. So nothing is missed when hints are, and a burst of changes of one file is one task, once the file is left alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use hotcell_agent::Watch;
use hotcell_call::{Code, Failure, shortened};
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{Sender, channel};

use super::reactive::Incoming;

/// Files that are looked at; more are not.
const MOST_FILES: usize = 10_000;
/// Folders within each other.
const MOST_DEEP: usize = 16;
/// How often it is looked without a hint.
const PERIOD: Duration = Duration::from_secs(1);

/// How a file stands.
type Stamp = (SystemTime, u64);

/// The files of a folder, by their paths in it.
type Files = BTreeMap<PathBuf, Stamp>;

/// Sends a task for each file that changes, until there were as many as there may be, or nobody takes them.
///
/// # Errors
///
/// [`Code::File`] when the folder can't be watched.
///
/// `ready` is told when it stands how the files were: from then on changes are tasks.
pub(super) async fn watch(
    folder: &Path,
    watch: &Watch,
    tasks: Sender<Incoming>,
    ready: impl FnOnce(),
) -> Result<(), Failure> {
    let (hint, mut hints) = channel(1);
    let told = move |_: notify::Result<notify::Event>| {
        // One that waits already is enough.
        let _ = hint.try_send(());
    };
    let broken = |error: notify::Error| {
        let folder = shortened(&folder.display().to_string(), 200);
        Failure::new(Code::File, format!("{folder} can't be watched")).why(error.to_string())
    };
    let mut watcher = notify::recommended_watcher(told).map_err(broken)?;
    watcher.watch(folder, RecursiveMode::Recursive).map_err(broken)?;
    let mut seen = look(folder, &watch.ending).await;
    ready();
    let mut changing: BTreeMap<PathBuf, (Stamp, Instant)> = BTreeMap::new();
    let mut number = 0;
    loop {
        let pause = if changing.is_empty() { PERIOD } else { (watch.settle / 4).max(Duration::from_millis(10)) };
        // A hint that is not taken now waits; the pause begins anew.
        let _ = tokio::time::timeout(pause, hints.recv()).await;
        let (files, now) = (look(folder, &watch.ending).await, Instant::now());
        for (path, stamp) in &files {
            if seen.get(path) != Some(stamp) {
                let since = changing.entry(path.clone()).or_insert((*stamp, now));
                if since.0 != *stamp {
                    *since = (*stamp, now);
                }
            }
        }
        changing.retain(|path, (stamp, _)| files.get(path) == Some(stamp));
        seen.retain(|path, _| files.contains_key(path));
        let settled: Vec<PathBuf> = changing
            .iter()
            .filter(|(_, (_, since))| now.duration_since(*since) >= watch.settle)
            .map(|(path, _)| path.clone())
            .collect();
        for path in settled {
            if let Some((stamp, _)) = changing.remove(&path) {
                seen.insert(path.clone(), stamp);
            }
            let Some(text) = task(&watch.task, &folder.join(&path)) else { continue };
            number += 1;
            let sent = tasks.send(Incoming { number, text }).await;
            if sent.is_err() || watch.tasks.is_some_and(|most| number >= u64::from(most)) {
                return Ok(());
            }
        }
    }
}

/// The task that a change is. A path is put into it as it stands within a JSON string; none for one that can't be text, or that would
/// be read as a reference.
fn task(template: &str, path: &Path) -> Option<String> {
    let path = path.to_str()?;
    if path.contains("{{") || path.chars().any(char::is_control) {
        tracing::warn!(path = shortened(path, 200), "a file with such a name is no task");
        return None;
    }
    let quoted = serde_json::to_string(path).ok()?;
    Some(template.replace("{{path}}", quoted.trim_matches('"')))
}

async fn look(folder: &Path, ending: &str) -> Files {
    let (folder, ending) = (folder.to_owned(), ending.to_owned());
    let looked = tokio::task::spawn_blocking(move || {
        let mut files = Files::new();
        gather(&folder, Path::new(""), &ending, 0, &mut files);
        files
    });
    looked.await.unwrap_or_default()
}

fn gather(root: &Path, within: &Path, ending: &str, depth: usize, files: &mut Files) {
    let Ok(entries) = std::fs::read_dir(root.join(within)) else { return };
    for entry in entries.flatten() {
        if files.len() >= MOST_FILES {
            return;
        }
        let (path, Ok(kind)) = (within.join(entry.file_name()), entry.file_type()) else { continue };
        if kind.is_dir() && depth < MOST_DEEP {
            gather(root, &path, ending, depth + 1, files);
        } else if kind.is_file()
            && path.to_string_lossy().ends_with(ending)
            && let Ok(metadata) = entry.metadata()
            && let Ok(modified) = metadata.modified()
        {
            files.insert(path, (modified, metadata.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_text_within_a_task_and_nothing_else() {
        let template = "use text.stats with {\"path\": \"{{path}}\"}";
        let made = |path: &str| task(template, Path::new(path));
        assert_eq!(made("a/b.md").unwrap(), "use text.stats with {\"path\": \"a/b.md\"}");
        assert_eq!(made("a\"}b.md").unwrap(), "use text.stats with {\"path\": \"a\\\"}b.md\"}");
        assert_eq!((made("a\nuse b.c"), made("{{1}}.md")), (None, None));
    }
}
