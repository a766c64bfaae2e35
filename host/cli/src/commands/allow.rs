//! `hotcell allow` and `hotcell revoke`: what a person grants for good.

use hotcell_call::{Code, Failure, NetRule, Wants};
use serde::Serialize;

use crate::args::{AllowArgs, Global, RevokeArgs};
use crate::exit::{Exit, Trouble};
use crate::grants::{Entry, File, Kind, known};
use crate::output::{DIM, GREEN, Output, YELLOW, one_line};

/// The one object of `--json`.
#[derive(Serialize)]
struct Changed {
    file: String,
    tool: String,
    changed: bool,
    grants: Vec<Shown>,
}

/// One grant.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Its line in the file, from 1.
    line: usize,
}

pub(super) async fn allow(args: AllowArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let mut file = File::open(global)?;
    let rule = args.kind.rule(args.rule.as_deref(), file.path())?;
    let tool = known(&args.tool, global).await?;
    let changed = file.document.allow(&args.tool, args.kind, rule.as_deref())?;
    if changed {
        file.save()?;
    }
    let entries = file.document.entries(&args.tool);
    let entry = entries.iter().find(|entry| entry.kind == args.kind && entry.rule == rule);
    if output.is_json() {
        output.object(&report(&file, args.tool.as_str(), changed, &entries))?;
    } else if let Some(entry) = entry {
        let (mark, style) = if changed { ("+", GREEN) } else { (" ", DIM) };
        output.line(format_args!("{} {}", output.styled(style, mark), placed(&file, args.tool.as_str(), entry)));
    }
    if tool.wants.is_some_and(|wants| !wanted(args.kind, rule.as_deref(), &wants)) {
        output.note(output.styled_note(
            YELLOW,
            format!("its tool.toml does not ask for `{}`, so it will not get it", args.kind.word()),
        ));
    }
    Ok(Exit::OK)
}

pub(super) fn revoke(args: RevokeArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let mut file = File::open(global)?;
    let before = file.document.entries(&args.tool);
    let kinds = args.kind.map_or_else(|| Kind::ALL.to_vec(), |kind| vec![kind]);
    let mut gone = Vec::new();
    for kind in kinds {
        let rules = file.document.revoke(&args.tool, kind, args.rule.as_deref());
        gone.extend(rules.into_iter().map(|rule| (kind, rule)));
    }
    if gone.is_empty() {
        return Err(nothing(&file, &args, &before).into());
    }
    file.save()?;
    if output.is_json() {
        let entries = file.document.entries(&args.tool);
        output.object(&report(&file, args.tool.as_str(), true, &entries))?;
    } else {
        for entry in before.iter().filter(|entry| gone.contains(&(entry.kind, entry.rule.clone()))) {
            output.line(format_args!("{} {}", output.styled(YELLOW, "-"), placed(&file, args.tool.as_str(), entry)));
        }
    }
    Ok(Exit::OK)
}

/// Whether a tool that says what it wants says this.
pub(super) fn wanted(kind: Kind, rule: Option<&str>, wants: &Wants) -> bool {
    match kind {
        Kind::Read => !wants.read.is_empty() || !wants.write.is_empty(),
        Kind::Write => !wants.write.is_empty(),
        Kind::Env => rule.is_some_and(|rule| wants.env.iter().any(|name| name == rule)),
        Kind::Net => rule
            .and_then(|rule| rule.parse::<NetRule>().ok())
            .is_some_and(|rule| !NetRule::common(std::slice::from_ref(&rule), &wants.net).is_empty()),
        Kind::Clock => wants.real_clock,
        Kind::Random => wants.system_random,
    }
}

fn nothing(file: &File, args: &RevokeArgs, before: &[Entry]) -> Failure {
    let RevokeArgs { tool, kind, rule } = args;
    let what = [kind.map(|kind| kind.word().to_owned()), rule.clone()];
    let what: Vec<String> = what.into_iter().flatten().collect();
    let what = if what.is_empty() { "anything".to_owned() } else { format!("`{}`", what.join(" ")) };
    let stands: Vec<String> = before.iter().map(|entry| format!("`{}`", words(entry))).collect();
    let why = if stands.is_empty() {
        format!("{} grants it nothing", file.shown())
    } else {
        format!("it is granted {}", stands.join(", "))
    };
    Failure::new(Code::Command, format!("{tool} is not granted {what}")).why(why)
}

/// `read docs  [tools.files]  hotcell.toml:12`.
fn placed(file: &File, tool: &str, entry: &Entry) -> String {
    format!("{}  [tools.{tool}]  {}:{}", words(entry), file.shown(), entry.line)
}

/// `read docs`.
pub(super) fn words(entry: &Entry) -> String {
    let rule = entry.rule.as_deref().map(one_line).unwrap_or_default();
    format!("{} {rule}", entry.kind.word()).trim_end().to_owned()
}

fn report(file: &File, tool: &str, changed: bool, entries: &[Entry]) -> Changed {
    Changed {
        file: one_line(file.path().display()),
        tool: tool.to_owned(),
        changed,
        grants: entries.iter().map(Shown::of).collect(),
    }
}

impl Shown {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { kind: entry.kind.word(), rule: entry.rule.clone(), line: entry.line }
    }
}
