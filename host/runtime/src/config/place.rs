//! Where the file is looked for.

use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE_NAME: &str = "hotcell.toml";

/// Where a configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The nearest `hotcell.toml`, in this folder or above it; the defaults if there is none. Whoever wrote it need not be the
    /// operator, so it has to be [trusted](crate::trust) to grant anything beyond its own folder.
    Above(PathBuf),
    /// This file, which the operator named.
    File(PathBuf),
    /// This file, which was named by something that may come from elsewhere, such as a variable of the environment: it has to be
    /// trusted like one that was found.
    Told(PathBuf),
    /// No file: the defaults, with folders within this one.
    Defaults(PathBuf),
}

/// The nearest file in `folder` or above. Whatever has the name counts, so that one that can't be read is an error and not
/// silently passed over.
pub(super) fn nearest(folder: &Path) -> Option<PathBuf> {
    let candidates = folder.ancestors().map(|folder| folder.join(FILE_NAME));
    candidates.into_iter().find(|file| file.symlink_metadata().is_ok())
}
