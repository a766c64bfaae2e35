//! The queue beside a plain list, under random sequences of everything that can be done with it.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Push { tenant: u32, class: usize, deadline: Option<u64>, estimate: Option<u64>, tool: Option<u64> },
    Hold(u32),
    Arrive(u32),
    Leave(prop::sample::Index),
    Enter(prop::sample::Index),
    Release(prop::sample::Index),
    Remove(prop::sample::Index),
    Pop,
    Settle(prop::sample::Index, u64),
    Refund(prop::sample::Index),
    Again(prop::sample::Index, u64),
    Pass(u64),
    Reshare(u32),
    Caps(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let which = || any::<prop::sample::Index>();
    prop_oneof![
        6 => (0_u32..6, 0_usize..5, prop::option::of(0_u64..100_000), prop::option::of(0_u64..10_000),
            prop::option::weighted(0.8, 0_u64..3))
            .prop_map(|(tenant, class, deadline, estimate, tool)| Step::Push { tenant, class, deadline, estimate, tool }),
        1 => (0_u32..6).prop_map(Step::Hold),
        4 => (0_u32..6).prop_map(Step::Arrive),
        1 => which().prop_map(Step::Leave),
        1 => which().prop_map(Step::Enter),
        1 => which().prop_map(Step::Release),
        2 => which().prop_map(Step::Remove),
        5 => Just(Step::Pop),
        4 => (which(), 0_u64..20_000).prop_map(|(which, cost)| Step::Settle(which, cost)),
        1 => which().prop_map(Step::Refund),
        2 => (which(), 0_u64..20_000).prop_map(|(which, cost)| Step::Again(which, cost)),
        2 => (0_u64..8_000).prop_map(Step::Pass),
        1 => (1_u32..4).prop_map(Step::Reshare),
        1 => (1_usize..4).prop_map(Step::Caps),
    ]
}

/// What waits or runs, as a plain list knows it.
#[derive(Debug, Clone, Copy)]
struct Work {
    tenant: u32,
    tool: Option<Compartment>,
    name: usize,
}

/// The queue and a plain list beside it.
struct World {
    queue: Queue<u32, usize>,
    factor: Option<u32>,
    now: Instant,
    waiting: Vec<(Entry, Work)>,
    held: Vec<(Place, u32, Option<Compartment>)>,
    /// Who is at the door, in the order in which they came.
    door: Vec<(Knock, u32)>,
    running: Vec<(Charge, Work)>,
    gone: HashSet<usize>,
    next: usize,
    /// How many of a tenant may run, and how many of a tool.
    caps: (usize, usize),
}

fn shares(running: usize) -> Shares<u32> {
    Shares::equal(Share { weight: 2, running, waiting: 8 }).unwrap()
}

impl World {
    fn new(factor: Option<u32>) -> Self {
        let settings = Settings { items: 20, door: Some(7), factor, tenants: 4, quantum: 100, ..Settings::default() };
        let mut queue = Queue::new(settings, shares(3)).unwrap();
        queue.set_caps(Caps::equal(2).unwrap());
        let (waiting, held, running, gone) = (Vec::new(), Vec::new(), Vec::new(), HashSet::new());
        Self { queue, factor, now: start(), waiting, held, door: Vec::new(), running, gone, next: 0, caps: (3, 2) }
    }

