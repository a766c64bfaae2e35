//! `[cache]`: where compiled components are kept.
//!
//! They are native code, taken up again because a MAC says that this user's host wrote them, and the key of that MAC lies beside
//! them. So the folder is never one that comes with a checkout: whoever can put files into it could bring both.

use std::path::{Component, Path, PathBuf};

use hotcell_agent::document::{Item, Section};
use hotcell_call::ByteSize;

use super::bounds::{self, Bounds};

/// What `[cache]` says.
#[derive(Default)]
pub(super) struct Cache {
    /// The folder, if it names one.
    pub(super) folder: Option<PathBuf>,
    /// The most that all files in it may hold; the oldest go first.
    pub(super) max_size: Option<ByteSize>,
}

const BOUNDS: Bounds<ByteSize> = Bounds {
    least: ByteSize::mib(1),
    most: ByteSize::mib(16 << 20),
    because: "a compiled component takes three to four times its file",
};

impl Cache {
    pub(super) fn read(root: &Section<'_>, base: &Path) -> Self {
        let Some(section) = root.section("cache") else {
            return Self::default();
        };
        Self {
            folder: section.get("folder").and_then(|item| elsewhere(&item, base)),
            max_size: section.get("max_size").and_then(|item| bounds::size(&item, &BOUNDS)),
        }
    }
}

/// A folder that is not within the one of the file.
fn elsewhere(item: &Item<'_>, base: &Path) -> Option<PathBuf> {
    let folder = Path::new(item.string()?.value);
    let climbs = folder.components().any(|part| part == Component::ParentDir);
    if folder.is_absolute() && !climbs && !within(folder, base) {
        return Some(folder.to_owned());
    }
    let message = "the cache can't lie in the folder of this file";
    let hint = "it holds native code, which whoever writes here could plant: an absolute path elsewhere, such as \"/var/cache/hotcell\"";
    item.report(item.wrong(message, "").hint(hint));
    None
}

/// Whether `folder` is in `base`, by name or behind links.
fn within(folder: &Path, base: &Path) -> bool {
    let real = |path: &Path| crate::trust::real(path).unwrap_or_else(|| path.to_owned());
    folder.starts_with(base) || real(folder).starts_with(real(base))
}
