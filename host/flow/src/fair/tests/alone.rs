//! What starts while nothing waits starts as if it had waited.

use std::time::Duration;

use hotcell_call::{Clock, ManualClock, Priority};
use proptest::prelude::*;

use super::super::*;

/// One of two queues that are told the same, with what runs.
struct Side {
    queue: Queue<u8, usize>,
    running: Vec<(usize, Charge)>,
    /// Whether it takes the short way where it can.
    short: bool,
}

const MOST: usize = 3;

impl Side {
    fn new(short: bool) -> Self {
        let settings = Settings { quantum: 10, ..Settings::default() };
        let shares = Shares::default().with(1, Share { weight: 3, running: 2, waiting: 40 }).unwrap();
        let mut queue = Queue::new(settings, shares).unwrap();
        queue.set_caps(Caps::equal(2).unwrap());
        Self { queue, running: Vec::new(), short }
    }

    /// An item comes; gives what starts.
    fn come(&mut self, now: Instant, tenant: u8, terms: Terms, id: usize) -> Vec<usize> {
        if self.short
            && self.running.len() < MOST
            && let Ok(Some(charge)) = self.queue.start_alone(now, &tenant, terms)
        {
            self.running.push((id, charge));
            return vec![id];
        }
        let _full = self.queue.push(now, &tenant, terms, id);
        self.start(now)
    }

    /// The oldest that runs ends; gives what starts.
    fn end(&mut self, now: Instant, cost: u64) -> Vec<usize> {
        if !self.running.is_empty() {
            let (_, charge) = self.running.remove(0);
            self.queue.settle(charge, cost);
        }
        self.start(now)
    }

    fn start(&mut self, now: Instant) -> Vec<usize> {
        let mut started = Vec::new();
        while self.running.len() < MOST
            && let Some(popped) = self.queue.pop(now)
        {
            started.push(popped.value);
            self.running.push((popped.value, popped.charge));
        }
        started
    }
}

proptest! {
    #[test]
    fn the_short_way_leads_to_the_same_order_and_the_same_debts(
        steps in prop::collection::vec((0_u8..10, 0_u8..3, 0_usize..3, 0_u64..80, 0_u64..3, prop::option::of(1_u64..30)), 1..200),
    ) {
        let clock = ManualClock::default();
        let (mut long, mut short) = (Side::new(false), Side::new(true));
        for (id, (step, tenant, class, cost, tool, estimate)) in steps.into_iter().enumerate() {
            clock.advance(Duration::from_millis(cost * 20));
            let now = clock.now();
            let (one, other) = if step < 5 {
                let priority = [Priority::Normal, Priority::Normal, Priority::High][class];
                let compartment = Some(Compartment(tool));
                let terms = Terms { priority, deadline: None, estimate, compartment };
                (long.come(now, tenant, terms, id), short.come(now, tenant, terms, id))
            } else {
                (long.end(now, cost), short.end(now, cost))
            };
            prop_assert_eq!(one, other);
            prop_assert_eq!(long.queue.running(), short.queue.running());
            prop_assert_eq!(long.queue.waiting(), short.queue.waiting());
            for tenant in 0..3 {
                prop_assert_eq!(long.queue.usage(&tenant), short.queue.usage(&tenant));
            }
        }
    }
}