    fn came(&mut self, entry: Entry, tenant: u32, tool: Option<Compartment>) {
        self.waiting.push((entry, Work { tenant, tool, name: self.next }));
        self.next += 1;
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push { tenant, class, deadline, estimate, tool } => {
                let deadline = deadline.map(|at| self.now + millis(at));
                let compartment = tool.map(Compartment);
                let terms = Terms { priority: Priority::ALL[class], deadline, estimate, compartment };
                match self.queue.push(self.now, &tenant, terms, self.next) {
                    Ok(entry) => {
                        assert!(!self.is_at_door(tenant), "overtaken");
                        self.came(entry, tenant, compartment);
                    }
                    Err(full) => self.was_full(tenant, full),
                }
            }
            Step::Hold(tenant) => self.held.extend(self.queue.hold(&tenant).ok().map(|place| (place, tenant, None))),
            Step::Arrive(tenant) => match self.queue.arrive(&tenant) {
                Ok(Arrival::In(place)) => {
                    assert!(!self.is_at_door(tenant), "overtaken");
                    self.held.push((place, tenant, None));
                }
                Ok(Arrival::AtDoor(knock)) => self.door.push((knock, tenant)),
                Err(Full::Door { bound }) => {
                    let own = self.door.iter().filter(|(_, other)| *other == tenant).count();
                    assert!(self.door.len() == 7 || own >= bound && bound == self.most(7 - self.door.len()));
                }
                Err(full) => assert!(matches!(full, Full::Tenants { .. })),
            },
            Step::Leave(which) if !self.door.is_empty() => {
                let (knock, _) = self.door.remove(which.index(self.door.len()));
                assert!(self.queue.leave(knock) && !self.queue.leave(knock));
            }
            Step::Enter(which) if !self.held.is_empty() => {
                let (place, tenant, compartment) = self.held.swap_remove(which.index(self.held.len()));
                let terms = Terms { compartment, ..Terms::default() };
                let entry = self.queue.enter(self.now, place, terms, self.next);
                self.came(entry, tenant, compartment);
            }
            Step::Release(which) if !self.held.is_empty() => {
                self.queue.release(self.held.swap_remove(which.index(self.held.len())).0);
            }
            Step::Remove(which) if !self.waiting.is_empty() => {
                let (entry, work) = self.waiting.swap_remove(which.index(self.waiting.len()));
                assert_eq!(self.queue.remove(entry), Some(work.name));
                assert!(self.gone.insert(work.name), "twice");
                assert_eq!(self.queue.remove(entry), None);
            }
            Step::Pop => self.pop(),
            Step::Settle(which, cost) if !self.running.is_empty() => {
                self.queue.settle(self.running.swap_remove(which.index(self.running.len())).0, cost);
            }
            Step::Refund(which) if !self.running.is_empty() => {
                self.queue.refund(self.running.swap_remove(which.index(self.running.len())).0);
            }
            Step::Again(which, cost) if !self.running.is_empty() => {
                let (charge, work) = self.running.swap_remove(which.index(self.running.len()));
                self.held.push((self.queue.again(charge, cost), work.tenant, work.tool));
            }
            Step::Pass(time) => self.now += millis(time),
            Step::Reshare(running) => {
                self.caps.0 = usize::try_from(running).unwrap();
                self.queue.set_shares(shares(self.caps.0));
            }
            Step::Caps(cap) => {
                self.caps.1 = cap;
                self.queue.set_caps(Caps::equal(cap).unwrap());
            }
            _ => {}
        }
        self.admit();
        self.check();
    }

    fn is_at_door(&self, tenant: u32) -> bool {
        self.door.iter().any(|(_, other)| *other == tenant)
    }

    /// Lets in who may, and looks that it is the first of its tenant.
    fn admit(&mut self) {
        while let Some((knock, place)) = self.queue.admit() {
            let at = self.door.iter().position(|(other, _)| *other == knock).expect("it was at the door");
            let (_, tenant) = self.door.remove(at);
            assert!(self.door[..at].iter().all(|(_, other)| *other != tenant), "overtaken");
            self.held.push((place, tenant, None));
        }
        assert_eq!(self.queue.at_door(), self.door.len());
        let has_places = |tenant| self.queue.usage(tenant).waiting >= self.most(self.queue.free()).min(8);
        assert!(self.queue.waiting() >= 20 || self.door.iter().all(|(_, tenant)| has_places(tenant)), "left out");
    }

    /// How many places a tenant may have.
    fn most(&self, free: usize) -> usize {
        self.factor.map_or(usize::MAX, |factor| free * factor as usize)
    }

    /// What must hold when somebody was refused: all is full, or it has what it may have, or it would overtake.
    fn was_full(&self, tenant: u32, full: Full) {
        let (free, usage) = (self.queue.free(), self.queue.usage(&tenant).waiting);
        let rightly = match full {
            Full::Items { .. } => free == 0,
            Full::Tenant { bound } => bound == self.most(free).min(8) && (usage >= bound || self.is_at_door(tenant)),
            Full::Tenants { .. } => usage == 0 && self.queue.tenants() == 4,
            Full::Door { .. } => false,
        };
        assert!(rightly, "{full:?} with {free} free and {usage} of its own");
        assert!(usage > 0 || free == 0 || matches!(full, Full::Tenants { .. }), "who has nothing finds room");
    }

    fn pop(&mut self) {
        let ready = self.queue.is_ready();
        let popped = self.queue.pop(self.now);
        assert_eq!(ready, popped.is_some());
        if let Some(popped) = popped {
            let at = self.waiting.iter().position(|(_, work)| work.name == popped.value).expect("it waited");
            let (entry, work) = self.waiting.swap_remove(at);
            assert!(self.gone.insert(work.name), "twice");
            assert_eq!(self.queue.remove(entry), None);
            assert!(self.may_run(&work), "beyond a cap");
            self.running.push((popped.charge, work));
        }
    }

    fn may_run(&self, work: &Work) -> bool {
        let of_tenant = self.running.iter().filter(|(_, other)| other.tenant == work.tenant).count();
        let of_tool = self.running.iter().filter(|(_, other)| other.tool == work.tool).count();
        of_tenant < self.caps.0 && (work.tool.is_none() || of_tool < self.caps.1)
    }

    fn check(&mut self) {
        let (waiting, running) = (self.waiting.len() + self.held.len(), self.running.len());
        assert_eq!((self.queue.waiting(), self.queue.running()), (waiting, running));
        // What runs again may go over the bounds by as many as ever ran: three of each tenant.
        assert!(waiting + running <= 20 + 4 * 3 && self.queue.tenants() <= 4);
        for tenant in 0..6 {
            let own = self.waiting.iter().filter(|(_, work)| work.tenant == tenant).count();
            let usage = Usage {
                waiting: own + self.held.iter().filter(|(_, other, _)| *other == tenant).count(),
                running: self.running.iter().filter(|(_, work)| work.tenant == tenant).count(),
            };
            assert_eq!(self.queue.usage(&tenant), usage);
            assert!(usage.waiting + usage.running <= 8 + 3);
        }
        for tool in (0..3).map(Compartment) {
            let running = self.running.iter().filter(|(_, work)| work.tool == Some(tool)).count();
            assert_eq!(self.queue.running_in(tool), running);
        }
        let could = self.waiting.iter().any(|(_, work)| self.may_run(work));
        assert_eq!(self.queue.is_ready(), could, "what may run is ready, and nothing else");
    }

    fn finish(mut self) {
        for (knock, _) in std::mem::take(&mut self.door) {
            self.queue.leave(knock);
        }
        for (charge, _) in self.running {
            self.queue.settle(charge, 7);
        }
        let left = drain(&mut self.queue, self.now);
        assert_eq!(left.len(), self.waiting.len(), "lost");
        assert!(left.into_iter().all(|name| self.gone.insert(name)), "twice");
        assert_eq!(self.queue.compartments_in_use(), 0, "left behind");
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_nothing_comes_twice_and_the_bounds_hold(
        factor in prop::option::of(1_u32..4), steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut world = World::new(factor);
        for step in steps {
            world.step(step);
        }
        world.finish();
    }
}
