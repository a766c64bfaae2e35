//! Where things are: what was built to be measured, and room for what is made meanwhile.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The folder that this program was built into: `target`.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("this program does not lie in a target folder")?;
    Ok(target.to_owned())
}

/// A folder of our own in it.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target()?.join("bench").join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A guest of `tests/guests`.
pub(crate) fn guest(name: &str) -> Result<PathBuf> {
    built(&target()?.join("wasm32-wasip2/tool/examples").join(format!("{name}.wasm")))
}

/// A starter tool.
pub(crate) fn starter(name: &str) -> Result<PathBuf> {
    built(&target()?.join("starter").join(format!("{name}.wasm")))
}

fn built(path: &Path) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("{} is not built: `just bench` builds what it measures", path.display());
    }
    Ok(path.to_owned())
}

/// So many components that do the same as `path` and are not the same: each ends in a section of its own.
pub(crate) fn variants(path: &Path, count: usize) -> Result<PathBuf> {
    let folder = scratch("variants")?;
    let bytes = std::fs::read(path)?;
    for number in 0..count {
        let mut variant = bytes.clone();
        let name = format!("variant-{number:04}");
        // A custom section: id 0, the length of what follows, the length of its name, its name.
        let length = u8::try_from(name.len())?;
        variant.extend([0, length + 1, length]);
        variant.extend(name.bytes());
        let file = folder.join(format!("{name}.wasm"));
        if std::fs::read(&file).ok().as_ref() != Some(&variant) {
            std::fs::write(&file, variant)?;
        }
    }
    Ok(folder)
}
