//! The contract of our own tools, `hotcell:tool/tools`: `list` once per component, `call` for each call.
//!
//! Types are written out by hand instead of generated: there are two functions, and their results are checked against limits
//! before anything is made of them. (`guest-sdk/wit/tool.wit` is the contract's text.)

use hotcell_call::{Code, Failure, Payload};
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Instance, Lift};

use crate::cell::Cell;

/// The interface, with the version that this host speaks; components of an older 0.1 link to it too.
pub(crate) const INTERFACE: &str = "hotcell:tool/tools@0.1.0";

/// Where the two functions are in a component.
#[derive(Clone, Copy)]
pub(crate) struct Contract {
    list: ComponentExportIndex,
    call: ComponentExportIndex,
}

/// One tool, as `list` describes it.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) description: String,
    #[component(name = "input-schema")]
    pub(crate) input: String,
    #[component(name = "output-schema")]
    pub(crate) output: Option<String>,
    pub(crate) effect: ListedEffect,
}

#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the engine makes them, by their number")]
pub(crate) enum ListedEffect {
    #[component(name = "pure")]
    Pure,
    #[component(name = "read")]
    Read,
    #[component(name = "idempotent")]
    Idempotent,
    #[component(name = "write")]
    Write,
}

/// A tool's own error.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum ToolError {
    #[component(name = "invalid-input")]
    InvalidInput(Invalid),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "unavailable")]
    Unavailable(Unavailable),
}

#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Invalid {
    pub(crate) path: String,
    pub(crate) message: String,
}

#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Unavailable {
    pub(crate) message: String,
    #[component(name = "retry-after-ms")]
    pub(crate) retry_after_ms: Option<u64>,
}

impl Contract {
    /// Finds the contract in a component that exports it.
    pub(crate) fn find(component: &Component) -> Option<Self> {
        let (_, interface) = component.get_export(None, INTERFACE)?;
        let export = |name| component.get_export(Some(&interface), name).map(|(_, index)| index);
        Some(Self { list: export("list")?, call: export("call")? })
    }

    /// Asks the component for its tools.
    pub(crate) async fn list(&self, instance: &Instance, store: &mut Store<Cell>) -> wasmtime::Result<Vec<Listed>> {
        let list = instance.get_typed_func::<(), (Vec<Listed>,)>(&mut *store, self.list)?;
        let (tools,) = list.call_async(&mut *store, ()).await?;
        Ok(tools)
    }

    /// Calls one of them.
    pub(crate) async fn call(
        &self,
        instance: &Instance,
        store: &mut Store<Cell>,
        name: &str,
        input: &Payload,
    ) -> wasmtime::Result<Result<String, ToolError>> {
        let call = instance.get_typed_func::<(&str, &str), (Result<String, ToolError>,)>(&mut *store, self.call)?;
        let (answer,) = call.call_async(&mut *store, (name, input.as_str())).await?;
        Ok(answer)
    }
}

impl ToolError {
    /// The bytes of its texts: they count as the result does.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::InvalidInput(invalid) => invalid.path.len() + invalid.message.len(),
            Self::Failed(message) => message.len(),
            Self::Unavailable(unavailable) => unavailable.message.len(),
        }
    }

    /// The failure that a caller sees.
    pub(crate) fn failure(&self, target: &hotcell_call::Target) -> Failure {
        match self {
            Self::InvalidInput(invalid) => {
                Failure::new(Code::ToolInvalidInput, format!("{target} refused its input at {}", invalid.path))
                    .why(&invalid.message)
            }
            Self::Failed(message) => Failure::new(Code::ToolFailed, format!("{target} failed")).why(message),
            Self::Unavailable(unavailable) => {
                let failure =
                    Failure::new(Code::ToolUnavailable, format!("{target} is not available")).why(&unavailable.message);
                match unavailable.retry_after_ms {
                    Some(wait) => failure.retry_after(std::time::Duration::from_millis(wait)),
                    None => failure,
                }
            }
        }
    }
}
