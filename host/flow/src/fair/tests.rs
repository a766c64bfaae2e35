mod alone;
mod door;
mod model;
mod room;

use std::collections::{HashMap, VecDeque};

use hotcell_call::{Clock, ManualClock};
use proptest::prelude::*;

use super::*;

fn start() -> Instant {
    ManualClock::default().now()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn roomy() -> Settings {
    Settings { items: 100_000, quantum: 100, ..Settings::default() }
}

fn queue<T>() -> Queue<u32, T> {
    Queue::new(roomy(), Shares::default()).unwrap()
}

fn weighted<T>(weights: &[u32]) -> Queue<u32, T> {
    let own = |shares: Shares<u32>, (tenant, weight): (u32, &u32)| {
        shares.with(tenant, Share { weight: *weight, ..Share::default() }).unwrap()
    };
    Queue::new(roomy(), (0..).zip(weights).fold(Shares::default(), own)).unwrap()
}

fn class(priority: Priority) -> Terms {
    Terms { priority, ..Terms::default() }
}

/// Takes all out, each ended before the next.
fn drain<T>(queue: &mut Queue<u32, T>, now: Instant) -> Vec<T> {
    let mut out = Vec::new();
    while let Some(popped) = queue.pop(now) {
        queue.settle(popped.charge, 100);
        out.push(popped.value);
    }
    out
}

/// 1 if all got what they should, 1/n if one got everything.
fn jain(got: &[f64]) -> f64 {
    let (sum, squares) = (got.iter().sum::<f64>(), got.iter().map(|x| x * x).sum::<f64>());
    sum * sum / (got.len() as f64 * squares)
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let good = Settings::default();
    for (name, settings) in [
        ("quantum", Settings { quantum: 0, ..good }),
        ("items", Settings { items: 0, ..good }),
        ("tenants", Settings { tenants: 0, ..good }),
        ("age_step", Settings { age_step: Duration::ZERO, ..good }),
        ("patience", Settings { patience: Duration::ZERO, ..good }),
    ] {
        let refused = Queue::<u32, ()>::new(settings, Shares::default()).err();
        assert_eq!(refused, Some(SettingsError::Zero { name }));
    }
    let long = Settings { age_step: Duration::MAX, ..good };
    let refused = Queue::<u32, ()>::new(long, Shares::default()).err();
    assert_eq!(refused, Some(SettingsError::TooLong { name: "age_step" }));
    for (name, share) in [
        ("weight", Share { weight: 0, ..Share::default() }),
        ("running", Share { running: 0, ..Share::default() }),
        ("waiting", Share { waiting: 0, ..Share::default() }),
    ] {
        assert_eq!(Shares::<u32>::equal(share).err(), Some(SettingsError::Zero { name }));
        assert_eq!(Shares::default().with(1, share).err(), Some(SettingsError::Zero { name }));
    }
}

#[test]
fn s25_classes_are_served_in_order() {
    let (now, mut queue) = (start(), queue());
    for priority in Priority::ALL.into_iter().rev() {
        queue.push(now, &1, class(priority), priority).unwrap();
    }
    assert_eq!(drain(&mut queue, now), Priority::ALL);
}

#[test]
fn s25_an_item_rises_one_class_for_each_step_that_it_waits() {
    let step = roomy().age_step;
    for (steps, risen) in (0..6).zip([
        Priority::Background,
        Priority::Low,
        Priority::Normal,
        Priority::High,
        Priority::Critical,
        Priority::Critical,
    ]) {
        let (now, mut queue) = (start(), queue());
        queue.push(now, &1, class(Priority::Background), ()).unwrap();
        let popped = queue.pop(now + step * steps).unwrap();
        assert_eq!((popped.class, popped.waited), (risen, step * steps));
        queue.settle(popped.charge, 1);
    }
}

#[test]
fn s25_background_is_served_although_critical_never_ends() {
    // Two arrive for each that is served: all tenants but one send more and more critical work, and so does its own.
    let (mut now, mut queue) = (start(), queue());
    queue.push(now, &0, class(Priority::Background), true).unwrap();
    let settings = roomy();
    let bound = (settings.age_step * 4).max(settings.patience);
    let begun = now;
    loop {
        now += millis(100);
        queue.push(now, &0, Terms { deadline: Some(now + millis(500)), ..class(Priority::Critical) }, false).unwrap();
        queue.push(now, &1, class(Priority::Critical), false).unwrap();
        let popped = queue.pop(now).unwrap();
        queue.settle(popped.charge, 100);
        if popped.value {
            break;
        }
        assert!(now < begun + bound * 4, "it starves");
    }
    // From the bound on, only what was there before goes before it.
    assert!(now - begun >= settings.age_step * 4);
}

#[test]
fn s26_within_a_tenant_the_earliest_deadline_goes_first_and_equals_in_the_order_of_arrival() {
    let (now, mut queue) = (start(), queue());
    let due = |at| Terms { deadline: Some(now + millis(at)), ..Terms::default() };
    let patience = u64::try_from(roomy().patience.as_millis()).unwrap();
    for (terms, name) in [
        (Terms::default(), 'e'),
        (due(300), 'c'),
        (due(100), 'a'),
        (due(300), 'd'),
        (due(100), 'b'),
        (due(patience + 1), 'f'),
        (Terms::default(), 'g'),
        (due(patience - 1), 'x'),
    ] {
        queue.push(now, &1, terms, name).unwrap();
    }
    assert_eq!(drain(&mut queue, now).into_iter().collect::<String>(), "abcdxefg");
}

#[test]
fn s26_many_equals_leave_in_the_order_in_which_they_came() {
    let (now, mut queue) = (start(), queue());
    for name in 0..1_000 {
        queue.push(now, &1, Terms::default(), name).unwrap();
    }
    assert_eq!(drain(&mut queue, now), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn s38_two_tenants_get_half_each_whatever_the_length_of_their_queues() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..10_000 {
        queue.push(now, &1, Terms::default(), 1).unwrap();
    }
    for _ in 0..200 {
        queue.push(now, &2, Terms::default(), 2).unwrap();
    }
    let mut got = [0_u32; 3];
    for _ in 0..400 {
        let popped = queue.pop(now).unwrap();
        got[popped.value] += 1;
        queue.settle(popped.charge, 100);
    }
    assert!(got[1].abs_diff(got[2]) <= 20, "{got:?}");
}

#[test]
fn s38_a_lone_tenant_gets_every_place() {
    let (now, mut queue) = (start(), queue());
    for name in 0..50 {
        queue.push(now, &1, Terms::default(), name).unwrap();
    }
    let running: Vec<_> = (0..50).map_while(|_| queue.pop(now)).collect();
    assert_eq!((running.len(), queue.running(), queue.is_ready()), (50, 50, false));
}

#[test]
fn who_was_idle_has_saved_nothing_up() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..1_000 {
        queue.push(now, &1, Terms::default(), 1).unwrap();
    }
    queue.push(now, &2, Terms::default(), 2).unwrap();
    for _ in 0..500 {
        let popped = queue.pop(now).unwrap();
        queue.settle(popped.charge, 100);
    }
    for _ in 0..100 {
        queue.push(now, &2, Terms::default(), 2).unwrap();
    }
    let got: Vec<_> = (0..20)
        .map(|_| {
            let popped = queue.pop(now).unwrap();
            queue.settle(popped.charge, 100);
            popped.value
        })
        .collect();
    let second = got.iter().filter(|tenant| **tenant == 2).count();
    assert!((9..=11).contains(&second), "{got:?}");
}

#[test]
fn a_debt_is_paid_before_the_next_turn_also_by_who_went_away_meanwhile() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..100 {
        queue.push(now, &1, Terms::default(), 1).unwrap();
    }
    queue.push(now, &2, Terms::default(), 2).unwrap();
    let order = |queue: &mut Queue<u32, u32>, cost: u64| {
        let popped = queue.pop(now).unwrap();
        queue.settle(popped.charge, cost);
        popped.value
    };
    assert_eq!([order(&mut queue, 100), order(&mut queue, 1_000)], [1, 2]);
    // Nothing of the second waits, and it comes back at once: its call cost as much as ten of the other's.
    queue.push(now, &2, Terms::default(), 2).unwrap();
    let wait = (0..).take_while(|_| order(&mut queue, 100) == 1).count();
    assert!((9..=11).contains(&wait), "{wait}");
}

