//! `hotcell grant`: what a tool may do, where that stands, and what it would need.

use std::process::Stdio;

use hotcell_call::{Asked, Capability, Code, Denial, Failure, NetRule, ToolName, Wants, shortened};
use serde::Serialize;
use serde_json::Value;

use super::allow::{Shown, wanted, words};
use crate::args::{Global, GrantCommand};
use crate::exit::{Exit, Trouble};
use crate::grants::{Entry, File, Kind, known};
use crate::output::{BOLD, DIM, GREEN, Output, YELLOW, one_line};
use crate::table;

pub(super) async fn run(command: GrantCommand, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    match command {
        GrantCommand::Show { tool } => show(&tool, global, output).await,
        GrantCommand::Explain { tool, request } => explain(&tool, &request, global, output).await,
        GrantCommand::Learn { tool, call } => learn(&tool, &call, global, output).await,
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
            output.line(format_args!("  fix   hotcell allow {name} net {}", word_of(&asked.rule().to_string())));
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
struct Lacked {
    tool: String,
    outcome: String,
    denials: Vec<Denial>,
    /// What to type, for each thing that can be granted.
    allow: Vec<String>,
}

/// Makes the call as it stands, in a process of its own, and reads what was refused from its receipt. Nothing is granted meanwhile:
/// what a call does with a grant can't be taken back.
async fn learn(tool: &ToolName, call: &[String], global: &Global, output: &Output) -> Result<Exit, Trouble> {
    if call.first().map(String::as_str) != Some("call") {
        return Err(Failure::new(Code::Command, "only a call can be learned from")
            .fix(format!("hotcell grant learn {tool} -- call {tool}.FUNCTION name=value"))
            .into());
    }
    let answer = made(call, global).await?;
    let target = answer.get("target").and_then(Value::as_str).unwrap_or_default();
    if target.split('.').next() != Some(tool.as_str()) {
        return Err(Failure::new(Code::Command, format!("that is no call of {tool}"))
            .why(format!("it was of {}", shortened(target, 60)))
            .into());
    }
    let denials = denials(&answer);
    let mut needs: Vec<(Kind, Option<String>)> = Vec::new();
    for need in denials.iter().filter_map(Kind::of) {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    let typed = |(kind, rule): &(Kind, Option<String>)| {
        let rule = rule.as_deref().map(word_of).unwrap_or_default();
        format!("hotcell allow {tool} {} {rule}", kind.word()).trim_end().to_owned()
    };
    let allow: Vec<String> = needs.iter().map(typed).collect();
    let outcome = answer.get("outcome").and_then(Value::as_str).unwrap_or("fault").to_owned();
    if output.is_json() {
        output.object(&Lacked { tool: tool.to_string(), outcome, denials, allow })?;
        return Ok(Exit::OK);
    }
    output.line(format_args!("{} ended {outcome}, {} refused", one_line(target), count(denials.len())));
    for denial in &denials {
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

/// The answer of a call that is typed after this program's name.
async fn made(call: &[String], global: &Global) -> Result<Value, Failure> {
    let broken = |why: String| Failure::new(Code::Fault, "the call could not be made").why(why);
    let program = std::env::current_exe().map_err(|error| broken(error.to_string()))?;
    let mut command = std::process::Command::new(program);
    command.arg("--json").args(call).stdin(Stdio::inherit()).stderr(Stdio::inherit());
    if let Some(config) = &global.config {
        command.arg("--config").arg(config);
    }
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    let ended = ended.map_err(|error| broken(error.to_string()))?.map_err(|error| broken(error.to_string()))?;
    // What it could not even begin it has told on stderr.
    serde_json::from_slice(&ended.stdout).map_err(|_| {
        Failure::new(Code::Command, "there was no call to learn from").why(format!("it ended with {}", ended.status))
    })
}

fn denials(answer: &Value) -> Vec<Denial> {
    let listed = answer.pointer("/receipt/denials").and_then(Value::as_array);
    let denial = |value: &Value| {
        let asked = value.get("asked")?.as_str()?;
        let capability = match value.get("capability")?.as_str()? {
            "read" => Capability::Read,
            "write" => Capability::Write,
            "env" => Capability::Env,
            "clock" => Capability::Clock,
            "random" => Capability::Random,
            _ => Capability::Net,
        };
        Some(Denial::new(capability, asked))
    };
    listed.into_iter().flatten().filter_map(denial).collect()
}

/// A word for a POSIX shell. The guest chose it, and a person will paste it.
fn word_of(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
    if !text.is_empty() && text.bytes().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
