//! `hotcell new agent`: a file that can be run as it is, and says what else can stand in it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hotcell_agent::Pattern;
use hotcell_call::{AgentName, Code, Failure};
use serde::Serialize;

use super::unwritable;
use crate::exit::Exit;
use crate::output::{BOLD, GREEN, Output};

const MIND: &str = include_str!("../../../templates/agent/mind.toml.in");
const STEPS: &str = include_str!("../../../templates/agent/steps.toml.in");

#[derive(Serialize)]
struct Made {
    agent: AgentName,
    pattern: Pattern,
    file: PathBuf,
}

pub(super) fn run(agent: AgentName, pattern: Pattern, output: &Output) -> Result<Exit, Failure> {
    let file = PathBuf::from(format!("{agent}.toml"));
    write(&file, &text(&agent, pattern))?;
    let made = Made { agent, pattern, file };
    if output.is_json() {
        output.object(&made)?;
        return Ok(Exit::OK);
    }
    let Made { agent, pattern, file } = made;
    output.line(file.display());
    output.note(format_args!("  {}  {agent}: {}", output.styled_note(GREEN, "made"), told(pattern).what));
    let next = format!("hotcell run ./{} '{}'", file.display(), told(pattern).task);
    output.note(format_args!("  next  {}", output.styled_note(BOLD, next)));
    Ok(Exit::OK)
}

/// What is told of a pattern.
struct Told {
    what: &'static str,
    /// A task that `rules` can do, or an input.
    task: &'static str,
    /// Sections that only it has.
    more: &'static str,
}

fn told(pattern: Pattern) -> Told {
    match pattern {
        Pattern::Steps => Told { what: "A graph of tool calls, without a model.", task: "6 * 7", more: "" },
        Pattern::React => Told {
            what: "A model uses tools, sees what came of them, and goes on until it can answer.",
            task: r#"use calc.eval with {"expression": "6 * 7"}"#,
            more: "",
        },
        Pattern::Plan => Told {
            what: "A model plans calls; they are made side by side as far as they can; the model answers by their results.",
            task: r#"use calc.eval with {"expression": "6 * 7"}"#,
            more: "\n# How often a plan that can't be used goes back to the model.\n[plan]\nattempts = 3\n",
        },
        Pattern::Reactive => Told {
            what: "A model does tasks as they come, side by side, and each as by itself.",
            task: r#"use calc.eval with {"expression": "6 * 7"}"#,
            more: "\n# Files whose changes are tasks.\n# [watch]\n# ending = \".md\"\n# task = \"use text.stats with {\\\"text\\\": \\\"{{path}}\\\"}\"\n",
        },
    }
}

fn text(agent: &AgentName, pattern: Pattern) -> String {
    let Told { what, task, more } = told(pattern);
    let template = if pattern == Pattern::Steps { STEPS } else { MIND };
    let filled =
        [("name", agent.as_str()), ("pattern", pattern.as_str()), ("what", what), ("task", task), ("more", more)];
    let text =
        filled.iter().fold(template.to_owned(), |text, (place, with)| text.replace(&format!("{{{{{place}}}}}"), with));
    format!("{}\n", text.trim_end())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    match OpenOptions::new().write(true).create_new(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = Failure::new(Code::Command, format!("{} is there already", file.display()));
            Err(there.why("nothing of it was changed").fix("take another name, or remove it"))
        }
        made => made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritable(file, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_a_template_is_filled_but_those_that_an_agent_fills() {
        for (_, pattern) in Pattern::WORDS {
            let text = text(&"my-agent".parse().unwrap(), *pattern);
            let left = text.replace("{{input}}", "").replace("{{steps.sum}}", "").replace("{{item}}", "");
            assert!(!left.replace("{{path}}", "").contains("{{"), "{text}");
            toml::from_str::<toml::Table>(&text).unwrap();
        }
    }

    #[test]
    fn a_file_that_is_there_is_left_alone_and_so_is_what_a_link_leads_to() {
        let temp = tempfile::tempdir().unwrap();
        let (file, link) = (temp.path().join("a.toml"), temp.path().join("b.toml"));
        write(&file, "one").unwrap();
        std::os::unix::fs::symlink(temp.path().join("c.toml"), &link).unwrap();
        for path in [&file, &link] {
            assert_eq!(write(path, "two").unwrap_err().reason(), "nothing of it was changed");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one");
        assert!(!temp.path().join("c.toml").exists());
    }
}
