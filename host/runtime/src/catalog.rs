//! Tools by name: what lies in the tools folders, what came with the binary, what was named by path.
//!
//! A file that is dropped into a folder is there at once: the folders are watched, and a name that is not known is looked for
//! once more before it is said to be unknown. A file that is broken disturbs no other. Two tools of one name are both refused,
//! because whichever were called could be the wrong one. Nothing is opened before it is called or looked at, or
//! before a server [warms](crate::Host::warm) all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hotcell_call::{Code, Failure, ToolName, nearest};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

use crate::entry::{Entry, Origin};
use crate::scan;

/// A tool that comes with the binary.
#[derive(Debug, Clone, Copy)]
pub struct Starter {
    /// Its name.
    pub name: &'static str,
    /// The component.
    pub wasm: &'static [u8],
    /// Its `tool.toml`.
    pub toml: Option<&'static str>,
}

/// Something in a tools folder that is no tool.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Where it lies.
    pub origin: Origin,
    /// Why it can't be used.
    pub failure: Failure,
}

/// How old a look at the folders may be when a name is not known, or when nothing tells of changes in them.
const FRESH: Duration = Duration::from_millis(20);

/// The tools that there are.
pub(crate) struct Catalog {
    sources: Arc<Sources>,
    now: RwLock<Arc<Snapshot>>,
    looked: Mutex<Instant>,
    /// One look at a time: who comes meanwhile waits for it, and looks again only if that was not fresh enough.
    looking: tokio::sync::Mutex<()>,
    /// Set by the watcher.
    changed: Arc<AtomicBool>,
    /// Counts what the watcher tells, and looks that found other things than the one before.
    changes: Arc<watch::Sender<u64>>,
    watcher: Mutex<Option<RecommendedWatcher>>,
    /// Whether there is one: else the folders are looked at again and again.
    watched: AtomicBool,
}

/// Where tools come from.
pub(crate) struct Sources {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) starters: Vec<Starter>,
    /// Files that were named one by one; they win over the same name elsewhere.
    pub(crate) named: Vec<(ToolName, PathBuf)>,
}

/// All tools at one moment, swapped whole.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// More than one entry: the name is ambiguous.
    pub(crate) tools: BTreeMap<ToolName, Vec<Arc<Entry>>>,
    pub(crate) broken: Vec<Broken>,
}

impl Snapshot {
    /// Whether there are the same tools in the same state: an entry whose file did not change is taken over.
    fn is_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Vec<Arc<Entry>>, &Vec<Arc<Entry>>)| {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        self.tools.keys().eq(other.tools.keys()) && self.tools.values().zip(other.tools.values()).all(same)
    }
}

impl Catalog {
    pub(crate) fn new(sources: Sources) -> Self {
        let (changed, changes) = (Arc::new(AtomicBool::new(false)), Arc::new(watch::Sender::new(0)));
        let watcher = watch(&sources.folders, &changed, &changes);
        let watched = AtomicBool::new(watcher.is_some());
        let snapshot = scan::scan(&sources, &Snapshot::default());
        Self {
            sources: Arc::new(sources),
            now: RwLock::new(Arc::new(snapshot)),
            looked: Mutex::new(Instant::now()),
            looking: tokio::sync::Mutex::new(()),
            changed,
            changes,
            watcher: Mutex::new(watcher),
            watched,
        }
    }

