//! The one engine, with the reason for each setting.
//!
//! Two things are decided here: what machine code is made of a guest ([`codegen`], shared with the compile child, because code
//! of other settings would not load), and how instances get their memory ([`pooled`], for the serving process alone).
//!
//! What "tuned" means was measured on wasmtime 48: page-map scanning, resident memory and resident tables *together* make a call
//! three times cheaper, each alone nothing, because only then does a finished call leave no page to be unmapped and faulted
//! in again (each such unmapping takes the process-wide lock of the memory map, which is what makes two threads slower than one).

use std::num::NonZeroUsize;

use hotcell_call::ByteSize;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy};

use crate::describe::Parts;
use crate::settings::{Settings, SetupError};
use crate::switches;

/// The guest's stack. One size for all: the engine has one, not one per call.
const STACK: usize = 512 << 10;
/// Room for the host's own frames above the guest's stack.
const HOST_STACK: usize = 512 << 10;
/// The most that one memory can ever be: what 32-bit addresses reach.
pub(crate) const MEMORY_CEILING: usize = 4 << 30;
/// Table elements that one table can ever have.
const TABLE_ELEMENTS: usize = 100_000;
/// Core instances that one component can ever be made of; the limit per call lies below.
pub(crate) const MOST_INSTANCES: u32 = 256;
/// Memories and tables of one call.
pub(crate) const MOST_MEMORIES: u32 = 8;
pub(crate) const MOST_TABLES: u32 = 32;
/// What an ordinary component is made of: a module and the glue around it. Every call that may be in its cell has that.
pub(crate) const ORDINARY: Parts = Parts { instances: 4, memories: 1, tables: 2 };
/// Of a memory or a table, what is kept for its next call at the most: beyond this, cleaning costs more than mapping anew.
const MOST_RESIDENT: u64 = 2 << 20;
const MOST_RESIDENT_TABLE: u64 = 64 << 10;

/// The guest's stack as it is in force.
pub(crate) fn stack() -> usize {
    switches::stack(STACK)
}

/// How guests become machine code.
///
/// Switched off is whatever no tool needs and the engine's advisories speak of: threads and shared memory, 64-bit memories,
/// garbage collection, exceptions. Switched on is what makes a call a function of its input: canonical NaN, deterministic SIMD.
#[must_use]
pub fn codegen() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack())
        .async_stack_size(stack() + HOST_STACK)
        .wasm_threads(false)
        .shared_memory(false)
        .wasm_memory64(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .wasm_function_references(false)
        // Streams, futures and tasks of components: the feature is not compiled in, and its bookkeeping costs each call 13 µs.
        .concurrency_support(false)
        // Summed by the limiter, so several are no way around it.
        .wasm_multi_memory(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16))
        // Line numbers of guests are not shown; without the map compiled files are smaller.
        .generate_address_map(false)
        .native_unwind_info(true);
    config
}

/// What the pool is made of: for each call twice the ordinary, and for one the most that a component may have.
pub(crate) fn pool(calls: u32) -> Parts {
    Parts {
        instances: calls.saturating_mul(2 * ORDINARY.instances).max(MOST_INSTANCES + ORDINARY.instances),
        memories: calls.saturating_mul(2 * ORDINARY.memories).max(MOST_MEMORIES + ORDINARY.memories),
        tables: calls.saturating_mul(2 * ORDINARY.tables).max(MOST_TABLES + ORDINARY.tables),
    }
}

/// How much of each memory and each table stays in place after a call, so that the next one finds it.
///
/// It is memory of nobody, and the process' ceiling counts it: so all together, were every part of the pool used at once, it is
/// no more than a quarter of what the process may hold.
fn resident(parts: &Parts, ceiling: ByteSize) -> (usize, usize) {
    let whole_pages = |bytes: u64| ByteSize::bytes(bytes / 4_096 * 4_096).as_usize();
    let share = |parts: u64, of: u64, most: u64| whole_pages((ceiling.as_u64() / of / parts.max(1)).min(most));
    (share(parts.memories.into(), 5, MOST_RESIDENT), share(parts.tables.into(), 20, MOST_RESIDENT_TABLE))
}

/// How an engine is set up, as far as whoever runs it wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineReport {
    /// Whether the kernel tells which pages a call has written to. If not, all that stays in place after one is cleaned, or
    /// mapped anew: a call then takes about three times as long.
    pub pagemap_scan: bool,
    /// The calls that may be in their cells at one time.
    pub calls: u32,
    /// The memories that are reserved for them, each with all that 32-bit addresses reach.
    pub memories: u32,
    /// What of a memory stays in place between two calls.
    pub resident: ByteSize,
    /// The guest's stack.
    pub stack: ByteSize,
}

/// How the engine of the serving process is set up.
pub(crate) fn report(settings: &Settings) -> EngineReport {
    let parts = pool(settings.cells());
    EngineReport {
        pagemap_scan: PoolingAllocationConfig::is_pagemap_scan_available(),
        calls: settings.calls,
        memories: parts.memories,
        resident: ByteSize::of(resident(&parts, settings.process_memory).0),
        stack: ByteSize::of(stack()),
    }
}

/// The engine of the serving process.
///
/// # Errors
///
/// [`SetupError`] when the pool can't be reserved, most likely because of a limit on the address space.
pub(crate) fn pooled(settings: &Settings) -> Result<Engine, SetupError> {
    let cells = settings.cells();
    let parts = pool(cells);
    let (memory, table) = resident(&parts, settings.process_memory);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(cells)
        .total_core_instances(parts.instances)
        .total_memories(parts.memories)
        .total_tables(parts.tables)
        .total_stacks(cells)
        .max_core_instances_per_component(MOST_INSTANCES)
        .max_memories_per_component(MOST_MEMORIES)
        .max_tables_per_component(MOST_TABLES)
        .max_memories_per_module(MOST_MEMORIES)
        .max_tables_per_module(MOST_TABLES)
        .max_memory_size(MEMORY_CEILING)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .max_unused_warm_slots(parts.memories)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(memory)
        .table_keep_resident(table)
        .async_stack_keep_resident(32 << 10);
    let mut config = codegen();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(SetupError::engine)
}

/// The engine of the compile child: it never makes an instance, so it reserves nothing.
///
/// # Errors
///
/// [`SetupError`] when the processor lacks what the code generator needs.
pub(crate) fn compiling() -> Result<Engine, SetupError> {
    let mut config = codegen();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config).map_err(SetupError::engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_in_place_is_a_small_part_of_what_the_process_may_hold() {
        for (calls, ceiling) in [(1_024, 4_096), (1_024, 300), (16, 300), (10_000, 4_096), (1, 64)] {
            let (parts, ceiling) = (pool(calls), ByteSize::mib(ceiling));
            let (memory, table) = resident(&parts, ceiling);
            let all = memory as u64 * u64::from(parts.memories) + table as u64 * u64::from(parts.tables);
            assert!(all <= ceiling.as_u64() / 4, "{calls} calls, {ceiling}: {}", ByteSize::bytes(all));
        }
        // By default enough that an ordinary call unmaps nothing.
        assert!(resident(&pool(1_024), ByteSize::mib(4_096)).0 >= 384 << 10);
    }
}
