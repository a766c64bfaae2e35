//! Calls through the engine: components made for the purpose, real lowering and lifting.

use std::sync::Arc;

use hotcell_call::{ByteSize, Limits, Payload, Resource};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, Trap, WasmBacktrace};

use crate::convert::tests::random::{Chance, json};
use crate::convert::{Caller, Returned, is_lowering};
use crate::describe::{Descriptor, Plain, Shape, ShapeId, Shapes, scan};
use crate::engine;
use crate::stop::Stop;

/// A memory of 16 MiB, an allocator that never frees, and `body`.
fn module(body: &str) -> String {
    format!(
        r#"(core module $m
            (memory (export "memory") 256)
            (global $next (mut i32) (i32.const 65536))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
                                        (i32.sub (i32.const 0) (local.get 2))))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            {body})
          (core instance $i (instantiate $m))"#
    )
}

const LIFT: &str =
    r#"(canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))"#;

struct Guest {
    engine: Engine,
    component: Component,
    plain: Arc<Plain>,
    allocators: Arc<[u32]>,
}

impl Guest {
    fn new(text: &str) -> Self {
        let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let engine = engine::compiling().unwrap();
        let component = Component::from_binary(&engine, &bytes).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        let descriptor = Descriptor::new(&scan(&bytes).unwrap(), ByteSize::of(bytes.len())).unwrap();
        let allocators = Arc::clone(&descriptor.allocators);
        let function = descriptor.functions.into_iter().find(|function| function.name == "f").unwrap();
        let plain = function.plain.unwrap_or_else(|| panic!("{:?}", function.callable));
        Self { engine, component, plain, allocators }
    }

    async fn call(&self, input: &str, limits: &Limits) -> wasmtime::Result<Returned> {
        let caller = Caller::new(Arc::clone(&self.plain)).unwrap();
        let at = caller.find(&self.component).unwrap();
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(10_000_000_000)?;
        store.set_epoch_deadline(1_000_000);
        let linker = Linker::new(&self.engine);
        let instance = linker.instantiate_async(&mut store, &self.component).await?;
        let func = instance.get_func(&mut store, at).unwrap();
        let prepared =
            caller.prepare(&Payload::new(input), limits).unwrap_or_else(|failure| panic!("{failure}: {input}"));
        prepared.call(func, &mut store).await
    }

