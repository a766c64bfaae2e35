//! The text of a `hotcell.toml`, and the grants of a tool in it.

use std::fmt;
use std::path::Path;

use hotcell_call::{Code, Failure, ToolName, printable};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::Kind;

/// The text, taken apart so that it can be put together again as it was.
#[derive(Default)]
pub(crate) struct Document(DocumentMut);

/// One grant as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// None where the kind is granted as a whole.
    pub(crate) rule: Option<String>,
    /// Its line, from 1.
    pub(crate) line: usize,
}

impl Document {
    pub(crate) fn read(path: &Path, text: &str) -> Result<Self, Failure> {
        let read = text.parse().map(Self);
        read.map_err(|error: toml_edit::TomlError| {
            Failure::new(Code::File, format!("{} is not TOML", path.display())).why(error.message())
        })
    }

    /// Grants something; false if it stands there already.
    pub(crate) fn allow(&mut self, tool: &ToolName, kind: Kind, rule: Option<&str>) -> Result<bool, Failure> {
        let (section, key) = kind.key();
        let tools = child(self.0.as_table_mut(), "tools", "tools", Table::new().implicit())?;
        let tool_path = format!("tools.{tool}");
        let tool = child(tools, tool.as_str(), &tool_path, Table::new())?;
        let within = child(tool, section, &format!("{tool_path}.{section}"), Table::new().dotted())?;
        let path = format!("{tool_path}.{section}.{key}");
        match (rule, kind.mode()) {
            (Some(rule), _) => {
                let list = within.entry(key).or_insert_with(|| Item::Value(Value::Array(Array::new())));
                let list = list.as_array_mut().ok_or_else(|| unlike(&path, "a list"))?;
                if list.iter().any(|known| known.as_str() == Some(rule)) {
                    return Ok(false);
                }
                list.push(on_one_line(rule));
                Ok(true)
            }
            (None, Some(mode)) => {
                let item = within.entry(key).or_insert_with(|| toml_edit::value(""));
                if item.as_str() == Some(mode) {
                    return Ok(false);
                }
                let value = item.as_value_mut().ok_or_else(|| unlike(&path, "a word"))?;
                let decor = value.decor().clone();
                *value = Value::from(mode);
                *value.decor_mut() = decor;
                // A seed is for numbers that are made of one.
                within.remove("seed");
                Ok(true)
            }
            (None, None) => Ok(false),
        }
    }

    /// Takes back one rule, or all of a kind; gives what it was.
    pub(crate) fn revoke(&mut self, tool: &ToolName, kind: Kind, rule: Option<&str>) -> Vec<Option<String>> {
        let (section, key) = kind.key();
        let within = self.0.get_mut("tools").and_then(|tools| tools.as_table_like_mut()?.get_mut(tool.as_str()));
        let Some(within) = within.and_then(|tool| tool.as_table_like_mut()) else { return Vec::new() };
        let Some(keys) = within.get_mut(section).and_then(Item::as_table_like_mut) else { return Vec::new() };
        let mut gone = Vec::new();
        let empty = match (keys.get_mut(key), kind.mode()) {
            (Some(item), Some(mode)) => {
                let is = item.as_str() == Some(mode);
                gone.extend(is.then_some(None));
                is
            }
            (Some(item), None) => item.as_array_mut().is_some_and(|list| {
                let out = |value: &Value| rule.is_none_or(|rule| value.as_str() == Some(rule));
                gone.extend(list.iter().filter(|value| out(value)).map(|value| value.as_str().map(str::to_owned)));
                list.retain(|value| !out(value));
                list.is_empty()
            }),
            (None, _) => false,
        };
        if empty && !gone.is_empty() {
            keys.remove(key);
            if keys.is_empty() {
                within.remove(section);
            }
        }
        gone
    }

    /// What a tool is granted, in the order of the kinds.
    pub(crate) fn entries(&self, tool: &ToolName) -> Vec<Entry> {
        // Only a document that is read anew knows where its parts are.
        let text = self.to_string();
        let Ok(document) = toml_edit::Document::parse(text.as_str()) else { return Vec::new() };
        let line = |at: Option<std::ops::Range<usize>>| {
            let before = at.and_then(|at| text.get(..at.start)).unwrap_or_default();
            1 + before.bytes().filter(|byte| *byte == b'\n').count()
        };
        let tool = document.get("tools").and_then(|tools| tools.as_table_like()?.get(tool.as_str()));
        let Some(tool) = tool.and_then(Item::as_table_like) else { return Vec::new() };
        let mut entries = Vec::new();
        for kind in Kind::ALL {
            let (section, key) = kind.key();
            let Some(item) = tool.get(section).and_then(|keys| keys.as_table_like()?.get(key)) else { continue };
            match kind.mode() {
                Some(mode) if item.as_str() == Some(mode) => {
                    entries.push(Entry { kind, rule: None, line: line(item.span()) });
                }
                Some(_) => {}
                None => entries.extend(item.as_array().into_iter().flatten().filter_map(|value| {
                    Some(Entry { kind, rule: Some(value.as_str()?.to_owned()), line: line(value.span()) })
                })),
            }
        }
        entries
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A table within another, however it is written; made if it is not there.
/// A text that looks in the file like what it is: a part of one line. The library would lay out line breaks as such, and then a
/// name can look like another key to whoever reads the file.
fn on_one_line(text: &str) -> Value {
    let is_plain = |c: char| c != '\n' && printable(c.encode_utf8(&mut [0; 4])).starts_with(c);
    if text.chars().all(is_plain) {
        return Value::from(text);
    }
    let mut written = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if is_plain(c) => written.push(c),
            c => written.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    written.push('"');
    written.parse().unwrap_or_else(|_| Value::from(text))
}

fn child<'t>(
    parent: &'t mut dyn TableLike,
    key: &str,
    path: &str,
    fresh: Table,
) -> Result<&'t mut dyn TableLike, Failure> {
    let item = parent.entry(key).or_insert(Item::Table(fresh));
    item.as_table_like_mut().ok_or_else(|| unlike(path, "a table"))
}

