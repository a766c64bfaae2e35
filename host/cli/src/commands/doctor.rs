//! `hotcell doctor`: what is there, what works, and whether the limits hold.
//!
//! It looks and changes nothing. What it can't look at is a finding like any other: whoever asks a doctor may be in a bad way.

mod finding;
mod machine;
mod places;
mod program;
mod prove;
mod report;
mod settings;
mod show;
mod tools;

use crate::args::{DoctorArgs, Global};
use crate::exit::{Exit, Trouble};
use crate::output::Output;

use report::Report;

pub(super) async fn run(args: &DoctorArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    if args.prove {
        return Box::pin(prove::run(global, output)).await;
    }
    let report = Report::make(global).await?;
    if output.is_json() {
        output.object(&report)?;
    } else {
        for line in show::lines(output, &report) {
            output.line(line);
        }
    }
    Ok(if report.is_usable() { Exit::OK } else { Exit::with(1) })
}
