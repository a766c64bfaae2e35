//! `calc`: arithmetic that a model would otherwise guess.
//!
//! Three ideas, a module each: `functions` is the table of what can be called, `parser` reads an expression and
//! works it out on the way, and this file is the tool around them.
//!
//! Numbers are 64-bit floats, as in every spreadsheet. A result that isn't a finite number is an error that names the
//! place, never `NaN`: an agent that gets a number may use it.

mod functions;
mod number;
mod parser;

use std::collections::BTreeMap;

pub use number::Number;
use parser::Problem;

/// Evaluates an arithmetic expression and gives the number.
///
/// Operators, loosest first: `+ -`, `* / %`, unary `-`, `^` (also written `**`; from right to left). Parentheses.
/// Functions: sqrt cbrt exp ln log2 log10 log(x, base) pow sin cos tan asin acos atan atan2 sinh cosh tanh deg rad abs
/// sign floor ceil trunc round(x, digits) mod min max sum mean hypot gcd lcm factorial. Constants: pi e tau. Angles are in
/// radians. `%` keeps the sign of its left side; `mod(a, b)` that of its right.
#[hotcell::tool(effect = "pure")]
pub fn eval(
    /// The expression, e.g. `2 * (3 + 4) ^ 2` or `price * (1 + rate / 100)`.
    expression: String,
    /// Values for names in the expression, e.g. `{"price": 20, "rate": 19}`.
    variables: Option<BTreeMap<String, f64>>,
) -> Result<Number, hotcell::Error> {
    let variables = variables.unwrap_or_default();
    check_names(&variables)?;
    match parser::evaluate(&expression, &variables) {
        Ok(value) => Ok(Number::from(value)),
        Err(Problem::Syntax { column, message }) => {
            Err(hotcell::Error::invalid_input("$.expression", format!("column {column}: {message}")))
        }
        Err(Problem::Math { column, message }) => Err(hotcell::Error::failed(format!("column {column}: {message}"))),
    }
}

/// Refuses a variable that no expression could name: left in place it would be ignored in silence.
fn check_names(variables: &BTreeMap<String, f64>) -> Result<(), hotcell::Error> {
    match variables.keys().find(|name| !parser::is_name(name)) {
        None => Ok(()),
        Some(name) => Err(hotcell::Error::invalid_input(
            "$.variables",
            format!("`{name}` can't be a name: wanted a letter or `_`, then letters, digits or `_`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calc(expression: &str) -> Result<Number, hotcell::Error> {
        eval(expression.into(), None)
    }

    #[test]
    fn answers_as_json() {
        let answer = |input| hotcell::call("eval", input).unwrap();
        assert_eq!(answer(r#"{"expression": "2^10"}"#), "1024");
        assert_eq!(answer(r#"{"expression": "-a / 2", "variables": {"a": 7}}"#), "-3.5");
    }

    #[test]
    fn variables_are_put_in() {
        let variables = BTreeMap::from([("price".to_owned(), 20.0), ("rate".to_owned(), 19.0)]);
        assert_eq!(eval("price * (1 + rate / 100)".into(), Some(variables)).unwrap(), Number::from(23.8));
    }

    #[test]
    fn a_variable_that_cannot_be_named_is_refused() {
        let error = eval("1".into(), Some(BTreeMap::from([("a b".to_owned(), 1.0)]))).unwrap_err();
        assert!(error.to_string().contains("`a b` can't be a name"), "{error}");
    }

    #[test]
    fn errors_tell_the_column() {
        assert!(calc("1 + * 2").unwrap_err().to_string().contains("column 5"));
        assert!(calc("1 / (3 - 3)").unwrap_err().to_string().contains("column 3"));
    }
}
