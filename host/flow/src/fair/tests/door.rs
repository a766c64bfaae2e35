//! Those who wait at the door.

use super::*;

fn small(items: usize, door: Option<usize>) -> Queue<u32, usize> {
    Queue::new(Settings { items, door, ..roomy() }, Shares::default()).unwrap()
}

fn at_door(queue: &mut Queue<u32, usize>, tenant: u32) -> Knock {
    match queue.arrive(&tenant).unwrap() {
        Arrival::AtDoor(knock) => knock,
        Arrival::In(_) => panic!("there was room"),
    }
}

#[test]
fn s42_those_of_a_tenant_are_let_in_in_the_order_in_which_they_came_and_nobody_overtakes() {
    let mut queue = small(1, Some(2_000));
    let mut place = queue.hold(&1).unwrap();
    let knocks: Vec<Knock> = (0..50).map(|_| at_door(&mut queue, 1)).collect();
    assert_eq!(queue.admit().map(|(knock, _)| knock), None);
    for (left, knock) in (0..50).rev().zip(knocks) {
        queue.release(place);
        assert_eq!(
            queue.hold(&1).err(),
            Some(Full::Items { bound: 1 }),
            "it is free for who waits, not for a newcomer"
        );
        assert_eq!(queue.hold(&2).err(), Some(Full::Items { bound: 1 }), "nor for one of another tenant");
        let admitted = queue.admit().unwrap();
        assert_eq!((admitted.0, queue.at_door(), queue.waiting()), (knock, left, 1));
        place = admitted.1;
        assert!(!queue.leave(knock), "it is in");
    }
    queue.release(place);
    assert!(queue.hold(&1).is_ok());
}

#[test]
fn s42_ten_thousand_of_one_tenant_delay_the_first_of_another_by_one_place() {
    let mut queue = small(1, Some(20_000));
    let place = queue.hold(&1).unwrap();
    for _ in 0..10_000 {
        at_door(&mut queue, 1);
    }
    let (second, third) = (at_door(&mut queue, 2), at_door(&mut queue, 3));
    let again = at_door(&mut queue, 2);
    queue.release(place);
    let mut order = Vec::new();
    for _ in 0..6 {
        let (knock, place) = queue.admit().unwrap();
        order.push(knock);
        queue.release(place);
    }
    let places: Vec<_> =
        [second, third, again].iter().map(|knock| order.iter().position(|other| other == knock)).collect();
    assert_eq!(places, [Some(1), Some(2), Some(4)]);
}

#[test]
fn s42_a_tenant_that_has_all_its_places_is_passed_over_and_keeps_its_turn() {
    let shares = Shares::default().with(1, Share { waiting: 1, ..Share::default() }).unwrap();
    let mut queue: Queue<u32, usize> = Queue::new(Settings { items: 2, door: Some(3), ..roomy() }, shares).unwrap();
    let (own, other) = (queue.hold(&1).unwrap(), queue.hold(&2).unwrap());
    let first = at_door(&mut queue, 1);
    let (second, third) = (at_door(&mut queue, 2), at_door(&mut queue, 2));
    queue.release(other);
    let (knock, place) = queue.admit().unwrap();
    assert_eq!((knock, queue.admit().is_none()), (second, true));
    queue.release(own);
    let (knock, own) = queue.admit().unwrap();
    assert_eq!(knock, first);
    queue.release(place);
    let (knock, place) = queue.admit().unwrap();
    assert_eq!((knock, queue.at_door()), (third, 0));
    // Its own places alone are full.
    let fourth = at_door(&mut queue, 1);
    queue.release(place);
    assert!(queue.admit().is_none());
    assert_eq!(queue.hold(&1).err(), Some(Full::Tenant { bound: 1 }));
    queue.set_shares(Shares::default());
    assert_eq!(queue.admit().map(|(knock, _)| knock), Some(fourth));
    queue.release(own);
}

#[test]
fn s42_who_leaves_the_door_leaves_nothing_behind() {
    let mut queue = small(1, Some(2_000));
    let place = queue.hold(&1).unwrap();
    let knocks: Vec<Knock> = (0..1_000).map(|_| at_door(&mut queue, 2)).collect();
    for knock in &knocks[1..] {
        assert!(queue.leave(*knock) && !queue.leave(*knock));
    }
    queue.release(place);
    let (knock, place) = queue.admit().unwrap();
    assert_eq!((knock, queue.at_door(), queue.admit().is_none()), (knocks[0], 0, true));
    queue.release(place);
    // Whoever waits at the door is not forgotten; whoever has left can be.
    for tenant in 3..5_000 {
        let place = queue.hold(&tenant).unwrap();
        let knock = at_door(&mut queue, tenant + 5_000);
        assert!(queue.tenants() <= roomy().tenants);
        queue.leave(knock);
        queue.release(place);
    }
}

#[test]
fn s42_the_door_is_bounded_by_as_many_as_there_are_places_unless_set() {
    for (door, bound) in [(None, 2), (Some(0), 0), (Some(5), 5)] {
        let mut queue = small(2, door);
        let _places = (queue.hold(&1).unwrap(), queue.hold(&1).unwrap());
        for _ in 0..bound {
            at_door(&mut queue, 1);
        }
        assert_eq!(queue.arrive(&2).err(), Some(Full::Door { bound }));
        assert_eq!(queue.at_door(), bound);
    }
}
