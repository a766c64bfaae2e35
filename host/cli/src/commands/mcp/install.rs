//! `hotcell mcp install`: what a client's file of servers has to say, shown as a change of that file, and made if that is asked for.
//!
//! The file is its owner's: nothing in it is laid out anew. What is not there is put in, what was there of ours is replaced, and a
//! file that can't be read for sure is left alone.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use hotcell_call::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::args::{Global, McpClient};
use crate::exit::{Exit, Trouble};
use crate::output::{BOLD, DIM, GREEN, Output, YELLOW, one_line};

/// Where a client keeps its servers.
struct Place {
    file: PathBuf,
    /// The member that has them.
    servers: &'static str,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    file: String,
    servers: &'a str,
    entry: &'a Value,
    changed: bool,
    written: bool,
}

/// By which a client knows the server.
const NAME: &str = "hotcell";
/// Lines around a change that are shown.
const AROUND: usize = 2;

pub(super) fn run(client: McpClient, write: bool, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let place = place(client)?;
    let entry = entry(client, global)?;
    let before = match std::fs::read_to_string(&place.file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unusable(&place.file, &error).into()),
    };
    let after = with_entry(&before, place.servers, &entry).map_err(|why| not_json(&place.file, &why))?;
    let changed = before != after;
    if changed && write {
        save(&place.file, &after).map_err(|error| unusable(&place.file, &error))?;
    }
    if output.is_json() {
        let file = one_line(place.file.display());
        let shown = Shown { file, servers: place.servers, entry: &entry, changed, written: changed && write };
        output.object(&shown)?;
        return Ok(Exit::OK);
    }
    output.line(output.styled(BOLD, one_line(place.file.display())));
    for (mark, line) in changes(&before, &after) {
        let style = match mark {
            '+' => GREEN,
            '-' => YELLOW,
            _ => DIM,
        };
        output.line(output.styled(style, format_args!("{mark} {}", one_line(line).trim_end())));
    }
    output.note(match (changed, write) {
        (false, _) => "It is there already.".to_owned(),
        (true, false) => format!("Nothing was changed. To do so: hotcell mcp install {} --write", client.word()),
        (true, true) => format!("Written. {} knows it after a restart.", client.title()),
    });
    if global.config.is_none() && client != McpClient::VsCode && changed {
        output.note("It is started in a folder of the client's own. With --config FILE it has the tools and grants of that file.");
    }
    Ok(Exit::OK)
}

impl McpClient {
    fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude",
            Self::Cursor => "Cursor",
            Self::VsCode => "VS Code",
        }
    }
}

fn place(client: McpClient) -> Result<Place, Failure> {
    let home = || {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        home.ok_or_else(|| Failure::new(Code::Command, "there is no home folder").why("HOME is not set"))
    };
    let (file, servers) = match client {
        McpClient::Claude if cfg!(target_os = "macos") => {
            (home()?.join("Library/Application Support/Claude/claude_desktop_config.json"), "mcpServers")
        }
        McpClient::Claude => {
            let given = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            let folder = given.map_or_else(|| home().map(|home| home.join(".config")), Ok)?;
            (folder.join("Claude/claude_desktop_config.json"), "mcpServers")
        }
        McpClient::Cursor => (home()?.join(".cursor/mcp.json"), "mcpServers"),
        McpClient::VsCode => (PathBuf::from(".vscode/mcp.json"), "servers"),
    };
    Ok(Place { file, servers })
}

/// How a client starts this very program.
fn entry(client: McpClient, global: &Global) -> Result<Value, Failure> {
    let nowhere = |what: &str, error: std::io::Error| Failure::new(Code::Command, what).why(error.to_string());
    let program = std::env::current_exe().map_err(|error| nowhere("it is not known where this program lies", error))?;
    let mut args = Vec::new();
    if let Some(config) = &global.config {
        let config = config.canonicalize();
        let config = config.map_err(|error| nowhere("the file of --config is not there", error))?;
        args.extend(["--config".to_owned(), text(&config)?]);
    }
    args.push("mcp".to_owned());
    let mut entry = json!({ "command": text(&program)?, "args": args });
    if client == McpClient::VsCode
        && let Value::Object(entry) = &mut entry
    {
        entry.insert("type".to_owned(), "stdio".into());
    }
    Ok(entry)
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::new(Code::Command, "a path is no text, and JSON can't say it").why(one_line(path.display()))
    })
}

/// The text of a file with the entry in it; why that can't be done.
fn with_entry(before: &str, servers: &str, entry: &Value) -> Result<String, String> {
    if before.trim().is_empty() {
        return Ok(format!("{}\n", pretty(&json!({ servers: { NAME: entry } }), 0)));
    }
    let top = members(before, "the file")?;
    let Some(list) = top.get(servers) else {
        return insert(before, 0, before, &format!("\"{servers}\": {}", pretty(&json!({ NAME: entry }), 1)), 1);
    };
    let inner = members(list.get(), &format!("`{servers}`"))?;
    let (at, new) = (offset(before, list.get()), pretty(entry, 2));
    match inner.get(NAME) {
        None => insert(before, at, list.get(), &format!("\"{NAME}\": {new}"), 2),
        Some(old) if serde_json::from_str::<Value>(old.get()).is_ok_and(|old| old == *entry) => Ok(before.to_owned()),
        Some(old) => {
            let from = offset(before, old.get());
            splice(before, from, from + old.get().len(), &new)
        }
    }
}

/// The members of an object, each as it is written.
fn members<'t>(text: &'t str, what: &str) -> Result<HashMap<String, &'t RawValue>, String> {
    serde_json::from_str(text).map_err(|error| format!("{what} is no JSON object: {error}"))
}

