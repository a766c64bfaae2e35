//! What an agent works on: typed by a person, and thereby granted.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use hotcell_agent::{Agent, InputKind};
use hotcell_call::{Access, Code, Failure, Folder, shortened};
use hotcell_runtime::config::ceiling;
use serde_json::Value;
use tempfile::TempDir;

use crate::arguments::is_blank;
use crate::operator::folder;

/// The input as it was given, with what it grants.
pub(super) struct Given {
    text: Option<String>,
    folder: Option<Folder>,
    /// Holds a copy of the file while the agent runs.
    _copy: Option<TempDir>,
}

impl Given {
    /// Takes what was typed for an input of that kind, and grants a file or folder to be read. Blocks where it is `-`: stdin.
    ///
    /// # Errors
    ///
    /// [`Code::Grant`] for a file or folder that can't be read; [`Code::Unreadable`] and [`Code::InputTooLarge`] for stdin.
    pub(super) fn read(kind: Option<&str>, typed: Option<String>) -> Result<Self, Failure> {
        let Some(typed) = typed else {
            return Ok(Self { text: None, folder: None, _copy: None });
        };
        let (folder, copy) = match kind {
            Some("folder") => (Some(folder(&typed, Access::Read)?), None),
            Some("file") => alone(&typed).map(|(folder, copy)| (Some(folder), Some(copy)))?,
            _ => (None, None),
        };
        let text = match &folder {
            None => text(typed)?,
            // The tools know the folder by the name that it is granted under.
            Some(folder) if copy.is_none() => folder.guest.clone(),
            Some(_) => typed,
        };
        Ok(Self { text: Some(text), folder, _copy: copy })
    }

    /// What it lets the tools read.
    pub(super) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// What `{{input}}` is.
    ///
    /// # Errors
    ///
    /// [`Code::Command`] if there is none and the agent needs one, or the other way round; [`Code::InputNotJson`].
    pub(super) fn value(&self, agent: &Agent) -> Result<Value, Failure> {
        let name = &agent.name;
        match (&agent.input, &self.text) {
            (None, None) => Ok(Value::Null),
            (None, Some(_)) => {
                Err(Failure::new(Code::Command, format!("{name} takes no input")).fix(format!("hotcell run {name}")))
            }
            (Some(input), None) => Err(missing(agent, input.kind)),
            (Some(input), Some(text)) => match input.kind {
                InputKind::Json => json(name.as_str(), text),
                InputKind::Text | InputKind::File | InputKind::Folder => Ok(Value::String(text.clone())),
            },
        }
    }
}

/// A file alone in a folder, under the names that were typed.
///
/// What can be granted is a folder. To grant the one that the file lies in would hand over its neighbours, so the tools get one
/// that holds nothing but a copy.
fn alone(path: &str) -> Result<(Folder, TempDir), Failure> {
    let refuse =
        |why: String| Failure::new(Code::Grant, format!("the file {} can't be granted", shortened(path, 200))).why(why);
    let broken = |error: io::Error| refuse(error.to_string());
    let typed = Path::new(path);
    if !fs::metadata(typed).map_err(broken)?.is_file() {
        return Err(refuse("it is not a file".to_owned()));
    }
    let name = typed.file_name().ok_or_else(|| refuse("it has no name".to_owned()))?;
    let copy = tempfile::Builder::new().prefix("hotcell-input-").tempdir().map_err(broken)?;
    fs::copy(typed, copy.path().join(name)).map_err(broken)?;
    let parent = typed.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let guest = parent.to_str().ok_or_else(|| refuse("its path is not UTF-8".to_owned()))?.to_owned();
    let host = copy.path().canonicalize().map_err(broken)?;
    Ok((Folder::whole(guest, host, Access::Read), copy))
}

/// What was typed, or stdin for `-`.
fn text(typed: String) -> Result<String, Failure> {
    if typed != "-" {
        return Ok(typed);
    }
    let most = ceiling().input;
    let mut text = String::new();
    let read = io::stdin().lock().take(most.as_u64().saturating_add(1)).read_to_string(&mut text);
    read.map_err(|error| Failure::new(Code::Unreadable, "stdin can't be read").why(error.to_string()))?;
    if text.len() > most.as_usize() {
        return Err(
            Failure::new(Code::InputTooLarge, "the input is too large").why(format!("stdin is larger than {most}"))
        );
    }
    Ok(text)
}

fn json(agent: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let why = if is_blank(text) { "it is empty".to_owned() } else { error.to_string() };
        Failure::new(Code::InputNotJson, format!("the input of {agent} is not JSON")).why(why)
    })
}

fn missing(agent: &Agent, kind: InputKind) -> Failure {
    let (what, word) = match kind {
        InputKind::Text => ("a text", "TEXT"),
        InputKind::Json => ("JSON", "JSON"),
        InputKind::File => ("a file", "FILE"),
        InputKind::Folder => ("a folder", "FOLDER"),
    };
    let description = agent.input.as_ref().map(|input| input.description.as_str()).unwrap_or_default();
    Failure::new(Code::Command, format!("{} needs {what} to work on", agent.name))
        .why(description)
        .fix(format!("hotcell run {} {word}", agent.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_granted_without_its_neighbours() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("sales.csv"), "a,b").unwrap();
        fs::write(temp.path().join("secret"), "x").unwrap();
        let (folder, copy) = alone(temp.path().join("sales.csv").to_str().unwrap()).unwrap();
        assert_eq!(folder.guest, temp.path().to_str().unwrap());
        assert_eq!(folder.access, Access::Read);
        assert_eq!(fs::read_to_string(folder.host.join("sales.csv")).unwrap(), "a,b");
        assert_eq!(fs::read_dir(&folder.host).unwrap().count(), 1);
        drop(copy);
        assert!(!folder.host.exists());
    }

    #[test]
    fn the_input_is_what_the_tools_know_it_by() {
        let temp = tempfile::tempdir().unwrap();
        let typed = format!("{}/", temp.path().display());
        let given = Given::read(Some("folder"), Some(typed.clone())).unwrap();
        assert_eq!(given.text.as_deref(), temp.path().to_str());
        assert_eq!(given.folder().unwrap().access, Access::Read);
        let given = Given::read(Some("text"), Some(typed.clone())).unwrap();
        assert_eq!((given.text, given.folder), (Some(typed), None));
        assert!(Given::read(Some("folder"), None).unwrap().folder().is_none());
    }

    #[test]
    fn an_empty_input_is_told_as_one() {
        assert_eq!(json("x", " \n").unwrap_err().reason(), "it is empty");
        assert!(json("x", "{").unwrap_err().reason().contains("line 1"));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().to_str().unwrap();
        assert_eq!(alone(path).unwrap_err().reason(), "it is not a file");
        assert_eq!(alone(&format!("{path}/absent")).unwrap_err().code(), Code::Grant);
    }
}
