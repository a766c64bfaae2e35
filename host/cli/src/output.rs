//! Where words go: data to stdout, everything else to stderr.
//!
//! All printing passes here, so that three things hold everywhere. A reader who goes away (`| head`) ends the printing and not
//! the program with an error; any other trouble with stdout is told and makes the exit code non-zero; and what strangers wrote
//! reaches a terminal only escaped.

use std::cell::{Cell, OnceCell};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use hotcell_call::{Code, Failure, printable};
use serde::Serialize;

use crate::args::Global;
use crate::json;

/// Emphasis: names, titles.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is there but not the point.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What went wrong.
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
/// What is good.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// What should be looked at.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Both streams, and how to print.
#[derive(Debug)]
pub(crate) struct Output {
    /// For programs.
    json: bool,
    /// Data and errors only.
    quiet: bool,
    out: Manner,
    err: Manner,
    /// The first error of stdout that is not a reader who went away.
    trouble: OnceCell<io::Error>,
    /// Whether the reader went away.
    alone: Cell<bool>,
}

/// Stderr alone, for what is told from another thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice(Manner);

/// What a stream can show.
#[derive(Debug, Clone, Copy)]
struct Manner {
    terminal: bool,
    colour: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let colour = !global.no_color && colour_is_welcome();
        let manner = |terminal| Manner { terminal, colour: terminal && colour };
        Self {
            json: global.json,
            quiet: global.quiet,
            out: manner(io::stdout().is_terminal()),
            err: manner(io::stderr().is_terminal()),
            trouble: OnceCell::new(),
            alone: Cell::new(false),
        }
    }

    /// Whether data is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only data and errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether something that moves may be shown on stderr.
    pub(crate) fn is_lively(&self) -> bool {
        self.err.terminal && !self.quiet
    }

    /// Whether what is on stdout may be drawn over.
    pub(crate) fn is_screen(&self) -> bool {
        self.out.terminal && !self.json && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
    }

    /// Whether nothing that is printed to stdout arrives any more.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone.get() || self.trouble.get().is_some()
    }

    /// Whether stdout has colours.
    pub(crate) fn is_out_colourful(&self) -> bool {
        self.out.colour
    }

    /// Whether stderr has colours.
    pub(crate) fn is_colourful(&self) -> bool {
        self.err.colour
    }

    /// Prints a line of data.
    pub(crate) fn line(&self, line: impl Display) {
        self.write(format_args!("{line}\n"));
    }

    /// Draws on the terminal: what is drawn drives it, so nothing that strangers wrote may be in it as it is.
    pub(crate) fn draw(&self, text: &str) {
        self.write(format_args!("{text}"));
        self.keep(io::stdout().flush());
    }

    /// Prints text that a tool made. A terminal sees no control characters; a pipe gets every byte.
    pub(crate) fn text(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        if self.out.terminal {
            self.write(format_args!("{}{end}", printable(text)));
        } else {
            self.write(format_args!("{text}{end}"));
        }
    }

    /// Prints JSON text: harmless, and laid out on a terminal, else on one line.
    pub(crate) fn json_text(&self, text: &str) {
        if self.out.terminal {
            self.line(json::harmless(&json::pretty(text)));
        } else {
            self.line(json::harmless(&json::compact(text)));
        }
    }

    /// Prints one of many objects, on one line and at once: whoever reads them waits for each.
    pub(crate) fn record(&self, object: &impl Serialize) -> Result<(), Failure> {
        self.record_line(&json::harmless(&written(object)?));
        Ok(())
    }

    /// Prints a line that is an object already, harmless, at once.
    pub(crate) fn record_line(&self, line: &str) {
        self.line(line);
        self.keep(io::stdout().flush());
    }

    /// Prints the one object that `--json` promises.
    pub(crate) fn object(&self, object: &impl Serialize) -> Result<(), Failure> {
        self.json_text(&written(object)?);
        Ok(())
    }

    /// Tells something beside the data, unless quiet was asked for.
    pub(crate) fn note(&self, line: impl Display) {
        if !self.quiet {
            self.tell(line);
        }
    }

    /// Tells what went wrong.
    #[expect(clippy::unused_self, reason = "only who was given the output may print")]
    pub(crate) fn tell(&self, line: impl Display) {
        // With stderr gone there is nobody left to tell.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Stderr, to be told things from elsewhere.
    pub(crate) fn voice(&self) -> Voice {
        Voice(self.err)
    }

    /// Text for stdout in a style.
    pub(crate) fn styled(&self, style: Style, text: impl Display) -> String {
        paint(self.out, style, text)
    }

    /// Text for stderr in a style.
    pub(crate) fn styled_note(&self, style: Style, text: impl Display) -> String {
        paint(self.err, style, text)
    }

    /// Whether all data arrived.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong with stdout. A reader who had read enough is no error.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        self.keep(io::stdout().flush());
        match self.trouble.get() {
            None => Ok(()),
            Some(error) => {
                Err(Failure::new(Code::Command, "the answer could not be printed").why(format!("stdout: {error}")))
            }
        }
    }

    fn write(&self, text: std::fmt::Arguments<'_>) {
        self.keep(io::stdout().lock().write_fmt(text));
    }

    fn keep(&self, result: io::Result<()>) {
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.alone.set(true),
            // Only the first is kept.
            Err(error) => drop(self.trouble.set(error)),
        }
    }
}

impl Voice {
    /// Whether somebody may be sitting there.
    pub(crate) fn is_terminal(self) -> bool {
        self.0.terminal
    }

    /// Tells something as it is, without an end of the line.
    #[expect(clippy::unused_self, reason = "only who was given a voice may speak")]
    pub(crate) fn say(self, text: &str) {
        let mut err = io::stderr().lock();
        // With stderr gone there is nobody left to tell.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// Text in a style.
    pub(crate) fn styled(self, style: Style, text: impl Display) -> String {
        paint(self.0, style, text)
    }
}

/// An object as JSON.
pub(crate) fn written(object: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(object)
        .map_err(|error| Failure::new(Code::Fault, "an answer could not be written as JSON").caused_by(error))
}

/// Whether the environment lets a terminal have colours: <https://no-color.org>, and terminals that are none.
fn colour_is_welcome() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb
}

/// Text from outside as one line, whatever is in it.
pub(crate) fn one_line(text: impl Display) -> String {
    printable(&text.to_string()).replace('\n', "\\n").replace('\t', "\\t")
}

/// What happened, for people: the system's own words without the number that it gives an error, ` (os error 2)`.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => shown.push_str(rest),
            _ => shown.extend([" (os error ", part]),
        }
    }
    shown
}

fn paint(manner: Manner, style: Style, text: impl Display) -> String {
    if manner.colour { format!("{style}{text}{style:#}") } else { text.to_string() }
}

#[cfg(test)]
impl Output {
    /// Without colours and asides, for tests.
    pub(crate) fn plain() -> Self {
        let manner = Manner { terminal: false, colour: false };
        Self { json: false, quiet: true, out: manner, err: manner, trouble: OnceCell::new(), alone: Cell::new(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_system_are_left_out() {
        for (text, shown) in [
            ("No such file or directory (os error 2)", "No such file or directory"),
            ("a: b (os error 13): c (os error -1)", "a: b: c"),
            ("in words (os error two), open (os error 2", "in words (os error two), open (os error 2"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), shown);
        }
    }

    #[test]
    fn whatever_it_is_is_one_line() {
        assert_eq!(one_line("a\r\nb\tc\u{1b}[2J\u{2028}"), "a\\u{d}\\nb\\tc\\u{1b}[2J\\u{2028}");
    }
}
