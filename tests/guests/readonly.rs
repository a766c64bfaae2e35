//! A folder that may only be read: every way to change it.

use std::fs::{self, OpenOptions};

use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags};

use hotcell_test_guests::{Probe, folder};

const NO_FLAGS: OpenFlags = OpenFlags::empty();
const READ: DescriptorFlags = DescriptorFlags::READ;
const WRITE: DescriptorFlags = DescriptorFlags::WRITE;
const MUTATE: DescriptorFlags = DescriptorFlags::MUTATE_DIRECTORY;

/// Tries to change a folder and the file `name` and the empty folder `sub` in it.
#[hotcell::tool]
fn change(
    /// The folder that may only be read.
    root: String,
    /// A folder that may be written.
    scratch: String,
    name: String,
) -> Result<Vec<Probe>, String> {
    let (folder, scratch) = (folder(&root)?, folder(&scratch)?);
    let mut probes = flags(&folder, &name);
    probes.extend(entries(&folder, &name));
    probes.extend(across(&folder, &scratch, &name));
    probes.extend(handle(&folder, &name).map_err(|error| error.to_string())?);
    probes.extend(library(&root, &name));
    Ok(probes)
}

fn open(folder: &Descriptor, name: &str, oflags: OpenFlags, flags: DescriptorFlags) -> Result<Descriptor, ErrorCode> {
    folder.open_at(PathFlags::empty(), name, oflags, flags)
}

/// By what is asked for when a file is opened.
fn flags(folder: &Descriptor, name: &str) -> Vec<Probe> {
    vec![
        Probe::of("open to write", open(folder, name, NO_FLAGS, WRITE)),
        Probe::of("open to read and write", open(folder, name, NO_FLAGS, READ | WRITE)),
        Probe::of("truncate to read", open(folder, name, OpenFlags::TRUNCATE, READ)),
        Probe::of("truncate with no right", open(folder, name, OpenFlags::TRUNCATE, DescriptorFlags::empty())),
        Probe::of("truncate to write", open(folder, name, OpenFlags::TRUNCATE, WRITE)),
        Probe::of("create", open(folder, "hotcell-escape", OpenFlags::CREATE, READ)),
        Probe::of("create anew", open(folder, "hotcell-escape", OpenFlags::CREATE | OpenFlags::EXCLUSIVE, WRITE)),
        Probe::of("a folder to change", open(folder, "sub", OpenFlags::DIRECTORY, READ | MUTATE)),
        Probe::of("itself to change", open(folder, ".", OpenFlags::DIRECTORY, READ | MUTATE)),
        Probe::of("a file to change", open(folder, name, NO_FLAGS, READ | MUTATE)),
    ]
}

/// By changing what the folder lists.
fn entries(folder: &Descriptor, name: &str) -> Vec<Probe> {
    let now = NewTimestamp::Now;
    vec![
        Probe::of("make a folder", folder.create_directory_at("hotcell-escape")),
        Probe::of("remove a folder", folder.remove_directory_at("sub")),
        Probe::of("remove a file", folder.unlink_file_at(name)),
        Probe::of("rename", folder.rename_at(name, folder, "hotcell-escape")),
        Probe::of("rename onto itself", folder.rename_at("sub", folder, name)),
        Probe::of("hard link", folder.link_at(PathFlags::empty(), name, folder, "hotcell-escape")),
        Probe::of("link", folder.symlink_at(name, "hotcell-escape")),
        Probe::of("set times by path", folder.set_times_at(PathFlags::empty(), name, now, now)),
        Probe::of("set times of the folder", folder.set_times(now, now)),
    ]
}

/// By way of a folder that may be written.
fn across(folder: &Descriptor, scratch: &Descriptor, name: &str) -> Vec<Probe> {
    let _ = open(scratch, "mine", OpenFlags::CREATE, WRITE).and_then(|file| file.write(b"owned", 0));
    let none = PathFlags::empty();
    vec![
        Probe::of("rename out", folder.rename_at(name, scratch, "taken")),
        Probe::of("rename in", scratch.rename_at("mine", folder, "hotcell-escape")),
        Probe::of("rename over", scratch.rename_at("mine", folder, name)),
        Probe::of("hard link out, to write there", folder.link_at(none, name, scratch, "linked")),
        Probe::of("hard link in", scratch.link_at(none, "mine", folder, "hotcell-escape")),
    ]
}

/// By a handle that was opened to read.
fn handle(folder: &Descriptor, name: &str) -> Result<Vec<Probe>, ErrorCode> {
    let file = open(folder, name, NO_FLAGS, READ)?;
    let now = NewTimestamp::Now;
    let stream = |made: Result<wasip2::io::streams::OutputStream, ErrorCode>| {
        made.map_err(|error| error.to_string())
            .and_then(|stream| stream.blocking_write_and_flush(b"owned").map_err(|error| error.to_string()))
    };
    Ok(vec![
        Probe::of("write", file.write(b"owned", 0)),
        Probe::of("set size", file.set_size(0)),
        Probe::of("set times", file.set_times(now, now)),
        Probe::of("write by a stream", stream(file.write_via_stream(0))),
        Probe::of("append by a stream", stream(file.append_via_stream())),
    ])
}

/// By the standard library.
fn library(root: &str, name: &str) -> Vec<Probe> {
    let file = format!("{root}/{name}");
    vec![
        Probe::of("library: write", fs::write(&file, "owned")),
        Probe::of("library: append", OpenOptions::new().append(true).open(&file)),
        Probe::of("library: remove", fs::remove_file(&file)),
        Probe::of("library: remove all", fs::remove_dir_all(root)),
        Probe::of("library: copy over", fs::copy(&file, format!("{root}/hotcell-escape"))),
    ]
}
