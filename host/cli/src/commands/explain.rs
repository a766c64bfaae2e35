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

/// All pages.
#[derive(Serialize)]
struct List {
    codes: Vec<Entry>,
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
        output.line(told(output, page));
    }
    Ok(Exit::OK)
}

fn all(output: &Output) -> Result<Exit, Trouble> {
    let pages = || Code::ALL.iter().map(|code| code.page());
    if output.is_json() {
        output.object(&List { codes: pages().map(entry).collect() })?;
        return Ok(Exit::OK);
    }
    let rows: Vec<_> = pages().map(|page| [page.id.to_owned(), page.kind.to_string(), page.title.to_owned()]).collect();
    for row in table::rows(&rows, table::width()) {
        output.line(row);
    }
    Ok(Exit::OK)
}

fn told(output: &Output, page: Page) -> String {
    let Page { id, kind, title, meaning, remedy } = page;
    let heading = format!("outcome {kind}, exit code {}, HTTP {}", kind.exit_code(), kind.http_status());
    format!("{}  {title}\n{}\n\n{meaning}\n\n{remedy}", output.styled(BOLD, id), output.styled(DIM, heading))
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
    let failure = Failure::new(Code::UnknownCode, format!("there is no code `{}`", shortened(text, 20)));
    match nearest(&text.to_ascii_uppercase(), Code::ALL.iter().map(|code| code.page().id)) {
        Some(near) => failure.fix(format!("hotcell explain {near}")),
        None => failure.fix("hotcell explain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_means_and_what_to_do() {
        insta::assert_snapshot!(told(&Output::plain(), Code::Env.page()), @r"
        E0303  an environment variable is not granted
        outcome denied, exit code 3, HTTP 403

        The tool wants a variable that it was not given.

        Grant it with `--allow-env NAME`, or `env.allow` in `hotcell.toml`.
        ");
    }

    #[test]
    fn a_mistyped_code_leads_to_the_right_one() {
        assert_eq!(unknown("e0303x").remedy(), Some("hotcell explain E0303"));
        assert_eq!(unknown("x").remedy(), Some("hotcell explain"));
    }
}
