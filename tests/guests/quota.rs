//! Disks: filled, stretched, and littered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};

use hotcell_test_guests::folder;

const MIB: usize = 1 << 20;

/// Writes so many MiB into one file.
#[hotcell::tool]
fn fill(root: String, mib: usize) -> io::Result<usize> {
    let mut file = File::create(format!("{root}/filled"))?;
    let block = vec![b'x'; MIB];
    for _ in 0..mib {
        file.write_all(&block)?;
    }
    file.flush()?;
    Ok(mib)
}

/// Writes so many MiB over the same place, again and again.
#[hotcell::tool]
fn rewrite(root: String, mib: usize) -> io::Result<usize> {
    let mut file = File::create(format!("{root}/rewritten"))?;
    let block = vec![b'x'; MIB];
    for _ in 0..mib {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.flush()?;
    }
    Ok(mib)
}

/// Makes a file so large by saying so.
#[hotcell::tool]
fn stretch(root: String, bytes: u64) -> io::Result<u64> {
    File::create(format!("{root}/stretched"))?.set_len(bytes)?;
    Ok(bytes)
}

/// Makes a file so large by writing its last byte.
#[hotcell::tool]
fn sparse(root: String, bytes: u64) -> io::Result<u64> {
    let mut file = File::create(format!("{root}/sparse"))?;
    file.seek(SeekFrom::Start(bytes - 1))?;
    file.write_all(b"x")?;
    file.flush()?;
    Ok(bytes)
}

/// Appends so many MiB to a file that it opens anew each time.
#[hotcell::tool]
fn append(root: String, mib: usize) -> io::Result<usize> {
    let block = vec![b'x'; MIB];
    for _ in 0..mib {
        let mut file = OpenOptions::new().create(true).append(true).open(format!("{root}/appended"))?;
        file.write_all(&block)?;
        file.flush()?;
    }
    Ok(mib)
}

/// What there can be many of.
#[hotcell::input]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy)]
enum Entry {
    File,
    Folder,
    Link,
    Hardlink,
}

/// Makes so many entries.
#[hotcell::tool]
fn litter(root: String, entry: Entry, count: usize) -> Result<usize, hotcell::Error> {
    let folder = folder(&root).map_err(hotcell::Error::failed)?;
    File::create(format!("{root}/first"))?;
    for number in 0..count {
        let path = format!("{root}/{number}");
        match entry {
            Entry::File => drop(File::create(path)?),
            Entry::Folder => fs::create_dir(path)?,
            Entry::Link => folder.symlink_at("first", &number.to_string())?,
            Entry::Hardlink => fs::hard_link(format!("{root}/first"), path)?,
        }
    }
    Ok(count)
}
