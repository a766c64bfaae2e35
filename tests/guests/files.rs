//! Files: read and written honestly, and sought where they must not be found.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};

use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

use hotcell_test_guests::{Probe, folder};

/// Reads a file: an honest call.
#[hotcell::tool(effect = "read")]
fn read(path: String) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Writes a file: an honest call.
#[hotcell::tool(effect = "idempotent")]
fn write(path: String, text: String) -> io::Result<()> {
    fs::write(path, text)
}

/// Lists a folder: an honest call.
#[hotcell::tool(effect = "read")]
fn list(path: String) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Tries to read a file and hides the refusal: answers as if nothing had been refused.
#[hotcell::tool]
fn shrug(path: String) -> String {
    fs::read_to_string(path).unwrap_or_else(|_| "nothing to see".to_owned())
}

/// Does everything that can be done with a path that nobody granted.
#[hotcell::tool]
fn outside(
    /// A folder outside of what is granted.
    place: String,
    /// A file in it.
    name: String,
) -> Vec<Probe> {
    let file = format!("{place}/{name}");
    let made = format!("{place}/hotcell-escape");
    let create = || OpenOptions::new().write(true).create_new(true).open(&made);
    vec![
        Probe::of("read", fs::read_to_string(&file)),
        Probe::of("open", File::open(&file)),
        Probe::of("open to write", OpenOptions::new().write(true).open(&file)),
        Probe::of("open to append", OpenOptions::new().append(true).open(&file)),
        Probe::of("truncate", File::create(&file)),
        Probe::of("create", create().and_then(|mut file| file.write_all(b"x"))),
        Probe::of("look at a file", fs::metadata(&file)),
        Probe::of("look at a link", fs::symlink_metadata(&file)),
        Probe::of("list", fs::read_dir(&place).map(Iterator::count)),
        Probe::of("make a folder", fs::create_dir(&made)),
        Probe::of("make folders", fs::create_dir_all(format!("{made}/deeper"))),
        Probe::of("remove a file", fs::remove_file(&file)),
        Probe::of("remove a folder", fs::remove_dir(&place)),
        Probe::of("remove all", fs::remove_dir_all(&place)),
        Probe::of("rename", fs::rename(&file, &made)),
        Probe::of("copy", fs::copy(&file, &made)),
        Probe::of("link", fs::hard_link(&file, &made)),
    ]
}

/// Climbs out of a granted folder by the shape of the path.
#[hotcell::tool]
fn traverse(
    /// The granted folder.
    root: String,
    /// A file beside it.
    name: String,
    /// The full path of that file.
    full: String,
    /// What it holds.
    secret: String,
) -> Result<Vec<Probe>, String> {
    let folder = folder(&root)?;
    let shapes = [
        format!("../{name}"),
        format!("./../{name}"),
        format!("../{name}/"),
        format!("..//{name}"),
        format!("../{name}/."),
        format!("a/../../{name}"),
        format!("a/b/../../../{name}"),
        format!("./a/./../../{name}"),
        format!("a//..//..//{name}"),
        format!("a/..//../{name}//"),
        format!("missing/../../{name}"),
        format!("{}{name}", "../".repeat(64)),
        format!("{}../{name}", "a/../".repeat(1_000)),
        full.clone(),
        format!("/{full}"),
        format!("./{full}"),
        format!("..\\{name}"),
        format!("%2e%2e/{name}"),
        format!("..\0/{name}"),
        format!("../{name}\0.txt"),
        format!("{}{name}", "../".repeat(200_000)),
        "..".to_owned(),
        "a/../..".to_owned(),
    ];
    let mut probes = Vec::new();
    for shape in shapes {
        let short: String = shape.chars().take(40).collect();
        // Past the standard library, which tidies a path up before it asks.
        probes.push(Probe::unless(format!("raw {short}"), raw_read(&folder, &shape), &secret));
        let path = format!("{root}/{shape}");
        probes.push(Probe::unless(format!("library {short}"), fs::read_to_string(path), &secret));
        let listed = raw_list(&folder, &shape);
        probes.push(Probe::unless(format!("list {short}"), listed, &name));
    }
    Ok(probes)
}

/// Opens a pipe that nobody writes to, so many times.
#[hotcell::tool]
fn fifo(path: String, times: u32) -> Result<Vec<Probe>, String> {
    let mut probes = Vec::new();
    for _ in 0..times {
        let mut letter = [0];
        let read = File::open(&path).and_then(|mut pipe| pipe.read(&mut letter));
        probes.push(Probe::of("read a pipe", read));
        probes.push(Probe::of("write to a pipe", OpenOptions::new().write(true).open(&path)));
    }
    // One word for each that was blocked would be a long answer.
    let escaped: Vec<_> = probes.into_iter().filter(|probe| !probe.seen.starts_with("blocked")).collect();
    Ok(escaped)
}

/// Asks the host for as much of a file as there can be, twice, and gives how much came.
#[hotcell::tool]
fn read_all(root: String, name: String) -> Result<usize, String> {
    let file = folder(&root)?
        .open_at(PathFlags::empty(), &name, OpenFlags::empty(), DescriptorFlags::READ)
        .map_err(|error| error.to_string())?;
    let (bytes, _) = file.read(u64::MAX, 0).map_err(|error| error.to_string())?;
    let stream = file.read_via_stream(0).map_err(|error| error.to_string())?;
    let streamed = stream.blocking_read(u64::MAX).map_err(|error| error.to_string())?;
    // At the end of the file this is an error, of which nothing follows.
    let _ = stream.blocking_skip(u64::MAX);
    Ok(bytes.len() + streamed.len())
}

fn raw_read(folder: &Descriptor, path: &str) -> Result<String, ErrorCode> {
    let follow = PathFlags::SYMLINK_FOLLOW;
    let file = folder.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let (bytes, _) = file.read(4_096, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn raw_list(folder: &Descriptor, path: &str) -> Result<String, ErrorCode> {
    let follow = PathFlags::SYMLINK_FOLLOW;
    let entries = folder.open_at(follow, path, OpenFlags::DIRECTORY, DescriptorFlags::READ)?.read_directory()?;
    let mut names = String::new();
    while let Some(entry) = entries.read_directory_entry()? {
        names.push_str(&entry.name);
        names.push(' ');
    }
    Ok(names)
}
