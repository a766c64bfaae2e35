//! The component's exports: [`list`](crate::list) and [`call`](crate::call) in the types of `wit/tool.wit`.

use bindings::exports::hotcell::tool::tools;

use crate::{Effect, Error, Tool};

#[expect(clippy::mem_forget, reason = "as wit-bindgen writes it")]
pub(crate) mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "tool" });
}

struct Component;

#[expect(unsafe_code, reason = "the exports, as wit-bindgen writes them")]
mod exports {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}

// === impl Component ===

impl tools::Guest for Component {
    fn list() -> Vec<tools::Tool> {
        crate::list().into_iter().map(tools::Tool::from).collect()
    }

    fn call(name: String, input: String) -> Result<String, tools::Error> {
        crate::call(&name, &input).map_err(tools::Error::from)
    }
}

impl From<Tool> for tools::Tool {
    fn from(tool: Tool) -> Self {
        Self {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
            effect: match tool.effect {
                Effect::Pure => tools::Effect::Pure,
                Effect::Read => tools::Effect::Read,
                Effect::Idempotent => tools::Effect::Idempotent,
                Effect::Write => tools::Effect::Write,
            },
        }
    }
}

impl From<Error> for tools::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidInput { path, message } => Self::InvalidInput(tools::Invalid { path, message }),
            Error::Failed(message) => Self::Failed(message),
            Error::Unavailable { message, retry_after } => Self::Unavailable(tools::Unavailable {
                message,
                retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            }),
        }
    }
}
