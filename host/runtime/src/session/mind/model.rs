//! Which model a run has.

use std::sync::Arc;

use hotcell_agent::Cost;
use hotcell_agent::model::{ChatModel, ModelName, Rules, Script, Scripted, Usage};
use hotcell_call::{Code, Failure};

use crate::host::Host;

impl Host {
    pub(crate) fn model(&self, names: &[ModelName], script: Vec<Script>) -> Result<Arc<dyn ChatModel>, Failure> {
        match names.first() {
            Some(ModelName::Rules) | None => Ok(Arc::new(Rules)),
            Some(ModelName::Scripted) => Ok(Arc::new(Scripted::new(script))),
            Some(name) => Err(Failure::new(Code::UnknownProvider, format!("there is no provider of {name}"))),
        }
    }

    pub(crate) fn price(&self, _model: &str, _usage: Usage) -> Option<Cost> {
        None
    }
}
