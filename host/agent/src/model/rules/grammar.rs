//! The grammar: one thing a line.
//!
//! ```text
//! # a comment
//! use calc.eval with {"expression": "6 * 7"}
//! half = calc.eval(expression="{{1}} / 2")
//! answer Half of it is {{half}}.
//! ```
//!
//! A call has a number, the first is 1, and perhaps a name. What came of it is referred to by either, with the path of a field behind
//! it: `{{2.columns[0].name}}`. A text that is a reference and nothing else becomes the value that it leads to. Two plain braces are
//! written `{{{{`.

use std::collections::BTreeMap;

use hotcell_call::shortened;
use serde_json::{Map, Value};

/// A text in this grammar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    pub(super) calls: Vec<Call>,
    /// What is said when all calls have ended; empty: what the last one gave.
    pub(super) answer: String,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) function: String,
    pub(super) input: Map<String, Value>,
    /// The calls that it refers to, by their places.
    pub(super) needs: Vec<usize>,
}

/// A line that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(super) struct GrammarError {
    line: usize,
    why: String,
}

/// A reference to what came of a call.
struct Reference {
    call: usize,
    path: Vec<String>,
}

/// What one text may become.
const MOST_MADE: usize = 1 << 20;
/// How deep inputs nest at most: they are gone through by recursion.
const MOST_DEEP: usize = 64;

impl Program {
    pub(super) fn parse(text: &str) -> Result<Self, GrammarError> {
        let mut names = BTreeMap::new();
        let mut program = Self { calls: Vec::new(), answer: String::new() };
        for (number, line) in text.lines().map(str::trim).enumerate() {
            let wrong = |why: String| GrammarError { line: number + 1, why };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(said) = after_word(line, "answer") {
                references(said, &names, program.calls.len()).map_err(wrong)?;
                program.answer.push_str(if program.answer.is_empty() { "" } else { "\n" });
                program.answer.push_str(&numbered(said, &names));
                continue;
            }
            let (name, call) = named(line);
            let (function, input) = call_of(call).map_err(wrong)?;
            let mut needs = Vec::new();
            let input = within(Value::Object(input), &names, program.calls.len(), &mut needs, 0).map_err(wrong)?;
            let Value::Object(input) = input else { return Err(wrong("an input is an object".to_owned())) };
            needs.sort_unstable();
            needs.dedup();
            if let Some(name) = name
                && names.insert(name.to_owned(), program.calls.len()).is_some()
            {
                return Err(wrong(format!("two calls have the name `{}`", shortened(name, 40))));
            }
            program.calls.push(Call { function, input, needs });
        }
        Ok(program)
    }
}

/// What follows `word` on a line that begins with it.
fn after_word<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let rest = line.strip_prefix(word)?;
    let rest = rest.strip_prefix(':').or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))?;
    Some(rest.trim())
}

/// A line's name, if it has one, and the call behind it.
fn named(line: &str) -> (Option<&str>, &str) {
    let Some((name, call)) = line.split_once('=') else { return (None, line) };
    let name = name.trim();
    if is_name(name) { (Some(name), call.trim()) } else { (None, line) }
}

fn is_name(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(letters)
}

fn call_of(line: &str) -> Result<(String, Map<String, Value>), String> {
    if let Some(rest) = after_word(line, "use") {
        let (function, input) = match rest.split_once(" with ") {
            Some((function, input)) => (function.trim(), object(input.trim())?),
            None => (rest, Map::new()),
        };
        return Ok((function_of(function)?, input));
    }
    let fits = || {
        "it is no call: use calc.eval with {\"expression\": \"1 + 1\"}, or calc.eval(expression=\"1 + 1\")".to_owned()
    };
    let (function, rest) = line.split_once('(').ok_or_else(fits)?;
    let function = function_of(function.trim()).map_err(|_| fits())?;
    let inside = rest.strip_suffix(')').ok_or_else(|| "its parenthesis does not close".to_owned())?.trim();
    let input = if inside.is_empty() || inside.starts_with('{') { object(inside)? } else { arguments(inside)? };
    Ok((function, input))
}

fn function_of(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || !text.chars().all(fits) {
        return Err(format!("`{}` is no name of a function", shortened(text, 60)));
    }
    Ok(text.to_owned())
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(text).map_err(|error| format!("its input is no JSON object: {error}"))
}

/// `name=value, name=value`: values are JSON.
fn arguments(text: &str) -> Result<Map<String, Value>, String> {
    let mut input = Map::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=').ok_or_else(|| format!("`{}` has no value", shortened(rest, 60)))?;
        let name = name.trim();
        if !is_name(name) {
            return Err(format!("`{}` is no name of an argument", shortened(name, 60)));
        }
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(format!("the value of `{name}` is no JSON: {error}")),
            None => return Err(format!("`{name}` has no value")),
        };
        let after = after.get(values.byte_offset()..).unwrap_or_default().trim_start();
        if input.insert(name.to_owned(), value).is_some() {
            return Err(format!("`{name}` stands there twice"));
        }
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(input),
            None => return Err(format!("a comma is missing before `{}`", shortened(after, 40))),
        }
    }
}

