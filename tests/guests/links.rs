//! Links: planted, home-made, and swapped in while another call looks away.

use std::fs;

use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

use hotcell_test_guests::{Probe, folder};

/// Climbs out of a granted folder by links.
///
/// Planted in it are: `file-link` to the secret file, `folder-link` to the folder beside, `up-link` to the parent, `loop-link`
/// to itself.
#[hotcell::tool]
fn climb(
    /// The granted folder.
    root: String,
    /// A file in its parent.
    name: String,
    /// The full path of that file.
    full: String,
    /// What it holds.
    secret: String,
) -> Result<Vec<Probe>, String> {
    let folder = folder(&root)?;
    let mut probes = Vec::new();
    for path in ["file-link", "folder-link/inner", "up-link", "loop-link", "./file-link", "folder-link/../file-link"] {
        probes.push(Probe::unless(format!("read {path}"), read(&folder, path), &secret));
        let through = format!("{path}/{name}");
        probes.push(Probe::unless(format!("read {through}"), read(&folder, &through), &secret));
        probes.push(Probe::of(format!("write {path}"), write(&folder, path)));
        probes
            .push(Probe::of(format!("make {path}/hotcell-escape"), write(&folder, &format!("{path}/hotcell-escape"))));
    }
    for (number, target) in
        [format!("../{name}"), full.clone(), "..".to_owned(), "/".to_owned()].into_iter().enumerate()
    {
        let made = format!("made-{number}");
        // That a link can be made is no escape; that it leads anywhere would be.
        let _ = folder.symlink_at(&target, &made);
        for path in [made.clone(), format!("{made}/{name}")] {
            probes.push(Probe::unless(format!("read {path} → {target}"), read(&folder, &path), &secret));
        }
        let linked = folder.link_at(PathFlags::SYMLINK_FOLLOW, &made, &folder, &format!("hard-{number}"));
        probes.push(Probe::of(format!("hard link through {made}"), linked));
        let library = fs::read_to_string(format!("{root}/{made}"));
        probes.push(Probe::unless(format!("library {made}"), library, &secret));
    }
    let linked = folder.link_at(PathFlags::empty(), &format!("../{name}"), &folder, "hard");
    probes.push(Probe::of("hard link to what is outside", linked));
    let _ = write(&folder, "mine");
    let linked = folder.link_at(PathFlags::empty(), "mine", &folder, "../hotcell-escape");
    probes.push(Probe::of("hard link from outside", linked));
    probes.push(Probe::of("rename out", folder.rename_at("mine", &folder, "../hotcell-escape")));
    probes.push(Probe::of("rename in", folder.rename_at(&format!("../{name}"), &folder, "stolen")));
    probes.push(Probe::of("rename through a link", folder.rename_at("mine", &folder, "up-link/hotcell-escape")));
    probes.push(Probe::of("remove outside", folder.unlink_file_at(&format!("up-link/{name}"))));
    Ok(probes)
}

/// Makes `door` a folder and a link to the parent in turns.
#[hotcell::tool]
fn swap(root: String, times: u32) -> Result<u32, String> {
    let folder = folder(&root)?;
    let _ = folder.create_directory_at("room");
    let _ = folder.symlink_at("..", "way-out");
    for _ in 0..times {
        let _ = folder.rename_at("room", &folder, "door");
        let _ = folder.rename_at("door", &folder, "room");
        let _ = folder.rename_at("way-out", &folder, "door");
        let _ = folder.rename_at("door", &folder, "way-out");
    }
    Ok(times)
}

/// Goes through `door` so many times, in the hope that it leads out.
#[hotcell::tool]
fn race(root: String, name: String, secret: String, times: u32) -> Result<Vec<Probe>, String> {
    let folder = folder(&root)?;
    let path = format!("door/{name}");
    let mut escaped = Vec::new();
    for _ in 0..times {
        let probe = Probe::unless("read", read(&folder, &path), &secret);
        let made = Probe::of("make", write(&folder, "door/../../hotcell-escape"));
        escaped.extend([probe, made].into_iter().filter(|probe| probe.seen.starts_with("ESCAPE")));
    }
    Ok(escaped)
}

fn read(folder: &Descriptor, path: &str) -> Result<String, ErrorCode> {
    let follow = PathFlags::SYMLINK_FOLLOW;
    let file = folder.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let (bytes, _) = file.read(4_096, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(folder: &Descriptor, path: &str) -> Result<u64, ErrorCode> {
    let follow = PathFlags::SYMLINK_FOLLOW;
    let file = folder.open_at(follow, path, OpenFlags::CREATE, DescriptorFlags::WRITE)?;
    file.write(b"owned", 0)
}
