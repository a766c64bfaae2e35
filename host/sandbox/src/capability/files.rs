//! `wasi:filesystem`: granted folders, and a root that refuses everything else by name.
//!
//! A guest's library looks up a path among the folders that it was given, and without one it never asks the host at all: then
//! nobody could say what was refused. So every guest gets one more folder, the root, which holds nothing and refuses whatever is
//! asked of it, in the guest's own words.
//!
//! Within a granted folder the engine's stock host resolves paths (it has held against links, `..` and races) and enforces
//! read-only folders. Before it stand our checks: what is refused is noted, only regular files and folders are opened (a FIFO
//! would hold a thread of a pool that all tenants share), what is written is charged to the call's quota, and each open file to
//! the account that all calls share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use hotcell_call::{Access, ByteSize, Capability, Limits, Resource as Limit, Used, shortened};
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
    Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::descriptors::{Held, Share, Slot};
use super::listing::Listing;
use super::quota::{End, Full, Metered, Quota};
use crate::cell::Cell;
use crate::stop::Spent;

type Fd = Resource<Descriptor>;

/// The open files of one call.
pub(crate) struct Files {
    context: WasiFilesystemCtx,
    quota: Quota,
    /// What we know of each descriptor, by its number in the table.
    nodes: HashMap<u32, Node>,
    /// None: no folder is granted.
    share: Option<Share>,
}

/// One descriptor.
#[derive(Debug, Clone)]
struct Node {
    /// In the guest's words, for denials; shared, because a guest opens a thousand of them.
    path: Arc<str>,
    /// The name of the granted folder that it is in.
    granted: Arc<str>,
    /// What may be done; none: it is the root that refuses.
    access: Option<Access>,
    end: End,
    /// None: it is the granted folder itself, which all calls share.
    slot: Option<Slot>,
}

/// The longest path that the system takes.
const MOST_PATH: usize = 4_096;
/// What is kept of a path for denials; folders within folders make longer ones.
const MOST_SHOWN: usize = 1_024;

/// What stands in the table for the root that refuses.
struct Nowhere;

impl Files {
    pub(crate) fn new(limits: &Limits, share: Option<Share>) -> Self {
        Self { context: WasiFilesystemCtx::default(), quota: Quota::new(limits), nodes: HashMap::new(), share }
    }

    /// Begins anew, for the next call in a cell that has no file open.
    pub(crate) fn renew(&mut self, limits: &Limits) {
        self.nodes.clear();
        self.quota.renew(limits);
    }

    /// The most bytes and entries that it can write and make.
    pub(crate) fn most(&self) -> (ByteSize, u32) {
        self.quota.most()
    }

    pub(crate) fn written(&self) -> ByteSize {
        self.quota.written()
    }

    pub(crate) fn quota_reached(&self) -> Option<(Limit, Spent)> {
        self.quota.reached().map(|spent| (Limit::Disk, spent))
    }
}

// === the checks ===

