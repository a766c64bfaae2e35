//! Runs the compile child and reads its answer, or says why there is none.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hotcell_call::{ByteSize, Code, Failure, format_duration};
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::compile::limits::Allowance;
use crate::compile::open::Source;
use crate::compile::seal::Verified;
use crate::compile::wire::{HEADER, Kind, Refusal, read_header};
use crate::describe::{Descriptor, Report};

/// Threads of the compiler: more of them need more address space for less and less speed.
const MOST_THREADS: usize = 4;
/// Stack of each of them.
const THREAD_STACK: usize = 8 << 20;
/// Room that is made for code before any of it has come.
const FIRST_ROOM: u64 = 64 << 20;

/// The program that compiles: this one, told so by a hidden command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// The program.
    pub program: PathBuf,
    /// What it is given first; the limits follow.
    pub args: Vec<OsString>,
}

/// What a child made.
pub(crate) struct Compiled {
    pub(crate) report: Report,
    pub(crate) code: Verified,
}

/// A component that was not compiled.
pub(crate) struct NotCompiled {
    pub(crate) failure: Failure,
    /// Whether it would end the same way again, as far as can be known.
    pub(crate) lasting: bool,
}

/// How a child ended.
enum End {
    Answered(Kind, Vec<u8>, Vec<u8>),
    /// It went away with half an answer or none.
    Died(ExitStatus),
    Late,
}

impl Compiler {
    /// Compiles one component in a child of its own.
    pub(crate) async fn compile(&self, source: &Source, allowance: Allowance) -> Result<Compiled, NotCompiled> {
        let mut child = self.spawn(allowance).map_err(|error| {
            let failure = Failure::new(Code::Fault, "the compiler could not be started")
                .why(format!("{} did not run", self.program.display()))
                .caused_by(error);
            NotCompiled { failure, lasting: false }
        })?;
        let end = match tokio::time::timeout(allowance.timeout, converse(&mut child, &source.bytes, allowance)).await {
            Ok(end) => end,
            Err(_) => {
                // Dropping it would end it too, but later: its memory should be free when the next one starts.
                let _ = child.kill().await;
                Ok(End::Late)
            }
        };
        let about = About { name: &source.name, size: ByteSize::of(source.bytes.len()), allowance };
        match end {
            Ok(End::Answered(kind, report, code)) => about.answer(kind, &report, code),
            Ok(End::Died(status)) => Err(about.died(status)),
            Ok(End::Late) => Err(about.reached(
                "timeout",
                "wall clock",
                format_duration(allowance.timeout),
                double(allowance.timeout),
            )),
            Err(error) => Err(NotCompiled {
                failure: Failure::new(Code::Fault, format!("the compiler of {} could not be heard", source.name))
                    .caused_by(error),
                lasting: false,
            }),
        }
    }

    fn spawn(&self, allowance: Allowance) -> std::io::Result<Child> {
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
        Command::new(&self.program)
            .args(&self.args)
            .arg(allowance.memory.as_u64().to_string())
            .arg(allowance.cpu_seconds().to_string())
            .arg(allowance.max_file.as_u64().to_string())
            // Nothing of ours is for it to see; what it gets keeps its address space small.
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.to_string())
            .env("RUST_MIN_STACK", THREAD_STACK.to_string())
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Writes the component and reads the answer, at the same time: neither waits for the other.
async fn converse(child: &mut Child, component: &[u8], allowance: Allowance) -> std::io::Result<End> {
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("no pipes"));
    };
    let write = async move {
        // A child that is done before it has read all has said why; or it has died, and its status says so.
        let _ = stdin.write_all(component).await;
        drop(stdin);
    };
    let ((), answer) = tokio::join!(write, read_answer(&mut stdout, allowance.memory.as_u64()));
    drop(stdout);
    let status = child.wait().await?;
    Ok(match answer? {
        Some((kind, report, code)) if status.success() => End::Answered(kind, report, code),
        _ => End::Died(status),
    })
}