#[test]
fn what_costs_more_than_any_round_still_lets_both_go_on() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..4 {
        queue.push(now, &1, Terms::default(), 1).unwrap();
        queue.push(now, &2, Terms::default(), 2).unwrap();
    }
    let mut order = Vec::new();
    while let Some(popped) = queue.pop(now) {
        queue.settle(popped.charge, u64::MAX);
        order.push(popped.value);
    }
    assert_eq!(order, [1, 2, 1, 2, 1, 2, 1, 2]);
}

#[test]
fn an_item_that_never_ran_costs_nothing() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..10 {
        queue.push(now, &1, Terms { estimate: Some(1_000_000), ..Terms::default() }, 1).unwrap();
        queue.push(now, &2, Terms::default(), 2).unwrap();
    }
    let first = queue.pop(now).unwrap();
    assert_eq!((first.value, first.charge.estimate()), (1, 1_000_000));
    queue.refund(first.charge);
    let removed = queue.push(now, &1, Terms { estimate: Some(1_000_000), ..Terms::default() }, 3).unwrap();
    assert_eq!(queue.remove(removed), Some(3));
    assert_eq!(queue.remove(removed), None);
    assert_eq!(queue.pop(now).unwrap().value, 1, "it is still its turn");
}

#[test]
fn the_estimate_is_what_the_tenant_usually_costs() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..100 {
        queue.push(now, &1, Terms::default(), ()).unwrap();
        let charge = queue.pop(now).unwrap().charge;
        queue.settle(charge, 5_000);
    }
    queue.push(now, &1, Terms::default(), ()).unwrap();
    let charge = queue.pop(now).unwrap().charge;
    assert!((4_900..=5_000).contains(&charge.estimate()), "{}", charge.estimate());
    queue.settle(charge, 0);
}