impl Cell {
    /// The stock host.
    fn stock(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.files.context, table: &mut self.table }
    }

    /// What is known of `fd`; a descriptor of no folder of ours is the root that refuses.
    fn node(&self, fd: &Fd) -> Node {
        let unknown = || Node { path: "".into(), granted: "".into(), access: None, end: End::default(), slot: None };
        self.files.nodes.get(&fd.rep()).cloned().unwrap_or_else(unknown)
    }

    fn refuse(&mut self, access: Access, path: &str) -> FsError {
        let capability = if access == Access::Read { Capability::Read } else { Capability::Write };
        self.deny(capability, path);
        ErrorCode::Access.into()
    }

    /// Lets an operation on `path` below `fd` through, or notes what was refused.
    fn admit(&mut self, fd: &Fd, path: &str, access: Access) -> FsResult<Node> {
        if path.len() > MOST_PATH {
            return Err(ErrorCode::NameTooLong.into());
        }
        let node = self.node(fd);
        match node.access {
            Some(granted) if granted >= access => {
                self.used(access);
                // What goes by a name is told when it is known where that leads; the granted folder itself is no name.
                if path.is_empty() && node.slot.is_none() {
                    self.allow(&node, path, access, granted);
                }
                Ok(node)
            }
            Some(_) => Err(self.refuse(access, &joined(&node.path, path))),
            None => Err(self.refuse(access, &as_asked(path))),
        }
    }

    /// Notes that a folder is used, before it is: whatever comes of it.
    fn used(&mut self, access: Access) {
        self.note(if access == Access::Read { Used::Read } else { Used::Write });
    }

    /// Tells what was let through. What goes by a descriptor alone was decided when that was opened.
    fn allow(&mut self, node: &Node, path: &str, access: Access, granted: Access) {
        let capability = if access == Access::Read { Capability::Read } else { Capability::Write };
        let verb = if granted == Access::Read { "read" } else { "write" };
        let rule = || format!("{verb} {}", shortened(&node.granted, 200));
        self.teller.allowed(capability, &joined(&node.path, path), rule);
    }

    /// Notes a refusal of the stock host: a path that leaves its folder, a write where only reading is granted.
    fn settle<T>(&mut self, result: FsResult<T>, node: &Node, path: &str, access: Access) -> FsResult<T> {
        match (result.as_ref().err().and_then(|error| error.downcast_ref()), node.access) {
            (Some(ErrorCode::NotPermitted), _) => return Err(self.refuse(access, &joined(&node.path, path))),
            // Refused by name already: a pipe, a socket, a device.
            (Some(ErrorCode::Access), _) | (_, None) => {}
            (_, Some(granted)) if !path.is_empty() => self.allow(node, path, access, granted),
            (_, Some(_)) => {}
        }
        result
    }

    /// Takes a descriptor from the account of all calls.
    fn take_slot(&mut self) -> FsResult<Slot> {
        let share = self.files.share.as_ref().ok_or(ErrorCode::Access)?;
        share.take().map_err(|spent| {
            self.notes.exhaust(Limit::Handles, spent);
            ErrorCode::InsufficientMemory.into()
        })
    }

    fn charged(charge: Result<(), Full>) -> FsResult<()> {
        charge.map_err(|Full| ErrorCode::Quota.into())
    }

    /// Looks at what is to be opened: its size, or none if it is yet to be made.
    async fn look(&mut self, fd: &Fd, flags: PathFlags, path: &str, oflags: OpenFlags) -> FsResult<Option<u64>> {
        match self.stock().stat_at(again(fd), flags, path.to_owned()).await {
            Ok(stat) if matches!(stat.type_, DescriptorType::RegularFile | DescriptorType::Directory) => {
                Ok(Some(stat.size))
            }
            Ok(stat) if stat.type_ == DescriptorType::SymbolicLink => Err(ErrorCode::Loop.into()),
            Ok(_) => {
                let asked = joined(&self.node(fd).path, path);
                self.deny(Capability::Read, &format!("{asked} (a pipe, socket or device)"));
                Err(ErrorCode::Access.into())
            }
            Err(error)
                if matches!(error.downcast_ref(), Some(ErrorCode::NoEntry)) && oflags.contains(OpenFlags::CREATE) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Replaces a stock output stream by one that charges the quota.
    fn metered(
        &mut self,
        stream: Resource<DynOutputStream>,
        at: Option<u64>,
        node: Node,
    ) -> FsResult<Resource<DynOutputStream>> {
        let inner = self.table.delete(stream)?;
        let metered = Metered::new(inner, self.files.quota.clone(), at, node.end, node.slot);
        let stream: DynOutputStream = Box::new(metered);
        Ok(self.table.push(stream)?)
    }
}

/// The same descriptor once more, for a second operation on it.
fn again(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

/// Whether a guest's library takes this name for the root of all paths.
fn is_root(guest: &str) -> bool {
    guest.split('/').all(|part| matches!(part, "" | "."))
}

/// The path that the guest asked of the root. Its library cuts the slash of an absolute path, so whether there was one is guessed:
/// by what there is on this machine, because a denial should name the folder that can be granted.
fn as_asked(path: &str) -> String {
    let first = path.split('/').next().unwrap_or_default();
    let absolute = format!("/{first}");
    if !first.is_empty() && !Path::new(first).exists() && Path::new(&absolute).exists() {
        return format!("/{path}");
    }
    path.to_owned()
}

/// The path of what is opened in a folder: without detours, and cut where nobody reads on.
fn joined(folder: &str, path: &str) -> Arc<str> {
    let mut whole = folder.trim_end_matches('/').to_owned();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if whole.len() > MOST_SHOWN {
            break;
        }
        if !whole.is_empty() || folder.starts_with('/') {
            whole.push('/');
        }
        whole.push_str(part);
    }
    if whole.len() > MOST_SHOWN {
        whole.truncate(whole.floor_char_boundary(MOST_SHOWN));
        whole.push('…');
    }
    if whole.is_empty() { folder.into() } else { whole.into() }
}

// === the interfaces ===

impl preopens::Host for &mut Cell {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let grants = Arc::clone(&self.grants);
        let mut folders = Vec::new();
        // A folder that was granted as `.` is the root of all paths, so there is nothing beside it to refuse.
        if !grants.folders().iter().any(|folder| is_root(&folder.guest)) {
            let root = self.table.push(Nowhere)?;
            folders.push((Resource::new_own(root.rep()), "/".to_owned()));
        }
        for folder in grants.folders() {
            let fd = self.table.push(Descriptor::Dir(folder.dir.clone()))?;
            let path: Arc<str> = folder.guest.as_str().into();
            let granted = Arc::clone(&path);
            let node = Node { path, granted, access: Some(folder.access), end: End::default(), slot: None };
            self.files.nodes.insert(fd.rep(), node);
            folders.push((fd, folder.guest.clone()));
        }
        Ok(folders)
    }
}

