//! Lists the files below a folder.
//!
//! The order is the order of the paths as bytes, and a folder is entered at the moment its turn comes: so a listing that
//! is cut at `max` files holds the *first* files of the whole listing, and a second walk cuts at the same place.

use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::Path;

use hotcell::Error;

use crate::fault;

/// Folders that hold what tools made, not what people wrote.
const GENERATED: [&str; 3] = [".git", "target", "node_modules"];

const MOST_FILES: u32 = 50_000;
const LONGEST_GLOB: usize = 1_024;
/// Entries looked at, listed or not: bounds the time, and the memory that sorting a folder takes.
const MOST_ENTRIES: usize = 200_000;
/// Bytes of all paths listed: keeps the answer below what a host takes back, whatever the names are like.
const MOST_PATH_BYTES: usize = 2 * 1024 * 1024;
const MOST_UNREADABLE: usize = 100;

/// One file of a listing.
#[hotcell::output]
#[derive(Debug)]
pub struct Entry {
    /// Where it is: the path asked for, joined with the way below it.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// What follows the last dot of its name, in lower case; empty if there is none.
    pub extension: String,
}

/// A folder or file that could not be looked at.
#[hotcell::output]
#[derive(Debug)]
pub struct Unreadable {
    /// Where it is.
    pub path: String,
    /// What the system said.
    pub error: String,
}

/// The files below a folder.
#[hotcell::output]
#[derive(Debug, Default)]
pub struct Listing {
    /// The files, sorted by path.
    pub files: Vec<Entry>,
    /// Entries left out: hidden ones, generated folders, links, devices, and files that did not match `glob`.
    pub skipped: u64,
    /// What could not be looked at, at most 100 of them.
    pub unreadable: Vec<Unreadable>,
    /// Whether there is more than what is listed.
    pub truncated: bool,
}

/// Which entries a walk lists and enters.
pub(crate) struct Rules {
    glob: Option<String>,
    max: usize,
    hidden: bool,
    generated: bool,
}

// === impl Rules ===

impl Rules {
    /// Checks what the caller asked for.
    pub(crate) fn new(glob: Option<String>, max: u32, hidden: bool, all: bool) -> Result<Self, Error> {
        if max == 0 || max > MOST_FILES {
            let message =
                format!("must be between 1 and {MOST_FILES}, got {max}; narrow a longer walk by `path` or `glob`");
            return Err(Error::invalid_input("$.max", message));
        }
        if let Some(glob) = &glob {
            if glob.len() > LONGEST_GLOB {
                let message = format!("is {} bytes long, the most is {LONGEST_GLOB}", glob.len());
                return Err(Error::invalid_input("$.glob", message));
            }
            fast_glob::validate(glob).map_err(|error| Error::invalid_input("$.glob", error.to_string()))?;
        }
        Ok(Self { glob, max: max as usize, hidden: hidden || all, generated: all })
    }

    fn enters(&self, name: &str) -> bool {
        self.generated || !GENERATED.contains(&name)
    }

    fn shows(&self, name: &str) -> bool {
        self.hidden || !name.starts_with('.')
    }

    /// `below` is the path from the folder that the walk began at.
    fn matches(&self, below: &str) -> bool {
        let Some(glob) = &self.glob else { return true };
        let subject = if glob.contains('/') { below } else { name_of(below) };
        fast_glob::glob_match(glob, subject)
    }
}

/// Lists the files below `path` that `rules` lets through. A link is followed here, where it was named, and nowhere below.
pub(crate) fn list(path: &str, rules: Rules) -> Result<Listing, Error> {
    let failed = |error| fault::io("walk", path, &error);
    let meta = fs::metadata(path).map_err(failed)?;
    let mut walk = Walk { rules, base: base_of(path), entries: 0, path_bytes: 0, listing: Listing::default() };
    if meta.is_dir() {
        let first = walk.folder("", path).map_err(failed)?;
        walk.run(first);
    } else if meta.is_file() {
        walk.base = path.strip_suffix(name_of(path)).unwrap_or_default().to_owned();
        walk.file(name_of(path).to_owned(), meta.len());
    } else {
        return Err(Error::failed(format!("failed to walk `{path}`: it is neither a folder nor a file")));
    }
    Ok(walk.listing)
}