#[test]
fn caps_of_a_tenant_hold_it_back_and_nobody_else() {
    let share = Share { weight: 1, running: 2, waiting: 3 };
    let shares = Shares::default().with(1, share).unwrap();
    let (now, mut queue) = (start(), Queue::new(roomy(), shares).unwrap());
    for name in 0..3 {
        queue.push(now, &1, Terms::default(), name).unwrap();
    }
    assert_eq!(queue.push(now, &1, Terms::default(), 3), Err(Full::Tenant { bound: 3 }));
    let first = queue.pop(now).unwrap();
    let _second = queue.pop(now).unwrap();
    assert_eq!((queue.is_ready(), queue.usage(&1)), (false, Usage { waiting: 1, running: 2 }));
    queue.push(now, &2, Terms::default(), 10).unwrap();
    assert_eq!(queue.pop(now).map(|popped| popped.value), Some(10));
    assert!(queue.pop(now).is_none());
    queue.settle(first.charge, 1);
    assert_eq!(queue.pop(now).map(|popped| popped.value), Some(2));
}

#[test]
fn a_tool_that_hangs_fills_its_own_compartment_and_holds_up_nobody() {
    let (hangs, well) = (Some(Compartment(1)), Some(Compartment(2)));
    let (now, mut queue) = (start(), queue());
    queue.set_caps(Caps::default().with(Compartment(1), 2).unwrap());
    let of = |compartment| Terms { compartment, ..Terms::default() };
    for name in 0..100 {
        queue.push(now, &1, of(hangs), name).unwrap();
    }
    for name in 100..103 {
        queue.push(now, &1, of(well), name).unwrap();
    }
    let mut names = Vec::new();
    let mut running: VecDeque<Charge> = VecDeque::new();
    while let Some(popped) = queue.pop(now) {
        names.push(popped.value);
        running.push_back(popped.charge);
    }
    assert_eq!((names, queue.is_ready()), (vec![0, 1, 100, 101, 102], false));
    // A place of it comes free: the first that was passed over is next, also before a newcomer.
    queue.push(now, &1, of(hangs), 200).unwrap();
    queue.settle(running.pop_front().unwrap(), 1);
    let popped = queue.pop(now).unwrap();
    assert_eq!((popped.value, queue.running_in(Compartment(1)), queue.is_ready()), (2, 2, false));
    // More places than one.
    queue.set_caps(Caps::equal(5).unwrap());
    let names: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|popped| popped.value).collect();
    assert_eq!(names, [3, 4, 5]);
    assert_eq!(Caps::equal(0).err(), Some(SettingsError::Zero { name: "cap" }));
    assert!(Caps::default().with(Compartment(1), 0).is_err());
}

