//! Looks at a cache folder without changing anything in it: for who asks whether it can be used.

use std::path::Path;

use hotcell_call::ByteSize;

use crate::compile::folder::{Folder, FolderError};

/// How it stands with a cache folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheReport {
    /// Whether there is one; it is made with the first component that is kept.
    pub exists: bool,
    /// Why it is not used.
    pub trouble: Option<String>,
    /// Compiled components in it.
    pub components: u64,
    /// The size of all files in it.
    pub size: ByteSize,
    /// The key of what is in it.
    pub key: KeyState,
}

/// The key by which a host knows its own files again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyState {
    /// There is none yet.
    #[default]
    Absent,
    /// Only its user can read it.
    Secret,
    /// Others can, so it is not used: a new one is made, and what was kept under this one is made again.
    Open,
}

/// Looks at the folder.
#[must_use]
pub fn examine_cache(path: &Path) -> CacheReport {
    let folder = match Folder::open(path) {
        Ok(folder) => folder,
        Err(FolderError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => return CacheReport::default(),
        Err(error) => {
            return CacheReport { exists: true, trouble: Some(error.to_string()), ..CacheReport::default() };
        }
    };
    match folder.tally() {
        Ok((components, size)) => {
            CacheReport { exists: true, trouble: None, components, size, key: folder.key_state() }
        }
        Err(error) => CacheReport { exists: true, trouble: Some(error.to_string()), ..CacheReport::default() },
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_cache_is_told_and_nothing_is_made() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cache");
        assert_eq!(examine_cache(&path), CacheReport::default());
        assert!(!path.exists());
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        fs::create_dir(&path).unwrap();
        mode(&path, 0o700);
        fs::write(path.join("a.code"), "12345").unwrap();
        fs::write(path.join("a.meta"), "123").unwrap();
        let report = examine_cache(&path);
        assert_eq!((report.components, report.size, report.key), (1, ByteSize::bytes(8), KeyState::Absent));
        fs::write(path.join("key"), [0; 32]).unwrap();
        for (bits, key) in [(0o600, KeyState::Secret), (0o640, KeyState::Open)] {
            mode(&path.join("key"), bits);
            assert_eq!(examine_cache(&path).key, key);
        }
        mode(&path, 0o770);
        assert_eq!(examine_cache(&path).trouble.as_deref(), Some("others may write to it"));
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(examine_cache(&file).trouble.is_some());
    }
}
