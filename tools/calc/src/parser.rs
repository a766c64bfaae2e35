//! Reads an expression and works it out on the way: no tree is built, because each is used once.
//!
//! Recursive descent, a method per level of binding. What is hostile about an expression is its depth, so the depth is
//! bounded ([`MAX_DEPTH`]); all else is linear in its length.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::functions::{CONSTANTS, FUNCTIONS, Function};

/// Parentheses, signs and powers within one another. Each costs a few stack frames of a guest's stack.
const MAX_DEPTH: usize = 200;

/// Why there is no value. Columns count characters from 1.
#[derive(Debug, PartialEq)]
pub(crate) enum Problem {
    /// The text isn't an expression.
    Syntax {
        /// Where.
        column: usize,
        /// What was wanted and found.
        message: String,
    },
    /// It is one, and has no finite value.
    Math {
        /// The operator or function that has none.
        column: usize,
        /// Why.
        message: String,
    },
}

type Parsed = Result<f64, Problem>;

/// Works out an expression.
pub(crate) fn evaluate(text: &str, variables: &BTreeMap<String, f64>) -> Parsed {
    let mut parser = Parser { rest: text, column: 1, depth: 0, variables };
    let value = parser.sum()?;
    match parser.peek() {
        None => Ok(value),
        Some(')') => Err(parser.syntax("this `)` has no `(`")),
        Some(_) => Err(parser.syntax(format!("wanted an operator, found {}", parser.found()))),
    }
}

/// Whether a text can be a name in an expression.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(starts_name) && text.chars().all(continues_name)
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Parser<'a> {
    rest: &'a str,
    column: usize,
    depth: usize,
    variables: &'a BTreeMap<String, f64>,
}

// === impl Parser: the grammar, loosest binding first ===

impl Parser<'_> {
    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        while let Some((column, operator)) = self.operator(&["+", "-", "−"]) {
            let right = self.product()?;
            left = finite(if operator == "+" { left + right } else { left - right }, column, operator)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.signed()?;
        loop {
            // `**` is a power and bound tighter: what is left here is a lone `*`.
            let Some((column, operator)) = self.operator(&["*", "/", "%", "×", "·", "÷"]) else {
                return Ok(left);
            };
            let right = self.signed()?;
            if right == 0.0 && matches!(operator, "/" | "%" | "÷") {
                let message = format!("division by zero: {left} {operator} 0 has no value");
                return Err(Problem::Math { column, message });
            }
            let value = match operator {
                "/" | "÷" => left / right,
                "%" => left % right,
                _ => left * right,
            };
            left = finite(value, column, operator)?;
        }
    }

    fn signed(&mut self) -> Parsed {
        match self.operator(&["-", "−", "+"]) {
            None => self.power(),
            Some((_, "+")) => self.deeper(Self::signed),
            Some(_) => Ok(-self.deeper(Self::signed)?),
        }
    }

    /// From right to left, and tighter than a sign before it: `-2^2` is -4, `2^-1` is 0.5.
    fn power(&mut self) -> Parsed {
        let base = self.atom()?;
        let Some((column, operator)) = self.operator(&["^", "**"]) else {
            return Ok(base);
        };
        let exponent = self.deeper(Self::signed)?;
        finite(base.powf(exponent), column, operator)
    }

    fn atom(&mut self) -> Parsed {
        match self.peek() {
            Some('(') => {
                let open = self.column;
                self.take(1);
                let value = self.deeper(Self::sum)?;
                self.close(open).map(|()| value)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if starts_name(c) => self.named(),
            _ => Err(self.syntax(format!("wanted a number, a name or `(`, found {}", self.found()))),
        }
    }

    fn number(&mut self) -> Parsed {
        let length = number_length(self.rest);
        let (digits, _) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        let column = self.column;
        let Ok(value) = digits.parse::<f64>() else {
            return Err(self.syntax(format!("`{digits}` is not a number")));
        };
        self.take(digits.chars().count());
        finite(value, column, "this number")
    }

    fn named(&mut self) -> Parsed {
        let column = self.column;
        let end = self.rest.find(|c| !continues_name(c)).unwrap_or(self.rest.len());
        let (name, _) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let value = self.variables.get(name).copied().or_else(|| constant(name));
        if function.is_none() && value.is_none() {
            return Err(Problem::Syntax { column, message: unknown(name, self.variables) });
        }
        let name = name.to_owned();
        self.take(name.chars().count());
        match (self.peek(), function, value) {
            (Some('('), Some(function), _) => self.call(function, column),
            (Some('('), None, _) => {
                Err(self.syntax(format!("`{name}` is a value, not a function; for a product write `{name} * (`")))
            }
            (_, _, Some(value)) => Ok(value),
            (_, Some(function), None) => Err(self.syntax(format!("wanted `(` after a function: {}", function.usage))),
            (_, None, None) => Err(self.syntax(format!("`{name}` has no value"))),
        }
    }

    fn call(&mut self, function: &Function, column: usize) -> Parsed {
        let open = self.column;
        self.take(1);
        let mut arguments = Vec::new();
        if self.peek() != Some(')') {
            arguments.push(self.deeper(Self::sum)?);
            while self.operator(&[","]).is_some() {
                arguments.push(self.deeper(Self::sum)?);
            }
        }
        self.close(open)?;
        match function.apply(&arguments) {
            None => {
                let message = format!("wanted {}, found {} argument(s)", function.usage, arguments.len());
                Err(Problem::Syntax { column, message })
            }
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(Problem::Math { column, message: no_value(function.name, &arguments, value) }),
        }
    }
}

