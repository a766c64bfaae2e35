//! Everything that can be wrong with a cached file, and the one thing that must follow: it is not used.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::describe::Report;
use crate::engine;

const PAYLOAD: usize = 20_000;

struct Case {
    folder: tempfile::TempDir,
    engine: Engine,
    digest: Digest,
}

impl Case {
    /// A cache with one entry of some code and a description.
    fn new() -> Self {
        let case = Self {
            folder: tempfile::tempdir().unwrap(),
            engine: engine::compiling().unwrap(),
            digest: Digest::from_bytes([7; 32]),
        };
        let cache = case.cache();
        cache.keep_code(&case.digest, &Verified::fresh(code()));
        cache.keep_meta(&case.digest, &meta());
        assert_eq!(case.used(), Some(code()));
        case
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn cache(&self) -> Cache {
        Cache::new(&self.path(), &self.engine, ByteSize::mib(1)).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.place(Part::Code, &self.digest)
    }

    fn place(&self, part: Part, digest: &Digest) -> PathBuf {
        self.path().join(self.cache().seal.file(part, digest))
    }

    /// What would be deserialized.
    fn used(&self) -> Option<Vec<u8>> {
        self.cache().code(&self.digest).map(|code| code.as_bytes().to_vec())
    }
}

fn code() -> Vec<u8> {
    (0..PAYLOAD).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn meta() -> Meta {
    Meta { report: Report::default(), size: 5, listed: None }
}

#[test]
fn what_was_kept_is_found_again() {
    let case = Case::new();
    assert_eq!(case.cache().meta(&case.digest), Some(meta()));
    assert_eq!(case.cache().meta(&Digest::from_bytes([8; 32])), None);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&case.path()), 0o700);
    assert_eq!((mode(&case.path().join("key")), mode(&case.file())), (0o600, 0o600));
}

#[test]
fn one_flipped_bit_anywhere_is_enough() {
    let case = Case::new();
    let good = fs::read(case.file()).unwrap();
    for n in 0..200 {
        let mut bad = good.clone();
        let place = if n < HEADER { n } else { n * good.len() / 200 };
        bad[place] ^= 1 << (n % 8);
        fs::write(case.file(), bad).unwrap();
        assert_eq!(case.used(), None, "byte {place}");
    }
    fs::write(case.file(), good).unwrap();
    assert!(case.used().is_some());
}

#[test]
fn a_torn_file_is_not_used() {
    let case = Case::new();
    let good = fs::read(case.file()).unwrap();
    for length in (0..good.len()).step_by(4_096).chain([0, 1, HEADER - 1, HEADER, good.len() - 1]) {
        fs::write(case.file(), &good[..length]).unwrap();
        assert_eq!(case.used(), None, "{length} bytes");
    }
    fs::write(case.file(), [good, vec![0]].concat()).unwrap();
    assert_eq!(case.used(), None, "a byte too many");
}

#[test]
fn an_entry_is_good_in_its_own_place_alone() {
    let case = Case::new();
    let other = Digest::from_bytes([8; 32]);
    case.cache().keep_code(&other, &Verified::fresh(vec![1, 2, 3]));
    let other_file = case.place(Part::Code, &other);
    let swap = case.path().join("swap");
    fs::rename(case.file(), &swap).unwrap();
    fs::rename(&other_file, case.file()).unwrap();
    fs::rename(&swap, &other_file).unwrap();
    assert_eq!(case.used(), None, "another component's");
    fs::copy(case.place(Part::Meta, &case.digest), case.file()).unwrap();
    assert_eq!(case.used(), None, "its own description");
    fs::remove_file(case.file()).unwrap();
    let third = Digest::from_bytes([9; 32]);
    case.cache().keep_code(&third, &Verified::fresh(vec![4, 5, 6]));
    fs::hard_link(case.place(Part::Code, &third), case.file()).unwrap();
    assert_eq!(case.used(), None, "a second name of another's");
}

#[test]
fn another_key_or_another_engine_is_another_host() {
    let case = Case::new();
    let mut settings = engine::codegen();
    settings.wasm_multi_memory(false);
    let other = Engine::new(&settings).unwrap();
    let cache = Cache::new(&case.path(), &other, ByteSize::mib(1)).unwrap();
    assert!(cache.code(&case.digest).is_none(), "another engine");
    fs::copy(case.file(), case.path().join(cache.seal.file(Part::Code, &case.digest))).unwrap();
    assert!(cache.code(&case.digest).is_none(), "another engine's, under the name of this one's");
    fs::write(case.path().join("key"), [9; 32]).unwrap();
    assert_eq!(case.used(), None, "another key");
}

