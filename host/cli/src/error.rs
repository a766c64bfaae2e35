//! What went wrong, told so that it can be mended: what, why, fix, and where to read more.

use std::fmt::Write as _;

use hotcell_agent::{Diagnostic, Style};
use hotcell_call::{Failure, Kind};
use serde::Serialize;

use crate::exit::Trouble;
use crate::output::{BOLD, DIM, GREEN, Output, RED, one_line, without_numbers};

/// Tells why a command could not do what it was to do: to programs on stdout, to people on stderr.
pub(crate) fn report(output: &Output, trouble: &Trouble) {
    if output.is_json() {
        let printed = match trouble {
            Trouble::Failure(failure) => output.object(&object(failure, None)),
            Trouble::File(diagnostics) => {
                output.object(&object(&hotcell_agent::failure(diagnostics), Some(diagnostics)))
            }
        };
        if printed.is_ok() {
            return;
        }
    }
    match trouble {
        Trouble::Failure(failure) => output.tell(failed(output, failure)),
        Trouble::File(diagnostics) => output.tell(drawn(diagnostics, style(output.is_colourful()))),
    }
}

/// A failure as a person reads it.
pub(crate) fn failed(output: &Output, failure: &Failure) -> String {
    let word = output.styled_note(RED, format_args!("{}[{}]", failure.kind(), failure.code()));
    let mut text = format!("{word}: {}", output.styled_note(BOLD, one_line(failure.what())));
    let mut label = |label: &str, lines: &str| {
        let mut label = output.styled_note(DIM, format_args!("{label:<4}"));
        for line in lines.lines() {
            // Writing to a text can't fail.
            let _ = write!(text, "\n  {label}  {line}");
            label = "    ".to_owned();
        }
    };
    label("why", &without_numbers(failure.reason()));
    if let Some(fix) = failure.remedy() {
        let fix: Vec<String> = fix.lines().map(|line| choice(output, line)).collect();
        label("fix", &fix.join("\n"));
    }
    label("more", &failure.docs());
    text
}

/// One line of a fix. Where there are two ways, they stand below each other: `once`, `always`.
fn choice(output: &Output, line: &str) -> String {
    let (way, rest) = way(line);
    format!("{way}{}", output.styled_note(GREEN, rest))
}

/// The way that a line of a fix names, laid out, and what it says.
pub(crate) fn way(line: &str) -> (&'static str, &str) {
    for (way, laid) in [("once: ", "once    "), ("always: ", "always  ")] {
        if let Some(rest) = line.strip_prefix(way) {
            return (laid, rest);
        }
    }
    ("", line)
}

/// Everything that is wrong in a file, with carets, and how much it is.
pub(crate) fn drawn(diagnostics: &[Diagnostic], style: Style) -> String {
    let mut text: String = diagnostics.iter().map(|diagnostic| one(diagnostic, style) + "\n\n").collect();
    let place = diagnostics.first().map_or_else(String::new, |first| one_line(first.file()));
    let count = match diagnostics.len() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    text.push_str(&format!("{place}: {count}"));
    text
}

/// One thing that is wrong. What the file says in the lines below the first stays as it is.
fn one(diagnostic: &Diagnostic, style: Style) -> String {
    let drawn = diagnostic.draw(style);
    let (title, excerpt) = drawn.split_at(drawn.find('\n').unwrap_or(drawn.len()));
    without_numbers(title) + excerpt
}

/// The style of carets.
pub(crate) fn style(colour: bool) -> Style {
    if colour { Style::Colour } else { Style::Plain }
}

#[derive(Serialize)]
struct Object<'a> {
    outcome: Kind,
    error: &'a Failure,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<&'a [Diagnostic]>,
}

fn object<'a>(failure: &'a Failure, diagnostics: Option<&'a [Diagnostic]>) -> impl Serialize + 'a {
    Object { outcome: failure.kind(), error: failure, diagnostics }
}

#[cfg(test)]
mod tests {
    use hotcell_agent::document::Source;
    use hotcell_call::{Capability, Code, Denial};

    use super::*;

    #[test]
    fn a_denial_says_how_to_allow_it_once_and_always() {
        let denial = Denial::new(Capability::Read, "docs/a b.md");
        let failure = Failure::new(Code::Files, format!("files.read may not {}", denial.act()))
            .why("it is not granted (granted: none)")
            .fix(denial.fix(&"files".parse().unwrap()).unwrap());
        insta::assert_snapshot!(failed(&Output::plain(), &failure), @r#"
        denied[E0302]: files.read may not read `docs/a b.md`
          why   it is not granted (granted: none)
          fix   once    --allow-read docs
                always  fs.read = ["docs"] under [tools.files] in hotcell.toml
          more  hotcell explain E0302
        "#);
    }

    #[test]
    fn a_failure_without_more_to_say_is_short_and_a_long_one_is_indented() {
        let short = Failure::new(Code::Fault, "a bug");
        insta::assert_snapshot!(failed(&Output::plain(), &short), @r"
        fault[E7001]: a bug
          more  hotcell explain E7001
        ");
        let long =
            Failure::new(Code::ToolFailed, "x.y failed\nok").why("one\ntwo\u{1b}[2J").fix("do this\nalways: and that");
        insta::assert_snapshot!(failed(&Output::plain(), &long), @r"
        failed[E0101]: x.y failed\nok
          why   one
                two\u{1b}[2J
          fix   do this
                always  and that
          more  hotcell explain E0101
        ");
    }

    #[test]
    fn files_show_all_that_is_wrong_and_how_much_it_is() {
        let source = Source::new("x.toml", "a = 1\nb = 2\n");
        let wrong = |message: &str, at| Diagnostic::new(&source, message).at(at, "here");
        let both = [wrong("no a", 0..1), wrong("no b", 6..7)];
        insta::assert_snapshot!(drawn(&both, Style::Plain), @r"
        error[E0205]: no a
         --> x.toml:1:1
          |
        1 | a = 1
          | ^ here

        error[E0205]: no b
         --> x.toml:2:1
          |
        2 | b = 2
          | ^ here

        x.toml: 2 errors
        ");
        let object = serde_json::to_value(object(&hotcell_agent::failure(&both), Some(&both))).unwrap();
        assert_eq!(object["outcome"], "invalid");
        assert_eq!(object["diagnostics"][1]["line"], 2);
    }
}
