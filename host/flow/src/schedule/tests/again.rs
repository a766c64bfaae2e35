//! Tasks that run more than once, through the handle and on a paused clock.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join, join_all};

use super::rows::{Test, beside, scheduler, task, work};
use crate::fair::{Caps, Compartment, Shares};
use crate::limit::{Aimd, Bounds, Ended};
use crate::permit::Permits;
use crate::schedule::*;
use crate::testing::{Paused, after, pass};

#[tokio::test(start_paused = true)]
async fn s19_a_back_off_holds_no_place_and_an_attempt_waits_for_its_turn() {
    let permits = Permits::new(1);
    let (scheduler, service) =
        Test::new(Settings::default(), Shares::default(), permits.clone(), Arc::new(Paused)).unwrap();
    scheduler.set_caps(Caps::equal(1).unwrap());
    beside(service, async {
        let (begun, tool) = (after(0), Compartment(1));
        let mut failing = scheduler.submit(task(1).compartment(tool)).unwrap().await.unwrap();
        assert_eq!(failing.attempt(pass(10)).await, Ok(()));
        // A healthy call of the same tool, which waited for the place.
        let mut healthy = scheduler.submit(task(2).compartment(tool)).unwrap();
        assert!((&mut healthy).now_or_never().is_none());
        let ticket = failing.again(after(300), Report::failed().cost(10));
        assert_eq!((scheduler.standing(&1), scheduler.usage(&1).waiting), (Some(Standing::Delayed), 1));
        let healthy = healthy.now_or_never().expect("it has the place at once").unwrap();
        assert_eq!((permits.running(), healthy.waited()), (1, Duration::ZERO));
        let healthy = healthy.run(pass(400), |()| Report::done());
        let again = async {
            let started = ticket.await.unwrap();
            // 300 ms of back-off, then 100 until the other was done.
            assert_eq!((started.waited(), after(0) - begun), (Duration::from_millis(100), Duration::from_millis(410)));
            started.finish(Report::done());
        };
        assert_eq!(join(healthy, again).await.0, Ok(()));
        assert_eq!((scheduler.status().ended.done, scheduler.status().submitted), (2, 2));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s19_a_task_that_runs_again_goes_before_all_that_came_after_it() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let order = RefCell::new(Vec::new());
        let first = scheduler.submit(task(0)).unwrap().await.unwrap();
        let tickets: Vec<_> = (1..4).map(|id| scheduler.submit(task(id)).unwrap()).collect();
        let first = first.again(after(5), Report::failed());
        let late = async {
            pass(6).await;
            work(scheduler.submit(task(9)).unwrap(), 9, 10, &order).await;
        };
        let others = join_all((1..).zip(tickets).map(|(id, ticket)| work(ticket, id, 10, &order)));
        futures::join!(others, work(first, 0, 10, &order), late);
        assert_eq!(order.into_inner(), [1, 0, 2, 3, 9]);
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s19_a_limit_that_learns_is_told_of_each_attempt() {
    let permits = Permits::steered(Aimd::new(Bounds::new(1, 8, 8).unwrap()));
    let (scheduler, service) =
        Test::new(Settings::default(), Shares::default(), permits.clone(), Arc::new(Paused)).unwrap();
    beside(service, async {
        let mut ticket = scheduler.submit(task(1)).unwrap();
        for attempt in 0..20 {
            let started = ticket.await.unwrap();
            ticket = started.again_with(after(1), Report::failed(), |permit| {
                permit.settle(Duration::from_secs(3), Ended::Overloaded);
            });
            assert_eq!((permits.running(), attempt == 0 || permits.limit() < 8), (0, true));
        }
        assert_eq!(permits.limit(), 1);
        ticket.await.unwrap().decline();
        assert_eq!((scheduler.standing(&1), permits.running()), (Some(Standing::Ended(End::Cancelled)), 0));
        drop(scheduler);
    })
    .await;
}
