//! `hotcell schema`: what an editor needs to know of a file that people write.

use crate::args::SchemaOf;
use crate::exit::{Exit, Trouble};
use crate::output::Output;

/// Written by hand; a test of the runtime holds it and the reader together, key by key.
const AGENT: &str = include_str!("../../schema/agent.json");

pub(super) fn run(of: SchemaOf, output: &Output) -> Result<Exit, Trouble> {
    let text = match of {
        SchemaOf::Agent => AGENT,
    };
    // It goes into a file that people look at, too.
    if output.is_json() {
        output.json_text(text);
    } else {
        output.text(text);
    }
    Ok(Exit::OK)
}