#[test]
fn a_key_that_is_no_secret_is_replaced() {
    for spoil in [
        (|key: &Path| fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap()) as fn(&Path),
        |key| fs::write(key, [1; 31]).unwrap(),
        |key| {
            fs::rename(key, key.with_extension("moved")).unwrap();
            symlink(key.with_extension("moved"), key).unwrap();
        },
    ] {
        let case = Case::new();
        spoil(&case.path().join("key"));
        assert_eq!(case.used(), None);
        case.cache().keep_code(&case.digest, &Verified::fresh(code()));
        assert_eq!(case.used(), Some(code()));
    }
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let case = Case::new();
    let moved = case.path().join("moved");
    fs::rename(case.file(), &moved).unwrap();
    symlink(&moved, case.file()).unwrap();
    assert_eq!(case.used(), None, "a link");
    fs::remove_file(case.file()).unwrap();
    fs::create_dir(case.file()).unwrap();
    assert_eq!(case.used(), None, "a folder");
    fs::remove_dir(case.file()).unwrap();
    assert_eq!(case.used(), None, "nothing");
}

#[test]
fn a_folder_that_others_can_write_is_no_cache() {
    let case = Case::new();
    let cache = case.cache();
    for mode in [0o770, 0o707, 0o777] {
        fs::set_permissions(case.path(), Permissions::from_mode(mode)).unwrap();
        assert!(cache.code(&case.digest).is_none(), "{mode:o}");
        assert!(Cache::new(&case.path(), &case.engine, ByteSize::mib(1)).is_err(), "{mode:o}");
    }
    fs::set_permissions(case.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(cache.code(&case.digest).is_some());
}

// Only the administrator can give a file away, so only there it can be tried.
#[test]
fn what_belongs_to_somebody_else_is_not_used() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(65_534), None).unwrap();
    let case = Case::new();
    give(&case.file());
    assert_eq!(case.used(), None, "a file");
    let case = Case::new();
    let cache = case.cache();
    give(&case.path());
    assert!(cache.code(&case.digest).is_none(), "the folder");
    assert!(Cache::new(&case.path(), &case.engine, ByteSize::mib(1)).is_err());
}

#[test]
fn a_folder_that_is_a_link_or_a_file_is_no_cache() {
    let case = Case::new();
    let link = case.folder.path().join("link");
    symlink(case.path(), &link).unwrap();
    assert!(Cache::new(&link, &case.engine, ByteSize::mib(1)).is_err());
    let file = case.folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Cache::new(&file, &case.engine, ByteSize::mib(1)).is_err());
}

#[test]
fn a_folder_that_vanishes_is_an_empty_cache_that_fills_again() {
    let case = Case::new();
    let cache = case.cache();
    fs::remove_dir_all(case.path()).unwrap();
    assert!(cache.code(&case.digest).is_none());
    cache.keep_code(&case.digest, &Verified::fresh(code()));
    assert!(cache.code(&case.digest).is_some());
    assert_eq!(case.used(), Some(code()), "the key was put back");
}

#[test]
fn what_was_used_least_lately_goes_first() {
    let case = Case::new();
    let cache = Cache::new(&case.path(), &case.engine, ByteSize::bytes(3 * 21_000)).unwrap();
    let digests: Vec<Digest> = (10..14).map(|n| Digest::from_bytes([n; 32])).collect();
    fs::remove_file(case.file()).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(1_000);
    for (n, digest) in (0..).zip(&digests[..3]) {
        cache.keep_code(digest, &Verified::fresh(code()));
        let file = fs::File::open(case.path().join(cache.seal.file(Part::Code, digest))).unwrap();
        file.set_modified(old + std::time::Duration::from_secs(n)).unwrap();
    }
    assert!(cache.code(&digests[0]).is_some(), "the oldest, but now it was used");
    cache.keep_code(&digests[3], &Verified::fresh(code()));
    let there: Vec<bool> = digests.iter().map(|digest| cache.code(digest).is_some()).collect();
    assert_eq!(there, [true, false, true, true]);
    cache.keep_code(&digests[1], &Verified::fresh(vec![0; 70_000]));
    assert!(cache.code(&digests[1]).is_none(), "larger than all room");
}

#[test]
fn unfinished_files_of_the_dead_are_cleared_away() {
    let case = Case::new();
    let left = case.path().join("1-1.tmp");
    fs::write(&left, "half").unwrap();
    let file = fs::File::open(&left).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7_200)).unwrap();
    case.cache().keep_code(&case.digest, &Verified::fresh(code()));
    assert!(!left.exists());
}
