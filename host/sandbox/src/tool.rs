//! A component that was taken in: described, and loaded at its first call.
//!
//! Native code is loaded late, because a folder of a thousand tools should cost a thousand descriptions and not a thousand
//! mappings. It comes from the cache, or is compiled again from the same bytes: a file that has changed since it was described
//! is another tool, and is not run in this one's name.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hotcell_call::{
    ByteSize, CallId, Code, Count, Digest, Effect, Failure, GrantSet, Limits, Log, Payload, Receipt, Target, TenantId,
    ToolName, shortened,
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre};

use crate::capability::OpenGrants;
use crate::cell::Cell;
use crate::compile::{Source, Verified};
use crate::contract::{self, Contract as Exports, Listed, ListedEffect};
use crate::convert::{Caller, Returned};
use crate::describe::{Contract, Descriptor, Function, ListedTool, functions_from_list};
use crate::engine;
use crate::invoke::{Answer, Attempt, Invocation, invoke};
use crate::json;
use crate::sandbox::Shared;
use crate::spares::Spare;

/// Characters of an import's name in a message.
const MOST_NAME: usize = 200;

/// A component that can be called; cheap to clone.
#[derive(Clone)]
pub struct Tool(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    from: From,
    digest: Digest,
    descriptor: Descriptor,
    loaded: Arc<OnceCell<Loaded>>,
}

/// Where the bytes are found again, should they be needed.
#[derive(Clone)]
pub(crate) enum From {
    File(PathBuf),
    Memory(&'static [u8]),
}

/// Native code, linked, with the places of its functions.
struct Loaded {
    pre: InstancePre<Cell>,
    contract: Option<Exports>,
    functions: HashMap<String, (Caller, ComponentExportIndex)>,
}

impl Tool {
    /// Describes a component: from the cache, or by compiling it.
    pub(crate) async fn take_in(
        shared: &Arc<Shared>,
        name: &ToolName,
        source: Source,
        from: From,
    ) -> Result<Self, Failure> {
        let digest = source.digest;
        let (mut meta, code) = match shared.artefacts.find(digest).await {
            Some(meta) => (meta, None),
            None => {
                let made = shared.artefacts.make(&source).await?;
                (made.meta, Some(made.code))
            }
        };
        let descriptor = Descriptor::new(&meta.report, ByteSize::bytes(meta.size))?;
        let loaded = Arc::new(OnceCell::new());
        let tool = Inner { shared: Arc::clone(shared), from, digest, descriptor, loaded };
        let mut tool = Self(Arc::new(tool));
        if let Some(code) = code.filter(|_| too_many(tool.descriptor(), engine::MOST_INSTANCES).is_none()) {
            // Without a cache this is the only copy of the code; with one, its next use is soon.
            match tool.0.link(code).await {
                Ok(ready) => drop(tool.0.loaded.set(ready)),
                Err(failure) => {
                    shared.artefacts.refuse(digest, &failure).await;
                    return Err(failure);
                }
            }
        }
        if tool.descriptor().contract == Contract::Hotcell {
            let functions = match meta.listed.clone() {
                Some(listed) => functions_from_list(listed)?,
                None => {
                    let listed = tool.list(name).await?;
                    // Only what holds together is kept, and it is small.
                    let functions = functions_from_list(listed.clone())?;
                    meta.listed = Some(listed);
                    shared.artefacts.keep(digest, meta).await;
                    functions
                }
            };
            tool = tool.with(functions);
        }
        Ok(tool)
    }

