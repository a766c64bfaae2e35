//! Documentation that a component carries in its `package-docs` section, as the WIT tools write it: a version byte, then JSON.
//!
//! Best effort: the format is not part of the standard, so whatever does not look as expected is no documentation, and never
//! a reason to refuse a component.

use serde_json::Value;

/// Sections beyond this size are not read.
const MOST: usize = 1 << 20;

/// The documentation of one component; empty if there is none.
#[derive(Debug, Default)]
pub(crate) struct Docs(Value);

impl Docs {
    /// The name of the custom section.
    pub(crate) const SECTION: &'static str = "package-docs";

    pub(crate) fn read(section: &[u8]) -> Self {
        match section {
            [0 | 1, json @ ..] if json.len() <= MOST => Self(serde_json::from_slice(json).unwrap_or_default()),
            _ => Self::default(),
        }
    }

    /// The documentation of the function at `path`: the names of the instances around it, then its own.
    pub(crate) fn of(&self, path: &[&str]) -> Option<&str> {
        let found = match path {
            [function] => self.in_world(&["func_exports", "funcs"], function)?,
            [instance, function] => self.interface(instance)?.get("funcs")?.get(function)?,
            _ => return None,
        };
        // Either the text alone, or an object that holds it beside the item's stability.
        found.as_str().or_else(|| found.get("docs")?.as_str())
    }

    /// An interface: by its name in the package, or, where the world declares it in place, by its name in the world.
    fn interface(&self, instance: &str) -> Option<&Value> {
        match instance.split_once('/') {
            Some((_, interface)) => self.0.get("interfaces")?.get(interface.split('@').next()?),
            None => self.in_world(&["interface_exports", "interfaces"], instance),
        }
    }

    /// What stands under `name` in the first of `tables` of any world that has it.
    fn in_world(&self, tables: &[&str], name: &str) -> Option<&Value> {
        let worlds = self.0.get("worlds")?.as_object()?;
        tables.iter().find_map(|table| worlds.values().find_map(|world| world.get(table)?.get(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_both_places_are_read() {
        let json = br#"{
            "worlds": {"w": {
                "func_exports": {"shout": {"docs": "Shouts.", "stability": "unknown"}},
                "interface_exports": {"math": {"funcs": {"add": {"docs": "Adds."}}}}
            }},
            "interfaces": {"text": {"docs": "Texts.", "funcs": {"trim": "Trims."}}}
        }"#;
        let docs = Docs::read(&[&[1], json.as_slice()].concat());
        for (path, wanted) in [
            (vec!["shout"], Some("Shouts.")),
            (vec!["math", "add"], Some("Adds.")),
            (vec!["my:pkg/text@1.0.0", "trim"], Some("Trims.")),
            (vec!["my:pkg/text", "cut"], None),
            (vec!["a", "b", "c"], None),
        ] {
            assert_eq!(docs.of(&path), wanted, "{path:?}");
        }
    }

    #[test]
    fn what_is_no_documentation_is_none() {
        for section in
            [&b""[..], b"\x01", b"\x02{}", b"\x01{", b"\x01[1]", b"\x01{\"worlds\": 3, \"interfaces\": \"x\"}"]
        {
            assert_eq!(Docs::read(section).of(&["f"]), None);
            assert_eq!(Docs::read(section).of(&["a:b/c", "f"]), None);
        }
    }
}