/// Reads a frame; none if it is not whole or not one.
async fn read_answer(
    from: &mut (impl AsyncRead + Unpin),
    most_code: u64,
) -> std::io::Result<Option<(Kind, Vec<u8>, Vec<u8>)>> {
    let mut header = [0; HEADER];
    if from.read_exact(&mut header).await.is_err() {
        return Ok(None);
    }
    let Some((kind, report_length, code_length)) = read_header(&header) else {
        return Ok(None);
    };
    if code_length > most_code {
        return Ok(None);
    }
    let mut report = Vec::new();
    (&mut *from).take(report_length).read_to_end(&mut report).await?;
    let mut code = Vec::with_capacity(usize::try_from(code_length.min(FIRST_ROOM)).unwrap_or_default());
    (&mut *from).take(code_length).read_to_end(&mut code).await?;
    let whole = |bytes: &[u8], length: u64| u64::try_from(bytes.len()).is_ok_and(|got| got == length);
    Ok((whole(&report, report_length) && whole(&code, code_length)).then_some((kind, report, code)))
}

/// What messages need to know.
struct About<'a> {
    name: &'a str,
    size: ByteSize,
    allowance: Allowance,
}

impl About<'_> {
    fn answer(&self, kind: Kind, report: &[u8], code: Vec<u8>) -> Result<Compiled, NotCompiled> {
        let lasting = |failure| NotCompiled { failure, lasting: true };
        let broken = |error: serde_json::Error| {
            let failure = Failure::new(Code::Fault, format!("the compiler's answer on {} can't be read", self.name))
                .why("it is not what this version of hotcell writes")
                .fix("restart hotcell, if its program was replaced while it ran");
            NotCompiled { failure: failure.caused_by(error), lasting: false }
        };
        if kind == Kind::Refused {
            let refusal: Refusal = serde_json::from_slice(report).map_err(broken)?;
            let lasts = !matches!(refusal, Refusal::Child { .. });
            return Err(NotCompiled { failure: refusal.failure(self.name, self.size), lasting: lasts });
        }
        let report: Report = serde_json::from_slice(report).map_err(broken)?;
        Descriptor::new(&report, self.size).map_err(lasting)?;
        if kind == Kind::Described {
            return Err(lasting(Failure::new(
                Code::Fault,
                format!("the compiler refused {} for no reason", self.name),
            )));
        }
        Ok(Compiled { report, code: Verified::fresh(code) })
    }

    fn died(&self, status: ExitStatus) -> NotCompiled {
        let memory = self.allowance.memory;
        match status.signal() {
            Some(signal) if signal == Signal::XCPU.as_raw() => {
                let cpu = Duration::from_secs(self.allowance.cpu_seconds());
                self.reached("cpu", "CPU", format_duration(cpu), double(cpu))
            }
            // An allocation that fails aborts: there is nothing else in the child that does.
            Some(signal) if signal == Signal::ABORT.as_raw() => {
                let more = ByteSize::bytes(memory.as_u64().saturating_mul(2).next_multiple_of(1 << 30));
                self.reached("memory", "memory", memory.to_string(), more.to_string())
            }
            Some(signal) if signal == Signal::KILL.as_raw() => NotCompiled {
                failure: self
                    .failure("its process was killed from outside, most likely because the machine ran out of memory"),
                lasting: false,
            },
            _ => NotCompiled { failure: self.failure(&format!("the compiler broke ({status})")), lasting: true },
        }
    }

    fn reached(&self, key: &str, what: &str, value: String, more: String) -> NotCompiled {
        let failure = self
            .failure(&format!("the compiler reached its limit of {value} ({what}), for a file of {}", self.size))
            .fix(format!("if you trust the file: {key} = \"{more}\" under [compile] in hotcell.toml"))
            .reached(&value, &value);
        NotCompiled { failure, lasting: true }
    }

    fn failure(&self, why: &str) -> Failure {
        Failure::new(Code::Compile, format!("{} can't be compiled within its limits", self.name)).why(why)
    }
}

fn double(duration: Duration) -> String {
    format_duration(duration.saturating_mul(2))
}