// === impl Parser: the text ===

impl<'a> Parser<'a> {
    /// The next character that isn't white space.
    fn peek(&mut self) -> Option<char> {
        let spaces = self.rest.chars().take_while(|c| c.is_whitespace()).count();
        self.take(spaces);
        self.rest.chars().next()
    }

    fn take(&mut self, characters: usize) {
        let mut chars = self.rest.chars();
        self.column += chars.by_ref().take(characters).count();
        self.rest = chars.as_str();
    }

    /// Takes one of these, with its column. `**` is never read as `*`.
    fn operator(&mut self, wanted: &[&'static str]) -> Option<(usize, &'static str)> {
        self.peek()?;
        let column = self.column;
        let power = self.rest.starts_with("**");
        let operator = wanted.iter().copied().find(|&o| self.rest.starts_with(o) && !(power && o == "*"))?;
        self.take(operator.chars().count());
        Some((column, operator))
    }

    fn close(&mut self, open: usize) -> Result<(), Problem> {
        if self.operator(&[")"]).is_some() {
            return Ok(());
        }
        Err(self.syntax(format!("wanted an operator or the `)` for the `(` in column {open}, found {}", self.found())))
    }

    fn deeper(&mut self, parse: fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth == MAX_DEPTH {
            return Err(self.syntax(format!("more than {MAX_DEPTH} levels deep; split the expression by `variables`")));
        }
        self.depth += 1;
        let value = parse(self);
        self.depth -= 1;
        value
    }

    fn found(&self) -> String {
        self.rest.chars().next().map_or_else(|| "the end".to_owned(), |c| format!("`{}`", c.escape_debug()))
    }

    fn syntax(&self, message: impl Into<String>) -> Problem {
        Problem::Syntax { column: self.column, message: message.into() }
    }
}

/// How many bytes of the text look like one number: digits with a point, and an exponent if digits follow it (`2e` is
/// a number and a name).
fn number_length(text: &str) -> usize {
    let digits = |from: &str| from.len() - from.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mantissa = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let rest = text.get(mantissa..).unwrap_or_default();
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else {
        return mantissa;
    };
    let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    match digits(unsigned) {
        0 => mantissa,
        count => mantissa + 1 + (exponent.len() - unsigned.len()) + count,
    }
}

fn constant(name: &str) -> Option<f64> {
    CONSTANTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn unknown(name: &str, variables: &BTreeMap<String, f64>) -> String {
    let known = variables.keys().map(String::as_str);
    let known = known.chain(CONSTANTS.iter().map(|c| c.0)).chain(FUNCTIONS.iter().map(|f| f.name));
    // Beyond this length no known name is near, and comparing costs the product of both lengths.
    let near = (name.len() <= 64)
        .then(|| known.map(|k| (strsim::damerau_levenshtein(k, name), k)).min())
        .flatten()
        .filter(|(distance, known)| *distance <= 2 && *distance < known.chars().count());
    let shown: String = name.chars().take(64).collect();
    match near {
        Some((_, near)) => format!("nothing is named `{shown}`; did you mean `{near}`?"),
        None => format!("nothing is named `{shown}`; give it a value in `variables`"),
    }
}

fn finite(value: f64, column: usize, what: &str) -> Parsed {
    match value {
        v if v.is_finite() => Ok(v),
        v if v.is_nan() => Err(Problem::Math { column, message: format!("{what} has no real value here") }),
        _ => Err(Problem::Math { column, message: format!("{what} gives a number beyond ±1.8e308") }),
    }
}

fn no_value(name: &str, arguments: &[f64], value: f64) -> String {
    let mut shown = String::new();
    for (i, argument) in arguments.iter().take(4).enumerate() {
        let _ = write!(shown, "{}{argument}", if i == 0 { "" } else { ", " });
    }
    let kind = if value.is_nan() { "real" } else { "finite" };
    format!("{name}({shown}{}) has no {kind} value", if arguments.len() > 4 { ", …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Parsed {
        evaluate(text, &BTreeMap::from([("x".to_owned(), 3.0), ("e1".to_owned(), 7.0)]))
    }

    #[test]
    fn values() {
        for (text, wanted) in [
            ("1+2*3", 7.0),
            ("(1+2)*3", 9.0),
            ("8-3-2", 3.0),
            ("16/4/2", 2.0),
            ("2^3^2", 512.0),
            ("2**3**2", 512.0),
            ("2 * 3**2", 18.0),
            ("-2^2", -4.0),
            ("(-2)^2", 4.0),
            ("2^-1", 0.5),
            ("--3", 3.0),
            ("4 - -3", 7.0),
            ("2*-3", -6.0),
            ("-7 % 3", -1.0),
            ("mod(-7, 3)", 2.0),
            ("1e3 + .5 + 2.", 1002.5),
            ("1.5E-1", 0.15),
            ("2 × 3 ÷ 4 − 1 · 1", 0.5),
            ("x^2 + e1", 16.0),
            ("max(1, x, 2) + min(4, 2)", 5.0),
            ("round(10/3, 2)", 3.33),
            ("log(8, 2)", 3.0),
            ("sqrt(16) + abs(-1)", 5.0),
            ("cos(0) + sin(2*pi*0)", 1.0),
            ("hypot(3,4)", 5.0),
            (" ( ( 1 ) ) ", 1.0),
            ("2*π/tau", 1.0),
        ] {
            assert_eq!(value(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_column() {
        for (text, wanted_column, part) in [
            ("", 1, "found the end"),
            ("1 +", 4, "found the end"),
            ("1 2", 3, "wanted an operator, found `2`"),
            ("2pi", 2, "wanted an operator, found `p`"),
            ("2e", 2, "found `e`"),
            ("(1", 3, "the `(` in column 1"),
            ("1)", 2, "has no `(`"),
            ("1..2", 1, "`1..2` is not a number"),
            (".", 1, "not a number"),
            ("sqr(4)", 1, "did you mean `sqrt`?"),
            ("foo_bar", 1, "give it a value in `variables`"),
            ("log(8)", 1, "log(x, base), or ln(x)"),
            ("min()", 1, "found 0 argument(s)"),
            ("sqrt 4", 6, "wanted `(` after a function"),
            ("x(4)", 2, "`x` is a value"),
            ("1 $ 2", 3, "found `$`"),
            ("π + ½", 5, "found `½`"),
            ("atan2(1,)", 9, "found `)`"),
        ] {
            match value(text) {
                Err(Problem::Syntax { column, message }) => {
                    assert_eq!(column, wanted_column, "{text}: {message}");
                    assert!(message.contains(part), "{text}: {message}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        for (text, wanted_column, part) in [
            ("1/0", 2, "division by zero: 1 / 0"),
            ("5 % (1-1)", 3, "division by zero"),
            ("sqrt(-1)", 1, "sqrt(-1) has no real value"),
            ("ln(0)", 1, "ln(0) has no finite value"),
            ("(-8)^(1/3)", 5, "no real value"),
            ("10^400", 3, "beyond"),
            ("1e308 * 10", 7, "beyond"),
            ("1e999", 1, "beyond"),
            ("factorial(171)", 1, "no finite value"),
        ] {
            match value(text) {
                Err(Problem::Math { column, message }) => {
                    assert_eq!(column, wanted_column, "{text}: {message}");
                    assert!(message.contains(part), "{text}: {message}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |open: &str, close: &str, n| value(&format!("{}1{}", open.repeat(n), close.repeat(n)));
        assert_eq!(deep("(", ")", MAX_DEPTH), Ok(1.0));
        for (open, close) in [("(", ")"), ("-", ""), ("2^", ""), ("abs(", ")"), ("+", "")] {
            let error = deep(open, close, 100_000);
            assert!(
                matches!(&error, Err(Problem::Syntax { message, .. }) if message.contains("levels deep")),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_long_flat_expression_is_fine() {
        assert_eq!(value(&vec!["1"; 100_000].join("+")), Ok(100_000.0));
    }
}
