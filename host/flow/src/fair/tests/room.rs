//! Room that is left for others.

use super::*;

/// How many places so many tenants get that each take what they can, one after another.
fn flooded(items: usize, factor: Option<u32>, tenants: u32) -> (Queue<u32, ()>, Vec<usize>) {
    let settings = Settings { items, factor, ..roomy() };
    let (now, mut queue) = (start(), Queue::new(settings, Shares::default()).unwrap());
    for tenant in 0..tenants {
        while queue.push(now, &tenant, Terms::default(), ()).is_ok() {}
    }
    let got = (0..tenants).map(|tenant| queue.usage(&tenant).waiting).collect();
    (queue, got)
}

#[test]
fn one_tenant_that_floods_the_room_leaves_a_part_of_it_free() {
    for (factor, got) in [(None, 900), (Some(1), 450), (Some(2), 600), (Some(8), 800), (Some(u32::MAX), 900)] {
        assert_eq!(flooded(900, factor, 1).1, [got], "{factor:?}");
    }
    let (mut queue, _) = flooded(900, Some(8), 1);
    assert_eq!(queue.hold(&0).err(), Some(Full::Tenant { bound: 800 }));
    assert!(queue.hold(&1).is_ok());
    assert_eq!(queue.hold(&0).err(), Some(Full::Tenant { bound: 792 }), "the less is free, the fewer");
}

#[test]
fn several_tenants_that_flood_the_room_leave_a_part_of_it_free_to_each_that_comes() {
    let (mut queue, got) = flooded(4_096, Some(1), 8);
    assert_eq!(got, [2_048, 1_024, 512, 256, 128, 64, 32, 16]);
    assert!(queue.hold(&100).is_ok());
    queue = flooded(900, Some(1), 8).0;
    // As what was there runs, room goes to who has less, until each of the eight has a ninth, and the last ninth is free.
    for _ in 0..20_000 {
        let popped = queue.pop(start()).unwrap();
        queue.settle(popped.charge, 100);
        for tenant in 0..8 {
            let _full = queue.push(start(), &tenant, Terms::default(), ());
        }
    }
    let got: Vec<usize> = (0..8).map(|tenant| queue.usage(&tenant).waiting).collect();
    assert!(got.iter().all(|waiting| (98..=101).contains(waiting)) && queue.free() >= 98, "{got:?}");
}

#[test]
fn the_share_of_a_tenant_bounds_it_as_well() {
    let shares = Shares::equal(Share { waiting: 3, ..Share::default() }).unwrap();
    let settings = Settings { items: 8, factor: Some(1), ..roomy() };
    let mut queue: Queue<u32, ()> = Queue::new(settings, shares).unwrap();
    let _places: Vec<Place> = (0..3).map(|_| queue.hold(&1).unwrap()).collect();
    assert_eq!(queue.hold(&1).err(), Some(Full::Tenant { bound: 3 }));
    let _places: Vec<Place> = (0..2).map(|_| queue.hold(&2).unwrap()).collect();
    assert_eq!((queue.hold(&2).is_ok(), queue.hold(&2).err()), (true, Some(Full::Tenant { bound: 2 })));
    let zero = Settings { factor: Some(0), ..roomy() };
    assert_eq!(Queue::<u32, ()>::new(zero, Shares::default()).err(), Some(SettingsError::Zero { name: "factor" }));
}

#[test]
fn s42_at_the_door_who_has_the_fewest_places_goes_first_and_one_tenant_leaves_room_there_too() {
    let settings = Settings { items: 8, door: Some(8), factor: Some(1), ..roomy() };
    let mut queue: Queue<u32, ()> = Queue::new(settings, Shares::default()).unwrap();
    let mut places: Vec<Place> = (0..4).map(|_| queue.hold(&1).unwrap()).collect();
    let mut knock = |queue: &mut Queue<u32, ()>, tenant: u32| match queue.arrive(&tenant) {
        Ok(Arrival::AtDoor(knock)) => Ok(knock),
        Ok(Arrival::In(place)) => {
            places.push(place);
            Err(None)
        }
        Err(full) => Err(Some(full)),
    };
    let of_first: Vec<Knock> = (0..4).map(|_| knock(&mut queue, 1).unwrap()).collect();
    assert_eq!(knock(&mut queue, 1), Err(Some(Full::Door { bound: 4 })));
    assert_eq!([knock(&mut queue, 2), knock(&mut queue, 2), knock(&mut queue, 3)], [Err(None); 3]);
    // One place is free, and too few for those who have one already.
    let of_second = knock(&mut queue, 2).unwrap();
    assert!(queue.admit().is_none());
    assert_eq!((queue.free(), queue.hold(&4).is_ok()), (1, true));
    for place in places.drain(..3) {
        queue.release(place);
    }
    assert_eq!(queue.admit().map(|(knock, _)| knock), Some(of_first[0]), "it has fewer by now");
    assert_eq!(queue.admit().map(|(knock, _)| knock), None);
    assert!(queue.leave(of_second));
}
