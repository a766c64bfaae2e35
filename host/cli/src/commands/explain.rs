//! `hotcell explain`: the page of a code.

use hotcell_call::{Code, Failure, Page, nearest, shortened};
use serde::Serialize;

use crate::exit::{Exit, Trouble};
use crate::output::{BOLD, DIM, Output};
use crate::table;

/// A page for programs.
#[derive(Serialize)]
struct Entry {
    code: &'static str,
    outcome: String,
    exit: u8,
    http: u16,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

pub(super) fn run(code: Option<&str>, output: &Output) -> Result<Exit, Trouble> {
    match code {
        Some(code) => one(code, output),
        None => all(output),
    }
}

fn one(text: &str, output: &Output) -> Result<Exit, Trouble> {
    let code: Code = text.parse().map_err(|()| unknown(text))?;
    let page = code.page();
    if output.is_json() {
        output.object(&entry(page))?;
    } else {
        output.line(format_args!("{}  {}", output.styled(BOLD, page.id), page.title));
        output.line(output.styled(DIM, heading(page)));
        output.line(format_args!("\n{}\n\n{}", page.meaning, page.remedy));
    }
    Ok(Exit::OK)
}

fn all(output: &Output) -> Result<Exit, Trouble> {
    let pages = || Code::ALL.iter().map(|code| code.page());
    if output.is_json() {
        output.object(&pages().map(entry).collect::<Vec<_>>())?;
        return Ok(Exit::OK);
    }
    let rows: Vec<_> = pages().map(|page| [page.id.to_owned(), page.kind.to_string(), page.title.to_owned()]).collect();
    for row in table::rows(&rows, table::width()) {
        output.line(row);
    }
    Ok(Exit::OK)
}

fn heading(page: Page) -> String {
    format!("outcome {}, exit code {}, HTTP {}", page.kind, page.kind.exit_code(), page.kind.http_status())
}

fn entry(page: Page) -> Entry {
    Entry {
        code: page.id,
        outcome: page.kind.to_string(),
        exit: page.kind.exit_code(),
        http: page.kind.http_status(),
        title: page.title,
        meaning: page.meaning,
        remedy: page.remedy,
    }
}

fn unknown(text: &str) -> Failure {
    let failure = Failure::new(Code::Command, format!("there is no code `{}`", shortened(text, 20)));
    match nearest(&text.to_ascii_uppercase(), Code::ALL.iter().map(|code| code.page().id)) {
        Some(near) => failure.fix(format!("hotcell explain {near}")),
        None => failure.fix("hotcell explain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_a_failure_names_has_a_page() {
        let output = Output::plain();
        for code in Code::ALL {
            assert_eq!(run(Some(&code.to_string()), &output).unwrap(), Exit::OK);
        }
        assert_eq!(unknown("e0303x").remedy(), Some("hotcell explain E0303"));
    }
}
