//! `hotcell grant`: what a tool may do, where that stands, and what it would need.

use clap::Parser;
use hotcell_call::{Asked, Code, Denial, Failure, NetRule, ToolName, Wants, shell, shortened};
use serde::Serialize;

use super::allow::{Shown, wanted, words};
use super::call;
use crate::args::{Args, CallArgs, CallTarget, Command, Global, GrantCommand};
use crate::exit::{Exit, Trouble};
use crate::grants::{Entry, File, Kind, known};
use crate::output::{BOLD, DIM, GREEN, Output, YELLOW, one_line};
use crate::signals::or_cancelled;
use crate::table;

pub(super) async fn run(command: GrantCommand, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    match command {
        GrantCommand::Show { tool } => or_cancelled(show(&tool, global, output)).await,
        GrantCommand::Explain { tool, request } => or_cancelled(explain(&tool, &request, global, output)).await,
        GrantCommand::Learn { tool, call: typed } => learn(&tool, &typed, global, output).await,
    }
}

// === show ===

/// One thing that a tool wants or is granted.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    grant: Grant,
    state: State,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Grant {
    Stands(Shown),
    Wanted { kind: &'static str, rule: String },
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It has it.
    Granted,
    /// It stands in hotcell.toml, and the tool does not ask for it.
    NotWanted,
    /// The tool asks for it, and nobody gives it.
    NotGranted,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::NotWanted => "not wanted by the tool",
            Self::NotGranted => "wanted, not granted",
        }
    }
}

/// The one object of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    tool: &'a str,
    file: String,
    grants: Vec<Line>,
    /// What it has, as calls see it.
    effective: &'a hotcell_call::GrantSet,
}

async fn show(name: &ToolName, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let file = File::open(global)?;
    let tool = known(name, global).await?;
    let entries = file.document.entries(name);
    let missing = tool.wants.as_ref().map(|wants| missing(wants, &entries)).unwrap_or_default();
    let state = |entry: &Entry| match &tool.wants {
        Some(wants) if !wanted(entry.kind, entry.rule.as_deref(), wants) => State::NotWanted,
        _ => State::Granted,
    };
    let path = one_line(file.path().display());
    if output.is_json() {
        let stands = entries.iter().map(|entry| Line { grant: Grant::Stands(Shown::of(entry)), state: state(entry) });
        let lacks = missing
            .into_iter()
            .map(|(kind, rule)| Line { grant: Grant::Wanted { kind: kind.word(), rule }, state: State::NotGranted });
        let grants = stands.chain(lacks).collect();
        output.object(&Report { tool: name.as_str(), file: path, grants, effective: &tool.grants })?;
        return Ok(Exit::OK);
    }
    output.line(output.styled(BOLD, name));
    let mut rows: Vec<[String; 3]> = Vec::new();
    for entry in &entries {
        rows.push([words(entry), state(entry).word().to_owned(), format!("{}:{}", file.shown(), entry.line)]);
    }
    for (kind, rule) in missing {
        let what = format!("{} {}", kind.word(), shortened(&rule, 60));
        let fix = format!("hotcell allow {name} {} {}", kind.word(), kind.example());
        rows.push([what.trim_end().to_owned(), State::NotGranted.word().to_owned(), fix.trim_end().to_owned()]);
    }
    if rows.is_empty() {
        output.line("  nothing is granted, and nothing is asked for");
    }
    for (line, [_, word, _]) in
        table::rows(&rows, table::width().map(|width| width.saturating_sub(2))).iter().zip(&rows)
    {
        let style = match word.as_str() {
            word if word == State::Granted.word() => GREEN,
            word if word == State::NotGranted.word() => YELLOW,
            _ => DIM,
        };
        output.line(format_args!("  {}", output.styled(style, line)));
    }
    Ok(Exit::OK)
}

/// What is wanted of a kind of which nothing is granted. Wanted paths are parts of whatever folder is granted, so they can't
/// be compared one by one.
fn missing(wants: &Wants, entries: &[Entry]) -> Vec<(Kind, String)> {
    let none = |kinds: &[Kind]| !entries.iter().any(|entry| kinds.contains(&entry.kind));
    let mut missing = Vec::new();
    if none(&[Kind::Read, Kind::Write]) {
        missing.extend(wants.read.iter().map(|path| (Kind::Read, path.clone())));
    }
    if none(&[Kind::Write]) {
        missing.extend(wants.write.iter().map(|path| (Kind::Write, path.clone())));
    }
    let rules =
        entries.iter().filter(|entry| entry.kind == Kind::Net).filter_map(|entry| entry.rule.as_deref()?.parse().ok());
    let rules: Vec<NetRule> = rules.collect();
    let lacks = |rule: &&NetRule| NetRule::common(std::slice::from_ref(*rule), &rules).is_empty();
    missing.extend(wants.net.iter().filter(lacks).map(|rule| (Kind::Net, rule.to_string())));
    let given =
        |name: &String| entries.iter().any(|entry| entry.kind == Kind::Env && entry.rule.as_ref() == Some(name));
    missing.extend(wants.env.iter().filter(|name| !given(name)).map(|name| (Kind::Env, name.clone())));
    missing.extend((wants.real_clock && none(&[Kind::Clock])).then(|| (Kind::Clock, String::new())));
    missing.extend((wants.system_random && none(&[Kind::Random])).then(|| (Kind::Random, String::new())));
    missing
}

// === explain ===

/// The one object of `--json`.
#[derive(Serialize)]
struct Verdict {
    tool: String,
    request: String,
    allowed: bool,
    /// The rule of hotcell.toml that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Shown>,
    file: String,
    why: String,
}

