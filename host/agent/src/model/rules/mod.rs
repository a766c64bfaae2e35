//! A model that needs no key: it turns a text of a small grammar into calls, and what came of them into an answer.
//!
//! It has no memory of its own: what is to be done next follows from the conversation. Calls that refer to nothing that is still to
//! come are made together. A text that is no program of the grammar is answered with what the grammar is, and never searched for
//! something that looks like a call.

mod grammar;

use serde_json::{Map, Value, json};

use self::grammar::{Program, resolved, resolved_text, shown};
use super::spelling::said;
use super::{
    ChatModel, ChatReply, ChatRequest, Hear, Message, Replying, StopReason, ToolResult, ToolUse, Usage, unspelled,
};

/// The model `rules`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

/// What it says next.
enum Next {
    Answer(String),
    Uses(Vec<ToolUse>),
}

const NAME: &str = "rules";

impl ChatModel for Rules {
    fn name(&self) -> &'static str {
        NAME
    }

    fn reply<'a>(&'a self, request: &'a ChatRequest, hear: Hear<'a>) -> Replying<'a> {
        let next = next(request);
        let (text, uses) = match next {
            Next::Answer(text) => (text, Vec::new()),
            Next::Uses(uses) => (String::new(), uses),
        };
        hear(&text);
        let (stop, usage) = (StopReason::Complete, Usage::default());
        let reply = ChatReply { text, uses, stop, usage, estimated: false, opaque: None, model: NAME.to_owned() };
        Box::pin(async move { Ok(reply) })
    }
}

fn next(request: &ChatRequest) -> Next {
    let (task, results) = so_far(&request.messages);
    let program = match Program::parse(task) {
        Ok(program) => program,
        Err(error) => return Next::Answer(help(request, &error.to_string())),
    };
    if program.calls.is_empty() && program.answer.is_empty() {
        return Next::Answer(help(request, "it says nothing"));
    }
    if request.form.is_some() && results.is_empty() {
        return Next::Answer(plan(&program));
    }
    if let Some(failed) = results.iter().find(|result| result.is_error) {
        return Next::Answer(format!("{} failed: {}", unspelled(&failed.name), reason(&failed.text)));
    }
    let values: Vec<Value> = results.iter().map(|result| value(result)).collect();
    let made = values.len();
    let ready = |call: &&grammar::Call| call.needs.iter().all(|need| *need < made);
    let uses = program.calls.iter().enumerate().skip(made).take_while(|(_, call)| ready(call));
    let uses = uses.map(|(place, call)| ToolUse {
        id: format!("use-{}", place + 1),
        name: said(&call.function),
        input: match resolved(&Value::Object(call.input.clone()), &values) {
            Value::Object(input) => Ok(input),
            other => Err(other.to_string()),
        },
    });
    let uses: Vec<ToolUse> = uses.collect();
    if !uses.is_empty() {
        return Next::Uses(uses);
    }
    Next::Answer(if program.answer.is_empty() {
        values.last().map(shown).unwrap_or_default()
    } else {
        shown(&resolved_text(&program.answer, &values))
    })
}

/// The last task, and what has come of calls since.
fn so_far(messages: &[Message]) -> (&str, Vec<&ToolResult>) {
    let last = messages.iter().rposition(|message| matches!(message, Message::User(_)));
    let (before, since) = messages.split_at(last.map_or(0, |last| last + 1));
    let task = match before.last() {
        Some(Message::User(task)) => task.as_str(),
        _ => "",
    };
    let results = since.iter().filter_map(|message| match message {
        Message::Results(results) => Some(results),
        _ => None,
    });
    (task, results.flatten().collect())
}

/// Why a call gave nothing, in the words of its failure.
fn reason(text: &str) -> String {
    let read: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let part = |key| read.get(key).and_then(Value::as_str);
    match (part("what"), part("why")) {
        (Some(what), Some(why)) => format!("{what}: {why}"),
        (Some(what), None) => what.to_owned(),
        (None, _) => text.to_owned(),
    }
}

/// What a call gave: what stands in the envelope in which results are handed to models.
fn value(result: &ToolResult) -> Value {
    let read: Option<Map<String, Value>> = serde_json::from_str(&result.text).ok();
    read.and_then(|mut envelope| envelope.remove("result")).unwrap_or_else(|| Value::String(result.text.clone()))
}

/// The program as a plan: each call a step.
fn plan(program: &Program) -> String {
    let steps = program.calls.iter().enumerate().map(|(place, call)| {
        let names: Vec<Value> = (0..place).map(|place| Value::String(format!("{{{{steps.s{}}}}}", place + 1))).collect();
        json!({ "id": format!("s{}", place + 1), "call": call.function, "with": planned(&Value::Object(call.input.clone()), &names) })
    });
    json!({ "steps": steps.collect::<Vec<_>>() }).to_string()
}

