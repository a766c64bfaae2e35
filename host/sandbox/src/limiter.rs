//! Bounds the sum over all memories and tables of a call.
//!
//! The engine's own `StoreLimits` bounds each memory alone, so a guest with 24 of them gets 24 times its limit. Here every growth
//! is added to one account, initial sizes included, and a growth that then fails is taken back. A refusal is remembered: the
//! guest turns it into a panic or into nothing, and the outcome should still say what happened.
//!
//! What it can't count: the host's own memory for a call (handles, buffers), which other limits bound.

use hotcell_call::ByteSize;
use wasmtime::ResourceLimiter;

use crate::engine;

/// What an element of a table takes.
const TABLE_ELEMENT: usize = size_of::<*const ()>();

/// The account of one cell.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: usize,
    used: usize,
    peak: usize,
    refused: Option<Refused>,
    /// The growth that the engine is now trying, to be taken back if it fails. The engine also reports a failure without
    /// having asked, when a size overflows its own arithmetic; with 32-bit memories and tables none can.
    pending: usize,
    /// Whether a growth failed that was within the limit.
    starved: bool,
}

/// A growth that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What the sum would have become.
    pub(crate) wanted: ByteSize,
}

impl Limiter {
    pub(crate) fn new(limit: ByteSize) -> Self {
        Self { limit: limit.as_usize(), used: 0, peak: 0, refused: None, pending: 0, starved: false }
    }

    /// The most that the sum can be.
    pub(crate) fn limit(&self) -> ByteSize {
        ByteSize::of(self.limit)
    }

    /// The largest sum so far.
    pub(crate) fn peak(&self) -> ByteSize {
        ByteSize::of(self.peak)
    }

    /// Whether the machine had no memory for a growth that the limit allowed: what the guest then did, it need not do again.
    pub(crate) fn is_starved(&self) -> bool {
        self.starved
    }

    /// The first growth that was refused.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether half of the limit is left.
    pub(crate) fn is_half_free(&self) -> bool {
        self.used <= self.limit / 2
    }

    /// Begins the account of the next call in the same memory: what is in use stays, what was refused is forgotten.
    pub(crate) fn renew(&mut self) {
        (self.refused, self.pending) = (None, 0);
    }

    fn grow(&mut self, from: usize, to: usize, possible: bool) -> bool {
        self.pending = 0;
        let wanted = self.used.saturating_add(to.saturating_sub(from));
        if wanted > self.limit {
            self.refused.get_or_insert(Refused { wanted: ByteSize::of(wanted) });
            return false;
        }
        // Beyond the maximum that the guest itself declares: the engine answers −1, nobody's limit was reached.
        if !possible {
            return false;
        }
        self.pending = wanted - self.used;
        self.used = wanted;
        self.peak = self.peak.max(wanted);
        true
    }

    fn take_back(&mut self) {
        self.used = self.used.saturating_sub(std::mem::take(&mut self.pending));
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, maximum.is_none_or(|maximum| desired <= maximum)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.starved = true;
        self.take_back();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(TABLE_ELEMENT);
        Ok(self.grow(bytes(current), bytes(desired), maximum.is_none_or(|maximum| desired <= maximum)))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.starved = true;
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        engine::MOST_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        engine::MOST_MEMORIES as usize
    }

    fn tables(&self) -> usize {
        engine::MOST_TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    fn limiter(pages: usize) -> Limiter {
        Limiter::new(ByteSize::of(pages * PAGE))
    }

    #[test]
    fn the_sum_counts_and_not_each_memory() {
        let mut limiter = limiter(10);
        assert!(limiter.memory_growing(0, 6 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(0, 5 * PAGE, None).unwrap());
        assert_eq!(limiter.refused(), Some(Refused { wanted: ByteSize::of(11 * PAGE) }));
        assert!(limiter.memory_growing(6 * PAGE, 7 * PAGE, None).unwrap());
        assert_eq!(limiter.peak(), ByteSize::of(7 * PAGE));
    }

    #[test]
    fn tables_count_too() {
        let mut limiter = limiter(1);
        assert!(limiter.memory_growing(0, PAGE - 8, None).unwrap());
        assert!(limiter.table_growing(0, 1, None).unwrap());
        assert!(!limiter.table_growing(1, 2, None).unwrap());
    }

    #[test]
    fn a_growth_that_failed_is_taken_back() {
        let mut limiter = limiter(4);
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no room")).unwrap();
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
        assert_eq!(limiter.refused(), None);
    }

    #[test]
    fn a_guests_own_maximum_is_no_limit_of_ours() {
        let mut limiter = limiter(4);
        assert!(!limiter.memory_growing(0, 2 * PAGE, Some(PAGE)).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
    }

    #[test]
    fn the_next_call_in_a_cell_finds_what_is_in_use_and_hears_of_no_refusal() {
        let mut limiter = limiter(8);
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap() && limiter.is_half_free());
        assert!(!limiter.memory_growing(0, 5 * PAGE, None).unwrap());
        limiter.renew();
        assert_eq!((limiter.refused(), limiter.peak()), (None, ByteSize::of(4 * PAGE)));
        // What was refused is not in use: nothing is to be taken back, either.
        limiter.memory_grow_failed(wasmtime::Error::msg("no room")).unwrap();
        assert!(limiter.memory_growing(4 * PAGE, 5 * PAGE, None).unwrap() && !limiter.is_half_free());
    }
}
