//! A sum over the last so long.
//!
//! Exact sums over a sliding window cost an entry for each thing in it. Here time is cut into slices and each slice has
//! one sum, so that a window of a day costs no more than one of a second. What is in a slice leaves together, when the
//! last of it is a whole window old: a thing is counted for at least the window, and at most for one slice longer.

use std::collections::VecDeque;
use std::ops::{AddAssign, SubAssign};
use std::time::{Duration, Instant};

use crate::nanos::{at, since};

/// What can be summed.
pub(crate) trait Sum: Copy + Default + AddAssign + SubAssign {}

impl<T: Copy + Default + AddAssign + SubAssign> Sum for T {}

/// A sum over the last `window`. Empty slices take no room.
#[derive(Debug, Clone)]
pub(crate) struct Rolling<T> {
    origin: Instant,
    /// The length of a slice in nanoseconds.
    slice: u64,
    /// How many make a window.
    slices: u64,
    /// By number, which is its time divided by its length.
    kept: VecDeque<(u64, T)>,
    sum: T,
}

impl<T: Sum> Rolling<T> {
    /// Nothing, in a window of so many slices.
    pub(crate) fn new(window: Duration, slices: u32, origin: Instant) -> Self {
        let slices = u64::from(slices.max(1));
        let window = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let slice = window.div_ceil(slices).max(1);
        Self { origin, slice, slices, kept: VecDeque::new(), sum: T::default() }
    }

    /// Adds `what` to now. A clock that is read by several may come in out of order: nothing is older than what came
    /// before it.
    pub(crate) fn add(&mut self, now: Instant, what: T) {
        let number = self.forward(now);
        self.sum += what;
        match self.kept.back_mut() {
            Some((last, sum)) if *last >= number => *sum += what,
            _ => self.kept.push_back((number, what)),
        }
    }

    /// The sum over the last window.
    pub(crate) fn sum(&mut self, now: Instant) -> T {
        self.forward(now);
        self.sum
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.sum = T::default();
    }

    /// From when on there is nothing in the window, if nothing is added.
    pub(crate) fn empty_at(&self) -> Instant {
        self.kept.back().map_or(self.origin, |(last, _)| self.leaves_at(*last))
    }

    /// When so much has left that `enough` says yes to the sum of it, if ever.
    pub(crate) fn when_left(&self, mut enough: impl FnMut(T) -> bool) -> Option<Instant> {
        let mut left = T::default();
        for (number, sum) in &self.kept {
            left += *sum;
            if enough(left) {
                return Some(self.leaves_at(*number));
            }
        }
        None
    }

    fn forward(&mut self, now: Instant) -> u64 {
        let number = since(self.origin, now) / self.slice;
        while let Some((first, sum)) = self.kept.front()
            && first.saturating_add(self.slices) < number
        {
            self.sum -= *sum;
            self.kept.pop_front();
        }
        number
    }

    fn leaves_at(&self, number: u64) -> Instant {
        at(self.origin, (u128::from(number) + u128::from(self.slices) + 1) * u128::from(self.slice))
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::{Clock, ManualClock};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_that_is_in_the_window_is_counted_and_nothing_older_than_a_slice_more(
            window in 1_u64..5_000, slices in 1_u32..20,
            steps in prop::collection::vec((0_u64..2_000, 0_u64..10), 1..100),
        ) {
            let origin = ManualClock::default().now();
            let window = Duration::from_nanos(window);
            let mut rolling = Rolling::<u64>::new(window, slices, origin);
            let slice = Duration::from_nanos(rolling.slice);
            let mut added = Vec::new();
            let mut now = origin;
            for (pass, what) in steps {
                now += Duration::from_nanos(pass);
                rolling.add(now, what);
                added.push((now, what));
                let within = |span| added.iter().filter(|(at, _)| *at + span > now).map(|(_, what)| what).sum::<u64>();
                let sum = rolling.sum(now);
                prop_assert!(within(window) <= sum && sum <= within(slice * (slices + 1)));
                prop_assert!(rolling.kept.len() <= usize::try_from(slices).unwrap() + 1);
                let empty = rolling.empty_at();
                prop_assert_eq!(rolling.clone().sum(empty), 0);
                prop_assert!(empty <= now + slice * (slices + 1));
            }
        }
    }
}
