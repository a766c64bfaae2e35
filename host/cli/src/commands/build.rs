//! `hotcell build`: compiles a tool, then looks at what came out as the host would.

mod paths;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hotcell_call::{Code, Failure, ToolName, shortened};
use hotcell_runtime::{Inspected, ToolFile};
use serde::{Deserialize, Serialize};

use crate::args::{BuildArgs, Global};
use crate::commands::inspect;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::{BOLD, Output, one_line};
use crate::signals::blocking;

const TARGET: &str = "wasm32-wasip2";

#[derive(Serialize)]
struct Built {
    tool: ToolName,
    path: PathBuf,
    functions: Vec<String>,
}

pub(super) async fn run(args: BuildArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    if !args.folder.join("Cargo.toml").is_file() {
        return Err(nothing_there(&args.folder).into());
    }
    // Before the long part: what is wrong in it would be told after it.
    let settings = args.folder.join("tool.toml");
    let file = if settings.is_file() { Some(ToolFile::check(&settings)?) } else { None };
    let folder = args.folder.clone();
    let quiet = output.is_quiet();
    let path = blocking(move || compile(&folder, quiet)).await?;
    let inspected = look(file, &path, global).await?;
    let tool = inspected.name.clone();
    let functions = inspected.descriptor.functions.iter().map(|function| format!("{tool}.{}", function.name));
    let built = Built { functions: functions.collect(), path: shortest(path), tool };
    if output.is_json() {
        output.object(&built)?;
        return Ok(Exit::OK);
    }
    output.line(one_line(built.path.display()));
    for line in inspect::lines(output, &inspected, false) {
        output.note(line);
    }
    let first = inspected.descriptor.functions.iter().find(|function| function.callable.is_ok());
    if let Some(function) = first {
        let call = format!("hotcell call {}#{}", one_line(built.path.display()), function.name);
        output.note(format_args!("\ncall it  {}", output.styled_note(BOLD, call)));
    }
    Ok(Exit::OK)
}

/// Looks at the component as the host will, once the folder lies among its tools: with what its `tool.toml` says.
async fn look(file: Option<ToolFile>, path: &Path, global: &Global) -> Result<Inspected, Trouble> {
    let mut operator = Operator::load(global)?;
    let name = match file.as_ref().and_then(|file| file.name.clone()) {
        Some(name) => {
            operator.named(name.clone(), path);
            name
        }
        None => operator.file(path)?,
    };
    let mut inspected = operator.host()?.inspect(&name).await?;
    if let Some(file) = file {
        inspected.grants = inspected.given.narrowed(&file.wants);
        inspected.limits = inspected.limits.tighten(&file.limits);
        inspected.description = file.description;
        inspected.wants = Some(file.wants);
    }
    Ok(inspected)
}

/// Runs Cargo in the folder and gives the component that it made.
fn compile(folder: &Path, quiet: bool) -> Result<PathBuf, Failure> {
    check_target(folder)?;
    let options = paths::options(folder, quiet)?;
    let mut cargo = cargo(folder, quiet);
    cargo.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    cargo.args(options);
    for name in paths::PUSHING {
        cargo.env_remove(name);
    }
    // Cargo talks to people on stderr; on stdout it says what it made.
    let ran = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| started(&error))?;
    if !ran.status.success() {
        return Err(Failure::new(Code::Command, "the tool does not compile").why("cargo said what is wrong, above"));
    }
    component(&String::from_utf8_lossy(&ran.stdout), folder)
}

/// Cargo in a folder.
fn cargo(folder: &Path, quiet: bool) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.args(quiet.then_some("--quiet")).current_dir(folder);
    cargo
}

fn started(error: &io::Error) -> Failure {
    Failure::new(Code::Command, "cargo could not be started")
        .why(error.to_string())
        .fix("install Rust: https://rustup.rs")
}

/// What Cargo says of each thing that it made; other messages have other reasons.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The component of the package in `folder`. In a workspace others may have been made beside it.
fn component(messages: &str, folder: &Path) -> Result<PathBuf, Failure> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let made = messages.filter(|message| message.reason == "compiler-artifact");
    let manifest = folder.join("Cargo.toml").canonicalize().ok();
    let of_folder = made.filter(|message| message.manifest_path.canonicalize().ok() == manifest);
    let mut files = of_folder.flat_map(|message| message.filenames);
    files.rfind(|file| file.extension().is_some_and(|ending| ending == "wasm")).ok_or_else(|| {
        Failure::new(Code::Command, format!("{} makes no component", shown(folder)))
            .why("it is not a library of the type cdylib")
            .fix("[lib]\ncrate-type = [\"cdylib\", \"rlib\"]")
    })
}

/// Makes sure that there is a standard library for the target: without it the compiler's message is of no help.
fn check_target(folder: &Path) -> Result<(), Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    // What rustc can't say, cargo will.
    let Ok(printed) = printed else { return Ok(()) };
    let libraries = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
    let core = |name: &str| name.starts_with("libcore-");
    let files = libraries.read_dir().into_iter().flatten().flatten();
    if files.into_iter().any(|file| file.file_name().to_str().is_some_and(core)) || !printed.status.success() {
        return Ok(());
    }
    Err(Failure::new(Code::Command, format!("the target {TARGET} is not installed"))
        .why(format!("there is nothing in {}", shown(&libraries)))
        .fix(format!("rustup target add {TARGET}\nwithout rustup: `just setup` in a checkout of hotcell")))
}

/// The path from here, where the file is below.
fn shortest(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or(path)
}

fn nothing_there(folder: &Path) -> Failure {
    Failure::new(Code::Command, format!("there is nothing to build in {}", shown(folder)))
        .why("it has no Cargo.toml")
        .fix("hotcell new tool NAME")
}

fn shown(path: &Path) -> String {
    shortened(&path.display().to_string(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_that_of_the_folder() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("Cargo.toml"), "").unwrap();
        let manifest = temp.path().join("Cargo.toml");
        let artefact = |manifest: &Path, file: &str| {
            serde_json::json!({ "reason": "compiler-artifact", "manifest_path": manifest, "filenames": ["x.rlib", file] }).to_string()
        };
        let messages = [
            "not json".to_owned(),
            artefact(&manifest, "right.wasm"),
            artefact(Path::new("/elsewhere/Cargo.toml"), "wrong.wasm"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        assert_eq!(component(&messages.join("\n"), temp.path()).unwrap(), Path::new("right.wasm"));
        let none = component(&artefact(&manifest, "x.so"), temp.path()).unwrap_err();
        assert!(none.remedy().unwrap().contains("cdylib"), "{none}");
    }
}