    fn with(&self, functions: Vec<Function>) -> Self {
        let Inner { shared, from, digest, descriptor, loaded } = &*self.0;
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            from: from.clone(),
            digest: *digest,
            descriptor: Descriptor { functions, ..descriptor.clone() },
            loaded: Arc::clone(loaded),
        }))
    }

    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What is known of it.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.0.descriptor
    }

    /// Runs one call of `function` in a cell of its own.
    ///
    /// The first call of a tool loads its code. A caller that goes away or whose deadline passes meanwhile does not wait for it;
    /// loading goes on, for the next.
    pub async fn invoke(&self, function: &str, invocation: Invocation) -> Attempt {
        let ready = match self.0.loaded.get() {
            Some(loaded) => self.0.admit(&invocation).map(|spare| (loaded, spare)),
            // Boxed: what happens once for a tool would otherwise be carried, and moved, in the future of every call.
            None => Box::pin(self.load(&invocation)).await,
        };
        let mut attempt = match ready {
            Ok((loaded, _spare)) => self.0.invoke(loaded, function, &invocation).await,
            Err(failure) => not_started(&invocation, failure),
        };
        attempt.receipt.digest = Some(self.0.digest);
        attempt
    }

    /// Loads the code, or waits for another call that does.
    async fn load(&self, invocation: &Invocation) -> Result<(&Loaded, Spare), Failure> {
        let target = &invocation.target;
        let spare = self.0.admit(invocation)?;
        let inner = Arc::clone(&self.0);
        let loading = tokio::spawn(async move { inner.loaded.get_or_try_init(|| inner.load()).await.map(|_| ()) });
        let deadline = async {
            match invocation.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            loaded = loading => match loaded {
                Ok(loaded) => loaded.map_err(|failure| failure.of(target))?,
                Err(broken) => return Err(Failure::new(Code::Fault, format!("loading {target} broke")).caused_by(broken)),
            },
            () = invocation.cancel.cancelled() => {
                return Err(Failure::new(Code::Cancelled, format!("{target} was cancelled")).why("while its code was loaded"));
            }
            () = deadline => {
                return Err(Failure::new(Code::Late, format!("{target} was not started"))
                    .why("the caller's deadline passed while its code was loaded")
                    .fix("call it again: its code is there by then, or give the first call more time"));
            }
        }
        let loaded = self.0.loaded.get();
        let gone = || Failure::new(Code::Fault, format!("the code of {target} was loaded and is not there"));
        Ok((loaded.ok_or_else(gone)?, spare))
    }

    /// Asks a tool of our own contract what it has, under limits much tighter than a call's.
    async fn list(&self, name: &ToolName) -> Result<Vec<ListedTool>, Failure> {
        let limits = Limits {
            fuel: Count::new(1_000_000_000),
            timeout: Duration::from_secs(2),
            log: ByteSize::kib(16),
            ..Limits::default()
        };
        let invocation = Invocation {
            call: CallId::from_bits(0),
            target: Target::new(name.clone(), "list"),
            tenant: TenantId::default(),
            input: Payload::default(),
            limits,
            grants: OpenGrants::open(GrantSet::default())?,
            deadline: None,
            cancel: CancellationToken::new(),
            progress: None,
        };
        let (loaded, _spare) = self.load(&invocation).await?;
        let Some(contract) = loaded.contract else {
            return Err(broken(name, "it exports the interface, but not its two functions"));
        };
        let mut tools = Vec::new();
        let body = async |instance: Instance, store: &mut Store<Cell>| {
            tools = contract.list(&instance, store).await?;
            Ok(Answer::Value(Payload::default()))
        };
        let Inner { shared, descriptor, .. } = &*self.0;
        let attempt = invoke(shared, &loaded.pre, &descriptor.allocators, &invocation, body).await;
        match attempt.result {
            Ok(_) => Ok(tools.into_iter().map(listed).collect()),
            // That the host was busy says nothing of the tool.
            Err(failure) if failure.code() == Code::Overloaded => Err(failure),
            Err(failure) => Err(broken(name, &failure.to_string())),
        }
    }
}

impl Inner {
    /// Sees whether a cell can be had.
    fn admit(&self, invocation: &Invocation) -> Result<Spare, Failure> {
        self.shared.ceiling.admit(&invocation.target)?;
        if let Some((made, most, what)) = too_many(&self.descriptor, invocation.limits.instances) {
            return Err(Failure::new(Code::Instances, format!("{} is made of too many parts", invocation.target))
                .why(format!("{made} {what}, of {most}"))
                .fix(format!(
                    "build it from fewer parts, or raise limits.instances under [tools.{}]",
                    invocation.target.tool
                ))
                .reached(made, most));
        }
        self.shared.spares.take(self.descriptor.parts, &invocation.target)
    }

