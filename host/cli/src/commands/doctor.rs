//! `hotcell doctor`: what is there, what works, and whether the limits hold.

mod prove;

use crate::args::{DoctorArgs, Global};
use crate::exit::{Exit, Trouble};
use crate::output::Output;

pub(super) async fn run(args: &DoctorArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    if args.prove {
        return Box::pin(prove::run(global, output)).await;
    }
    Ok(Exit::OK)
}
