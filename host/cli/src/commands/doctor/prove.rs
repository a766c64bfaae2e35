//! `hotcell doctor --prove`: hostile guests against the limits in force.

mod object;
mod show;

use hotcell_call::{Code, Failure};
use hotcell_runtime::proof::{ATTACKS, Prover};

use crate::args::Global;
use crate::embedded::PROOF;
use crate::exit::{Exit, Trouble};
use crate::harden;
use crate::operator::Operator;
use crate::output::Output;
use crate::progress::Counter;

pub(super) async fn run(global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let operator = Operator::load(global)?;
    let guest = PROOF.ok_or_else(|| {
        Failure::new(Code::Command, "there are no hostile guests in this binary")
            .why("it was built without the components that come inside")
            .fix("just build")
    })?;
    let scratch = tempfile::tempdir().map_err(|error| {
        Failure::new(Code::Command, "there is no folder for the proof to write to").why(error.to_string())
    })?;
    let prover = Prover::new(operator.config(), guest, scratch.path())?;
    harden::seal();
    let counter = Counter::new(output, "proving", ATTACKS);
    let proof = prover.run(|_| counter.one()).await?;
    drop(counter);
    if output.is_json() {
        output.object(&object::Object::new(&proof))?;
    } else {
        for line in show::lines(output, &proof) {
            output.line(line);
        }
    }
    Ok(if proof.holds() { Exit::OK } else { Exit::with(1) })
}