async fn explain(name: &ToolName, request: &str, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let asked = asked(request)?;
    let file = File::open(global)?;
    let tool = known(name, global).await?;
    let entries = file.document.entries(name);
    let allows = |entry: &&Entry| {
        let rule = entry.rule.as_deref().and_then(|rule| rule.parse::<NetRule>().ok());
        entry.kind == Kind::Net && rule.is_some_and(|rule| rule.allows(&asked))
    };
    let given = entries.iter().find(allows);
    let wanted = tool.wants.as_ref().is_none_or(|wants| wants.net.iter().any(|rule| rule.allows(&asked)));
    let allowed = tool.grants.net.iter().any(|rule| rule.allows(&asked));
    let path = one_line(file.path().display());
    let why = match given {
        _ if !wanted => "its tool.toml does not ask for it".to_owned(),
        Some(entry) => format!("`{}` at {}:{}", words(entry), file.shown(), entry.line),
        None if allowed => "a rule of hotcell.toml".to_owned(),
        None => "no rule allows it; nothing is granted by default".to_owned(),
    };
    if output.is_json() {
        let (tool, rule) = (name.to_string(), given.map(Shown::of));
        output.object(&Verdict { tool, request: asked.rule().to_string(), allowed, rule, file: path, why })?;
    } else {
        let word = if allowed { output.styled(GREEN, "allowed") } else { output.styled(YELLOW, "denied") };
        output.line(format_args!("{word}  {name} may {}{}", if allowed { "" } else { "not " }, asked.rule()));
        output.line(format_args!("  why   {why}"));
        if allowed {
            let named = "an address that a name leads to is judged when it is sent: private ones are refused";
            output.note(output.styled_note(DIM, format_args!("  note  {named}")));
        } else if wanted {
            output.line(format_args!("  fix   hotcell allow {name} net {}", shell(&asked.rule().to_string())));
        }
    }
    Ok(if allowed { Exit::OK } else { Exit::with(hotcell_call::Kind::Denied.exit_code()) })
}

/// `GET https://example.com/a?b` as a request.
fn asked(request: &str) -> Result<Asked, Failure> {
    let unlike = |why: String| {
        Failure::new(Code::Command, format!("`{}` is no request", shortened(request, 120)))
            .why(why)
            .fix("a method, a space and a URL: 'GET https://example.com/a'")
    };
    let parts = request.split_once(' ').and_then(|(method, url)| Some((method, url.trim_start().split_once("://")?)));
    let Some((method, (scheme, rest))) = parts else {
        return Err(unlike("it has no method, or no URL".to_owned()));
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    Asked::new(method, scheme, authority, &path).map_err(|error| unlike(error.to_string()))
}

// === learn ===

/// The one object of `--json`.
#[derive(Serialize)]
struct Lacked<'a> {
    tool: &'a ToolName,
    outcome: String,
    denials: &'a [Denial],
    /// What to type, for each thing that can be granted.
    allow: Vec<String>,
}

/// Makes the call as it stands, and reads what was refused from its receipt. Nothing is granted meanwhile: what a call does with a
/// grant can't be taken back.
async fn learn(tool: &ToolName, typed: &[String], global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let (call, global) = read(tool, typed, global)?;
    let outcome = call::made(call, &global).await?;
    let denials = &outcome.receipt.denials;
    let mut needs: Vec<(Kind, String)> = Vec::new();
    for need in denials.iter().filter_map(Kind::of) {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    let typed = |(kind, rule): &(Kind, String)| {
        let rule = if rule.is_empty() { String::new() } else { format!(" {}", shell(rule)) };
        format!("hotcell allow {tool} {}{rule}", kind.word())
    };
    let allow: Vec<String> = needs.iter().map(typed).collect();
    if output.is_json() {
        output.object(&Lacked { tool, outcome: outcome.word(), denials, allow })?;
        return Ok(Exit::OK);
    }
    output.line(format_args!("{} ended {}, {} refused", outcome.target, outcome.word(), count(denials.len())));
    for denial in denials {
        output.line(format_args!("  {}", output.styled(YELLOW, denial.act())));
    }
    if denials.is_empty() {
        output.line("It has what it needs for this call.");
    } else if !allow.is_empty() {
        output.line("The least that would grant it:");
        for line in &allow {
            output.line(format_args!("  {}", output.styled(BOLD, line)));
        }
        output.note(
            output.styled_note(DIM, "A tool often stops at the first refusal: learn again when that is granted."),
        );
    }
    Ok(Exit::OK)
}

fn count(refused: usize) -> String {
    if refused == 0 { "nothing".to_owned() } else { refused.to_string() }
}

/// The call that was typed, if it is one of `tool`: nothing is done for another.
fn read(tool: &ToolName, typed: &[String], global: &Global) -> Result<(CallArgs, Global), Failure> {
    let example = format!("hotcell grant learn {tool} -- call {tool}.FUNCTION name=value");
    let words = std::iter::once("hotcell").chain(typed.iter().map(String::as_str));
    let args = Args::try_parse_from(words).map_err(|error| {
        let said = error.to_string();
        Failure::new(Code::Command, "the call can't be read").why(said.lines().next().unwrap_or_default()).fix(&example)
    })?;
    let Command::Call(call) = args.command else {
        return Err(Failure::new(Code::Command, "only a call can be learned from").fix(example));
    };
    match &call.asked.target {
        CallTarget::Named(target) if target.tool == *tool => {}
        _ => return Err(Failure::new(Code::Command, format!("that is no call of {tool}")).fix(example)),
    }
    let config = args.global.config.or_else(|| global.config.clone());
    Ok((call, Global { config, ..args.global }))
}