    /// A number that is another when there may be other tools, or the same ones in another state.
    pub(crate) fn version(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Waits for another number.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the system tells of changes. Else whoever wants to know of them has to look.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Acquire) || self.sources.folders.is_empty()
    }

    /// The one tool of that name.
    ///
    /// # Errors
    ///
    /// [`Code::UnknownTool`] with the nearest name; [`Code::Ambiguous`] naming all that claim it; whatever is wrong with the
    /// file's own settings.
    pub(crate) async fn find(&self, name: &ToolName) -> Result<Arc<Entry>, Failure> {
        let mut snapshot = self.snapshot(None).await;
        if !snapshot.tools.contains_key(name) {
            snapshot = self.snapshot(Some(FRESH)).await;
        }
        match snapshot.tools.get(name).map(Vec::as_slice) {
            Some([entry]) => Ok(Arc::clone(entry)),
            Some(several) => Err(ambiguous(name, several)),
            None => Err(unknown(name, &snapshot)),
        }
    }

    /// What there is now; a look that is older than `most` is done again.
    pub(crate) async fn snapshot(&self, most: Option<Duration>) -> Arc<Snapshot> {
        let old = most.or((!self.is_watched()).then_some(FRESH)).is_some_and(|most| self.looked().elapsed() > most);
        if self.changed.load(Ordering::Acquire) || old {
            Box::pin(self.look_again(most.unwrap_or_default())).await; // rare: not carried by every call
        }
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the folders, unless that was done while this waited for its turn: for what was to be found out, a look that is no
    /// older than `most` before this call does as well.
    async fn look_again(&self, most: Duration) {
        let asked = Instant::now();
        let _turn = self.looking.lock().await;
        if self.looked().checked_add(most).is_some_and(|good| good > asked) {
            return;
        }
        let (sources, before) = (Arc::clone(&self.sources), self.current());
        self.watch_again();
        // Before it begins: what changes while it looks is another change. Who goes away in the middle leaves it to the next.
        let mut owed = Owed { changed: &self.changed, is: self.changed.swap(false, Ordering::AcqRel) };
        let began = Instant::now();
        let look = tokio::task::spawn_blocking(move || scan::scan(&sources, &before));
        match look.await {
            Ok(snapshot) => {
                if !self.is_watched() && !snapshot.is_as(&self.current()) {
                    tell(&self.changes);
                }
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
                *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = began;
                owed.is = false;
            }
            // The old view stays in force; the next look tries again.
            Err(error) => {
                owed.is = true;
                tracing::warn!(%error, "could not look at the tools folders");
            }
        }
    }

    /// Watches the folders, if they were not all there the last time.
    fn watch_again(&self) {
        if !self.watched.load(Ordering::Acquire) && self.sources.folders.iter().all(|folder| folder.is_dir()) {
            let watcher = watch(&self.sources.folders, &self.changed, &self.changes);
            self.watched.store(watcher.is_some(), Ordering::Release);
            *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher;
        }
    }

    /// When the last look began.
    fn looked(&self) -> Instant {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A change that was not looked at yet: if this goes without a look, it is as if it came now.
struct Owed<'c> {
    changed: &'c AtomicBool,
    is: bool,
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if self.is {
            self.changed.store(true, Ordering::Release);
        }
    }
}

/// Watches the folders; none when one of them is not there, or when the system can't.
fn watch(
    folders: &[PathBuf],
    changed: &Arc<AtomicBool>,
    changes: &Arc<watch::Sender<u64>>,
) -> Option<RecommendedWatcher> {
    let (flag, changes) = (Arc::clone(changed), Arc::clone(changes));
    let told = move |event: notify::Result<notify::Event>| {
        // What can't be told apart counts as a change: an overflow, an error.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            flag.store(true, Ordering::Release);
            tell(&changes);
        }
    };
    let mut watcher = notify::recommended_watcher(told)
        .inspect_err(|error| tracing::warn!(%error, "tools folders can't be watched"))
        .ok()?;
    for folder in folders {
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .inspect_err(|error| tracing::debug!(%error, folder = %folder.display(), "not watched"))
            .ok()?;
    }
    Some(watcher)
}

/// Counts a change.
fn tell(changes: &watch::Sender<u64>) {
    changes.send_modify(|count| *count = count.wrapping_add(1));
}

fn ambiguous(name: &ToolName, entries: &[Arc<Entry>]) -> Failure {
    let origins: Vec<String> = entries.iter().map(|entry| entry.origin().to_string()).collect();
    Failure::new(Code::Ambiguous, format!("the name `{name}` is claimed by {} tools", entries.len()))
        .why(origins.join(" and "))
        .fix("rename one of the files, or give it another `[tool] name`")
}

fn unknown(name: &ToolName, snapshot: &Snapshot) -> Failure {
    let names = || snapshot.tools.keys().map(ToolName::as_str);
    let failure = Failure::new(Code::UnknownTool, format!("there is no tool `{name}`"));
    let some: Vec<&str> = names().take(10).collect();
    let failure = match (snapshot.broken.iter().find(|broken| broken.origin.claims(name)), some.is_empty()) {
        (Some(broken), _) => failure.why(format!("its file is broken: {}", broken.failure)),
        (None, true) => failure.why("there are none at all").fix("just build, or drop a .wasm into the tools folder"),
        (None, false) => failure.why(format!("there are {}", some.join(", "))),
    };
    match nearest(name.as_str(), names()) {
        Some(near) => failure.fix(format!("did you mean `{near}`?")),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_not_looked_for_at_every_call_and_is_watched_once_it_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("tools");
        let sources = Sources { folders: vec![folder.clone()], starters: Vec::new(), named: Vec::new() };
        let catalog = Catalog::new(sources);
        let first = catalog.snapshot(None).await;
        let calls = async || {
            let mut looks = 0;
            let mut last = catalog.current();
            for _ in 0..10_000 {
                let now = catalog.snapshot(None).await;
                looks += u64::from(!Arc::ptr_eq(&now, &last));
                last = now;
            }
            looks
        };
        let (began, looks) = (Instant::now(), calls().await);
        let most = began.elapsed().as_millis() / FRESH.as_millis() + 1;
        assert!(u128::from(looks) <= most, "{looks} looks, of {most}");
        std::fs::create_dir(&folder).unwrap();
        catalog.snapshot(Some(Duration::ZERO)).await;
        assert!(catalog.watched.load(Ordering::Acquire) && first.tools.is_empty());
    }
}
