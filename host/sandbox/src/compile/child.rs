//! The compile child: bytes on stdin, code on stdout, and limits that it sets on itself before it reads the first of them.
//!
//! It opens nothing, writes no file, has no environment and no secret. What it can't do within its limits it does not do: the kernel
//! ends it, and the parent says which limit it was.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use hotcell_call::{ByteSize, shortened};
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmparser::{BinaryReaderError, Validator, WasmFeatures};

use crate::compile::wire::{Kind, Refusal, header};
use crate::describe::{Descriptor, Report, scan};
use crate::engine;

/// Open files that it may have: its three streams. So it opens no file and makes no socket, unless it closes one of those before.
const FILES: u64 = 3;
/// Characters of the parser's words.
const MOST_RULE: usize = 200;
/// Proposals that are switched off, by the names of which people know them.
const OFF: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::CM_ASYNC, "component-model async (WASI 0.3)"),
    (WasmFeatures::THREADS, "threads and shared memory"),
    (WasmFeatures::MEMORY64, "64-bit memories"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES), "garbage collection"),
    (WasmFeatures::FUNCTION_REFERENCES, "typed function references"),
    (WasmFeatures::CM_MAP, "maps in component types"),
    (WasmFeatures::CM_FIXED_LENGTH_LISTS, "lists of a fixed length"),
    (WasmFeatures::CM_ERROR_CONTEXT, "error contexts"),
];

/// Everything else that the engine takes.
fn on() -> WasmFeatures {
    let off = OFF.iter().fold(WasmFeatures::empty(), |sum, (feature, _)| sum | *feature);
    (WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::GC_TYPES).difference(off)
}

/// The whole program of the compile child: what the binary runs for its hidden command.
///
/// The last three arguments are its limits: address space in bytes, CPU in seconds, size of the input in bytes.
#[must_use]
pub fn child_main() -> ExitCode {
    let answer = limits_from(std::env::args_os()).and_then(|limits| {
        limits.set().map_err(|error| child_error("setrlimit", &error))?;
        let component = limits.read(io::stdin().lock())?;
        compile(&component)
    });
    match answer.unwrap_or_else(Answer::refused).send(io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What the child may use.
struct Limits {
    memory: u64,
    cpu: u64,
    input: u64,
}

fn limits_from(args: impl Iterator<Item = OsString>) -> Result<Limits, Refusal> {
    let args: Vec<OsString> = args.collect();
    let number = |arg: &OsString| arg.to_str().and_then(|arg| arg.parse::<u64>().ok());
    match args.last_chunk::<3>().map(|last| last.each_ref().map(number)) {
        Some([Some(memory), Some(cpu), Some(input)]) => Ok(Limits { memory, cpu, input }),
        _ => Err(Refusal::Child { reason: "three numbers are wanted: memory, cpu, input".to_owned() }),
    }
}

impl Limits {
    fn set(&self) -> rustix::io::Result<()> {
        let limit =
            |resource, soft: u64, hard: u64| setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) });
        limit(Resource::Core, 0, 0)?;
        limit(Resource::Fsize, 0, 0)?;
        limit(Resource::Nofile, FILES, FILES)?;
        // The soft limit ends it by a signal that says so; the hard one a second later, should that be blocked.
        limit(Resource::Cpu, self.cpu, self.cpu.saturating_add(1))?;
        limit(Resource::As, self.memory, self.memory)
    }

    fn read(&self, from: impl Read) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let read = from.take(self.input.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| child_error("read", &error))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length <= self.input) {
            Ok(bytes)
        } else {
            Err(Refusal::Child { reason: format!("more than {} bytes of input", self.input) })
        }
    }
}

/// What is sent back.
struct Answer {
    kind: Kind,
    report: Vec<u8>,
    code: Vec<u8>,
}

impl Answer {
    fn new(kind: Kind, report: &Report, code: Vec<u8>) -> Result<Self, Refusal> {
        let report = serde_json::to_vec(report).map_err(|error| child_error("report", &error))?;
        Ok(Self { kind, report, code })
    }

    fn refused(refusal: Refusal) -> Self {
        let report = serde_json::to_vec(&refusal).unwrap_or_default();
        Self { kind: Kind::Refused, report, code: Vec::new() }
    }

    fn send(&self, mut to: impl Write) -> io::Result<()> {
        to.write_all(&header(self.kind, self.report.len(), self.code.len()))?;
        to.write_all(&self.report)?;
        to.write_all(&self.code)?;
        to.flush()
    }
}

fn compile(component: &[u8]) -> Result<Answer, Refusal> {
    let report = scan(component).map_err(|error| malformed(&error))?;
    // Compiling what will be refused anyway would cost seconds for nothing.
    if Descriptor::new(&report, ByteSize::of(component.len())).is_err() {
        return Answer::new(Kind::Described, &report, Vec::new());
    }
    let engine = engine::compiling().map_err(|error| child_error("engine", &error))?;
    match engine.precompile_component(component) {
        Ok(code) => Answer::new(Kind::Compiled, &report, code),
        Err(error) => Err(why_not(component, &format!("{error:#}"))),
    }
}

/// Finds out why the engine did not take it, without reading the engine's words.
fn why_not(component: &[u8], engine: &str) -> Refusal {
    let valid = |features| Validator::new_with_features(features).validate_all(component);
    let Err(broken) = valid(on()) else {
        return Refusal::Engine { reason: engine.to_owned() };
    };
    let named = OFF.iter().find(|(feature, _)| valid(on() | *feature).is_ok()).map(|(_, name)| *name);
    if let Some(name) = named {
        return Refusal::Feature { name: name.to_owned() };
    }
    if valid(WasmFeatures::all()).is_err() {
        return malformed(&broken);
    }
    let without = |feature: WasmFeatures| valid(WasmFeatures::all().difference(feature)).is_err();
    let names: Vec<&str> = OFF.iter().filter(|(feature, _)| without(*feature)).map(|(_, name)| *name).collect();
    Refusal::Feature { name: if names.is_empty() { "several proposals".to_owned() } else { names.join(" and ") } }
}

fn malformed(error: &BinaryReaderError) -> Refusal {
    let offset = u64::try_from(error.offset()).unwrap_or(u64::MAX);
    Refusal::Malformed { offset, rule: shortened(error.message(), MOST_RULE) }
}

fn child_error(what: &str, error: &dyn std::error::Error) -> Refusal {
    Refusal::Child { reason: format!("{what}: {error}") }
}
