//! `[schedule]`: how many calls run, and how many wait.

use hotcell_agent::document::Section;
use hotcell_flow::permit::Permits;
use hotcell_flow::queue::Queue;

/// How many calls the host takes on.
pub(super) struct Schedule {
    pub(super) in_flight: u32,
    pub(super) queue: usize,
}

/// Each call in flight takes some six mappings of the kernel's, which by default gives a process 65 530 in all.
const MOST_IN_FLIGHT: u32 = 10_000;
/// A waiting call holds its input, so this many can hold a machine's memory.
const MOST_WAITING: u32 = 1_000_000;

impl Default for Schedule {
    fn default() -> Self {
        Self { in_flight: u32::try_from(Permits::DEFAULT_LIMIT).unwrap_or(MOST_IN_FLIGHT), queue: Queue::DEFAULT_SIZE }
    }
}

impl Schedule {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let mut schedule = Self::default();
        let Some(section) = root.section("schedule") else {
            return schedule;
        };
        let number = |key, most| section.get(key)?.number(1, most);
        if let Some(in_flight) = number("in_flight", MOST_IN_FLIGHT) {
            schedule.in_flight = in_flight;
        }
        if let Some(queue) = number("queue", MOST_WAITING) {
            schedule.queue = usize::try_from(queue).unwrap_or(usize::MAX);
        }
        schedule
    }
}
