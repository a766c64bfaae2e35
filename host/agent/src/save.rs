//! Where a result is written: a relative name, never outside the output folder.
//!
//! Names may hold references, so parts of them come from results of untrusted tools. What can be judged without them is judged
//! when the file is checked; the whole name is judged again each time, before anything is opened.

use std::path::{Component, Path, PathBuf};

use hotcell_call::{ByteSize, Code, Failure, shortened};
use serde_json::Value;

use crate::reference::Scope;
use crate::template::Template;

/// The name under which a result is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Save {
    name: Template,
}

/// A name that can't be a file within the output folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` can't be a file in the output folder: {why}")]
pub struct NameError {
    name: String,
    why: &'static str,
}

/// The longest name, and the longest part of one that file systems take.
const MOST_BYTES: usize = 1_024;
const MOST_PART_BYTES: usize = 255;

impl Save {
    /// Takes a template, unless no value of its references could make it a good name.
    pub(crate) fn new(name: Template) -> Result<Self, NameError> {
        // A reference in it may become anything; `x` is the most harmless.
        let stand_in = name.text_with("x").ok_or(NameError { name: "this".to_owned(), why: "a name is a text" })?;
        within(&stand_in)?;
        Ok(Self { name })
    }

    /// The name's references.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.name
    }

    /// Whether each item of a list gets its own file; else the whole list goes into one.
    #[must_use]
    pub fn is_per_item(&self) -> bool {
        self.name.is_per_item()
    }

    /// The path below the output folder. Whoever opens it must not follow links on the way.
    ///
    /// # Errors
    ///
    /// [`Code::Reference`] when a reference leads nowhere, or the name leads out of the folder or is no name.
    pub fn path(&self, scope: &Scope<'_>) -> Result<PathBuf, Failure> {
        let most = ByteSize::of(MOST_BYTES + 16);
        let name = match self.name.resolve(scope, most)? {
            Value::String(name) => name,
            Value::Number(number) => number.to_string(),
            other => {
                let kind = if other.is_null() { "null" } else { "no text" };
                return Err(Failure::new(Code::Reference, "a file can't be named").why(format!("its name is {kind}")));
            }
        };
        within(&name).map_err(|error| {
            Failure::new(Code::Reference, error.to_string())
                .why("a name in `save` is made from results, which tools chose")
                .fix("use `{{index}}` in the name, or a field that is a plain name")
        })
    }

    /// The bytes that a result is written as: a string as it is, everything else as JSON for people.
    #[must_use]
    pub fn bytes(value: &Value) -> Vec<u8> {
        match value {
            Value::String(text) => text.clone().into_bytes(),
            other => format!("{other:#}\n").into_bytes(),
        }
    }
}

/// The path, if it is relative, never leaves its root, and names a file.
fn within(name: &str) -> Result<PathBuf, NameError> {
    let error = |why| NameError { name: shortened(name, 80), why };
    if name.is_empty() || name.ends_with('/') {
        return Err(error("it names no file"));
    }
    if name.len() > MOST_BYTES {
        return Err(error("it is longer than 1024 bytes"));
    }
    if name.contains(|c: char| c.is_control() || c == '\\') {
        return Err(error("it holds a control character or a backslash"));
    }
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) if part.len() > MOST_PART_BYTES => {
                return Err(error("a part of it is longer than 255 bytes"));
            }
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(error("`..` leads out of the folder")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(error("it is absolute"));
            }
        }
    }
    if path.as_os_str().is_empty() || name.ends_with("/.") {
        return Err(error("it names no file"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn save(name: &str) -> Result<Save, NameError> {
        Save::new(name.parse().unwrap())
    }

    #[test]
    fn a_name_that_leads_out_is_refused_before_anything_runs() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            ".",
            "a/",
            "a/.",
            "a\\b",
            "a\nb",
            "a\0b",
            "../{{item}}",
            "/{{item}}",
        ] {
            assert!(save(bad).is_err(), "{bad:?}");
        }
        for good in ["report.md", "a/b.svg", "./x", ".hidden", "{{item.name}}.svg", "{{input}}"] {
            assert!(save(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_name_made_from_a_result_is_judged_when_it_is_known() {
        let path = |template: &str, item: Value| {
            let scope = Scope { input: &Value::Null, steps: &BTreeMap::new(), item: Some((4, &item)) };
            save(template).unwrap().path(&scope)
        };
        assert_eq!(path("p/{{item}}-{{index}}.svg", json!("a")).unwrap(), Path::new("p/a-4.svg"));
        assert_eq!(path("{{index}}", json!(0)).unwrap(), Path::new("4"));
        for item in [
            json!("../../etc/cron.d/x"),
            json!("/etc/passwd"),
            json!(""),
            json!("x\u{0}"),
            json!("é".repeat(200)),
            json!("x/".repeat(600)),
            json!(null),
            json!({}),
        ] {
            let failure = path("{{item}}", item.clone()).unwrap_err();
            assert!(matches!(failure.code(), Code::Reference | Code::InputTooLarge), "{item}");
        }
    }

    #[test]
    fn text_is_written_as_it_is_and_the_rest_as_json() {
        assert_eq!(Save::bytes(&json!("# Title\n")), b"# Title\n");
        assert_eq!(Save::bytes(&json!([1])), b"[\n  1\n]\n");
    }
}
