use std::sync::Mutex;

use super::*;
use crate::dag::{End, OnFailure};
use crate::testing::{after, pass};

type Log = std::sync::Arc<Mutex<Vec<String>>>;

/// Adds its inputs after `millis`, and notes that it has started.
fn sum(log: &Log, name: &'static str, inputs: &'static [&'static str], millis: u64) -> Operation<String> {
    let log = Log::clone(log);
    let operation = Operation::new(move |values: Values| {
        log.lock().unwrap().push(name.to_owned());
        async move {
            pass(millis).await;
            let mut sum = 0;
            for port in inputs {
                sum += *values.get::<u32>(port).map_err(|error| error.to_string())?;
            }
            Ok(Values::new().with("sum", sum))
        }
    });
    inputs.iter().fold(operation, |operation, port| operation.takes::<u32>(*port)).gives::<u32>("sum")
}

fn bad(work: fn() -> Result<Values, String>) -> Operation<String> {
    Operation::new(move |_| async move { work() }).gives::<u32>("sum")
}

/// `a` and `b` (10 ms, 20 ms) go into `c` (5 ms); `d` (1 ms) stands alone.
fn wired(log: &Log) -> Draft<String> {
    let mut draft = Draft::new();
    draft.add("a", sum(log, "a", &["x"], 10)).unwrap();
    draft.add("b", sum(log, "b", &["x"], 20)).unwrap();
    draft.add("c", sum(log, "c", &["left", "right"], 5)).unwrap();
    draft.add("d", sum(log, "d", &[], 1)).unwrap();
    draft.connect(("a", "sum"), ("c", "left")).unwrap().connect(("b", "sum"), ("c", "right")).unwrap();
    draft
}

fn given() -> [(&'static str, Values); 2] {
    [("a", Values::new().with("x", 1_u32)), ("b", Values::new().with("x", 2_u32))]
}

fn spawnable<T: Send>(whole: T) -> T {
    whole
}

#[tokio::test(start_paused = true)]
async fn s15_values_flow_by_name_and_independent_operations_overlap() {
    let log = Log::default();
    let circuit = wired(&log).build().unwrap();
    for _ in 0..2 {
        let start = after(0);
        let run = spawnable(circuit.execute(given(), OnFailure::GoOn)).await.unwrap();
        assert_eq!((after(0) - start).as_millis(), 25, "the longer of the two, then the sum");
        assert_eq!(run.get::<u32>("c", "sum").as_deref(), Ok(&3));
        assert_eq!(run.ends().filter(|(_, end)| matches!(end, End::Done(_))).count(), 4);
    }
    assert_eq!(log.lock().unwrap().join(" "), "a b d c a b d c", "each once, c after what it needs");
}

#[test]
fn s15_wiring_that_does_not_fit_is_refused_by_name() {
    let log = Log::default();
    let mut draft = wired(&log);
    let text = Operation::new(async |values: Values| Ok(values)).takes::<String>("in").gives::<String>("out");
    draft.add("text", text).unwrap();
    let twice = Operation::<String>::new(async |values: Values| Ok(values)).takes::<u32>("x").takes::<u32>("x");
    let mut said = vec![draft.add("a", sum(&log, "a", &[], 0)).err(), draft.add("twice", twice).err()];
    for (from, to) in [
        (("x", "sum"), ("c", "left")),
        (("a", "sum"), ("x", "left")),
        (("a", "out"), ("c", "left")),
        (("a", "sum"), ("d", "left")),
        (("a", "sum"), ("text", "in")),
        (("d", "sum"), ("c", "left")),
    ] {
        said.push(draft.connect(from, to).err());
    }
    let said: Vec<String> = said.into_iter().map(|error| error.unwrap().to_string()).collect();
    assert_eq!(
        said,
        [
            "there are two operations named `a`",
            "`twice` has two ports named `x` on one side",
            "there is no operation named `x`",
            "there is no operation named `x`",
            "`a` has no output named `out`, only `sum`",
            "`d` has no input named `left`, only none",
            "`a.sum` gives u32, but `text.in` takes alloc::string::String",
            "`c.left` has a value from elsewhere already",
        ]
    );
    let mut draft = Draft::<String>::new();
    for name in ["a", "b"] {
        draft.add(name, sum(&log, "", &["x"], 0)).unwrap();
    }
    draft.connect(("a", "sum"), ("b", "x")).unwrap().connect(("b", "sum"), ("a", "x")).unwrap();
    let cycle = draft.build().err().unwrap().to_string();
    assert_eq!(cycle, "a → b → a is a cycle: a value would have to be there before it is made");
}

#[tokio::test(start_paused = true)]
async fn s15_inputs_are_checked_before_anything_runs() {
    let log = Log::default();
    let circuit = wired(&log).build().unwrap();
    let one = || Values::new().with("x", 1_u32);
    for (given, message) in [
        (vec![("a", one())], "`b.x` needs a value"),
        (vec![("a", one()), ("b", Values::new().with("x", 1_i64))], "`b.x` takes u32, and was given another type"),
        (vec![("a", one()), ("b", one()), ("e", one())], "`e` is no input to be given a value for"),
        (
            vec![("a", one()), ("b", one()), ("c", Values::new().with("left", 1_u32))],
            "`c.left` is no input to be given a value for",
        ),
    ] {
        let refused = circuit.execute(given, OnFailure::GoOn).await.unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
    assert!(log.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn s15_the_failure_of_an_operation_skips_what_takes_its_values() {
    let empty: fn() -> Result<Values, String> = || Ok(Values::new());
    for (work, fault) in [
        ((|| Err("no".to_owned())) as fn() -> _, "no"),
        ((|| panic!("oh")) as fn() -> _, "the work panicked: oh"),
        (empty, "port `sum` has no value"),
        ((|| Ok(Values::new().with("sum", "three"))) as fn() -> _, "port `sum` does not hold u32"),
        ((|| Ok(Values::new().with("sum", 3_u32).with("more", 3_u32))) as fn() -> _, "there is no port `more`"),
    ] {
        let log = Log::default();
        let mut draft = Draft::new();
        draft.add("bad", bad(work)).unwrap();
        draft.add("next", sum(&log, "next", &["x"], 1)).unwrap();
        draft.add("other", sum(&log, "other", &[], 1)).unwrap();
        draft.connect(("bad", "sum"), ("next", "x")).unwrap();
        let circuit = draft.build().unwrap();
        let run = circuit.execute([], OnFailure::GoOn).await.unwrap();
        let Some(End::Failed(told)) = run.end("bad") else { panic!("{run:?}") };
        assert_eq!(told.to_string(), fault);
        let Some(End::Skipped { because }) = run.end("next") else { panic!("{run:?}") };
        assert_eq!(run.name(*because), Some("bad"));
        assert!(matches!(run.end("other"), Some(End::Done(_))));
        assert_eq!(log.lock().unwrap().join(" "), "other");

        let run = circuit.execute([], OnFailure::Overlook).await.unwrap();
        let lacks = |end: &End<Values, Fault<String>>| matches!(end, End::Failed(Fault::Port(PortError::Empty(port))) if port == "x");
        assert!(run.end("next").is_some_and(lacks), "it does not fire without its input");
    }
}
