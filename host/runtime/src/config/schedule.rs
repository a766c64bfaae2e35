//! `[schedule]`: how many calls run, how many wait, and in which order.

use std::time::Duration;

use hotcell_agent::document::{Item, Section};
use hotcell_flow::limit::{Aimd, Bounds as LimitBounds, Fixed, Gradient, Limit, Vegas};
use hotcell_flow::permit::Permits;
use hotcell_flow::queue::Queue;

use super::bounds::{self, Bounds};

/// How the host takes calls on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Calls in their cells at one time.
    pub in_flight: InFlight,
    /// Calls that wait for a cell; one more is refused, or waits for room until its deadline.
    pub queue: usize,
    /// Calls of one tool in their cells at one time, unless the tool has a number of its own.
    pub per_tool: Option<u32>,
    /// What the shares of tenants are measured in.
    pub share_by: ShareBy,
    /// After how long a waiting call rises to the next class.
    pub age_step: Duration,
    /// How long a call without a deadline, or with a later one, may be overtaken by more urgent ones of its tenant.
    pub patience: Duration,
    /// The wait beyond which calls are turned away while the queue stands; none: they wait.
    pub shed_after: Option<Duration>,
}

/// How many calls run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// So many.
    Fixed(u32),
    /// As many as turn out well.
    Learned {
        /// Who says so.
        limit: Learner,
        /// From where to where.
        bounds: LimitBounds,
    },
}

/// What steers the number of calls that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the limit of the same name in `hotcell_flow::limit`")]
pub enum Learner {
    Aimd,
    Gradient,
    Vegas,
}

/// What a tenant's share is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShareBy {
    /// The time that its calls were in cells: that is what they take from others.
    #[default]
    Time,
    /// The fuel that they used.
    Fuel,
}

/// Each call in flight takes some six mappings of the kernel's, which by default gives a process 65 530 in all.
const MOST_IN_FLIGHT: u32 = 10_000;
/// A waiting call holds its input, so this many can hold a machine's memory.
const MOST_WAITING: u32 = 1_000_000;

const TIMES: Bounds<Duration> = Bounds {
    least: Duration::from_millis(1),
    most: Duration::from_secs(86_400),
    because: "calls wait for milliseconds up to minutes",
};

const LIMITS: &[(&str, Option<Learner>)] = &[
    ("fixed", None),
    ("aimd", Some(Learner::Aimd)),
    ("gradient", Some(Learner::Gradient)),
    ("vegas", Some(Learner::Vegas)),
];

impl Default for Schedule {
    fn default() -> Self {
        let order = hotcell_flow::fair::Settings::default();
        Self {
            in_flight: InFlight::Fixed(u32::try_from(Permits::DEFAULT_LIMIT).unwrap_or(MOST_IN_FLIGHT)),
            queue: Queue::DEFAULT_SIZE,
            per_tool: None,
            share_by: ShareBy::default(),
            age_step: order.age_step,
            patience: order.patience,
            shed_after: None,
        }
    }
}

impl Schedule {
    /// Calls of one tool in their cells at one time: all but an eighth of what may run, unless it is set. So what hangs leaves
    /// cells to the others.
    #[must_use]
    pub fn per_tool(&self) -> u32 {
        let all = self.in_flight.most();
        self.per_tool.unwrap_or(all - all / 8)
    }

    pub(super) fn read(root: &Section<'_>) -> Self {
        let mut schedule = Self::default();
        let Some(section) = root.section("schedule") else {
            return schedule;
        };
        if let Some(in_flight) = section.get("in_flight").and_then(|item| in_flight(&item)) {
            schedule.in_flight = in_flight;
        }
        if let Some(queue) = section.get("queue").and_then(|item| item.number(1, MOST_WAITING)) {
            schedule.queue = usize::try_from(queue).unwrap_or(usize::MAX);
        }
        schedule.per_tool = section.get("per_tool").and_then(|item| item.number(1, MOST_IN_FLIGHT));
        if let Some(share_by) =
            section.get("share_by").and_then(|item| item.word(&[("time", ShareBy::Time), ("fuel", ShareBy::Fuel)]))
        {
            schedule.share_by = share_by;
        }
        let time = |key| bounds::duration(&section.get(key)?, &TIMES);
        let (age_step, patience) = (time("age_step"), time("patience"));
        schedule.age_step = age_step.unwrap_or(schedule.age_step);
        schedule.patience = patience.unwrap_or(schedule.patience);
        schedule.shed_after = time("shed_after");
        schedule
    }
}

/// `in_flight = 64`, or `in_flight = { limit = "gradient", min = 4, start = 16, max = 64 }`.
fn in_flight(item: &Item<'_>) -> Option<InFlight> {
    if !item.is_table() {
        return item.number(1, MOST_IN_FLIGHT).map(InFlight::Fixed);
    }
    let table = item.section()?;
    let number = |item: Item<'_>| item.number(1, MOST_IN_FLIGHT);
    let (min, start) = (table.get("min").and_then(number), table.get("start").and_then(number));
    let limit = table.need("limit", "limit = \"gradient\"").and_then(|item| item.word(LIMITS));
    let max = table.need("max", "max = 1024").and_then(number)?;
    let Some(limit) = limit? else {
        return Some(InFlight::Fixed(max));
    };
    let min = min.unwrap_or(1);
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    match LimitBounds::new(count(min), count(start.unwrap_or(min)), count(max)) {
        Ok(bounds) => Some(InFlight::Learned { limit, bounds }),
        Err(error) => {
            item.report(item.wrong(error.to_string(), "").hint("1 <= min <= start <= max"));
            None
        }
    }
}

impl InFlight {
    /// The most that there can be at any time.
    #[must_use]
    pub fn most(&self) -> u32 {
        match self {
            Self::Fixed(most) => *most,
            Self::Learned { bounds, .. } => u32::try_from(bounds.max()).unwrap_or(u32::MAX),
        }
    }

    /// The permits that keep to it.
    #[must_use]
    pub(crate) fn permits(&self) -> Permits {
        match *self {
            Self::Fixed(limit) => steered(Fixed::new(usize::try_from(limit).unwrap_or(usize::MAX))),
            Self::Learned { limit: Learner::Aimd, bounds } => steered(Aimd::new(bounds)),
            Self::Learned { limit: Learner::Gradient, bounds } => steered(Gradient::new(bounds)),
            Self::Learned { limit: Learner::Vegas, bounds } => steered(Vegas::new(bounds)),
        }
    }
}

fn steered(limit: impl Limit + 'static) -> Permits {
    Permits::steered(limit)
}