#[test]
fn when_the_one_that_was_brought_back_goes_away_the_next_is_brought_back() {
    let (now, mut queue) = (start(), queue());
    queue.set_caps(Caps::equal(1).unwrap());
    let terms = Terms { compartment: Some(Compartment(1)), ..Terms::default() };
    let entries: Vec<Entry> = (0..3).map(|name| queue.push(now, &1, terms, name).unwrap()).collect();
    let first = queue.pop(now).unwrap();
    assert!(!queue.is_ready());
    queue.settle(first.charge, 1);
    assert_eq!((queue.is_ready(), queue.remove(entries[1])), (true, Some(1)));
    assert_eq!(queue.pop(now).map(|popped| popped.value), Some(2));
}

#[test]
fn tenants_take_turns_in_a_full_compartment_too() {
    let (now, mut queue) = (start(), queue());
    queue.set_caps(Caps::equal(1).unwrap());
    let terms = Terms { compartment: Some(Compartment(1)), ..Terms::default() };
    for _ in 0..500 {
        queue.push(now, &1, terms, 1).unwrap();
    }
    for _ in 0..50 {
        queue.push(now, &2, terms, 2).unwrap();
    }
    let mut got = [0_u32; 3];
    for _ in 0..100 {
        let popped = queue.pop(now).unwrap();
        assert!(queue.pop(now).is_none());
        got[popped.value] += 1;
        queue.settle(popped.charge, 100);
    }
    assert!(got[1].abs_diff(got[2]) <= 5, "{got:?}");
}

#[test]
fn s19_what_runs_again_goes_before_all_of_its_tenant_that_came_later() {
    let (now, mut queue) = (start(), queue());
    let urgent = Terms { deadline: Some(now + millis(50)), ..Terms::default() };
    for (terms, name) in [(Terms::default(), 0), (Terms::default(), 1), (urgent, 2), (Terms::default(), 3)] {
        queue.push(now, &1, terms, name).unwrap();
    }
    let pop = |queue: &mut Queue<u32, u32>| queue.pop(now).map(|popped| (popped.value, popped.charge)).unwrap();
    let ((first, urgent_charge), (second, charge)) = (pop(&mut queue), pop(&mut queue));
    assert_eq!([first, second], [2, 0]);
    let (place, urgent_place) = (queue.again(charge, 1), queue.again(urgent_charge, 1));
    // It holds a place to wait in and nothing else.
    assert_eq!((queue.running(), queue.waiting(), queue.usage(&1)), (0, 4, Usage { waiting: 4, running: 0 }));
    queue.push(now, &1, Terms::default(), 4).unwrap();
    // In any order, and long after: what counts is when they came.
    queue.enter(now, urgent_place, urgent, 2);
    queue.enter(now, place, Terms::default(), 0);
    assert_eq!(drain(&mut queue, now), [2, 0, 1, 3, 4]);
}

#[test]
fn s19_what_runs_again_has_aged_since_it_came() {
    let step = roomy().age_step;
    for (steps, risen) in (0..6).zip([
        Priority::Background,
        Priority::Low,
        Priority::Normal,
        Priority::High,
        Priority::Critical,
        Priority::Critical,
    ]) {
        let (begun, mut queue) = (start(), queue());
        queue.push(begun, &1, class(Priority::Background), ()).unwrap();
        let charge = queue.pop(begun).unwrap().charge;
        let place = queue.again(charge, 1);
        let (late, half) = (begun + step * steps, step / 2);
        queue.enter(late, place, class(Priority::Background), ());
        let popped = queue.pop(late + half).unwrap();
        assert_eq!((popped.class, popped.waited), (risen, half), "its age is of all, its wait is this one");
        queue.settle(popped.charge, 1);
    }
}

