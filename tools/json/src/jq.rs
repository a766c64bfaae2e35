//! Compiles a filter and runs it, and says where a filter is wrong.

use hotcell::Error;
use hotcell::serde_json::Value;
use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader, lex, parse};
use jaq_core::{Compiler, Ctx, Exn, Vars, compile};
use jaq_json::Val;

use crate::depth;
use crate::value::{self, Converter};

const LONGEST_FILTER: usize = 16 * 1024;
/// See [`depth`]: with some room below what the stack of a cell holds.
const DEEPEST_FILTER: usize = 500;
const MOST_OUTPUTS: u32 = 100_000;
/// Bytes of all outputs together: fits the 4 MiB that a host takes back by default, with room for escapes.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Functions of the library that would make an answer depend on more than filter and input.
const OUTSIDE: [&str; 5] = ["now", "env", "localtime", "strflocaltime", "input_filename"];

type Kind = JustLut<Val>;
type Filter = jaq_core::Filter<Kind>;

/// What a filter put out.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Outputs {
    /// The outputs, in order. A filter may put out none, one or many.
    pub outputs: Vec<Value>,
    /// Whether the filter would have put out more than was asked for.
    pub truncated: bool,
}

/// Checks the number of outputs asked for.
pub(crate) fn most_outputs(limit: u32) -> Result<usize, Error> {
    if limit == 0 || limit > MOST_OUTPUTS {
        return Err(Error::invalid_input("$.limit", format!("must be between 1 and {MOST_OUTPUTS}, got {limit}")));
    }
    Ok(limit as usize)
}

/// Runs `filter` over `input` and takes its first `most` outputs.
pub(crate) fn run(filter: &str, input: Value, most: usize) -> Result<Outputs, Error> {
    let compiled = compiled(filter).map_err(|message| Error::invalid_input("$.filter", message))?;
    let ctx = Ctx::<Kind>::new(&compiled.lut, Vars::new([]));
    let mut converter = Converter { room: MOST_BYTES };
    let mut outputs = Vec::new();
    for output in compiled.id.run((ctx, value::val(input))) {
        if outputs.len() == most {
            return Ok(Outputs { outputs, truncated: true });
        }
        match output {
            Ok(val) => outputs.push(json(&mut converter, val, outputs.len())?),
            Err(exn) => match failure(exn, outputs.len()) {
                Some(error) => return Err(error),
                None => break,
            },
        }
    }
    Ok(Outputs { outputs, truncated: false })
}

#[expect(
    clippy::mem_forget,
    reason = "dropping a value calls itself once per level: what is too deep to write is too deep to drop"
)]
fn json(converter: &mut Converter, val: Val, nth: usize) -> Result<Value, Error> {
    converter.json(&val).map_err(|unfit| {
        std::mem::forget(val);
        Error::failed(format!("failed to give back output {}: {unfit}", nth + 1))
    })
}

/// The error that ended the filter. A filter that stopped itself (`halt`) has not failed.
fn failure(exn: Exn<'_, Val>, outputs: usize) -> Option<Error> {
    let error = exn.get_err().ok()?;
    let after = if outputs == 0 { String::new() } else { format!(" (after {outputs} outputs)") };
    Some(Error::failed(format!(
        "the filter failed{after}: {error}; `(…)?` skips what fails, `… // \"default\"` replaces it"
    )))
}

fn compiled(code: &str) -> Result<Filter, String> {
    if code.len() > LONGEST_FILTER {
        return Err(format!("is {} bytes long, the most is {LONGEST_FILTER}", code.len()));
    }
    if depth::bound(code) > DEEPEST_FILTER {
        return Err(format!(
            "has more than {DEEPEST_FILTER} operators, brackets and escapes inside each other or in one row; put data into the input"
        ));
    }
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs::<Kind>().chain(jaq_std::funs()).chain(jaq_json::funs());
    let funs = funs.filter(|(name, ..)| !OUTSIDE.contains(name));
    let arena = Arena::default();
    let modules =
        Loader::new(defs).load(&arena, File { code, path: () }).map_err(|errors| unreadable(code, &errors))?;
    Compiler::default().with_funs(funs).compile(modules).map_err(|errors| undefined(code, &errors))
}

// === messages ===

fn unreadable(code: &str, errors: &load::Errors<&str, ()>) -> String {
    let first = errors.first().map(|(_, error)| match error {
        load::Error::Io(errors) => errors.first().map(|(path, error)| format!("can't import `{path}`: {error}")),
        load::Error::Lex(errors) => errors.first().map(|error| lexical(code, error)),
        load::Error::Parse(errors) => errors.first().map(|error| syntactic(code, error)),
    });
    first.flatten().unwrap_or_else(|| "is not a filter".to_owned())
}

fn lexical(code: &str, (expected, at): &lex::Error<&str>) -> String {
    format!("expected {}, found {}", expected.as_str(), found(code, at))
}

fn syntactic(code: &str, (expected, at): &parse::Error<&str>) -> String {
    format!("expected {}, found {}", expected.as_str(), found(code, at))
}

fn undefined(code: &str, errors: &compile::Errors<&str, ()>) -> String {
    let Some((name, kind)) = errors.first().and_then(|(_, errors)| errors.first()) else {
        return "is not a filter".to_owned();
    };
    if OUTSIDE.contains(name) || *name == "$ENV" || *name == "input" || *name == "inputs" {
        return format!("uses `{name}`, which is not here: a query sees its input and nothing else");
    }
    format!("uses the undefined {} `{name}`{}", describe(kind), place(code, name))
}

fn describe(kind: &compile::Undefined) -> String {
    match kind {
        compile::Undefined::Filter(arity) => format!("filter with {arity} arguments"),
        other => other.as_str().to_owned(),
    }
}

/// The start of what was found, and where.
fn found(code: &str, at: &str) -> String {
    match at.split_whitespace().next() {
        None => "the end of the filter".to_owned(),
        Some(word) => format!("`{}`{}", word.chars().take(20).collect::<String>(), place(code, at)),
    }
}

/// Where `part`, a piece of `code` itself, begins.
fn place(code: &str, part: &str) -> String {
    let start = load::span(code, part).start;
    let before = code.get(..start).unwrap_or(code);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |text| text.chars().count()) + 1;
    format!(" at line {line}, column {column}")
}