    async fn load(&self) -> Result<Loaded, Failure> {
        if let Some(code) = self.shared.artefacts.load(self.digest).await {
            return self.link(Arc::new(code)).await;
        }
        let max_file = self.shared.artefacts.limits().max_file;
        let source = match &self.from {
            From::File(path) => Source::read(path, max_file).await?,
            From::Memory(bytes) => Source::new("a starter tool", (*bytes).into(), max_file)?,
        };
        if source.digest != self.digest {
            return Err(Failure::new(Code::Unreadable, format!("{} has changed since it was looked at", source.name))
                .why(format!("it was {}, it is {}", self.digest, source.digest))
                .fix("call it again"));
        }
        let made = self.shared.artefacts.make(&source).await?;
        self.link(made.code).await
    }

    /// Maps the code and finds its functions, where blocking is allowed: it is milliseconds for each megabyte.
    async fn link(&self, code: Arc<Verified>) -> Result<Loaded, Failure> {
        let (shared, descriptor) = (Arc::clone(&self.shared), self.descriptor.clone());
        let linked = tokio::task::spawn_blocking(move || Loaded::new(&shared, &descriptor, &code)).await;
        linked.unwrap_or_else(|broken| Err(Failure::new(Code::Fault, "linking a component broke").caused_by(broken)))
    }

    async fn invoke(&self, loaded: &Loaded, function: &str, invocation: &Invocation) -> Attempt {
        let (shared, allocators) = (&self.shared, &*self.descriptor.allocators);
        if let Some(contract) = loaded.contract {
            let body = async |instance: Instance, store: &mut Store<Cell>| {
                let answer = contract.call(&instance, store, function, &invocation.input).await?;
                Ok(match answer {
                    Ok(json) => checked(&invocation.target, json),
                    Err(error) => Answer::Error(error.failure(&invocation.target), error.size()),
                })
            };
            return invoke(shared, &loaded.pre, allocators, invocation, body).await;
        }
        let Some((caller, place)) = loaded.functions.get(function) else {
            let failure = Failure::new(Code::UnknownFunction, format!("there is no function {}", invocation.target));
            return not_started(invocation, failure);
        };
        let prepared = match caller.prepare(&invocation.input, &invocation.limits) {
            Ok(prepared) => prepared,
            Err(failure) => return not_started(invocation, failure.of(&invocation.target)),
        };
        let body = async |instance: Instance, store: &mut Store<Cell>| {
            let Some(func) = instance.get_func(&mut *store, *place) else {
                let what = format!("{} is gone from its instance", invocation.target);
                return Ok(Answer::Broken(Failure::new(Code::Fault, what)));
            };
            let returned = prepared.call(func, &mut *store).await?;
            Ok(answer(&invocation.target, &invocation.limits, returned))
        };
        invoke(shared, &loaded.pre, allocators, invocation, body).await
    }
}

impl Loaded {
    fn new(shared: &Shared, descriptor: &Descriptor, code: &Verified) -> Result<Self, Failure> {
        let component = deserialize(&shared.engine, code).map_err(|error| {
            // It was compiled here, for this engine: what is left to fail is what the pool sets aside for each part.
            Failure::new(Code::Compile, "the component is made of larger parts than any cell can have")
                .why("a table or a memory that is too large from the start, or an instance with too much state")
                .fix("build it with smaller tables and memories; they grow when they are needed")
                .caused_by(error)
        })?;
        let pre = shared.linker.instantiate_pre(&component).map_err(|error| {
            Failure::new(Code::Import, "the component wants what the host does not offer")
                .why(misfit(&error))
                .fix("build it for WASI 0.2, for example with `--target wasm32-wasip2`")
                .caused_by(error)
        })?;
        let mut functions = HashMap::new();
        for function in &descriptor.functions {
            let Some(plain) = &function.plain else { continue };
            let caller = Caller::new(Arc::clone(plain)).map_err(|error| {
                Failure::new(Code::Fault, "a described type does not hold together").caused_by(error)
            })?;
            if let Some(place) = caller.find(&component) {
                functions.insert(function.name.clone(), (caller, place));
            }
        }
        let contract = match descriptor.contract {
            Contract::Hotcell => Exports::find(&component),
            Contract::Plain => None,
        };
        Ok(Self { pre, contract, functions })
    }
}

