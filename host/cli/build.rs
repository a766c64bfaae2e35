//! Puts the starter tools, the shipped agents and the hostile guest of `doctor --prove` into the binary.
//!
//! Tools and guest come from `$HOTCELL_STARTER_DIR`, else from `target/starter` of the workspace, where `just build` lays them out. Without
//! them the binary works, and says what is missing where a starter tool is asked for: a plain `cargo build` needs no wasm target.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder beside the tools in which the hostile guest lies.
const GUEST: &str = "proof";

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let mut code = String::new();
    let starters = starter_folder(&workspace)?;
    embed_tools(&mut code, &starters)?;
    embed_guest(&mut code, &starters.join(GUEST))?;
    embed_agents(&mut code, &workspace.join("agents"))?;
    tell_engine(&mut code, &workspace.join("Cargo.lock"))?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("embedded.rs"), code)?;
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}

fn starter_folder(workspace: &Path) -> Result<PathBuf, Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=HOTCELL_STARTER_DIR");
    if let Some(folder) = env::var_os("HOTCELL_STARTER_DIR") {
        let folder = PathBuf::from(folder);
        return match folder.is_dir() {
            true => Ok(folder.canonicalize()?),
            false => Err(format!("HOTCELL_STARTER_DIR is no folder: {}", folder.display()).into()),
        };
    }
    let folder = workspace.join("target/starter");
    // Cargo watches only what exists; of what doesn't it thinks that it has changed each time. In a checkout that can't be
    // written to, the price is that this script runs at every build.
    let _ = fs::create_dir_all(folder.join(GUEST));
    Ok(folder)
}

/// Writes `STARTERS`: `X.wasm`, with `X.toml` where there is one.
fn embed_tools(code: &mut String, folder: &Path) -> Result<(), Box<dyn Error>> {
    code.push_str("pub(crate) static STARTERS: &[hotcell_runtime::Starter] = &[\n");
    for wasm in files(folder, "wasm")? {
        let settings = wasm.with_extension("toml");
        let settings = match settings.is_file() {
            true => format!("Some(include_str!({settings:?}))"),
            false => "None".to_owned(),
        };
        let name = stem(&wasm)?;
        writeln!(
            code,
            "hotcell_runtime::Starter {{ name: {name:?}, wasm: include_bytes!({wasm:?}), toml: {settings} }},"
        )?;
    }
    code.push_str("];\n");
    Ok(())
}

/// Writes `PROOF`: the component, if it was built.
fn embed_guest(code: &mut String, folder: &Path) -> Result<(), Box<dyn Error>> {
    let guest = files(folder, "wasm")?.first().map(|wasm| format!("Some(include_bytes!({wasm:?}))"));
    writeln!(code, "pub(crate) static PROOF: Option<&[u8]> = {};", guest.as_deref().unwrap_or("None"))?;
    Ok(())
}

/// Writes `AGENTS`: the name of each file without its ending, and the text.
fn embed_agents(code: &mut String, folder: &Path) -> Result<(), Box<dyn Error>> {
    code.push_str("pub(crate) static AGENTS: &[hotcell_runtime::Shipped] = &[\n");
    for agent in files(folder, "toml")? {
        writeln!(code, "hotcell_runtime::Shipped {{ name: {:?}, text: include_str!({agent:?}) }},", stem(&agent)?)?;
    }
    code.push_str("];\n");
    Ok(())
}

/// Writes `ENGINE`: the version of wasmtime that is built in, which it does not tell itself.
fn tell_engine(code: &mut String, lock: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let version = lock.split("[[package]]").find_map(|package| {
        let rest = package.trim_start().strip_prefix("name = \"wasmtime\"\nversion = \"")?;
        Some(rest.split_once('"')?.0)
    });
    writeln!(code, "pub(crate) static ENGINE: Option<&str> = {version:?};")?;
    let own = env::var("CARGO_PKG_VERSION")?;
    let line = version.map_or_else(|| own.clone(), |engine| format!("{own} (wasmtime {engine})"));
    writeln!(
        code,
        "/// What `--version` says: an advisory of the engine is one of ours.\npub(crate) const VERSION: &str = {line:?};"
    )?;
    Ok(())
}

/// The files of a folder with this ending, in order; none if there is no folder.
fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(ending)) {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn stem(path: &Path) -> Result<&str, Box<dyn Error>> {
    let stem = path.file_stem().and_then(OsStr::to_str);
    stem.ok_or_else(|| format!("not a name: {}", path.display()).into())
}