/// An entry of a folder that is still to be visited.
struct Pending {
    /// Path from the folder that the walk began at.
    below: String,
    folder: bool,
    entry: DirEntry,
}

struct Walk {
    rules: Rules,
    /// What comes before `below` in every path given back.
    base: String,
    entries: usize,
    path_bytes: usize,
    listing: Listing,
}

// === impl Walk ===

impl Walk {
    /// Visits entries, last first, until none is left or a bound is met.
    fn run(&mut self, mut pending: Vec<Pending>) {
        while let Some(next) = pending.pop() {
            if self.listing.truncated {
                return;
            }
            let path = format!("{}{}", self.base, next.below);
            let visited = if next.folder {
                self.folder(&next.below, &path).map(|inside| pending.extend(inside))
            } else {
                next.entry.metadata().map(|meta| self.file(next.below, meta.len()))
            };
            if let Err(error) = visited {
                self.unreadable(path, &error);
            }
        }
    }

    /// What to visit inside a folder, the first of it last.
    fn folder(&mut self, below: &str, path: &str) -> io::Result<Vec<Pending>> {
        let mut inside = Vec::new();
        for entry in fs::read_dir(path)? {
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                self.listing.truncated = true;
                break;
            }
            let entry = entry?;
            match self.admit(below, entry)? {
                Some(pending) => inside.push(pending),
                None => self.listing.skipped += 1,
            }
        }
        inside.sort_unstable_by(|a, b| b.sort_key().cmp(a.sort_key()));
        Ok(inside)
    }

    /// The entry, if it is one to visit. A name that is not UTF-8 can't be given back in JSON, so it is skipped.
    fn admit(&self, below: &str, entry: DirEntry) -> io::Result<Option<Pending>> {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| self.rules.shows(name)) else {
            return Ok(None);
        };
        let kind: FileType = entry.file_type()?;
        let folder = kind.is_dir();
        let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let visit = if folder { self.rules.enters(name) } else { kind.is_file() && self.rules.matches(&below) };
        Ok(visit.then_some(Pending { below, folder, entry }))
    }

    fn file(&mut self, below: String, bytes: u64) {
        let path = format!("{}{below}", self.base);
        if self.listing.files.len() >= self.rules.max || self.path_bytes + path.len() > MOST_PATH_BYTES {
            self.listing.truncated = true;
            return;
        }
        self.path_bytes += path.len();
        let extension = extension_of(&below);
        self.listing.files.push(Entry { path, bytes, extension });
    }

    fn unreadable(&mut self, path: String, error: &io::Error) {
        if self.listing.unreadable.len() < MOST_UNREADABLE {
            self.listing.unreadable.push(Unreadable { path, error: error.to_string() });
        } else {
            self.listing.skipped += 1;
        }
    }
}

// === impl Pending ===

impl Pending {
    /// A folder sorts as if its name ended in a slash: that is what the paths inside it have there.
    fn sort_key(&self) -> impl Iterator<Item = u8> + '_ + use<'_> {
        self.below.bytes().chain(self.folder.then_some(b'/'))
    }
}

/// What to put before the paths below `path`: nothing for the current folder, else `path` with one slash at its end.
fn base_of(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    match trimmed.strip_prefix("./").unwrap_or(trimmed) {
        "." => String::new(),
        "" if path.starts_with('/') => "/".to_owned(),
        "" => String::new(),
        rest => format!("{rest}/"),
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn extension_of(path: &str) -> String {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.unwrap_or_default().to_ascii_lowercase()
}