impl types::Host for &mut Cell {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.stock().convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.stock().filesystem_error_code(error)
    }
}

impl HostDescriptor for &mut Cell {
    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        oflags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let writes = flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY)
            || oflags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::EXCLUSIVE);
        let access = if writes { Access::Write } else { Access::Read };
        let node = self.admit(&fd, &path, access)?;
        let looked = self.look(&fd, path_flags, &path, oflags).await;
        let size = self.settle(looked, &node, &path, access)?;
        if size.is_none() {
            let charge = self.files.quota.charge_entry();
            Cell::charged(charge)?;
        }
        let slot = self.take_slot()?;
        let opened = self.stock().open_at(fd, path_flags, path.clone(), oflags, flags).await;
        let opened = self.settle(opened, &node, &path, access)?;
        let kept = if oflags.contains(OpenFlags::TRUNCATE) { 0 } else { size.unwrap_or(0) };
        let path = joined(&node.path, &path);
        let child = Node { path, granted: node.granted, access: node.access, end: End::at(kept), slot: Some(slot) };
        self.files.nodes.insert(opened.rep(), child);
        Ok(opened)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        let rep = fd.rep();
        if self.files.nodes.remove(&rep).is_none() {
            self.table.delete(Resource::<Nowhere>::new_own(rep))?;
            return Ok(());
        }
        HostDescriptor::drop(&mut self.stock(), fd)
    }

    async fn read(&mut self, fd: Fd, len: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.admit(&fd, "", Access::Read)?;
        self.stock().read(fd, len, offset).await
    }

    async fn write(&mut self, fd: Fd, buffer: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        self.admit_data(&buffer).map_err(FsError::trap)?;
        let node = self.admit(&fd, "", Access::Write)?;
        let len = ByteSize::of(buffer.len()).as_u64();
        let charge = self.files.quota.charge_write(Some(offset), len, &node.end);
        Cell::charged(charge)?;
        self.stock().write(fd, buffer, offset).await
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        let node = self.admit(&fd, "", Access::Write)?;
        let charge = self.files.quota.charge_bytes(size.saturating_sub(node.end.get()));
        Cell::charged(charge)?;
        let set = self.stock().set_size(fd, size).await;
        self.settle(set, &node, "", Access::Write)?;
        node.end.set(size);
        Ok(())
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let node = self.admit(&fd, "", Access::Read)?;
        let inner = self.stock().read_via_stream(fd, offset)?;
        let inner = self.table.delete(inner)?;
        let stream: DynInputStream = Box::new(Held::new(inner, node.slot));
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let node = self.admit(&fd, "", Access::Write)?;
        let stream = self.stock().write_via_stream(fd, offset)?;
        self.metered(stream, Some(offset), node)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let node = self.admit(&fd, "", Access::Write)?;
        let stream = self.stock().append_via_stream(fd)?;
        self.metered(stream, None, node)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let node = self.admit(&fd, &path, Access::Write)?;
        let charge = self.files.quota.charge_entry();
        Cell::charged(charge)?;
        let made = self.stock().create_directory_at(fd, path.clone()).await;
        self.settle(made, &node, &path, Access::Write)
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        let node = self.admit(&fd, &path, Access::Write)?;
        let charge = self.files.quota.charge_entry();
        Cell::charged(charge)?;
        let made = self.stock().symlink_at(fd, target, path.clone()).await;
        self.settle(made, &node, &path, Access::Write)
    }

    async fn link_at(&mut self, fd: Fd, flags: PathFlags, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let node = self.admit(&fd, &old, Access::Write)?;
        self.admit(&new_fd, &new, Access::Write)?;
        let charge = self.files.quota.charge_entry();
        Cell::charged(charge)?;
        let made = self.stock().link_at(fd, flags, old, new_fd, new.clone()).await;
        self.settle(made, &node, &new, Access::Write)
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let node = self.admit(&fd, &old, Access::Write)?;
        self.admit(&new_fd, &new, Access::Write)?;
        let renamed = self.stock().rename_at(fd, old, new_fd, new.clone()).await;
        self.settle(renamed, &node, &new, Access::Write)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let node = self.admit(&fd, &path, Access::Write)?;
        let gone = self.stock().unlink_file_at(fd, path.clone()).await;
        self.settle(gone, &node, &path, Access::Write)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let node = self.admit(&fd, &path, Access::Write)?;
        let gone = self.stock().remove_directory_at(fd, path.clone()).await;
        self.settle(gone, &node, &path, Access::Write)
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        let node = self.admit(&fd, &path, Access::Read)?;
        let stat = self.stock().stat_at(fd, flags, path.clone()).await;
        self.settle(stat, &node, &path, Access::Read)
    }

    async fn metadata_hash_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<MetadataHashValue> {
        let node = self.admit(&fd, &path, Access::Read)?;
        let hash = self.stock().metadata_hash_at(fd, flags, path.clone()).await;
        self.settle(hash, &node, &path, Access::Read)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let node = self.admit(&fd, &path, Access::Read)?;
        let link = self.stock().readlink_at(fd, path.clone()).await;
        self.settle(link, &node, &path, Access::Read)
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let node = self.admit(&fd, &path, Access::Write)?;
        let set = self.stock().set_times_at(fd, flags, path.clone(), accessed, modified).await;
        self.settle(set, &node, &path, Access::Write)
    }

    async fn set_times(&mut self, fd: Fd, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()> {
        let node = self.admit(&fd, "", Access::Write)?;
        let set = self.stock().set_times(fd, accessed, modified).await;
        self.settle(set, &node, "", Access::Write)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        self.admit(&fd, "", Access::Read)?;
        let folder = match self.table.get(&fd)? {
            Descriptor::Dir(folder) => Arc::clone(&folder.dir),
            Descriptor::File(_) => return Err(ErrorCode::NotDirectory.into()),
        };
        let slot = self.take_slot()?;
        let listing = self.table.push(Listing::new(folder, slot))?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        self.admit(&fd, "", Access::Read)?;
        self.stock().stat(fd).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        self.admit(&fd, "", Access::Read)?;
        self.stock().metadata_hash(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        match self.node(&fd).access {
            None => Ok(DescriptorFlags::READ),
            Some(_) => self.stock().get_flags(fd).await,
        }
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        match self.node(&fd).access {
            None => Ok(DescriptorType::Directory),
            Some(_) => self.stock().get_type(fd).await,
        }
    }

    async fn is_same_object(&mut self, fd: Fd, other: Fd) -> wasmtime::Result<bool> {
        match (self.node(&fd).access, self.node(&other).access) {
            (Some(_), Some(_)) => {
                self.note(Used::Read);
                self.stock().is_same_object(fd, other).await
            }
            (one, other) => Ok(one.is_none() && other.is_none()),
        }
    }

    async fn advise(&mut self, fd: Fd, offset: Filesize, len: Filesize, advice: Advice) -> FsResult<()> {
        self.admit(&fd, "", Access::Read)?;
        self.stock().advise(fd, offset, len, advice).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.admit(&fd, "", Access::Read)?;
        self.stock().sync(fd).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.admit(&fd, "", Access::Read)?;
        self.stock().sync_data(fd).await
    }
}

impl HostDirectoryEntryStream for &mut Cell {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = Resource::<Listing>::new_borrow(stream.rep());
        loop {
            let reader = match self.table.get_mut(&listing)?.next() {
                Ok(entry) => return entry,
                Err(reader) => reader,
            };
            let batch = tokio::task::spawn_blocking(|| reader.batch()).await.map_err(std::io::Error::other)?;
            self.table.get_mut(&listing)?.fill(batch);
        }
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_without_detours_and_cut() {
        for (folder, path, told) in [
            ("data", "", "data"),
            ("data", ".", "data"),
            ("data/", "./a//b/.", "data/a/b"),
            ("", "a", "a"),
            ("/", "a", "/a"),
            ("/", ".", "/"),
            (".", "a/../b", "./a/../b"),
        ] {
            assert_eq!(&*joined(folder, path), told, "{folder} {path}");
        }
        let mut deep: Arc<str> = "data".into();
        for _ in 0..1_000 {
            deep = joined(&deep, &format!("{}ä", "./".repeat(1_000)));
        }
        assert!(deep.len() <= MOST_SHOWN + 3 && deep.ends_with('…'), "{}", deep.len());
    }
}
