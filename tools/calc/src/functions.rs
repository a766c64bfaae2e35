//! The functions and constants that an expression may name.

/// How a function is called.
pub(crate) enum Body {
    /// One argument.
    One(fn(f64) -> f64),
    /// Two arguments.
    Two(fn(f64, f64) -> f64),
    /// One argument, and one that may be left out.
    OneOrTwo(fn(f64, Option<f64>) -> f64),
    /// One argument or more.
    Many(fn(&[f64]) -> f64),
}

/// One function.
pub(crate) struct Function {
    /// Its name in an expression.
    pub(crate) name: &'static str,
    /// How it is written, for messages.
    pub(crate) usage: &'static str,
    body: Body,
}

impl Function {
    const fn new(name: &'static str, usage: &'static str, body: Body) -> Self {
        Self { name, usage, body }
    }

    /// Applies the function; `None` if it doesn't take that many arguments.
    pub(crate) fn apply(&self, arguments: &[f64]) -> Option<f64> {
        match (&self.body, arguments) {
            (Body::One(run), &[a]) => Some(run(a)),
            (Body::Two(run), &[a, b]) => Some(run(a, b)),
            (Body::OneOrTwo(run), &[a]) => Some(run(a, None)),
            (Body::OneOrTwo(run), &[a, b]) => Some(run(a, Some(b))),
            (Body::Many(run), [_, ..]) => Some(run(arguments)),
            _ => None,
        }
    }
}

/// Every constant.
pub(crate) const CONSTANTS: &[(&str, f64)] = &[
    ("pi", std::f64::consts::PI),
    ("π", std::f64::consts::PI),
    ("e", std::f64::consts::E),
    ("tau", std::f64::consts::TAU),
];

/// Every function. `log` with one argument is left out on purpose: half of the world means `ln` by it, the other `log10`.
pub(crate) const FUNCTIONS: &[Function] = &[
    Function::new("sqrt", "sqrt(x)", Body::One(f64::sqrt)),
    Function::new("cbrt", "cbrt(x)", Body::One(f64::cbrt)),
    Function::new("exp", "exp(x)", Body::One(f64::exp)),
    Function::new("ln", "ln(x)", Body::One(f64::ln)),
    Function::new("log2", "log2(x)", Body::One(f64::log2)),
    Function::new("log10", "log10(x)", Body::One(f64::log10)),
    Function::new("log", "log(x, base), or ln(x), log2(x), log10(x)", Body::Two(f64::log)),
    Function::new("pow", "pow(x, y)", Body::Two(f64::powf)),
    Function::new("sin", "sin(radians)", Body::One(f64::sin)),
    Function::new("cos", "cos(radians)", Body::One(f64::cos)),
    Function::new("tan", "tan(radians)", Body::One(f64::tan)),
    Function::new("asin", "asin(x)", Body::One(f64::asin)),
    Function::new("acos", "acos(x)", Body::One(f64::acos)),
    Function::new("atan", "atan(x)", Body::One(f64::atan)),
    Function::new("atan2", "atan2(y, x)", Body::Two(f64::atan2)),
    Function::new("sinh", "sinh(x)", Body::One(f64::sinh)),
    Function::new("cosh", "cosh(x)", Body::One(f64::cosh)),
    Function::new("tanh", "tanh(x)", Body::One(f64::tanh)),
    Function::new("deg", "deg(radians)", Body::One(f64::to_degrees)),
    Function::new("rad", "rad(degrees)", Body::One(f64::to_radians)),
    Function::new("abs", "abs(x)", Body::One(f64::abs)),
    Function::new("sign", "sign(x)", Body::One(sign)),
    Function::new("floor", "floor(x)", Body::One(f64::floor)),
    Function::new("ceil", "ceil(x)", Body::One(f64::ceil)),
    Function::new("trunc", "trunc(x)", Body::One(f64::trunc)),
    Function::new("round", "round(x) or round(x, digits)", Body::OneOrTwo(round)),
    Function::new("mod", "mod(a, b)", Body::Two(modulo)),
    Function::new("min", "min(a, b, …)", Body::Many(|all| all.iter().copied().fold(f64::INFINITY, f64::min))),
    Function::new("max", "max(a, b, …)", Body::Many(|all| all.iter().copied().fold(f64::NEG_INFINITY, f64::max))),
    Function::new("sum", "sum(a, b, …)", Body::Many(|all| all.iter().sum())),
    Function::new("mean", "mean(a, b, …)", Body::Many(mean)),
    Function::new("hypot", "hypot(x, y)", Body::Two(f64::hypot)),
    Function::new("gcd", "gcd(a, b)", Body::Two(gcd)),
    Function::new("lcm", "lcm(a, b)", Body::Two(lcm)),
    Function::new("factorial", "factorial(n)", Body::One(factorial)),
];

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Halves go away from zero, as people round. Digits beyond what a float holds leave the number as it is.
fn round(x: f64, digits: Option<f64>) -> f64 {
    let scale = 10_f64.powf(digits.unwrap_or(0.0).trunc());
    let scaled = (x * scale).round();
    match () {
        () if scale == 0.0 => 0.0,
        () if !scaled.is_finite() => x,
        () => scaled / scale,
    }
}

fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

#[expect(clippy::cast_precision_loss, reason = "a count of arguments is far below 2^53")]
fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len() as f64
}

/// `NaN`, which the caller reports, for arguments that aren't whole.
fn gcd(a: f64, b: f64) -> f64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    if a.fract() != 0.0 || b.fract() != 0.0 {
        return f64::NAN;
    }
    while b != 0.0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: f64, b: f64) -> f64 {
    match gcd(a, b) {
        0.0 => 0.0,
        divisor => (a / divisor * b).abs(),
    }
}

/// Whole numbers up to 170; the next one is beyond a float.
fn factorial(n: f64) -> f64 {
    if n < 0.0 || n.fract() != 0.0 {
        return f64::NAN;
    }
    if n > 170.0 {
        return f64::INFINITY;
    }
    let (mut product, mut factor) = (1.0, 2.0);
    while factor <= n {
        product *= factor;
        factor += 1.0;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_there_once() {
        let mut names: Vec<_> = FUNCTIONS.iter().map(|f| f.name).chain(CONSTANTS.iter().map(|c| c.0)).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn usages_start_with_the_name() {
        for function in FUNCTIONS {
            assert!(function.usage.starts_with(&format!("{}(", function.name)), "{}", function.usage);
        }
    }

    #[test]
    fn rounding_stays_finite() {
        for (x, digits, wanted) in [
            (2.5, None, 3.0),
            (-2.5, None, -3.0),
            (2.345, Some(1.0), 2.3),
            (1234.0, Some(-2.0), 1200.0),
            (1.5, Some(400.0), 1.5),
            (1.5, Some(-400.0), 0.0),
        ] {
            assert_eq!(round(x, digits), wanted, "round({x}, {digits:?})");
        }
    }

    #[test]
    fn whole_number_functions_know_their_bounds() {
        assert_eq!((gcd(54.0, -24.0), gcd(0.0, 0.0), lcm(4.0, 6.0), lcm(0.0, 3.0)), (6.0, 0.0, 12.0, 0.0));
        assert_eq!((factorial(0.0), factorial(5.0)), (1.0, 120.0));
        assert!(gcd(1.5, 2.0).is_nan() && factorial(-1.0).is_nan());
        assert!(factorial(170.0).is_finite() && factorial(171.0).is_infinite());
    }

    #[test]
    fn modulo_takes_the_sign_of_the_divisor() {
        for (a, b, wanted) in
            [(7.0, 3.0, 1.0), (-7.0, 3.0, 2.0), (7.0, -3.0, -2.0), (-7.0, -3.0, -1.0), (6.0, -3.0, 0.0)]
        {
            assert_eq!(modulo(a, b), wanted, "mod({a}, {b})");
        }
    }
}
