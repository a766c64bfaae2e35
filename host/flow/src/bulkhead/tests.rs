use futures::FutureExt;
use proptest::prelude::*;

use super::*;

fn count(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[test]
fn what_hangs_fills_its_own_compartment_and_no_other() {
    let bulkhead = Bulkhead::new(count(2), count(8));
    let hung: Vec<_> = (0..2).map(|_| bulkhead.try_take(&"hangs").unwrap().unwrap()).collect();
    assert!(bulkhead.try_take(&"hangs").unwrap().is_none());
    assert_eq!((bulkhead.free(&"hangs"), bulkhead.free(&"other")), (0, 2));
    let other = bulkhead.try_take(&"other").unwrap().unwrap();
    assert_eq!((*other.key(), bulkhead.keys()), ("other", 2));
    drop((hung, other));
    assert_eq!((bulkhead.keys(), bulkhead.running(&"hangs")), (0, 0));
}

#[test]
fn a_key_beyond_the_bound_is_refused_and_those_in_use_go_on() {
    let bulkhead = Bulkhead::new(count(2), count(1));
    let first = bulkhead.try_take(&1).unwrap();
    assert_eq!(bulkhead.try_take(&2).err(), Some(Refused::Crowded { most: 1 }));
    assert!(bulkhead.try_take(&1).unwrap().is_some());
    drop(first);
    assert!(bulkhead.try_take(&2).unwrap().is_some());
}

#[test]
fn a_key_may_have_a_bound_of_its_own() {
    let bulkhead = Bulkhead::new(count(1), count(8));
    bulkhead.set("wide", count(3));
    assert_eq!((bulkhead.free(&"wide"), bulkhead.free(&"narrow")), (3, 1));
    let held = bulkhead.try_take(&"narrow").unwrap();
    let mut waiter = Box::pin(bulkhead.take(&"narrow"));
    assert!((&mut waiter).now_or_never().is_none());
    bulkhead.set("narrow", count(2));
    assert!(waiter.now_or_never().unwrap().is_ok(), "one in use takes it at once");
    drop(held);
}

#[test]
fn who_waits_is_served_in_turn_and_who_gives_up_leaves_nothing() {
    let bulkhead = Bulkhead::new(count(1), count(8));
    let held = bulkhead.try_take(&"a").unwrap();
    let mut first = Box::pin(bulkhead.take(&"a"));
    let mut second = Box::pin(bulkhead.take(&"a"));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(held);
    drop(first);
    let second = second.now_or_never().unwrap().unwrap();
    assert_eq!(bulkhead.running(&"a"), 1);
    drop(second);
    assert_eq!(bulkhead.keys(), 0);
}

#[test]
fn closing_sends_waiters_away() {
    let bulkhead = Bulkhead::new(count(1), count(8));
    let held = bulkhead.try_take(&"a").unwrap();
    let mut waiter = Box::pin(bulkhead.take(&"a"));
    assert!((&mut waiter).now_or_never().is_none());
    bulkhead.close();
    assert_eq!(waiter.now_or_never().unwrap().err(), Some(Refused::Closed));
    assert_eq!(bulkhead.try_take(&"b").err(), Some(Refused::Closed));
    assert_eq!(bulkhead.running(&"a"), 1);
    drop(held);
}

proptest! {
    #[test]
    fn each_key_keeps_its_bound_and_unused_keys_are_forgotten(
        steps in prop::collection::vec((0_u8..6, any::<prop::sample::Index>(), 0_u8..5), 1..150),
    ) {
        let bulkhead = Bulkhead::new(count(2), count(4));
        let (mut held, mut waiting) = (Vec::new(), Vec::new());
        for (key, which, step) in steps {
            match step {
                0 if !held.is_empty() => drop(held.swap_remove(which.index(held.len()))),
                1 if !waiting.is_empty() => drop(waiting.swap_remove(which.index(waiting.len()))),
                2 => {
                    let shared = bulkhead.clone();
                    waiting.push((key, Box::pin(async move { shared.take(&key).await })));
                }
                3 => held.extend(bulkhead.try_take(&key).ok().flatten()),
                _ => waiting.retain_mut(|(_, waiter)| match waiter.now_or_never() {
                    Some(permit) => {
                        held.extend(permit.ok());
                        false
                    }
                    None => true,
                }),
            }
            for key in 0..6 {
                let mine = held.iter().filter(|permit| *permit.key() == key).count();
                prop_assert!(mine <= bulkhead.running(&key) && bulkhead.running(&key) <= 2);
            }
            prop_assert!(bulkhead.keys() <= 4);
        }
        drop((held, waiting));
        prop_assert_eq!(bulkhead.keys(), 0);
    }
}
