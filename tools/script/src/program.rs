//! A program, from its code to its value.

use std::path::Path;

use boa_engine::builtins::promise::PromiseState;
use boa_engine::object::JsObject;
use boa_engine::property::Attribute;
use boa_engine::{Context, JsError, JsNativeError, JsResult, JsValue, Script, Source, js_string};
use hotcell::Error;
use hotcell::serde_json::{self, Value};

use crate::{console, depth, text};

const LONGEST_CODE: usize = 1024 * 1024;
/// See [`depth`]: with some room below what the stack of the cell holds.
const DEEPEST_CODE: usize = 100;
/// Fits the 4 MiB that a host takes back by default, together with the log.
const MOST_BYTES: usize = 3 * 1024 * 1024;
const LONGEST_ERROR: usize = 4 * 1024;

/// Calls inside each other. They live in memory, not on the stack, so there may be many; an endless recursion is told as
/// such long before the memory is full.
const DEEPEST_CALLS: usize = 10_000;
/// Values that these calls may hold.
const MOST_HELD: usize = 1_000_000;
/// Calls that an error lists.
const SHOWN_CALLS: usize = 5;

/// What the code is called where an error says its place.
const NAME: &str = "script.js";

/// What a program gave.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Run {
    /// The value of the last expression, or what `main(input)` returned; null if there is none.
    pub value: Value,
    /// The lines that `console.log` wrote.
    pub log: Vec<String>,
}

/// Runs a program over an input.
pub(crate) fn run(code: &str, input: Value) -> Result<Run, Error> {
    check(code)?;
    let mut context = Context::default();
    let (stringify, script) = prepared(code, &input, &mut context)?;
    let value = script
        .evaluate(&mut context)
        .and_then(|value| with_main(value, &mut context))
        .and_then(|value| settled(value, &mut context))
        .and_then(|value| written(&value, &stringify, &mut context));
    let log = console::take(&mut context);
    let value = value.map_err(|error| failed(&error, &log))?;
    Ok(Run { value: parsed(value.as_deref())?, log })
}

fn check(code: &str) -> Result<(), Error> {
    if code.len() > LONGEST_CODE {
        return Err(Error::invalid_input(
            "$.code",
            format!("is {} bytes long, the most is {LONGEST_CODE}", code.len()),
        ));
    }
    if depth::brackets(code) > DEEPEST_CODE {
        let message = format!("has more than {DEEPEST_CODE} brackets inside each other; give data as `input`");
        return Err(Error::invalid_input("$.code", message));
    }
    Ok(())
}

/// Sets the globals up and parses the code. The function that will write the value is taken before the code can change it.
fn prepared(code: &str, input: &Value, context: &mut Context) -> Result<(JsObject, Script), Error> {
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(DEEPEST_CALLS);
    limits.set_stack_size_limit(MOST_HELD);
    limits.set_backtrace_limit(SHOWN_CALLS);

    let json = context.intrinsics().objects().json();
    let stringify = json.get(js_string!("stringify"), context).ok().and_then(|value| value.as_callable());
    let stringify = stringify.ok_or_else(|| Error::failed("the engine has no JSON.stringify"))?;
    console::install(stringify.clone(), context)
        .and_then(|()| JsValue::from_json(input, context))
        .and_then(|input| context.register_global_property(js_string!("input"), input, Attribute::all()))
        .map_err(|error| Error::failed(format!("failed to set the globals up: {error}")))?;

    let source = Source::from_bytes(code.as_bytes()).with_path(Path::new(NAME));
    let script = Script::parse(source, None, context)
        .map_err(|error| Error::invalid_input("$.code", text::cut(&error.to_string(), LONGEST_ERROR)))?;
    Ok((stringify, script))
}

/// What `main(input)` returns, if the code has defined such a function; else the value that the code had itself.
fn with_main(value: JsValue, context: &mut Context) -> JsResult<JsValue> {
    // A `const main` is no property of the global object, so it is asked for in the language.
    let main = context.eval(Source::from_bytes("typeof main === 'function' ? main : undefined"))?;
    match main.as_callable() {
        Some(main) => {
            let input = context.global_object().get(js_string!("input"), context)?;
            main.call(&JsValue::undefined(), &[input], context)
        }
        None => Ok(value),
    }
}

/// Runs what is left to run, and takes the value out of a promise.
fn settled(value: JsValue, context: &mut Context) -> JsResult<JsValue> {
    context.run_jobs()?;
    let Some(promise) = value.as_promise() else {
        return Ok(value);
    };
    match promise.state() {
        PromiseState::Fulfilled(value) => Ok(value),
        PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
        PromiseState::Pending => Err(JsNativeError::error().with_message("the promise is never settled").into()),
    }
}

/// The value as JSON text; none for `undefined` and for functions.
fn written(value: &JsValue, stringify: &JsObject, context: &mut Context) -> JsResult<Option<String>> {
    let text = stringify.call(&JsValue::undefined(), std::slice::from_ref(value), context)?;
    Ok(text.as_string().map(|text| text.to_std_string_escaped()))
}

fn parsed(json: Option<&str>) -> Result<Value, Error> {
    let Some(json) = json else {
        return Ok(Value::Null);
    };
    if json.len() > MOST_BYTES {
        let message = format!("the value is {} bytes large, the most is {MOST_BYTES}; return less", json.len());
        return Err(Error::failed(message));
    }
    serde_json::from_str(&text::well_formed(json))
        .map_err(|error| Error::failed(format!("the value can't be given back as JSON: {error}")))
}

/// An exception that the code did not catch, with its place and the end of the log: what a person would look at first.
fn failed(error: &JsError, log: &[String]) -> Error {
    let mut message = text::cut(&error.to_string(), LONGEST_ERROR);
    if let [.., last] = log {
        message.push_str("\nlast line of the log: ");
        message.push_str(&text::cut(last, 200));
    }
    Error::failed(message)
}