/// Where a part of a text begins.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Puts a member in front of those of the object that begins at `at`.
fn insert(text: &str, at: usize, object: &str, member: &str, depth: usize) -> Result<String, String> {
    let brace = object.find('{').map(|brace| at + brace + 1).ok_or("there is no object")?;
    let rest = object.get(brace - at..).unwrap_or_default().trim_start();
    let (inner, outer) = ("  ".repeat(depth), "  ".repeat(depth - 1));
    if rest.starts_with('}') {
        let end = at + object.len() - object.trim_end().len().min(object.len());
        let close = text.get(brace..).and_then(|rest| rest.find('}')).map(|close| brace + close);
        return splice(text, brace, close.unwrap_or(end), &format!("\n{inner}{member}\n{outer}"));
    }
    splice(text, brace, brace, &format!("\n{inner}{member},"))
}

fn splice(text: &str, from: usize, to: usize, new: &str) -> Result<String, String> {
    let (Some(head), Some(tail)) = (text.get(..from), text.get(to..)) else { return Err("it can't be cut".to_owned()) };
    let after = format!("{head}{new}{tail}");
    // Whatever went wrong, no file is made worse.
    serde_json::from_str::<Value>(&after).map_err(|error| format!("it would not be JSON any more: {error}"))?;
    Ok(after)
}

/// JSON over several lines, as it stands `depth` levels deep.
fn pretty(value: &Value, depth: usize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

/// The lines that change, with some around them.
fn changes<'t>(before: &'t str, after: &'t str) -> Vec<(char, &'t str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = |lines: &[&'t str]| lines.iter().skip(same).rev().copied().collect::<Vec<_>>();
    let (old_rest, new_rest) = (rest(&old), rest(&new));
    let same_after = old_rest.iter().zip(&new_rest).take_while(|(old, new)| old == new).count();
    let changed = |rest: &[&'t str]| rest.iter().skip(same_after).rev().copied().collect::<Vec<_>>();
    let around = |lines: Vec<&'t str>| lines.into_iter().map(|line| (' ', line));
    let head = new.iter().take(same).skip(same.saturating_sub(AROUND)).copied().collect();
    let tail = new_rest.iter().take(same_after).rev().take(AROUND).copied().collect();
    around(head)
        .chain(changed(&old_rest).into_iter().map(|line| ('-', line)))
        .chain(changed(&new_rest).into_iter().map(|line| ('+', line)))
        .chain(around(tail))
        .collect()
}

/// Replaces the file whole, where it really lies.
fn save(file: &Path, text: &str) -> std::io::Result<()> {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(text.as_bytes())?;
    if let Ok(meta) = std::fs::metadata(&file) {
        draft.as_file().set_permissions(meta.permissions())?;
    }
    draft.as_file().sync_all()?;
    draft.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

fn not_json(file: &Path, why: &str) -> Failure {
    Failure::new(Code::Command, format!("{} can't be changed", one_line(file.display())))
        .why(why)
        .fix("mend the file, or add the server by hand: docs/mcp.md shows how")
}

fn unusable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::Command, format!("{} can't be read or written", one_line(file.display()))).why(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Value {
        json!({ "command": "/bin/hotcell", "args": ["mcp"] })
    }

    fn with(before: &str) -> String {
        with_entry(before, "mcpServers", &entry()).unwrap()
    }

    #[test]
    fn what_is_in_the_file_stays_as_it_is() {
        let before = "{\n    \"z\": [1,  2],\n    \"mcpServers\": {\n      \"other\": { \"command\": \"x\" }\n    },\n    \"a\": null\n}\n";
        let after = with(before);
        for kept in ["    \"z\": [1,  2],\n", "\"other\": { \"command\": \"x\" }\n", "    \"a\": null\n}\n"] {
            assert!(after.contains(kept), "{after}");
        }
        let value: Value = serde_json::from_str(&after).unwrap();
        assert_eq!(value["mcpServers"]["hotcell"], entry());
        assert_eq!(with(&after), after, "once is enough");
        let other = with_entry(&after, "mcpServers", &json!({ "command": "/new" })).unwrap();
        assert!(other.contains("/new") && !other.contains("/bin/hotcell") && other.contains("[1,  2]"), "{other}");
    }

    #[test]
    fn whatever_there_is_it_fits_in() {
        for before in
            ["", " \n", "{}", "{ }", "{\"mcpServers\":{}}", "{\"mcpServers\": { } , \"a\": 1}", "{\"a\":\"}\"}"]
        {
            let value: Value = serde_json::from_str(&with(before)).unwrap();
            assert_eq!(value["mcpServers"]["hotcell"], entry(), "{before}");
        }
    }

    #[test]
    fn a_file_that_is_no_json_is_left_alone() {
        for before in ["[]", "{", "// servers\n{}", "{\"mcpServers\": 1}", "{\"mcpServers\": {}} x"] {
            assert!(with_entry(before, "mcpServers", &entry()).is_err(), "{before}");
        }
    }

    #[test]
    fn only_what_changes_is_shown() {
        let shown = |before, after| -> String {
            changes(before, after).into_iter().map(|(mark, line)| format!("{mark}{line}\n")).collect()
        };
        assert_eq!(shown("a\nb\nc\nd\ne\n", "a\nb\nc\nX\nd\ne\n"), " b\n c\n+X\n d\n e\n");
        assert_eq!(shown("a\nb\n", "a\nc\n"), " a\n-b\n+c\n");
        assert_eq!(shown("", "{\n}\n"), "+{\n+}\n");
        assert_eq!(shown("a\na\n", "a\na\na\n"), " a\n a\n+a\n");
    }
}
