//! `hotcell token`: makes a token, which only the one who typed this ever sees.

use hotcell_call::{Code, Failure};
use hotcell_runtime::config::Token;
use serde::Serialize;

use crate::args::TokenArgs;
use crate::exit::{Exit, Trouble};
use crate::output::Output;

#[derive(Serialize)]
struct Made<'a> {
    tenant: &'a str,
    token: &'a str,
    hash: String,
}

pub(super) fn run(args: &TokenArgs, output: &Output) -> Result<Exit, Trouble> {
    let token = Token::generate()
        .map_err(|error| Failure::new(Code::Fault, "the system gives no chance for a token").why(error.to_string()))?;
    let (tenant, hash) = (args.tenant.as_str(), Token::of(&token).to_string());
    if output.is_json() {
        output.object(&Made { tenant, token: &token, hash })?;
        return Ok(Exit::OK);
    }
    output.line(&token);
    output.note(format_args!("It is shown this once. For hotcell.toml:\n\n[tenants.{tenant}]\ntokens = [\"{hash}\"]"));
    Ok(Exit::OK)
}
