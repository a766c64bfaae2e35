//! Tools as their authors write them, called as their callers do.

use std::collections::BTreeMap;

use hotcell::Error;

/// Evaluates an arithmetic expression.
///
/// Knows `+` only.
#[hotcell::tool(effect = "pure")]
fn eval(
    /// e.g. `2 + 3`
    expression: String,
    /// Values by name.
    variables: Option<BTreeMap<String, f64>>,
) -> Result<f64, Error> {
    expression
        .split('+')
        .map(|term| number(term.trim(), variables.as_ref()))
        .sum()
}

fn number(term: &str, variables: Option<&BTreeMap<String, f64>>) -> Result<f64, Error> {
    if let Some(value) = variables.and_then(|variables| variables.get(term)) {
        return Ok(*value);
    }
    term.parse()
        .map_err(|error| Error::invalid_input("expression", format_args!("`{term}`: {error}")))
}