/// The same value with calls referred to by their numbers, and which they are.
fn within(
    value: Value,
    names: &BTreeMap<String, usize>,
    before: usize,
    needs: &mut Vec<usize>,
    depth: usize,
) -> Result<Value, String> {
    if depth > MOST_DEEP {
        return Err(format!("its input nests deeper than {MOST_DEEP} levels"));
    }
    Ok(match value {
        Value::String(text) => {
            needs.extend(references(&text, names, before)?);
            Value::String(numbered(&text, names))
        }
        Value::Array(list) => {
            let list = list.into_iter().map(|each| within(each, names, before, needs, depth + 1));
            Value::Array(list.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let map = map.into_iter().map(|(key, each)| Ok((key, within(each, names, before, needs, depth + 1)?)));
            Value::Object(map.collect::<Result<_, String>>()?)
        }
        other => other,
    })
}

/// The calls that a text refers to, all of which stand before it.
fn references(text: &str, names: &BTreeMap<String, usize>, before: usize) -> Result<Vec<usize>, String> {
    pieces(text)
        .filter_map(|piece| match piece {
            Piece::Plain(_) | Piece::Braces => None,
            Piece::Reference(inside) => Some(inside),
        })
        .map(|inside| {
            let to = reference(inside, names).filter(|to| to.call < before);
            to.map(|to| to.call)
                .ok_or_else(|| format!("`{{{{{}}}}}` leads to no call before it", shortened(inside, 60)))
        })
        .collect()
}

fn reference(inside: &str, names: &BTreeMap<String, usize>) -> Option<Reference> {
    // `[0]` and `.0` are the same.
    let dotted = inside.trim().replace('[', ".").replace(']', "");
    let mut parts = dotted.split('.');
    let first = parts.next()?;
    let call = match first.parse::<usize>() {
        Ok(number) => number.checked_sub(1)?,
        Err(_) => *names.get(first)?,
    };
    Some(Reference { call, path: parts.map(str::to_owned).collect() })
}

/// The text with numbers in place of names.
fn numbered(text: &str, names: &BTreeMap<String, usize>) -> String {
    let piece = |piece| match piece {
        Piece::Plain(plain) => plain.to_owned(),
        Piece::Reference(inside) => match reference(inside, names) {
            Some(to) => {
                let number = |part: &str| part.chars().all(|c| c.is_ascii_digit());
                let part = |part: &String| if number(part) { format!("[{part}]") } else { format!(".{part}") };
                let path: String = to.path.iter().map(part).collect();
                format!("{{{{{}{path}}}}}", to.call + 1)
            }
            None => format!("{{{{{inside}}}}}"),
        },
        Piece::Braces => BRACES.to_owned(),
    };
    pieces(text).map(piece).collect()
}

enum Piece<'t> {
    Plain(&'t str),
    Reference(&'t str),
    /// Two plain ones.
    Braces,
}

/// How two plain braces are written.
const BRACES: &str = "{{{{";

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix(BRACES) {
            rest = after;
            return Some(Piece::Braces);
        }
        if let Some(after) = rest.strip_prefix("{{")
            && let Some((inside, after)) = after.split_once("}}")
        {
            rest = after;
            return Some(Piece::Reference(inside));
        }
        let skip = if rest.starts_with("{{") { 2 } else { 0 };
        let end = rest.get(skip..).and_then(|from| from.find("{{")).map_or(rest.len(), |at| at + skip);
        let (plain, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Plain(plain))
    })
}

/// A value with what came of calls in the place of references to them. One that leads nowhere is null, or nothing within a text.
pub(super) fn resolved(value: &Value, results: &[Value]) -> Value {
    match value {
        Value::String(text) => resolved_text(text, results),
        Value::Array(list) => list.iter().map(|each| resolved(each, results)).collect(),
        Value::Object(map) => map.iter().map(|(key, each)| (key.clone(), resolved(each, results))).collect(),
        other => other.clone(),
    }
}

