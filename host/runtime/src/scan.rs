//! Looks at the folders: which files claim to be tools, under which names.
//!
//! A tool is an `X.wasm`, with an optional `X.toml` beside it, or a folder with a `tool.toml` that names its `wasm`. Files are
//! only named here; they are opened when someone asks for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotcell_call::{Code, Failure, ToolName, shortened};

use crate::catalog::{Broken, Snapshot, Sources};
use crate::entry::{Entry, Origin, Stamp};
use crate::toolfile::ToolFile;

/// Files of a folder that are looked at; more are not.
const MOST_FILES: usize = 10_000;

/// Looks at all sources. What has not changed since `before` is kept, with whatever was already opened.
pub(crate) fn scan(sources: &Sources, before: &Snapshot) -> Snapshot {
    let mut look = Look { before, found: Snapshot::default() };
    for starter in &sources.starters {
        let origin = Origin::Starter(*starter);
        let file = starter.toml.map(|text| ToolFile::parse(&format!("{}.toml", starter.name), text));
        look.claim(starter.name, origin, file.transpose(), Stamp::default());
    }
    for folder in &sources.folders {
        look.folder(folder);
    }
    for (name, path) in &sources.named {
        look.found.tools.remove(name);
        look.file(path, Some(name.as_str()));
    }
    look.found
}

struct Look<'a> {
    before: &'a Snapshot,
    found: Snapshot,
}

impl Look<'_> {
    fn folder(&mut self, folder: &Path) {
        let Ok(files) = std::fs::read_dir(folder) else { return };
        let mut paths: Vec<PathBuf> = files.take(MOST_FILES).flatten().map(|file| file.path()).collect();
        paths.sort();
        for path in paths {
            if path.extension().is_some_and(|extension| extension == "wasm") {
                self.file(&path, None);
            } else if is_file(&path.join("tool.toml")) {
                self.described(&path.join("tool.toml"));
            }
        }
    }

    /// `X.wasm`, with or without `X.toml`.
    fn file(&mut self, path: &Path, name: Option<&str>) {
        let settings = path.with_extension("toml");
        let file = if is_file(&settings) { ToolFile::read(&settings).map(Some) } else { Ok(None) };
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let stamp = Stamp::of(&[path, &settings]);
        self.claim(name.unwrap_or(&stem), Origin::File(path.to_owned()), file, stamp);
    }

    /// A folder whose `tool.toml` names its component; one that names none is somebody's source code.
    fn described(&mut self, settings: &Path) {
        let folder = settings.parent().unwrap_or(Path::new("."));
        let file = ToolFile::read(settings);
        let Some(wasm) = file.as_ref().map_or(Some(PathBuf::new()), |file| file.wasm.clone()) else { return };
        let path = folder.join(wasm);
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stamp = Stamp::of(&[&path, settings]);
        self.claim(&name, Origin::File(path), file.map(Some), stamp);
    }

    fn claim(&mut self, name: &str, origin: Origin, file: Result<Option<ToolFile>, Failure>, stamp: Stamp) {
        let file = match file {
            Ok(file) => file,
            Err(failure) => return self.found.broken.push(Broken { origin, failure }),
        };
        let given = file.as_ref().and_then(|file| file.name.clone());
        let name: ToolName = match given.map_or_else(|| name.parse(), Ok) {
            Ok(name) => name,
            Err(error) => {
                let failure = Failure::new(Code::Name, format!("`{}` can't be a tool's name", shortened(name, 80)))
                    .why(error.grammar())
                    .fix("rename the file, or set `[tool] name` in the .toml beside it");
                return self.found.broken.push(Broken { origin, failure });
            }
        };
        let kept = self
            .before
            .tools
            .get(&name)
            .and_then(|entries| entries.iter().find(|entry| entry.is(&origin, &stamp)).map(Arc::clone));
        let entry = kept.unwrap_or_else(|| Arc::new(Entry::new(name.clone(), origin, file, stamp)));
        self.found.tools.entry(name).or_default().push(entry);
    }
}
/// Whether there is something that claims to be a file. A link that leads nowhere does, too: what its tool wants is not known,
/// which is not the same as nothing being said of it.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| !meta.is_dir())
}
