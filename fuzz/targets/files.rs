//! The TOML files that people and strangers write: agents, `tool.toml`, `hotcell.toml`.

#![no_main]

use hotcell_agent::document::Source;
use hotcell_agent::{Agent, Diagnostic, Lookup, Tools};
use hotcell_call::{GrantSet, Limits, Target, ToolName};
use hotcell_runtime::ToolFile;
use hotcell_runtime::config::Config;
use libfuzzer_sys::fuzz_target;

/// No tools at all, or every tool, with a function that takes anything.
struct Shelf {
    full: bool,
}

impl Tools for Shelf {
    fn function(&self, target: &Target) -> Lookup {
        match (self.full, &target.function) {
            (false, _) => Lookup::UnknownTool { tools: vec!["calc".to_owned()] },
            (true, None) => Lookup::Several { functions: vec!["eval".to_owned()] },
            (true, Some(_)) => Lookup::Found { target: target.clone(), input: Default::default() },
        }
    }

    fn limits(&self, _: &ToolName) -> Limits {
        Limits::default()
    }

    fn grants(&self, _: &ToolName) -> GrantSet {
        GrantSet::default()
    }
}

/// Whatever is wrong with a file, it can be shown.
fn shown(wrong: &[Diagnostic]) {
    assert!(!wrong.is_empty(), "a file is refused for a reason");
    for diagnostic in wrong {
        let text = diagnostic.render();
        assert!(!text.contains('\u{1b}'), "a stranger's file does not drive the terminal");
    }
}

fuzz_target!(|text: &str| {
    let source = Source::new("fuzz.toml", text);
    for full in [false, true] {
        if let Err(wrong) = Agent::read(&source, &Shelf { full }) {
            shown(&wrong);
        }
    }
    let _whole_or_refused = ToolFile::parse("tool.toml", text);
    if let Err(wrong) = Config::parse(&source) {
        shown(&wrong);
    }
});
