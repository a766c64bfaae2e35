//! Opens and reads a component's file: once, bounded, and without ever blocking on what is no file.
//!
//! The file is opened without waiting (a FIFO would keep its opener for ever), and judged by what was opened, not by its path.
//! Too large is known before anything is read. A file that grows while it is read is cut off by the same limit.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotcell_call::{ByteSize, Code, Digest, Failure, shortened};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::compile::look::look;

/// How long reading may take: a file on a network that went away answers never.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes of a component, by its header at least, with their digest.
#[derive(Clone)]
pub(crate) struct Source {
    /// As messages name it.
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) bytes: Cow<'static, [u8]>,
}

impl Source {
    /// Takes bytes that are in memory already.
    ///
    /// # Errors
    ///
    /// As [`Source::read`], but for what only files can be.
    pub(crate) fn new(name: &str, bytes: Cow<'static, [u8]>, max_file: ByteSize) -> Result<Self, Failure> {
        let size = ByteSize::of(bytes.len());
        let name = shortened(name, 120);
        if size > max_file {
            return Err(too_large(&name, size, max_file));
        }
        look(&name, &bytes)?;
        let digest = Digest::from_bytes(Sha256::digest(&bytes).into());
        Ok(Self { name, digest, bytes })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Code::Unreadable`], [`Code::TooLarge`], [`Code::CoreModule`], [`Code::NotComponent`].
    pub(crate) async fn read(path: &Path, max_file: ByteSize) -> Result<Self, Failure> {
        let name = shortened(&path.display().to_string(), 120);
        let owned: PathBuf = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            let name = shortened(&owned.display().to_string(), 120);
            let bytes = read(&owned, &name, max_file)?;
            Self::new(&name, bytes.into(), max_file)
        });
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(source)) => source,
            Ok(Err(broken)) => Err(Failure::new(Code::Fault, format!("reading {name} broke")).caused_by(broken)),
            Err(_) => Err(unreadable(&name, format!("it could not be read within {} s", PATIENCE.as_secs()))
                .fix("see whether its disk or network answers")),
        }
    }
}

fn read(path: &Path, name: &str, max_file: ByteSize) -> Result<Vec<u8>, Failure> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| not_opened(name, error))?;
    let stat = rustix::fs::fstat(&file).map_err(|error| not_opened(name, error))?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a folder"),
        FileType::Fifo => Some("a pipe"),
        FileType::Socket => Some("a socket"),
        _ => Some("a device"),
    };
    if let Some(kind) = kind {
        return Err(unreadable(name, format!("it is {kind}, not a file")).fix("name the `.wasm` file itself"));
    }
    let size = ByteSize::bytes(u64::try_from(stat.st_size).unwrap_or_default());
    if size > max_file {
        return Err(too_large(name, size, max_file));
    }
    let mut bytes = Vec::with_capacity(size.as_usize());
    File::from(file)
        .take(max_file.as_u64().saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, "reading it failed").caused_by(error))?;
    Ok(bytes)
}

fn not_opened(name: &str, error: Errno) -> Failure {
    let (why, fix) = match error {
        Errno::NOENT | Errno::NOTDIR => ("there is no such file", "check the path"),
        Errno::ACCESS | Errno::PERM => {
            ("its permissions do not allow it", "make it readable for the user that runs hotcell")
        }
        Errno::LOOP => ("its links lead in a circle", "check the links"),
        Errno::NXIO => ("it is a socket or a device, not a file", "name the `.wasm` file itself"),
        Errno::NAMETOOLONG => ("its path is too long", "check the path"),
        Errno::MFILE | Errno::NFILE => {
            ("the host has too many open files", "raise its limit (`ulimit -n`), or try again")
        }
        _ => ("it could not be opened", "check the path and its permissions"),
    };
    unreadable(name, why).fix(fix).caused_by(error)
}

fn unreadable(name: &str, why: impl AsRef<str>) -> Failure {
    Failure::new(Code::Unreadable, format!("{name} can't be read")).why(why)
}

fn too_large(name: &str, size: ByteSize, most: ByteSize) -> Failure {
    let enough = ByteSize::mib((size.as_u64() >> 20).saturating_add(1));
    Failure::new(Code::TooLarge, format!("{name} is too large"))
        .why(format!("{size} of {most}; it was not read"))
        .fix(format!("strip it (`wasm-tools strip`), or max_file = \"{enough}\" under [compile] in hotcell.toml"))
        .reached(size, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const MOST: ByteSize = ByteSize::kib(64);
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

    async fn code(path: &Path) -> Code {
        match Source::read(path, MOST).await {
            Ok(source) => panic!("{} was taken", source.name),
            Err(failure) => failure.code(),
        }
    }

    #[tokio::test]
    async fn what_is_no_file_is_refused_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let fifo = at("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        for path in [
            at("missing"),
            folder.path().to_owned(),
            fifo,
            at("loop"),
            at("dangling"),
            at("zero"),
            at("fifo").join("x"),
        ] {
            assert_eq!(code(&path).await, Code::Unreadable, "{}", path.display());
        }
    }

    #[tokio::test]
    async fn a_huge_file_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse.wasm");
        File::create(&path).unwrap().set_len(8 << 30).unwrap();
        let failure = Source::read(&path, MOST).await.err().unwrap();
        assert_eq!(failure.code(), Code::TooLarge);
        assert_eq!(failure.numbers().unwrap().used, "8GiB");
    }

    #[tokio::test]
    async fn what_is_read_has_the_digest_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\u{1b}b.wasm");
        std::fs::write(&path, HEADER).unwrap();
        let source = Source::read(&path, MOST).await.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(source.bytes, HEADER);
        assert_eq!(source.digest.hex(), "24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29");
        assert!(!source.name.contains('\u{1b}'), "{}", source.name);
    }
}