/// The same for a text.
pub(super) fn resolved_text(text: &str, results: &[Value]) -> Value {
    let found = |inside: &str| {
        let to = reference(inside, &BTreeMap::new())?;
        to.path.iter().try_fold(results.get(to.call)?, |value, part| match value {
            Value::Array(list) => list.get(part.parse::<usize>().ok()?),
            value => value.get(part),
        })
    };
    let mut all = pieces(text);
    if let (Some(Piece::Reference(inside)), None) = (all.next(), all.next()) {
        return found(inside).cloned().unwrap_or_default();
    }
    let mut made = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => made.push_str(plain),
            Piece::Reference(inside) => made.push_str(&found(inside).map(shown).unwrap_or_default()),
            Piece::Braces => made.push_str("{{"),
        }
        // A small text can refer to a large result very often.
        if made.len() > MOST_MADE {
            made.truncate(made.floor_char_boundary(MOST_MADE));
            made.push('…');
            break;
        }
    }
    Value::String(made)
}

/// A value within a text.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> Program {
        Program::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn both_forms_of_a_call_say_the_same() {
        let input = json!({"expression": "1 + 1", "digits": 2});
        for line in [
            r#"use calc.eval with {"expression": "1 + 1", "digits": 2}"#,
            r#"calc.eval({"expression": "1 + 1", "digits": 2})"#,
            r#"calc.eval(expression="1 + 1", digits=2)"#,
            r#"  calc.eval( expression = "1 + 1" , digits = 2 )  "#,
            r#"sum = calc.eval(expression="1 + 1", digits=2)"#,
        ] {
            let program = parsed(line);
            let [call] = &program.calls[..] else { panic!("{program:?}") };
            assert_eq!(
                (call.function.as_str(), Value::Object(call.input.clone())),
                ("calc.eval", input.clone()),
                "{line}"
            );
        }
        for line in ["use clock.now", "clock.now()", "now = use clock.now"] {
            assert!(parsed(line).calls[0].input.is_empty(), "{line}");
        }
    }

    #[test]
    fn calls_are_referred_to_by_number_and_name() {
        let program = parsed(
            "# two and one\nuse a.b with {\"x\": 1}\nsecond = a.b(x=\"{{1}}\")\n\na.c(y=[\"{{second.list.0}} of {{1}}\"])\nanswer It is {{3}},\nanswer: and {{second.name}}.",
        );
        let needs: Vec<_> = program.calls.iter().map(|call| call.needs.clone()).collect();
        assert_eq!(needs, [vec![], vec![0], vec![0, 1]]);
        assert_eq!(program.answer, "It is {{3}},\nand {{2.name}}.");
        let results = [json!(7), json!({"list": ["x"], "name": "n"}), json!([1])];
        assert_eq!(resolved(&Value::Object(program.calls[1].input.clone()), &results), json!({"x": 7}));
        assert_eq!(resolved(&Value::Object(program.calls[2].input.clone()), &results), json!({"y": ["x of 7"]}));
        assert_eq!(resolved_text(&program.answer, &results), "It is [1],\nand n.");
        assert_eq!(resolved_text("{{2.missing}}", &results), Value::Null);
        assert_eq!(resolved_text("{{2.list[0]}}", &results), "x");
        let large = [Value::String("x".repeat(10_000))];
        let made = resolved_text(&"{{1}} ".repeat(10_000), &large);
        assert!(made.as_str().is_some_and(|made| made.len() <= MOST_MADE + 3 && made.ends_with('…')));
        let inner = parsed(
            "a.b()\na.c(task=\"a.b()\nanswer {{{{1.x}} and {{1}}\")"
                .replace("\n", "\\n")
                .replacen("\\n", "\n", 1)
                .as_str(),
        );
        assert_eq!(inner.calls[1].needs, [0]);
        let task = resolved(&Value::Object(inner.calls[1].input.clone()), &results);
        assert_eq!(task, json!({"task": "a.b()\nanswer {{1.x}} and 7"}));
    }

    #[test]
    fn what_is_no_call_is_told_with_its_line() {
        for (text, told) in [
            ("please add section(2) to it", "line 1: it is no call"),
            ("calc.eval(x=1)\nhello", "line 2: it is no call"),
            ("calc.eval(x=1", "line 1: its parenthesis does not close"),
            ("calc.eval(x=)", "line 1: `x` has no value"),
            ("calc.eval(x=y)", "line 1: the value of `x` is no JSON"),
            ("calc.eval(x=1 y=2)", "line 1: a comma is missing before `y=2`"),
            ("calc.eval(x=1, x=2)", "line 1: `x` stands there twice"),
            ("calc.eval(1)", "line 1: `1` has no value"),
            ("use calc eval with {}", "line 1: `calc eval` is no name of a function"),
            ("use calc.eval with [1]", "line 1: its input is no JSON object"),
            ("a.b(x=\"{{1}}\")", "line 1: `{{1}}` leads to no call before it"),
            ("x = a.b()\nx = a.b()", "line 2: two calls have the name `x`"),
            ("answer {{1}}", "line 1: `{{1}}` leads to no call before it"),
            ("a.b(x=\"{{0}}\")", "line 1: `{{0}}` leads to no call before it"),
        ] {
            let error = Program::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