/// Which import the host has, but not like this. The engine says it in its own words; the names in them are the component's.
fn misfit(error: &wasmtime::Error) -> String {
    let words = format!("{error:#}");
    let names: Vec<String> = words.split('`').skip(1).step_by(2).map(|name| shortened(name, MOST_NAME)).collect();
    match names.as_slice() {
        [] => "an import is of another type than the host's".to_owned(),
        names => format!("{}: the host has none of this type", names.join(", ")),
    }
}

/// More parts than one call may have: how many there are, of how many, of what.
fn too_many(descriptor: &Descriptor, instances: u32) -> Option<(u32, u32, &'static str)> {
    let parts = descriptor.parts;
    [
        (parts.instances, instances.min(engine::MOST_INSTANCES), "core instances"),
        (parts.memories, engine::MOST_MEMORIES, "memories"),
        (parts.tables, engine::MOST_TABLES, "tables"),
    ]
    .into_iter()
    .find(|(made, most, _)| made > most)
}

/// Makes a component of machine code: the one place where the host believes bytes.
#[expect(
    unsafe_code,
    reason = "loading native code is what the cache is for; the proof that it is ours is in the type"
)]
fn deserialize(engine: &wasmtime::Engine, code: &Verified) -> wasmtime::Result<Component> {
    // SAFETY: `Verified` is made in two places only: from what our own compile child answered, and from a file whose MAC, under a
    // key that only this user can read, covers these bytes, this engine and this version. So the bytes are what
    // `Engine::precompile_component` of an engine of these settings wrote.
    unsafe { Component::deserialize(engine, code.as_bytes()) }
}

fn not_started(invocation: &Invocation, failure: Failure) -> Attempt {
    let receipt = Receipt {
        fuel_exact: true,
        pure: true,
        input: invocation.input.size(),
        limits: invocation.limits.clone(),
        grants: invocation.grants.set().clone(),
        ..Receipt::default()
    };
    Attempt { result: Err(failure), receipt, log: Log::default() }
}

/// A tool of our contract promises JSON: what is no JSON, or can't be read by others, is no answer.
fn checked(target: &Target, json: String) -> Answer {
    match json::check(&json) {
        Ok(()) => Answer::Value(Payload::new(json)),
        Err(why) => Answer::Broken(
            Failure::new(Code::InvalidResult, format!("{target} answered with what is not JSON")).why(why.to_string()),
        ),
    }
}

fn answer(target: &Target, limits: &Limits, returned: Returned) -> Answer {
    let too_large = |size: ByteSize| {
        Failure::new(Code::Output, format!("{target} gave a result that is too large"))
            .why(format!("at least {size} of {}", limits.output))
            .fix(format!("limits.output = \"{size}\" under [tools.{}] in hotcell.toml", target.tool))
            .reached(size, limits.output)
    };
    match returned {
        Returned::Value(value) => Answer::Value(value),
        Returned::Error(said) => {
            let size = said.len();
            Answer::Error(Failure::new(Code::ToolFailed, format!("{target} failed")).why(said), size)
        }
        Returned::TooLarge { at_least } => Answer::Broken(too_large(at_least)),
        Returned::TooHeavy { most } => Answer::Broken(
            Failure::new(Code::Output, format!("{target} gave a result that is too large"))
                .why(format!("its values would take more than {most} of the host"))
                .fix("return a list of bytes or a string in place of a list of small values")
                .reached(format!("over {most}"), most),
        ),
        Returned::Unlike(error) => {
            Answer::Broken(Failure::new(Code::Fault, format!("{target} gave a value unlike its type")).caused_by(error))
        }
    }
}

fn broken(name: &ToolName, why: &str) -> Failure {
    Failure::new(Code::Contract, format!("{name} breaks the tool contract {}", contract::INTERFACE))
        .why(why)
        .fix("tell the tool's author, or build it with the SDK of this version of hotcell")
}

fn listed(tool: Listed) -> ListedTool {
    ListedTool {
        name: tool.name,
        description: tool.description,
        input_schema: tool.input,
        output_schema: tool.output,
        effect: match tool.effect {
            ListedEffect::Pure => Effect::Pure,
            ListedEffect::Read => Effect::Read,
            ListedEffect::Idempotent => Effect::Idempotent,
            ListedEffect::Write => Effect::Write,
        },
    }
}
