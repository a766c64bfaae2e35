//! The floor: the engine alone, with the same component and the same limits, tuned as well as it can be.
//!
//! Fresh store, fuel, epoch, limiter, pooled instance, call, drop: what an isolated call is made of, and nothing of ours. The pool
//! has the settings of the sandbox's; machine code is made by [`hotcell_sandbox::codegen`]. WASI is the engine's own, made when a
//! guest first asks for it, which these guests don't.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow};
use hotcell_call::Limits;
use hotcell_runtime::config::Config;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, ResourceTable, TypedFunc,
};
use wasmtime::{
    Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits, StoreLimitsBuilder,
    UpdateDeadline,
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// An engine with its linker and its ticker.
pub(crate) struct Bare {
    engine: Engine,
    linker: Linker<State>,
    stop: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

/// A component that can be called.
#[derive(Clone)]
pub(crate) struct BareTool {
    engine: Engine,
    pre: InstancePre<State>,
    call: ComponentExportIndex,
    limits: Limits,
}

/// The contract's `call`.
type Call<'a> = TypedFunc<(&'a str, &'a str), (Result<String, Refused>,)>;

/// What a store holds.
pub(crate) struct State {
    limits: StoreLimits,
    wasi: Option<WasiCtx>,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| WasiCtxBuilder::new().build());
        WasiCtxView { ctx, table: &mut self.table }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Invalid {
    path: String,
    message: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Unavailable {
    message: String,
    #[component(name = "retry-after-ms")]
    retry_after_ms: Option<u64>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum Refused {
    #[component(name = "invalid-input")]
    InvalidInput(Invalid),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "unavailable")]
    Unavailable(Unavailable),
}

impl Bare {
    /// Sets up the engine.
    pub(crate) fn new() -> Result<Self> {
        let engine = Engine::new(&tuned()).map_err(told)?;
        let linker = linked(&engine).map_err(told)?;
        let (stop, beating) = (Arc::new(AtomicBool::new(false)), engine.clone());
        let stopped = Arc::clone(&stop);
        let ticker = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
                beating.increment_epoch();
            }
        });
        Ok(Self { engine, linker, stop, ticker: Some(ticker) })
    }

    /// Takes in a component.
    pub(crate) fn tool(&self, bytes: &[u8]) -> Result<BareTool> {
        self.ready(&Component::from_binary(&self.engine, bytes).map_err(told)?)
    }

    fn ready(&self, component: &Component) -> Result<BareTool> {
        let (_, tools) = component.get_export(None, "hotcell:tool/tools@0.1.0").context("no tools")?;
        let (_, call) = component.get_export(Some(&tools), "call").context("no call")?;
        let pre = self.linker.instantiate_pre(component).map_err(told)?;
        Ok(BareTool { engine: self.engine.clone(), pre, call, limits: Limits::default() })
    }

    /// Takes in so many components of one code: each is mapped and has its memory image by itself, as different ones would.
    #[expect(unsafe_code, reason = "compiling each would take longer than all that is measured")]
    pub(crate) fn copies(&self, bytes: &[u8], count: usize) -> Result<Vec<BareTool>> {
        let code = self.engine.precompile_component(bytes).map_err(told)?;
        (0..count)
            .map(|_| {
                // SAFETY: the bytes are what this engine has just made.
                let component = unsafe { Component::deserialize(&self.engine, &code) }.map_err(told)?;
                self.ready(&component)
            })
            .collect()
    }

    /// Makes machine code and nothing else.
    pub(crate) fn compile(&self, bytes: &[u8]) -> Result<usize> {
        Ok(self.engine.precompile_component(bytes).map_err(told)?.len())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            // It only sleeps and counts.
            let _ = ticker.join();
        }
    }
}

impl BareTool {
    /// One isolated call.
    pub(crate) async fn call(&self, function: &str, input: &str) -> Result<String> {
        let answer = self.run(function, input).await.map_err(told)?;
        answer.map_err(|refused| match refused {
            Refused::Failed(message) => anyhow!("the guest failed: {message}"),
            Refused::InvalidInput(Invalid { path, message }) => anyhow!("the guest refused {path}: {message}"),
            Refused::Unavailable(Unavailable { message, retry_after_ms }) => {
                anyhow!("the guest is not available: {message} ({retry_after_ms:?} ms)")
            }
        })
    }

    /// So many calls in one instance, which is made for them; tells how many were answered.
    pub(crate) async fn batch(&self, function: &str, input: &str, calls: usize) -> Result<usize> {
        let (mut store, call) = self.stand().await.map_err(told)?;
        let mut answered = 0;
        for _ in 0..calls {
            let (answer,) = call.call_async(&mut store, (function, input)).await.map_err(told)?;
            answered += usize::from(answer.is_ok());
        }
        Ok(answered)
    }

    async fn run(&self, function: &str, input: &str) -> wasmtime::Result<Result<String, Refused>> {
        let (mut store, call) = self.stand().await?;
        let (answer,) = call.call_async(&mut store, (function, input)).await?;
        Ok(answer)
    }

    /// A fresh instance within its limits.
    async fn stand<'a>(&self) -> wasmtime::Result<(Store<State>, Call<'a>)> {
        let limits = StoreLimitsBuilder::new().memory_size(self.limits.memory.as_usize()).build();
        let state = State { limits, wasi: None, table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_fuel(self.limits.fuel.as_u64())?;
        store.set_epoch_deadline(2);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let instance = self.pre.instantiate_async(&mut store).await?;
        let call = instance.get_typed_func(&mut store, self.call)?;
        Ok((store, call))
    }
}

/// What guests import: WASI as the engine brings it, and a context that does nothing.
fn linked(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let mut context = linker.instance("hotcell:tool/context@0.1.0")?;
    context.func_wrap("progress", |_, _: (u64, Option<u64>, String)| Ok(()))?;
    context.func_wrap("time-left", |_, (): ()| Ok((u64::MAX,)))?;
    Ok(linker)
}

/// The engine's error type is its own.
fn told(error: wasmtime::Error) -> Error {
    Error::from_boxed(error.into_boxed_dyn_error())
}

/// The sandbox's own settings of the pool; `host/sandbox/src/engine.rs` has the reason for each.
fn tuned() -> wasmtime::Config {
    let calls = Config::default().schedule.in_flight.most();
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(8))
        .total_memories(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(4))
        .total_stacks(calls)
        .max_memory_size(4 << 30)
        .table_elements(100_000)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .max_unused_warm_slots(calls.saturating_mul(2))
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(32 << 10);
    let mut config = hotcell_sandbox::codegen();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
