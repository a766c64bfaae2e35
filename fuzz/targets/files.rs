//! The TOML files that people and strangers write: agents, `tool.toml`, `hotcell.toml`.

#![no_main]

use hotcell_agent::document::Source;
use hotcell_agent::model::{ChatModel, ChatRequest, Form, Message, Rules};
use hotcell_agent::{Agent, Diagnostic, Lookup, Offer, Tools};
use hotcell_call::{GrantSet, Limits, Target, ToolName};
use hotcell_runtime::ToolFile;
use hotcell_runtime::config::Config;
use libfuzzer_sys::fuzz_target;
use std::task::{Context, Poll, Waker};

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

    fn offers(&self, tool: Option<&ToolName>) -> Vec<Offer> {
        let name = tool.cloned().or_else(|| "calc".parse().ok()).filter(|_| self.full);
        let offer =
            |tool| Offer { target: Target::new(tool, "eval"), description: String::new(), input: Default::default() };
        name.map(offer).into_iter().collect()
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

/// Whatever a task says, the model `rules` has a reply.
fn obeyed(task: &str) {
    let form = Form { name: "plan".to_owned(), schema: Default::default() };
    for form in [None, Some(form)] {
        let request = ChatRequest { messages: vec![Message::User(task.to_owned())], form, ..ChatRequest::default() };
        let mut nothing = |_: &str| {};
        let mut reply = Rules.reply(&request, &mut nothing);
        let context = &mut Context::from_waker(Waker::noop());
        assert!(matches!(reply.as_mut().poll(context), Poll::Ready(Ok(_))), "it always has a reply");
    }
}

fuzz_target!(|text: &str| {
    let source = Source::new("fuzz.toml", text);
    for full in [false, true] {
        if let Err(wrong) = Agent::read(&source, &Shelf { full }) {
            shown(&wrong);
        }
    }
    obeyed(text);
    let _whole_or_refused = ToolFile::parse("tool.toml", text);
    if let Err(wrong) = Config::parse(&source) {
        shown(&wrong);
    }
});