/// References to calls become references to steps: `{{2.name}}` is `{{steps.s2.name}}`.
fn planned(value: &Value, names: &[Value]) -> Value {
    match value {
        Value::String(text) => {
            let renamed = (1..=names.len()).fold(text.clone(), |text, number| {
                let text = text.replace(&format!("{{{{{number}}}}}"), &format!("{{{{steps.s{number}}}}}"));
                let text = text.replace(&format!("{{{{{number}."), &format!("{{{{steps.s{number}."));
                text.replace(&format!("{{{{{number}["), &format!("{{{{steps.s{number}["))
            });
            Value::String(renamed)
        }
        Value::Array(list) => list.iter().map(|each| planned(each, names)).collect(),
        Value::Object(map) => map.iter().map(|(key, each)| (key.clone(), planned(each, names))).collect(),
        other => other.clone(),
    }
}

fn help(request: &ChatRequest, why: &str) -> String {
    let mut names: Vec<String> = request.tools.iter().map(|tool| unspelled(&tool.name)).collect();
    let more = names.len().saturating_sub(10);
    names.truncate(10);
    let tools = match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    };
    format!(
        "The model `rules` understands lines like these, and nothing else ({why}):\n\
         use calc.eval with {{\"expression\": \"6 * 7\"}}\n\
         half = calc.eval(expression=\"{{{{1}}}} / 2\")\n\
         answer Half of it is {{{{half}}}}.\n\
         Tools: {tools}."
    )
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::model::Form;

    /// The future of this model is ready at once.
    fn now<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn said(request: &ChatRequest) -> ChatReply {
        let mut heard = String::new();
        let reply = now(Rules.reply(request, &mut |piece| heard.push_str(piece))).unwrap();
        assert_eq!(heard, reply.text);
        reply
    }

    fn results(values: &[(&str, Value)]) -> Message {
        let result = |(id, value): &(&str, Value)| ToolResult {
            id: (*id).to_owned(),
            name: "a__b".to_owned(),
            text: json!({"tool": "a.b", "outcome": "ok", "result": value}).to_string(),
            is_error: false,
        };
        Message::Results(values.iter().map(result).collect())
    }

    #[test]
    fn calls_are_made_together_as_far_as_they_can_and_then_answered() {
        let task = "use a.b with {\"x\": 1}\na.b(x=2)\nsum = a.b(x=\"{{1}}\", y=\"{{2.n}}\")\nanswer {{sum}} in all";
        let mut request = ChatRequest { messages: vec![Message::User(task.to_owned())], ..ChatRequest::default() };
        let first = said(&request);
        let ids: Vec<&str> = first.uses.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((ids, first.uses[0].name.as_str()), (vec!["use-1", "use-2"], "a__b"));
        request.messages.push(Message::reply(&first));
        request.messages.push(results(&[("use-1", json!(1)), ("use-2", json!({"n": 2}))]));
        let second = said(&request);
        assert_eq!(second.uses.len(), 1);
        assert_eq!(Value::Object(second.uses[0].input.clone().unwrap()), json!({"x": 1, "y": 2}));
        request.messages.push(Message::reply(&second));
        request.messages.push(results(&[("use-3", json!(3))]));
        let last = said(&request);
        assert_eq!((last.text.as_str(), last.uses.len()), ("3 in all", 0));
        // A new task begins anew.
        request.messages.push(Message::reply(&last));
        request.messages.push(Message::User("a.c()".to_owned()));
        assert_eq!(said(&request).uses[0].name, "a__c");
    }

    #[test]
    fn a_plan_has_its_references_as_references_to_steps() {
        let task = "a.b(x=1)\na.b(x=\"{{1.n}} and {{1}}\")";
        let form = Form { name: "plan".to_owned(), schema: json!({}) };
        let request =
            ChatRequest { messages: vec![Message::User(task.to_owned())], form: Some(form), ..ChatRequest::default() };
        let plan: Value = serde_json::from_str(&said(&request).text).unwrap();
        assert_eq!(
            plan["steps"][1],
            json!({"id": "s2", "call": "a.b", "with": {"x": "{{steps.s1.n}} and {{steps.s1}}"}})
        );
    }

    #[test]
    fn prose_is_never_searched_for_calls() {
        let request = ChatRequest {
            messages: vec![Message::User("Read section(2), please.".to_owned())],
            ..ChatRequest::default()
        };
        let reply = said(&request);
        assert!(reply.uses.is_empty() && reply.text.contains("use calc.eval with"), "{}", reply.text);
    }

    #[test]
    fn a_call_that_failed_ends_it() {
        let mut request = ChatRequest {
            messages: vec![Message::User("a.b()\na.b(x=\"{{1}}\")".to_owned())],
            ..ChatRequest::default()
        };
        let failed = ToolResult {
            id: "use-1".to_owned(),
            name: "a__b".to_owned(),
            text: "no such city".to_owned(),
            is_error: true,
        };
        request.messages.push(Message::reply(&said(&request)));
        request.messages.push(Message::Results(vec![failed]));
        assert_eq!(said(&request).text, "a.b failed: no such city");
    }
}
