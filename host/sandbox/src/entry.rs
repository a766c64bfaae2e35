//! One function of a loaded tool with its arguments, ready to be called in an instance; and what its answer means.

use hotcell_call::{ByteSize, Code, Failure, Limits, Payload, Target};
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance};

use crate::cell::Cell;
use crate::contract::Contract;
use crate::convert::{Prepared, Returned};
use crate::invoke::{Answer, Invocation};
use crate::json;

/// What is called.
pub(crate) enum Entry<'a> {
    /// The contract's `call`, with the name of a function.
    Contract(Contract, &'a str),
    /// A function of the component's own, with its arguments as values.
    Plain(Prepared, ComponentExportIndex),
}

impl Entry<'_> {
    /// Calls it.
    ///
    /// # Errors
    ///
    /// The engine's, when the guest did not come to an answer.
    pub(crate) async fn call(
        self,
        instance: Instance,
        store: &mut Store<Cell>,
        invocation: &Invocation,
    ) -> wasmtime::Result<Answer> {
        let Invocation { target, limits, input, .. } = invocation;
        match self {
            Self::Contract(contract, function) => Ok(match contract.call(&instance, store, function, input).await? {
                Ok(json) => checked(target, json),
                Err(error) => Answer::Error(error.failure(target), error.size()),
            }),
            Self::Plain(prepared, place) => {
                let Some(func) = instance.get_func(&mut *store, place) else {
                    let what = format!("{target} is gone from its instance");
                    return Ok(Answer::Broken(Failure::new(Code::Fault, what)));
                };
                // Boxed: it is large, and would be moved in the future of every call of a contract too.
                let returned = Box::pin(prepared.call(func, store)).await?;
                Ok(answer(target, limits, returned))
            }
        }
    }
}

/// A tool of our contract promises JSON: what is no JSON, or can't be read by others, is no answer.
fn checked(target: &Target, json: String) -> Answer {
    match json::check(&json) {
        Ok(()) => Answer::Value(Payload::new(json)),
        Err(why) => Answer::Broken(
            Failure::new(Code::InvalidResult, format!("{target} answered with what is not JSON")).why(why.to_string()),
        ),
    }
}

fn answer(target: &Target, limits: &Limits, returned: Returned) -> Answer {
    let too_large = |size: ByteSize| {
        Failure::new(Code::Output, format!("{target} gave a result that is too large"))
            .why(format!("at least {size} of {}", limits.output))
            .fix(format!("limits.output = \"{size}\" under [tools.{}] in hotcell.toml", target.tool))
            .reached(size, limits.output)
    };
    match returned {
        Returned::Value(value) => Answer::Value(value),
        Returned::Error(said) => {
            let size = said.len();
            Answer::Error(Failure::new(Code::ToolFailed, format!("{target} failed")).why(said), size)
        }
        Returned::TooLarge { at_least } => Answer::Broken(too_large(at_least)),
        Returned::TooHeavy { most } => Answer::Broken(
            Failure::new(Code::Output, format!("{target} gave a result that is too large"))
                .why(format!("its values would take more than {most} of the host"))
                .fix("return a list of bytes or a string in place of a list of small values")
                .reached(format!("over {most}"), most),
        ),
        Returned::Unlike(error) => {
            Answer::Broken(Failure::new(Code::Fault, format!("{target} gave a value unlike its type")).caused_by(error))
        }
    }
}
