//! What no grant may reach: that by which hotcell itself decides what may be done.
//!
//! A guest that could write the configuration, a tool, or the list of trusted files would grant itself what it likes; one that
//! could read the cache's key could make native code that is taken for our own. Folders are compared by where they really are
//! and by what they are (device and inode), upwards from both sides, so that neither a link nor a second mount hides one.

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use hotcell_call::{Access, Code, Failure, Folder, GrantSet, shortened};
use hotcell_sandbox::OpenGrants;
use rustix::fs::{AtFlags, Stat};

use crate::config::Config;
use crate::trust::real;

/// Something that is kept from guests.
struct Place {
    path: PathBuf,
    /// The least access that would do harm.
    from: Access,
    /// Whether what lies in it is kept, too, and not it alone.
    within: bool,
    /// Fit for "it holds …".
    what: &'static str,
}

/// Device and inode, in whatever integers the system has them.
type Id = (i128, i128);

/// Folders above a granted one that are looked at.
const MOST_LEVELS: usize = 256;

/// Whether the grants of a tool keep away from what is reserved.
///
/// # Errors
///
/// [`Code::Grant`] with the first folder that does not.
pub(crate) fn check(config: &Config, grants: &OpenGrants) -> Result<(), Failure> {
    let mut granted = grants.opened().peekable();
    if granted.peek().is_none() {
        return Ok(());
    }
    let places = places(config);
    for (folder, handle) in granted {
        let above = above(handle);
        let touches = |place: &&Place| folder.access >= place.from && place.is_touched(above.as_slice());
        if let Some(place) = places.iter().find(touches) {
            return Err(refused(folder, place));
        }
    }
    Ok(())
}

/// The grants, with each folder that lies in one that a tool may write made a part of that one: then no link in it is followed,
/// because a guest could have made it.
pub(crate) fn rooted(config: &Config, mut grants: GrantSet) -> GrantSet {
    let tools = config.tools.values().chain([&config.others]);
    let written = tools.flat_map(|tool| tool.grants.folders.iter().flatten());
    let written = written.filter(|folder| folder.access == Access::Write);
    let written: BTreeSet<Id> = written.filter_map(|folder| id(&folder.host)).collect();
    for folder in &mut grants.folders {
        let mut above: Vec<&Path> = folder.host.ancestors().skip(1).collect();
        above.reverse();
        let root = above.into_iter().find(|path| id(path).is_some_and(|id| written.contains(&id)));
        let parts = root.and_then(|root| Some((real(root)?, folder.host.strip_prefix(root).ok()?.join(&folder.part))));
        if let Some((root, part)) = parts {
            folder.host = root;
            folder.part = part;
        }
    }
    grants
}

fn places(config: &Config) -> Vec<Place> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    // What is not there yet can't be read; but a guest must not be the one who begins it.
    let ours = |path: &PathBuf, what| {
        let from = if is_there(path) { Access::Read } else { Access::Write };
        Place { path: path.clone(), from, within: true, what }
    };
    let written = |path: &PathBuf, within, what| Place { path: path.clone(), from: Access::Write, within, what };
    let mut places = Vec::new();
    places.extend(config.cache.iter().map(|path| ours(path, "the cache of compiled tools, with its key")));
    places.extend(config.state.iter().map(|path| ours(path, "the list of what is trusted")));
    places.extend(config.origin.iter().map(|origin| written(&origin.file, false, "the hotcell.toml in force")));
    let named = config.tools.values().filter_map(|tool| tool.path.as_ref());
    places.extend(named.map(|path| written(path, false, "the component of a tool")));
    // A folder that may come later is no folder of tools yet.
    let folders = config.folders.iter().filter(|path| is_there(path));
    places.extend(folders.map(|path| written(path, true, "a folder of tools")));
    places
}

impl Place {
    /// Whether a folder with these folders above it, itself first, holds this place, is it, or lies in it.
    fn is_touched(&self, above: &[Id]) -> bool {
        let holds = above.first().is_some_and(|folder| self.holders().contains(folder));
        let lies_in = || id(&self.path).is_some_and(|id| above.contains(&id));
        holds || (self.within && lies_in())
    }

    /// The folders that hold it: where it really is, and where its name stands, which may be a link's.
    fn holders(&self) -> BTreeSet<Id> {
        let named = self.path.parent().and_then(real);
        let is = real(&self.path);
        let paths = [is, named];
        paths.iter().flatten().flat_map(|path| path.ancestors()).filter_map(id).collect()
    }
}

fn refused(folder: &Folder, place: &Place) -> Failure {
    let verb = if folder.access == Access::Read { "read" } else { "written" };
    Failure::new(Code::Grant, format!("the folder `{}` can't be granted to be {verb}", shortened(&folder.guest, 200)))
        .why(format!("it holds {}, or lies in it: by that hotcell itself decides", place.what))
        .fix("grant a folder that holds nothing but data, such as one below it")
}

/// The folders above an open one, itself first, however it is reached by path.
fn above(folder: BorrowedFd<'_>) -> Vec<Id> {
    let mut ids: Vec<Id> = rustix::fs::fstat(folder).iter().map(of).collect();
    let mut path = String::from("..");
    while ids.len() < MOST_LEVELS
        && let Ok(stat) = rustix::fs::statat(folder, path.as_str(), AtFlags::empty())
    {
        // Above the root is the root.
        if ids.last() == Some(&of(&stat)) {
            break;
        }
        ids.push(of(&stat));
        path.push_str("/..");
    }
    ids
}

fn id(path: &Path) -> Option<Id> {
    rustix::fs::stat(path).ok().as_ref().map(of)
}

fn of(stat: &Stat) -> Id {
    (i128::from(stat.st_dev), i128::from(stat.st_ino))
}

#[cfg(test)]
mod tests;