    async fn value(&self, input: &str) -> String {
        match self.call(input, &Limits::default()).await.unwrap() {
            Returned::Value(value) => value.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }
}

/// A type in the text format; named ones are exported, as components must.
fn written(shapes: &Shapes) -> String {
    let name = |id: &ShapeId| format!("$t{}", id.0);
    let maybe =
        |key: &str, id: &Option<ShapeId>| id.as_ref().map(|id| format!("({key} {})", name(id))).unwrap_or_default();
    let bare = |id: &Option<ShapeId>| id.as_ref().map(&name).unwrap_or_default();
    let quoted = |names: &Vec<String>| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for n in 0..shapes.len() {
        let shape = shapes.get(ShapeId(u32::try_from(n).unwrap())).unwrap();
        let form = match shape {
            Shape::List(element) => format!("(list {})", name(element)),
            Shape::Option(some) => format!("(option {})", name(some)),
            Shape::Tuple(parts) => format!("(tuple {})", parts.iter().map(name).collect::<Vec<_>>().join(" ")),
            Shape::Result(ok, err) => format!("(result {} {})", bare(ok), maybe("error", err)),
            Shape::Record(fields) => {
                let fields = fields.iter().map(|(field, id)| format!("(field {field:?} {})", name(id)));
                format!("(record {})", fields.collect::<Vec<_>>().join(" "))
            }
            Shape::Variant(cases) => {
                let cases = cases.iter().map(|(case, id)| format!("(case {case:?} {})", bare(id)));
                format!("(variant {})", cases.collect::<Vec<_>>().join(" "))
            }
            Shape::Enum(names) => format!("(enum {})", quoted(names)),
            Shape::Flags(names) => format!("(flags {})", quoted(names)),
            plain => format!("{plain:?}").to_lowercase(),
        };
        text += &match shape {
            Shape::Record(_) | Shape::Variant(_) | Shape::Enum(_) | Shape::Flags(_) => {
                format!("(type $t{n}' {form}) (export $t{n} \"t{n}\" (type $t{n}'))")
            }
            _ => format!("(type $t{n} {form})"),
        };
    }
    text
}

/// A function that gives back what it gets: with enough beside it, a value travels in memory both ways, in one layout.
#[tokio::test]
async fn every_type_travels_through_a_guest_and_back() {
    for seed in 0..60 {
        let mut chance = Chance::new(seed);
        let shapes = chance.shapes();
        let last = ShapeId(u32::try_from(shapes.len()).unwrap() - 1);
        let ballast = " u8".repeat(17);
        let guest = Guest::new(&format!(
            r#"(component {types} {module}
                (type $all (tuple $t{last}{ballast}))
                (func (export "f") (param "v" $all) (result $all) {LIFT}))"#,
            types = written(&shapes),
            module = module(r#"(func (export "f") (param i32) (result i32) (local.get 0))"#),
            last = last.0,
        ));
        for _ in 0..5 {
            let value = json(&shapes, last, &chance.value(&shapes, last));
            let given = format!("[{value}{}]", ",7".repeat(17));
            assert_eq!(guest.value(&format!("{{\"v\":{given}}}")).await, given, "seed {seed}");
        }
    }
}

/// Bytes and texts in and out, by the typed route: the first parameter's bytes come back.
#[tokio::test]
async fn bytes_take_the_typed_route() {
    let echo = r#"(func (export "f") (param i32 i32 i32 i32) (result i32)
        (i32.store8 (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (local.get 0)) (i32.store (i32.const 24) (local.get 1))
        (if (i32.eqz (local.get 1)) (then
            (i32.store8 (i32.const 16) (i32.const 1))
            (i32.store (i32.const 20) (local.get 2)) (i32.store (i32.const 24) (local.get 3))))
        (i32.const 16))"#;
    let guest = Guest::new(&format!(
        r#"(component {} (func (export "f") (param "a" (list u8)) (param "b" string)
            (result (result (list u8) (error string))) {LIFT}))"#,
        module(echo)
    ));
    assert_eq!(guest.value(r#"{"b":"x","a":"AAEC/w=="}"#).await, "\"AAEC/w==\"");
    let failed = guest.call(r#"["","went wrong"]"#, &Limits::default()).await.unwrap();
    assert_eq!(failed, Returned::Error("went wrong".to_owned()));
    let tight = Limits { output: ByteSize::bytes(9), ..Limits::default() };
    for (input, returned) in [
        (r#"["AAEC/w==",""]"#, Returned::TooLarge { at_least: ByteSize::bytes(10) }),
        (r#"["AAEC",""]"#, Returned::Value(Payload::new("\"AAEC\""))),
        (r#"["","too many words"]"#, Returned::TooLarge { at_least: ByteSize::bytes(14) }),
    ] {
        assert_eq!(guest.call(input, &tight).await.unwrap(), returned, "{input}");
    }
}

/// A guest of many megabytes of output costs no more than its limit allows, and is told apart from one that lies.
#[tokio::test]
async fn a_result_over_its_limit_is_told_by_type() {
    let big = |ty: &str, length: u32| {
        format!(
            r#"(component {} (func (export "f") (result {ty}) {LIFT}))"#,
            module(&format!(
                r#"(func (export "f") (result i32)
                    (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const {length}))
                    (i32.const 16))"#
            ))
        )
    };
    let limits = Limits { output: ByteSize::kib(64), host_data: ByteSize::kib(64), ..Limits::default() };
    for (ty, length) in [("(list u8)", 15 << 20), ("string", 15 << 20), ("(list bool)", 1 << 20)] {
        let guest = Guest::new(&big(ty, length));
        let returned = guest.call("{}", &limits).await.unwrap();
        assert!(matches!(returned, Returned::TooLarge { at_least } if at_least > limits.output), "{ty}: {returned:?}");
    }
    // Zeros, 64 KiB of them, are longer as JSON than as values: measured while they are written.
    let zeros = Guest::new(&big("(list u16)", 40_000)).call("{}", &limits).await.unwrap();
    assert!(
        matches!(zeros, Returned::TooLarge { at_least } if at_least.as_u64() <= limits.output.as_u64() + 4),
        "{zeros:?}"
    );
    let whole = Guest::new(&big("(list u16)", 30_000)).value("{}").await;
    assert_eq!(whole.len(), 60_001);
}

/// Flags cost the engine's count little and the host much: they are stopped by their weight.
#[tokio::test]
async fn a_result_that_weighs_too_much_is_told_by_type() {
    let names: String = (0..32).map(|n| format!(" \"f{n}\"")).collect();
    let guest = Guest::new(&format!(
        r#"(component (type $f' (flags{names})) (export $f "flags" (type $f')) {}
            (func (export "f") (result (list $f)) {LIFT}))"#,
        module(
            r#"(func (export "f") (result i32)
                (memory.fill (i32.const 65536) (i32.const 255) (i32.const 4000000))
                (i32.store (i32.const 16) (i32.const 65536)) (i32.store (i32.const 20) (i32.const 1000000))
                (i32.const 16))"#
        )
    ));
    let returned = guest.call("{}", &Limits::default()).await.unwrap();
    assert!(matches!(returned, Returned::TooLarge { .. } | Returned::TooHeavy { .. }), "{returned:?}");
}

/// Values that break the canonical ABI stay the engine's errors: without trap and without backtrace, and never a limit.
#[tokio::test]
async fn a_lie_is_no_limit() {
    let store = |pointer: u32, length: u32| {
        format!(
            r#"(func (export "f") (result i32) (i32.store (i32.const 16) (i32.const {pointer}))
                (i32.store (i32.const 20) (i32.const {length})) (i32.const 16))"#
        )
    };
    let invalid = r#"(data (i32.const 1024) "\ff\fe") "#.to_owned() + &store(1024, 2);
    let surrogate = r#"(func (export "f") (result i32) (i32.const 0xd800))"#.to_owned();
    for (ty, body) in [
        ("string", invalid),
        ("string", store(1024, u32::MAX >> 1)),
        ("(list u8)", store(u32::MAX, 7)),
        ("(list u64)", store(1023, 7)),
        (
            "(option u8)",
            r#"(func (export "f") (result i32) (i32.store8 (i32.const 16) (i32.const 7)) (i32.const 16))"#.to_owned(),
        ),
        ("char", surrogate),
        ("(list string)", r#"(func (export "f") (result i32) (i32.const 3))"#.to_owned()),
        ("(list string)", r#"(func (export "f") (result i32) (i32.const -4))"#.to_owned()),
    ] {
        let lift = if ty == "char" { r#"(canon lift (core func $i "f"))"# } else { LIFT };
        let guest = Guest::new(&format!(r#"(component {} (func (export "f") (result {ty}) {lift}))"#, module(&body)));
        let error = guest.call("{}", &Limits::default()).await.unwrap_err();
        assert!(!error.is::<Trap>() && !error.is::<WasmBacktrace>(), "{ty}: {error:?}");
    }
}

/// An allocator that lies, and one that traps, which is told from a function that traps.
#[tokio::test]
async fn a_broken_allocator_is_an_error_of_the_engine() {
    for (allocator, function, trap, lowering) in [
        ("(i32.const -8)", "nop", false, false),
        ("(i32.const 65535999)", "nop", false, false),
        ("unreachable", "nop", true, true),
        ("(call $deeper) unreachable", "nop", true, true),
        ("(i32.const 8)", "unreachable", true, false),
        ("(i32.const 8)", "(call $deeper)", true, false),
    ] {
        let guest = Guest::new(&format!(
            r#"(component
                (core module $other (func (export "realloc")) (func (export "f") unreachable))
                (core instance (instantiate $other))
                (core module $m (memory (export "memory") 1)
                    (func $deeper unreachable)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) {allocator})
                    (func (export "f") (param i32 i32) {function}))
                (core instance $i (instantiate $m))
                (func (export "f") (param "s" string) {LIFT}))"#
        ));
        let error = guest.call(r#"{"s":"x"}"#, &Limits::default()).await.unwrap_err();
        assert_eq!(error.is::<Trap>(), trap, "{error:?}");
        assert_eq!(is_lowering(&error, &guest.allocators), lowering, "{allocator} {function}: {error:?}");
    }
}

/// What a guest hands to a host function is bounded too, and told apart from what it returns.
#[tokio::test]
async fn too_much_for_one_host_call_is_told_by_type() {
    let text = r#"(component
        (import "sink" (func $sink (param "data" (list bool))))
        (core module $memory (memory (export "memory") 256))
        (core instance $memory (instantiate $memory))
        (core func $lowered (canon lower (func $sink) (memory (core memory $memory "memory"))))
        (core module $m (import "host" "sink" (func $sink (param i32 i32)))
            (func (export "f") (param i32) (call $sink (i32.const 0) (local.get 0))))
        (core instance $i (instantiate $m (with "host" (instance (export "sink" (func $lowered))))))
        (func (export "f") (param "n" u32) (canon lift (core func $i "f"))))"#;
    let bytes = wat::parse_str(text).unwrap();
    let report = scan(&bytes).unwrap();
    let signature = report.exports[0].types.clone().unwrap();
    let plain = Plain { path: vec!["f".to_owned()], shapes: Arc::new(report.shapes), signature };
    let engine = engine::compiling().unwrap();
    let component = Component::from_binary(&engine, &bytes).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.root().func_wrap("sink", |_, (_,): (Vec<bool>,)| Ok(())).unwrap();
    let caller = Caller::new(Arc::new(plain)).unwrap();
    let limits = Limits { host_data: ByteSize::kib(100), ..Limits::default() };
    for (length, good) in [(100 << 10, true), (200 << 10, false)] {
        let mut store = Store::new(&engine, ());
        store.set_fuel(1_000_000).unwrap();
        store.set_epoch_deadline(1_000_000);
        let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
        let func = instance.get_func(&mut store, caller.find(&component).unwrap()).unwrap();
        let prepared = caller.prepare(&Payload::new(format!("[{length}]")), &limits).unwrap();
        let returned = prepared.call(func, &mut store).await;
        let stop = returned.as_ref().err().and_then(|error| error.downcast_ref::<Stop>());
        assert_eq!(returned.is_ok(), good);
        assert_eq!(matches!(stop, Some(Stop::Exhausted(Resource::HostData, _))), !good, "{returned:?}");
    }
}

/// The host reads a result before the guest's `post-return` frees it.
#[tokio::test]
async fn post_return_runs_after_the_result_was_read() {
    let guest = Guest::new(&format!(
        r#"(component {} (func (export "f") (result (list u8))
            (canon lift (core func $i "f") (memory (core memory $i "memory")) (post-return (core func $i "free")))))"#,
        module(
            r#"(data (i32.const 1024) "abc")
            (func (export "f") (result i32)
                (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 3)) (i32.const 16))
            (func (export "free") (param i32) (memory.fill (i32.const 1024) (i32.const 0) (i32.const 3)))"#
        )
    ));
    assert_eq!(guest.value("{}").await, "\"YWJj\"");
}
