//! `console`: what a program says while it runs.

use boa_engine::object::{JsObject, ObjectInitializer};
use boa_engine::property::Attribute;
use boa_engine::{Context, JsResult, JsValue, NativeFunction, js_string};

use crate::text;

const MOST_LINES: usize = 1_000;
const MOST_BYTES: usize = 64 * 1024;
const LONGEST_LINE: usize = 4 * 1024;

/// The lines that were written.
pub(crate) struct Log {
    /// Writes what is not a text.
    stringify: JsObject,
    lines: Vec<String>,
    bytes: usize,
    left_out: usize,
}

/// Puts `console` among the globals of a context, with an empty log behind it.
pub(crate) fn install(stringify: JsObject, context: &mut Context) -> JsResult<()> {
    context.insert_data(Log { stringify, lines: Vec::new(), bytes: 0, left_out: 0 });
    let mut console = ObjectInitializer::new(context);
    for name in [js_string!("log"), js_string!("info"), js_string!("debug"), js_string!("warn"), js_string!("error")] {
        console.function(NativeFunction::from_fn_ptr(write), name, 0);
    }
    let console = console.build();
    context.register_global_property(js_string!("console"), console, Attribute::all())
}

/// Takes the log out of a context.
pub(crate) fn take(context: &mut Context) -> Vec<String> {
    let Some(mut log) = context.remove_data::<Log>() else { return Vec::new() };
    if log.left_out > 0 {
        log.lines.push(format!("… {} more lines are left out", log.left_out));
    }
    log.lines
}

fn write(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    // A full log takes no more, so there is no need to find out what it would have been.
    let stringify = context.get_data::<Log>().filter(|log| !log.is_full()).map(|log| log.stringify.clone());
    let line = stringify.map(|stringify| line(arguments, &stringify, context)).unwrap_or_default();
    if let Some(log) = context.host_defined_mut().get_mut::<Log>() {
        log.push(line);
    }
    Ok(JsValue::undefined())
}

fn line(arguments: &[JsValue], stringify: &JsObject, context: &mut Context) -> String {
    let mut line = String::new();
    for (nth, value) in arguments.iter().enumerate() {
        if nth > 0 {
            line.push(' ');
        }
        line.push_str(&word(value, stringify, context));
        if line.len() > LONGEST_LINE {
            break;
        }
    }
    text::cut(&line, LONGEST_LINE)
}

/// Texts as they are, lists and plain objects as JSON, all else as one would write it in code.
fn word(value: &JsValue, stringify: &JsObject, context: &mut Context) -> String {
    if let Some(text) = value.as_string() {
        return text.to_std_string_escaped();
    }
    let is_data = value.as_object().is_some_and(|object| object.is_array() || object.is_ordinary());
    let json =
        if is_data { stringify.call(&JsValue::undefined(), std::slice::from_ref(value), context).ok() } else { None };
    match json.and_then(|json| json.as_string()) {
        Some(json) => json.to_std_string_escaped(),
        // What has no JSON, such as an object that holds itself.
        None => value.display().to_string(),
    }
}

// === impl Log ===

impl Log {
    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES || self.bytes >= MOST_BYTES
    }

    fn push(&mut self, line: String) {
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.bytes += line.len();
            self.lines.push(line);
        }
    }
}