#[test]
fn s19_ageing_goes_on_in_the_right_order_for_those_who_wait_again_and_those_who_do_not() {
    let (begun, mut queue) = (start(), queue());
    let step = roomy().age_step;
    // One comes every tenth of a step; every other one runs and waits again.
    let mut places = Vec::new();
    for name in 0..10_u32 {
        let now = begun + step / 10 * name;
        queue.push(now, &name, class(Priority::Background), name).unwrap();
        if name % 2 == 0 {
            let popped = queue.pop(now).unwrap();
            places.push((popped.value, queue.again(popped.charge, 1)));
        }
    }
    let now = begun + step * 9 / 10;
    for (name, place) in places.into_iter().rev() {
        queue.enter(now, place, class(Priority::Background), name);
    }
    // With each tenth of a step one more of them has risen to the class of the tenant that looks on.
    for name in 0..10 {
        let now = begun + step + step / 10 * name;
        let _looks = queue.is_ready();
        queue.promote(now);
        let risen = queue.items.iter().filter(|(_, item)| item.class == Priority::Low).count();
        assert_eq!(risen, name as usize + 1);
    }
}

#[test]
fn s19_what_runs_again_is_never_refused_and_newcomers_are_until_there_is_room() {
    let settings = Settings { items: 2, ..roomy() };
    let shares = Shares::equal(Share { waiting: 2, ..Share::default() }).unwrap();
    let (now, mut queue) = (start(), Queue::new(settings, shares).unwrap());
    let mut running = Vec::new();
    for name in 0..3 {
        queue.push(now, &1, Terms::default(), name).unwrap();
        running.push(queue.pop(now).unwrap().charge);
    }
    let places: Vec<Place> = running.into_iter().map(|charge| queue.again(charge, 1)).collect();
    assert_eq!((queue.waiting(), queue.running()), (3, 0));
    let mut refused = Vec::new();
    for place in places {
        refused.push(queue.hold(&2).err());
        queue.release(place);
    }
    assert_eq!(refused, [Some(Full::Items { bound: 2 }), Some(Full::Items { bound: 2 }), None]);
}

#[test]
fn other_shares_hold_at_once() {
    let (now, mut queue) = (start(), queue());
    for _ in 0..1_000 {
        queue.push(now, &1, Terms::default(), 1).unwrap();
        queue.push(now, &2, Terms::default(), 2).unwrap();
    }
    let _running = (queue.pop(now).unwrap(), queue.pop(now).unwrap(), queue.pop(now).unwrap());
    queue.set_shares(Shares::equal(Share { running: 1, ..Share::default() }).unwrap());
    assert!(queue.pop(now).is_none(), "both run one or more");
    let share = Share { weight: 4, ..Share::default() };
    queue.set_shares(Shares::default().with(2, share).unwrap());
    let mut got = [0; 3];
    for _ in 0..500 {
        let popped = queue.pop(now).unwrap();
        got[popped.value] += 1;
        queue.settle(popped.charge, 100);
    }
    assert!((380..=420).contains(&got[2]), "{got:?}");
}

#[test]
fn at_its_bounds_it_refuses_and_forgets_only_who_has_nothing() {
    let settings = Settings { items: 3, tenants: 2, ..roomy() };
    let (now, mut queue) = (start(), Queue::new(settings, Shares::default()).unwrap());
    queue.push(now, &1, Terms::default(), 1).unwrap();
    let place = queue.hold(&2).unwrap();
    assert_eq!(queue.push(now, &3, Terms::default(), 3), Err(Full::Tenants { bound: 2 }));
    queue.push(now, &2, Terms::default(), 2).unwrap();
    assert_eq!(queue.push(now, &2, Terms::default(), 2), Err(Full::Items { bound: 3 }));
    assert_eq!(queue.waiting(), 3);
    queue.release(place);
    let one = queue.pop(now).unwrap();
    queue.settle(one.charge, 1);
    queue.push(now, &3, Terms::default(), 3).unwrap();
    assert_eq!((queue.tenants(), queue.usage(&1)), (2, Usage::default()));
    for tenant in 4..1_000 {
        drain(&mut queue, now);
        queue.push(now, &tenant, Terms::default(), 3).unwrap();
        assert_eq!(queue.tenants(), 2);
    }
}