fn unlike(path: &str, what: &str) -> Failure {
    Failure::new(Code::File, format!("`{path}` of hotcell.toml is not {what}")).why("so nothing can be added to it")
}

/// How a new table is written.
trait Written {
    fn implicit(self) -> Self;
    fn dotted(self) -> Self;
}

impl Written for Table {
    /// Without a header of its own.
    fn implicit(mut self) -> Self {
        self.set_implicit(true);
        self
    }

    /// As `fs.read = …` within its parent.
    fn dotted(mut self) -> Self {
        self.set_dotted(true);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::read(Path::new("hotcell.toml"), text).unwrap()
    }

    fn tool() -> ToolName {
        "files".parse().unwrap()
    }

    #[test]
    fn a_grant_is_added_where_it_belongs_and_the_rest_stays_as_it_was() {
        let fresh = "[tools.files]\nfs.read = [\"docs\"]\n";
        let table = [
            ("", fresh),
            (
                "# mine\n[schedule]\nqueue = 9 # few\n",
                "# mine\n[schedule]\nqueue = 9 # few\n\n[tools.files]\nfs.read = [\"docs\"]\n",
            ),
            (
                "[tools.files]\n# why\nlimits.fuel = \"1M\"\n",
                "[tools.files]\n# why\nlimits.fuel = \"1M\"\nfs.read = [\"docs\"]\n",
            ),
            (
                "[tools.files.fs]\nread = [\n  \"a\", # the first\n]\n",
                "[tools.files.fs]\nread = [\n  \"a\", \"docs\", # the first\n]\n",
            ),
            ("tools.files = { fs = { read = [\"a\"] } }\n", "tools.files = { fs = { read = [\"a\", \"docs\"] } }\n"),
            ("[tools]\nfiles.fs.read = []\n", "[tools]\nfiles.fs.read = [\"docs\"]\n"),
        ];
        for (before, after) in table {
            let mut changed = document(before);
            assert!(changed.allow(&tool(), Kind::Read, Some("docs")).unwrap());
            let entries = changed.entries(&tool());
            assert!(entries.iter().any(|entry| entry.rule.as_deref() == Some("docs")), "{entries:?}");
            // Where comments of a list go is the library's choice; that they stay is not.
            assert_eq!(before.matches('#').count(), changed.to_string().matches('#').count());
            if !before.contains("the first") {
                assert_eq!(changed.to_string(), after);
            }
            assert!(!changed.allow(&tool(), Kind::Read, Some("docs")).unwrap(), "it stands there already");
        }
    }

    #[test]
    fn a_name_with_line_breaks_is_a_part_of_a_line() {
        for name in [
            "a\nfs.write = [\"/\"]",
            "\n",
            "a\\b\n\"\"\"c",
            "a\r\u{1b}\u{202e}\u{e0041}b",
            "a\tb'\"\"\"",
            "\u{7f}\u{85}",
        ] {
            let mut changed = document("");
            assert!(changed.allow(&tool(), Kind::Read, Some(name)).unwrap());
            let text = changed.to_string();
            assert_eq!(text.lines().count(), 2, "{text}");
            let entries = document(&text).entries(&tool());
            assert!(entries.len() == 1 && entries[0].rule.as_deref() == Some(name), "{entries:?}");
        }
    }

    #[test]
    fn a_mode_is_set_and_taken_back() {
        let mut changed = document("[tools.files]\nrandom.mode = \"seeded\" # for tests\nrandom.seed = 7\n");
        assert!(changed.allow(&tool(), Kind::Random, None).unwrap());
        assert_eq!(changed.to_string(), "[tools.files]\nrandom.mode = \"system\" # for tests\n");
        assert_eq!(changed.entries(&tool()), [Entry { kind: Kind::Random, rule: None, line: 2 }]);
        assert_eq!(changed.revoke(&tool(), Kind::Random, None), [None]);
        assert_eq!(changed.to_string(), "[tools.files]\n");
    }

    #[test]
    fn what_is_taken_back_is_all_that_is_taken_away() {
        let text = "[tools.files]\nfs.read = [\"a\", \"b\"]\nenv.allow = [\"TZ\"] # zone\n";
        let mut changed = document(text);
        assert_eq!(changed.revoke(&tool(), Kind::Read, Some("a")), [Some("a".to_owned())]);
        assert!(changed.revoke(&tool(), Kind::Read, Some("a")).is_empty());
        assert!(changed.revoke(&tool(), Kind::Write, None).is_empty());
        assert_eq!(changed.entries(&tool()).iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(changed.revoke(&tool(), Kind::Env, None), [Some("TZ".to_owned())]);
        assert!(changed.to_string().starts_with("[tools.files]\nfs.read = ["));
    }

    #[test]
    fn a_key_of_another_form_is_an_error() {
        for text in ["tools = 1\n", "tools.files = 1\n", "tools.files.fs = 1\n", "tools.files.fs.read = \"docs\"\n"] {
            let failure = document(text).allow(&tool(), Kind::Read, Some("docs")).unwrap_err();
            assert_eq!(failure.code(), Code::File, "{text}");
        }
    }
}
