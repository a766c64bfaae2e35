//! The compile child for real: honest components, broken ones, and bombs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::FutureExt;
use hotcell_call::{ByteSize, Code, Failure};
use wasmtime::component::Component;

use crate::compile::artefacts::Made;
use crate::compile::{Artefacts, CompileLimits, Compiler, Source};
use crate::engine;

/// The example of this crate, which `cargo test` builds beside the tests.
fn compiler() -> Compiler {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/compile-child");
    assert!(program.exists(), "{} is missing: run the whole crate's tests once", program.display());
    Compiler { program, args: vec!["__compile".into()] }
}

fn artefacts(limits: CompileLimits, cache: Option<&Path>) -> Artefacts {
    Artefacts::new(compiler(), limits, cache, &engine::compiling().unwrap())
}

fn source(bytes: Vec<u8>) -> Source {
    Source::new("x.wasm", bytes.into(), ByteSize::mib(64)).unwrap_or_else(|failure| panic!("{failure}"))
}

async fn made(artefacts: &Artefacts, bytes: Vec<u8>) -> Made {
    artefacts.make(&source(bytes)).await.unwrap_or_else(|failure| panic!("{failure} {:?}", failure.remedy()))
}

async fn refused(artefacts: &Artefacts, bytes: Vec<u8>) -> Failure {
    match artefacts.make(&source(bytes)).await {
        Ok(_) => panic!("it was compiled"),
        Err(failure) => failure,
    }
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn adder() -> Vec<u8> {
    wat(r#"(component
        (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
        (core instance $i (instantiate $m))
        (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"#)
}

/// A component around one function with this body.
fn with_body(body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component (core module $m (func (export "f") (param $n i32) {body}))
            (core instance $i (instantiate $m)) (func (export "f") (param "n" u32) (canon lift (core func $i "f"))))"#
    ))
}

#[tokio::test]
async fn what_the_child_compiles_the_host_can_load() {
    let made = made(&artefacts(CompileLimits::default(), None), adder()).await;
    assert_eq!(made.meta.report.exports[0].path, ["add"]);
    let engine = engine::compiling().unwrap();
    assert!(wasmtime::Engine::detect_precompiled(made.code.as_bytes()).is_some());
    let here = engine.precompile_component(&adder()).unwrap();
    assert_eq!(made.code.as_bytes().len(), here.len(), "the same settings, the same code");
    let _ = Component::from_binary(&engine, &adder()).unwrap();
}

#[tokio::test]
async fn the_second_time_it_comes_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let first = made(&artefacts(CompileLimits::default(), Some(&cache)), adder()).await;
    let mut without = artefacts(CompileLimits::default(), Some(&cache));
    without.compiler = Compiler { program: PathBuf::from("/nonexistent"), args: Vec::new() };
    let digest = source(adder()).digest;
    assert_eq!(without.find(digest).await, Some(first.meta.clone()));
    let again = made(&without, adder()).await;
    assert_eq!((again.meta, again.code.as_bytes()), (first.meta, first.code.as_bytes()));
}

#[tokio::test]
async fn a_folder_that_cannot_be_a_cache_makes_it_slower_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let artefacts = artefacts(CompileLimits::default(), Some(&file));
    made(&artefacts, adder()).await;
    assert_eq!(artefacts.find(source(adder()).digest).await, None);
}

#[tokio::test]
async fn damage_is_told_by_its_place() {
    let artefacts = artefacts(CompileLimits::default(), None);
    let whole = adder();
    let half = whole[..whole.len() / 2].to_vec();
    let garbage = [whole.clone(), b"\xffgarbage".to_vec()].concat();
    let mut body = whole.clone();
    // In the function's body, which only the engine validates: an opcode that there isn't.
    let add = body.windows(2).position(|pair| pair == [0x6a, 0x0b]).unwrap();
    body[add] = 0xff;
    for bytes in [half, garbage, body, whole[..8].iter().copied().chain([1, 200]).collect()] {
        let failure = refused(&artefacts, bytes).await;
        assert_eq!(failure.code(), Code::NotComponent, "{failure}");
        assert!(failure.reason().contains("at byte"), "{failure}");
    }
}

#[tokio::test]
async fn random_damage_is_any_outcome_but_a_fault() {
    let artefacts = artefacts(CompileLimits::default(), None);
    let whole = adder();
    for n in 0..40 {
        let mut flipped = whole.clone();
        let place = 8 + n * (whole.len() - 8) / 40;
        flipped[place] ^= 1 << (n % 8);
        if let Err(failure) = artefacts.make(&source(flipped)).await {
            assert_ne!(failure.code(), Code::Fault, "byte {place}: {failure}");
        }
    }
}

