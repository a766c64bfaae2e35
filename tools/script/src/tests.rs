//! Programs, as a caller writes them.

use hotcell::serde_json::{Value, json};

use super::*;

fn ran(code: &str, input: Value) -> Result<Value, String> {
    run(code.to_owned(), Some(input)).map(|run| run.value).map_err(|error| error.to_string())
}

#[test]
fn gives_the_value_of_the_last_expression_or_of_main() {
    for (code, expect) in [
        ("1 + 1", json!(2)),
        ("const a = input.n; a * 2", json!(14)),
        ("input.items.map(i => i.p).reduce((a, b) => a + b)", json!(5.5)),
        ("function main(i) { return i.n + 1 } 'not this'", json!(8)),
        ("const main = ({n}) => ({n, half: n / 2})", json!({"n": 7, "half": 3.5})),
        ("async function main(i) { return (await Promise.resolve(i.n)) + 1 }", json!(8)),
        ("(async () => { await null; return [1] })()", json!([1])),
        ("let main = 5; main", json!(5)),
        ("let input = 1; input", json!(1)),
        ("", Value::Null),
        ("let x = 1", Value::Null),
        ("undefined", Value::Null),
        ("(() => 1)", Value::Null),
        ("[undefined, () => 1, NaN, Infinity, -0]", json!([null, null, null, null, 0])),
        ("({a: undefined, b: new Date(0), c: new Map([[1, 2]])})", json!({"b": "1970-01-01T00:00:00.000Z", "c": {}})),
        ("2 ** 53", json!(9_007_199_254_740_992_i64)),
        ("'é\\u{1F600}' + '\\ud800'", json!("é\u{1F600}\u{fffd}")),
        ("/(?<y>\\d{4})/u.exec('in 2024').groups.y", json!("2024")),
        ("[3, 1, 2].toSorted().at(-1) ?? 0", json!(3)),
        ("JSON.stringify = () => 'x'; 1", json!(1)),
        ("class A { #x = 1; get x() { return this.#x } } new A().x", json!(1)),
        ("function* g() { yield 1; yield* [2, 3] } [...g()]", json!([1, 2, 3])),
    ] {
        let input = json!({"n": 7, "items": [{"p": 2}, {"p": 3.5}]});
        assert_eq!(ran(code, input), Ok(expect), "{code}");
    }
}

#[test]
fn the_input_arrives_as_it_is() {
    for input in [
        json!(null),
        json!([1, -2.5, "a\u{0}b", true, null, {}, []]),
        json!({"__proto__": {"x": 1}, "1": 2, "a b": [[]], "constructor": null}),
        json!([2_147_483_648_i64, -9_007_199_254_740_991_i64, 1e300]),
    ] {
        assert_eq!(ran("input", input.clone()), Ok(input));
    }
    assert_eq!(run("input === null".to_owned(), None).expect("a run").value, json!(true));
}

#[test]
fn an_error_says_what_and_where() {
    for (code, says) in [
        ("let x = 1;\nthrow new TypeError('no ' + x)", "TypeError: no 1"),
        ("let x = 1;\nthrow new TypeError('no ' + x)", "script.js:2:7"),
        ("null.x", "TypeError: cannot convert 'null' or 'undefined' to object"),
        ("nope()", "ReferenceError: nope is not defined"),
        ("throw {code: 5}", "code: 5"),
        ("throw 'text'", "text"),
        ("Promise.reject(new Error('later'))", "later"),
        ("new Promise(() => 1)", "never settled"),
        ("import('fs')", "Error"),
        ("1n", "bigint"),
        ("let a = {}; a.a = a", "cyclic"),
        ("function f(n) { return f(n + 1) } f(0)", "maximum number of recursive calls"),
        ("JSON.parse('{')", "SyntaxError"),
        ("console.log('here'); throw 1", "last line of the log: here"),
        ("'x'.repeat(4000000)", "the most is 3145728"),
        ("let a = []; for (let i = 0; i < 200; i++) a = [a]; a", "can't be given back as JSON: recursion limit"),
    ] {
        let error = ran(code, Value::Null).expect_err(code);
        assert!(error.contains(says) && !error.contains("$.code"), "{code}: {error}");
        assert!(error.len() < 5_000, "{code}: {} bytes", error.len());
    }
}

