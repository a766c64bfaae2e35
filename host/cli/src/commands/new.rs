//! `hotcell new`: the beginnings of a tool, which compile and pass their tests as they are, or of an agent.

mod agent;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hotcell_call::{Code, Failure, ToolName, shortened};
use serde::Serialize;

use crate::args::{NewArgs, NewKind, Sdk};
use crate::exit::{Exit, Trouble};
use crate::output::{BOLD, GREEN, Output};

/// The files of a new tool and what they begin with.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../../templates/tool/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../templates/tool/lib.rs.in")),
    ("tool.toml", include_str!("../../templates/tool/tool.toml.in")),
    (".cargo/config.toml", include_str!("../../templates/tool/cargo-config.toml.in")),
    ("README.md", include_str!("../../templates/tool/README.md.in")),
    (".gitignore", include_str!("../../templates/tool/gitignore.in")),
];

/// The SDK of the checkout that this program was built from. Whether it is still there is looked at when it is needed.
const OWN_SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

/// Words that Cargo takes for no package, or Rust for no crate.
const TAKEN: [&str; 57] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "hotcell",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
];

#[derive(Serialize)]
struct Made {
    tool: ToolName,
    folder: PathBuf,
    files: Vec<&'static str>,
}

pub(super) fn run(args: NewArgs, output: &Output) -> Result<Exit, Trouble> {
    match args.kind {
        NewKind::Tool { name, sdk } => tool(name, sdk, output),
        NewKind::Agent { name, pattern } => Ok(agent::run(name, pattern, output)?),
    }
}

fn tool(name: ToolName, sdk: Option<Sdk>, output: &Output) -> Result<Exit, Trouble> {
    check_name(&name)?;
    let sdk = dependency(sdk)?;
    let folder = PathBuf::from(name.as_str());
    write(&folder, &name, &sdk)?;
    let files = FILES.iter().map(|(file, _)| *file).collect();
    let made = Made { tool: name, folder, files };
    if output.is_json() {
        output.object(&made)?;
        return Ok(Exit::OK);
    }
    let Made { tool, folder, files } = made;
    output.line(folder.display());
    output.note(format_args!("  {}  {tool}: {}", output.styled_note(GREEN, "made"), files.join(", ")));
    output.note(format_args!("  next  {}", output.styled_note(BOLD, format_args!("hotcell build {tool}"))));
    output.note(format_args!("        {}", output.styled_note(BOLD, format_args!("(cd {tool} && cargo test)"))));
    Ok(Exit::OK)
}

/// Makes sure that the name can be a crate's.
fn check_name(name: &ToolName) -> Result<(), Failure> {
    let refuse =
        |why: &str| Err(Failure::new(Code::Command, format!("`{name}` can't be the name of a crate")).why(why));
    if name.as_str().starts_with(|c: char| c.is_ascii_digit()) {
        return refuse("it begins with a digit");
    }
    if TAKEN.contains(&name.as_str().replace('-', "_").as_str()) {
        return refuse("the word is taken");
    }
    Ok(())
}

/// The SDK as a dependency in `Cargo.toml`.
fn dependency(sdk: Option<Sdk>) -> Result<String, Failure> {
    match sdk {
        Some(Sdk::Git(url)) => Ok(format!("{{ git = {} }}", toml::Value::String(url))),
        Some(Sdk::Path(path)) if is_sdk(&path) => at(&path),
        Some(Sdk::Path(path)) => {
            let what = format!("{} is not the SDK", shortened(&path.display().to_string(), 200));
            Err(Failure::new(Code::Command, what).why("there is no Cargo.toml of the crate `hotcell` in it").fix(HOW))
        }
        None if is_sdk(Path::new(OWN_SDK)) => at(Path::new(OWN_SDK)),
        None => Err(Failure::new(Code::Command, "the SDK was not found")
            .why("the checkout that this program was built from is not there any more")
            .fix(HOW)),
    }
}

const HOW: &str = "--sdk PATH names the folder guest-sdk of a checkout of hotcell, --sdk URL its git repository";

fn at(path: &Path) -> Result<String, Failure> {
    let path = path.canonicalize().map_err(|error| unwritable(path, &error))?;
    Ok(format!("{{ path = {} }}", toml::Value::String(path.display().to_string())))
}

/// Whether the crate `hotcell` is in this folder.
fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"));
    manifest.is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "name = \"hotcell\""))
}

fn write(folder: &Path, name: &ToolName, sdk: &str) -> Result<(), Failure> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = Failure::new(Code::Command, format!("{} is there already", folder.display()));
            return Err(there.why("nothing of it was changed").fix("take another name, or remove it"));
        }
        made => made.map_err(|error| unwritable(folder, &error))?,
    }
    for (file, template) in FILES {
        let path = folder.join(file);
        let text = filled(template, name, sdk);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)).map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

fn filled(template: &str, name: &ToolName, sdk: &str) -> String {
    let file = name.as_str().replace('-', "_");
    template.replace("{{name}}", name.as_str()).replace("{{file}}", &file).replace("{{sdk}}", sdk)
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let what = format!("{} can't be written", shortened(&path.display().to_string(), 200));
    Failure::new(Code::Command, what).why(error.to_string())
}

#[cfg(test)]
mod tests {
    use hotcell_runtime::ToolFile;

    use super::*;

    fn name(text: &str) -> ToolName {
        text.parse().unwrap()
    }

    #[test]
    fn every_place_in_a_template_is_filled() {
        for (file, template) in FILES {
            let text = filled(template, &name("my-tool"), "{ path = \"sdk\" }");
            assert!(!text.contains("{{"), "{file}: {text}");
        }
    }

    #[test]
    fn what_is_written_is_a_tool() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("my-tool");
        write(&folder, &name("my-tool"), "{ path = \"sdk\" }").unwrap();
        let tool = ToolFile::read(&folder.join("tool.toml")).unwrap();
        assert_eq!(tool.name, Some(name("my-tool")));
        assert_eq!(tool.wasm.unwrap(), Path::new("target/wasm32-wasip2/release/my_tool.wasm"));
        assert!(fs::read_to_string(folder.join("Cargo.toml")).unwrap().contains("hotcell = { path = \"sdk\" }"));
        let again = write(&folder, &name("my-tool"), "").unwrap_err();
        assert_eq!((again.code(), again.reason()), (Code::Command, "nothing of it was changed"));
    }

    #[test]
    fn names_that_no_crate_can_have_are_refused() {
        for taken in ["1st", "fn", "test", "proc-macro", "hotcell"] {
            assert_eq!(check_name(&name(taken)).unwrap_err().code(), Code::Command, "{taken}");
        }
        for free in ["weather", "a-b", "fn-2"] {
            check_name(&name(free)).unwrap();
        }
        assert!(TAKEN.is_sorted());
    }

    #[test]
    fn the_sdk_is_that_of_the_checkout_unless_another_is_named() {
        assert!(dependency(None).unwrap().ends_with("guest-sdk\" }"));
        assert_eq!(dependency(Some(Sdk::Git("https://x/\"y".into()))).unwrap(), "{ git = 'https://x/\"y' }");
        let temp = tempfile::tempdir().unwrap();
        let refused = dependency(Some(Sdk::Path(temp.path().to_owned()))).unwrap_err();
        assert!(refused.what().ends_with("is not the SDK"), "{refused}");
    }
}