#[tokio::test]
async fn what_is_not_offered_is_refused_before_it_is_compiled() {
    let artefacts = artefacts(CompileLimits::default(), None);
    for (text, says) in [
        (
            r#"(component (import "wasi:http/incoming-handler@0.2.3" (instance (export "f" (func)))))"#,
            "wasi:http/incoming-handler@0.2.3",
        ),
        (r#"(component (import "log" (func)))"#, "`log`"),
        (
            r#"(component (import "f" (func $f)) (instance $i (export "call" (func $f))) (export "hotcell:tool/tools@0.9.0" (instance $i)))"#,
            "`f`",
        ),
        (r#"(component (instance $i) (export "hotcell:tool/tools@0.9.0" (instance $i)))"#, "hotcell:tool/tools@0.9.0"),
    ] {
        let failure = refused(&artefacts, wat(text)).await;
        assert_eq!(failure.code(), Code::Import, "{failure}");
        assert!(failure.what().contains(says), "{failure}");
    }
}

#[tokio::test]
async fn proposals_that_are_off_are_named() {
    let artefacts = artefacts(CompileLimits::default(), None);
    for (text, says) in [
        ("(component (type (stream u8)))", "component-model async"),
        ("(component (core module (memory 1 1 shared)))", "threads"),
        ("(component (core module (memory i64 1)))", "64-bit memories"),
        ("(component (core module (tag)))", "exceptions"),
        ("(component (core module (type (struct))))", "garbage collection"),
    ] {
        let failure = refused(&artefacts, wat(text)).await;
        assert_eq!(failure.code(), Code::Import, "{text}: {failure}");
        assert!(failure.what().contains(says), "{text}: {failure}");
    }
}

/// Limits that an honest component keeps and a bomb does not.
fn tight() -> CompileLimits {
    CompileLimits {
        memory: ByteSize::mib(700),
        cpu: Duration::from_secs(1),
        timeout: Duration::from_secs(20),
        ..CompileLimits::default()
    }
}

#[tokio::test]
async fn a_bomb_ends_at_a_limit_and_costs_once() {
    let nested =
        |depth: usize| with_body(&format!("{}{}", "(block (br_if 0 (local.get $n))".repeat(depth), ")".repeat(depth)));
    let artefacts = artefacts(tight(), None);
    let bomb = nested(40_000);
    let started = Instant::now();
    let failure = refused(&artefacts, bomb.clone()).await;
    assert!(started.elapsed() < Duration::from_secs(21));
    assert_eq!(failure.code(), Code::Compile, "{failure}");
    assert!(failure.numbers().is_some() && failure.remedy().unwrap().contains("[compile]"), "{failure}");
    let started = Instant::now();
    assert_eq!(refused(&artefacts, bomb).await.code(), Code::Compile);
    assert!(started.elapsed() < Duration::from_millis(50));
    made(&artefacts, nested(100)).await;
}

#[tokio::test]
async fn each_limit_is_told_by_its_name() {
    let body = "(local.set $n (i32.add (local.get $n) (i32.const 1)))".repeat(120_000);
    let bytes = with_body(&body);
    for (limits, key) in [
        (CompileLimits { memory: ByteSize::mib(150), cpu: Duration::from_secs(60), ..tight() }, "memory"),
        (CompileLimits { memory: ByteSize::mib(4_000), ..tight() }, "cpu"),
        (CompileLimits { timeout: Duration::from_millis(50), ..tight() }, "timeout"),
    ] {
        let failure = refused(&artefacts(limits, None), bytes.clone()).await;
        assert_eq!(failure.code(), Code::Compile);
        assert!(
            failure.remedy().is_some_and(|fix| fix.contains(&format!("{key} = "))),
            "{key}: {failure} {:?}",
            failure.remedy()
        );
    }
}

#[tokio::test]
async fn a_compiler_that_is_none_is_a_fault_and_is_asked_again() {
    let mut artefacts = artefacts(CompileLimits::default(), None);
    for program in ["/nonexistent", "/bin/true", "/bin/cat"] {
        artefacts.compiler = Compiler { program: PathBuf::from(program), args: Vec::new() };
        let failure = refused(&artefacts, adder()).await;
        assert!(matches!(failure.code(), Code::Fault | Code::Compile), "{program}: {failure}");
    }
}

#[tokio::test]
async fn giving_up_ends_the_child() {
    let artefacts = artefacts(CompileLimits::default(), None);
    let body = "(local.set $n (i32.add (local.get $n) (i32.const 1)))".repeat(200_000);
    let source = source(with_body(&body));
    assert!(tokio::time::timeout(Duration::from_millis(30), artefacts.make(&source)).await.is_err());
    // The turn is free again: nothing waits for the child that nobody wants.
    assert_eq!(artefacts.turns.available_permits(), artefacts.at_once as usize);
}

#[tokio::test]
async fn a_few_are_compiled_at_a_time_one_that_is_large_alone_and_the_same_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut artefacts = artefacts(CompileLimits::default(), Some(folder.path()));
    (artefacts.at_once, artefacts.turns) = (2, tokio::sync::Semaphore::new(2));
    // Those of one lot wait for each other whatever they are: these are of several.
    let mut others = HashMap::new();
    for number in 0..100 {
        let one = source(with_body(&format!("(drop (i32.const {number}))")));
        others.insert(one.digest.as_bytes()[0], one);
    }
    let mut large = adder();
    // A section that is nobody's: its id, its length, the length of its name, its name.
    let filling = vec![b'x'; 9 << 20];
    let length = u32::try_from(filling.len() + 2).unwrap();
    large.push(0);
    large.extend((0..5).map(|byte| ((length >> (7 * byte)) & 0x7f) as u8 | if byte < 4 { 0x80 } else { 0 }));
    large.extend([1, b'n']);
    large.extend(filling);
    let large = source(large);
    let mut one = others.into_values();
    let (first, second) = (one.next().unwrap(), one.next().unwrap());
    let free = |artefacts: &Artefacts| artefacts.turns.available_permits();
    {
        let mut again = Box::pin(artefacts.make(&first));
        let mut makes = [&first, &second].map(|source| Box::pin(artefacts.make(source)));
        assert!(makes.iter_mut().all(|make| make.now_or_never().is_none()));
        assert_eq!(free(&artefacts), 0);
        drop(makes);
        let mut first = Box::pin(artefacts.make(&first));
        assert!((&mut first).now_or_never().is_none() && (&mut again).now_or_never().is_none());
        assert_eq!(free(&artefacts), 1, "the same is compiled once");
    }
    let mut alone = Box::pin(artefacts.make(&large));
    assert!((&mut alone).now_or_never().is_none());
    assert_eq!(free(&artefacts), 0);
    drop(alone);
    made(&artefacts, adder()).await;
}