#[test]
fn code_that_is_no_program_is_invalid() {
    for (code, says) in [
        ("let x = ;", "$.code: SyntaxError: unexpected token ';'"),
        ("let x;\nlet x;", "$.code: SyntaxError"),
        ("'", "$.code: SyntaxError: unterminated"),
        ("import x from 'fs'", "$.code: SyntaxError"),
        (&" ".repeat(1_048_577), "$.code: is 1048577 bytes long"),
        (&format!("{}{}", "[".repeat(101), "]".repeat(101)), "$.code: has more than 100 brackets"),
    ] {
        let error = ran(code, Value::Null).expect_err(code);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn nothing_outside_is_within_reach() {
    for name in [
        "require",
        "process",
        "fetch",
        "XMLHttpRequest",
        "Deno",
        "setTimeout",
        "WebAssembly",
        "print",
        "load",
        "importScripts",
    ] {
        assert_eq!(ran(&format!("typeof {name}"), Value::Null), Ok(json!("undefined")), "{name}");
    }
}

#[test]
fn one_run_leaves_nothing_for_the_next() {
    ran("globalThis.left = 1; Array.prototype.map = null; input.x = 1", json!({})).expect("a run");
    assert_eq!(
        ran("[typeof left, typeof [].map, input.x === undefined]", json!({})),
        Ok(json!(["undefined", "function", true]))
    );
}

#[test]
fn the_log_holds_what_was_said() {
    let logged = |code: &str| run(code.to_owned(), None).expect("a run").log;
    for (arguments, line) in [
        ("'a', 1, true, null, undefined", "a 1 true null undefined"),
        ("[1, 'x', {a: null}]", "[1,\"x\",{\"a\":null}]"),
        ("'at', {a: [1]}", "at {\"a\":[1]}"),
        ("-0.5, 10n, NaN, Symbol('s')", "-0.5 10n NaN Symbol(s)"),
        ("new Map([[1, 2]])", "Map { 1 → 2 }"),
        ("new Error('x').message, 'é\\n'", "x é\n"),
        ("'', ''", " "),
    ] {
        assert_eq!(logged(&format!("console.log({arguments})")), [line], "{arguments}");
    }
    assert_eq!(logged("let a = {}; a.a = a; console.log(a); 1").len(), 1);
    assert_eq!(logged("console.log = 1; console.error('still'); 1"), ["still"]);
    assert_eq!(logged("console.log(); console.log('')"), ["", ""]);
    assert_eq!(logged("1"), Vec::<String>::new());
}

#[test]
fn the_log_is_bounded() {
    let logged = |code: &str| run(code.to_owned(), None).expect("a run").log;
    let many = logged("for (let i = 0; i < 1010; i++) console.log(i)");
    assert_eq!((many.len(), many[999].as_str(), many[1_000].as_str()), (1_001, "999", "… 10 more lines are left out"));
    let long = logged("console.log('é'.repeat(1e6)); console.log(...Array(1000).fill('0123456789'.repeat(100)))");
    assert!(
        long.iter().all(|line| line.len() <= 4 * 1024 + 3),
        "{:?}",
        long.iter().map(String::len).collect::<Vec<_>>()
    );
    let large = logged("for (let i = 0; i < 100; i++) console.log('x'.repeat(4096))");
    assert_eq!((large.len(), large[16].as_str()), (17, "… 84 more lines are left out"));
}

/// On a stack of its own: an engine that is not optimised takes far more of it than the one in a cell.
#[test]
fn code_as_deep_as_allowed_runs() {
    let deep = || {
        for (open, middle, close, levels) in [
            ("(", "1", ")", 100),
            ("({a:", "1", "}).a", 50),
            ("(function () { return ", "1", " })()", 50),
            ("{", "1", "}", 100),
            ("[", "1", "][0]", 100),
        ] {
            let code = format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(ran(&code, Value::Null), Ok(json!(1)), "{open}");
        }
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(deep).expect("a thread");
    thread.join().expect("deep code runs");
}