/// Rounds as the paper walks them: each tenant in turn is granted its quantum and served as long as something is left.
fn walked(weights: &[u32], mut costs: Vec<VecDeque<u64>>) -> Vec<u32> {
    let mut deficits = vec![0_i128; weights.len()];
    let mut order = Vec::new();
    while costs.iter().any(|costs| !costs.is_empty()) {
        for (tenant, costs) in costs.iter_mut().enumerate() {
            deficits[tenant] += 100 * i128::from(weights[tenant]);
            while deficits[tenant] > 0
                && let Some(cost) = costs.pop_front()
            {
                deficits[tenant] -= i128::from(cost);
                order.push(u32::try_from(tenant).unwrap());
            }
        }
    }
    order
}

proptest! {
    #[test]
    fn turns_are_those_of_the_paper_though_rounds_are_not_walked(
        tenants in prop::collection::vec((1_u32..5, prop::collection::vec(1_u64..2_000, 1..20)), 1..6),
    ) {
        let weights: Vec<u32> = tenants.iter().map(|(weight, _)| *weight).collect();
        let (now, mut queue) = (start(), weighted(&weights));
        for (tenant, (_, costs)) in (0..).zip(&tenants) {
            for cost in costs {
                queue.push(now, &tenant, Terms { estimate: Some(*cost), ..Terms::default() }, (tenant, *cost)).unwrap();
            }
        }
        let mut order = Vec::new();
        while let Some(popped) = queue.pop(now) {
            queue.settle(popped.charge, popped.value.1);
            order.push(popped.value.0);
        }
        let costs = tenants.into_iter().map(|(_, costs)| costs.into()).collect();
        prop_assert_eq!(order, walked(&weights, costs));
    }

    #[test]
    fn s26_one_tenants_equals_are_never_overtaken(
        pushes in prop::collection::vec((0_u32..4, 0_usize..5, 0_u64..3_000), 1..120),
    ) {
        let (mut now, mut queue) = (start(), queue());
        for (number, (tenant, class, pass)) in pushes.iter().enumerate() {
            now += millis(*pass);
            let priority = Priority::ALL[*class];
            queue.push(now, tenant, Terms { priority, ..Terms::default() }, (*tenant, *class, number)).unwrap();
        }
        let mut last = HashMap::new();
        for (tenant, class, number) in drain(&mut queue, now) {
            let before = last.insert((tenant, class), number);
            prop_assert!(before.is_none_or(|before| before < number));
        }
    }

    /// Places are few, costs are known only at the end and the estimates wrong; one tenant floods from a hundred keys, which
    /// are all the same to the queue.
    #[test]
    fn s38_shares_are_fair_by_weight_and_cost_though_one_tenant_floods(
        weights in prop::collection::vec(1_u32..5, 8),
        dear in prop::collection::vec(1_u64..40, 8),
        places in 1_usize..16,
        estimate in prop::option::of(1_u64..5_000),
    ) {
        let (mut now, mut queue) = (start(), weighted(&weights));
        let mut used = [0_u64; 8];
        let mut running: VecDeque<(u64, usize, Charge)> = VecDeque::new();
        let terms = Terms { estimate, ..Terms::default() };
        let mut clock = 0_u64;
        while clock < 40_000 {
            for tenant in 0..8_u32 {
                let want = if tenant == 0 { 100 } else { 2 * places };
                while queue.usage(&tenant).waiting < want {
                    queue.push(now, &tenant, terms, tenant).unwrap();
                }
            }
            while running.len() < places && let Some(popped) = queue.pop(now) {
                let tenant = popped.value as usize;
                let at = running.partition_point(|(end, ..)| *end <= clock + dear[tenant] * 10);
                running.insert(at, (clock + dear[tenant] * 10, tenant, popped.charge));
            }
            let (end, tenant, charge) = running.pop_front().unwrap();
            now += Duration::from_micros(end - clock);
            clock = end;
            used[tenant] += dear[tenant] * 10;
            queue.settle(charge, dear[tenant] * 10);
        }
        let got: Vec<f64> = used.iter().zip(&weights).map(|(used, weight)| *used as f64 / f64::from(*weight)).collect();
        prop_assert!(jain(&got) >= 0.95, "{} {got:?}", jain(&got));
    }
}
