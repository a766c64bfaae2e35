//! How a task moves on: from its submission to its one end.

use std::collections::BTreeSet;
use std::time::Instant;

use super::record::{Key, Record, Stage};
use super::{Change, End, Id, Plan, Start, Stop, Task};
use crate::dag::Verdict;
use crate::fair::Place;
use crate::schedule::error::SubmitError;
use crate::schedule::history::Known;
use crate::schedule::task::Report;

impl<I: Id, K: Id, T> Plan<I, K, T> {
    /// Does what is due: lets tasks wait whose time has come, ends those whose deadline has passed, and tells those of them
    /// to stop that run.
    pub fn advance(&mut self, now: Instant) {
        while let Some((alarm, ())) = self.alarms.first().copied().filter(|((at, _), ())| *at <= now) {
            self.alarms.remove(&alarm);
            let (_, key) = alarm;
            let Some(record) = self.record_mut(key) else {
                continue;
            };
            record.alarm = None;
            match (&record.stage, record.is_late(now)) {
                (Stage::Running(_), _) => {
                    self.stop(key, Stop::TimedOut);
                }
                (_, true) => self.end(now, key, End::Late),
                (_, false) => self.release(now, key),
            }
        }
        self.history.forget(now);
    }

    /// Starts the task whose turn it is. None if none may start.
    pub fn start(&mut self, now: Instant) -> Option<Start> {
        self.advance(now);
        let popped = self.queue.pop(now)?;
        let key = popped.value;
        self.stand(key, Stage::Running(popped.charge));
        Some(Start { key, waited: popped.waited })
    }

    /// Ends a task that runs; without a report it is [`End::Abandoned`]. If it was told to stop, it ends as it was told,
    /// whatever the report says: that end was promised to whoever made it stop. Whether it ran.
    pub fn finish(&mut self, now: Instant, key: Key, report: Option<Report>) -> bool {
        let Some((Stage::Running(charge), stop)) = self.step_off(key) else {
            return false;
        };
        let cost = report.and_then(|report| report.cost).unwrap_or(charge.estimate());
        self.queue.settle(charge, cost);
        let end = match (stop, report.map(|report| report.verdict)) {
            (Some(stop), _) => stop.end(),
            (None, Some(Verdict::Done)) => End::Done,
            (None, Some(Verdict::Failed)) => End::Failed,
            (None, None) => End::Abandoned,
        };
        self.end(now, key, end);
        true
    }

    /// Lets a task that runs wait again: until `at`, and then for its turn, in which it keeps its place in line. What it holds is
    /// given back now; `report` says what this run cost, and its verdict is of no account.
    ///
    /// It may end instead: as it was told, if it was told to stop, and as [`End::Late`], if `at` is not before its deadline. Whether
    /// it ran.
    pub fn again(&mut self, now: Instant, key: Key, at: Instant, report: Report) -> bool {
        self.advance(now);
        let (told, late) = match self.record(key) {
            Some(record) => (record.stop, record.is_late(at)),
            None => return false,
        };
        if told.is_some() {
            return self.finish(now, key, Some(report));
        }
        let charge = match self.step_off(key) {
            Some((Stage::Running(charge), _)) => charge,
            Some((stage, _)) => {
                self.stand(key, stage);
                return false;
            }
            None => return false,
        };
        let cost = report.cost.unwrap_or(charge.estimate());
        let place = self.queue.again(charge, cost);
        if let Some(record) = self.record_mut(key) {
            record.start_at = Some(at);
        }
        self.stand(key, Stage::Delayed(place));
        if late {
            self.end(now, key, End::Late);
        } else {
            self.release(now, key);
        }
        true
    }

    /// Takes a task back that its owner no longer wants and that has done nothing: it costs nothing, even if it was started.
    /// Whether it was under way.
    pub fn withdraw(&mut self, now: Instant, key: Key) -> bool {
        if !matches!(self.record(key).map(|record| &record.stage), Some(Stage::Running(_))) {
            return self.cancel(now, key);
        }
        let Some((Stage::Running(charge), stop)) = self.step_off(key) else {
            return false;
        };
        self.queue.refund(charge);
        self.end(now, key, stop.map_or(End::Cancelled, Stop::end));
        true
    }

    /// Takes a task that may start, and starts it, if nothing waits: as [`submit`](Self::submit) and [`start`](Self::start) would.
    /// Gives the task back if they would not.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it is not taken.
    #[expect(clippy::type_complexity, reason = "a key, or what was handed in")]
    pub fn submit_alone(
        &mut self,
        now: Instant,
        task: Task<I, K>,
        value: T,
    ) -> Result<Result<Key, (Task<I, K>, T)>, SubmitError<I>> {
        self.advance(now);
        let needs = !task.needs.is_empty() || task.start_at.is_some_and(|at| at > now);
        let charge = self
            .check(now, &task)
            .and_then(|()| if needs { Ok(None) } else { Ok(self.queue.start_alone(now, &task.tenant, task.terms)?) });
        match charge {
            Ok(Some(charge)) => Ok(Ok(self.take(Stage::Running(charge), task, value).0)),
            Ok(None) => Ok(Err((task, value))),
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// Takes a task that has been checked.
    pub(super) fn take_in(&mut self, now: Instant, place: Place, task: Task<I, K>, value: T) -> Key {
        let (key, because) = self.take(Stage::Blocked(place), task, value);
        self.let_go(now, key, because);
        key
    }

    /// Notes a task where it stands, and says which of its needs is the reason if it can't ever start. One for which a place is
    /// held stands still until it is [let go](Self::let_go).
    pub(super) fn take(&mut self, stage: Stage, task: Task<I, K>, value: T) -> (Key, Option<I>) {
        self.numbers += 1;
        self.status.submitted += 1;
        let slot = self.tasks.vacant_key();
        let key = Key { number: self.numbers, slot };
        let (needs, because) = self.link(key, &task.needs);
        self.history.begin(task.id.clone(), key);
        self.tasks.insert(Record {
            id: task.id,
            number: key.number,
            terms: task.terms,
            start_at: task.start_at,
            stage: Stage::Moving,
            needs,
            dependents: BTreeSet::new(),
            alarm: None,
            stop: None,
            value,
        });
        self.stand(key, stage);
        (key, because)
    }

    /// Lets a new task go where it belongs.
    pub(super) fn let_go(&mut self, now: Instant, key: Key, because: Option<I>) {
        match because {
            Some(because) => self.end(now, key, End::Skipped { because }),
            None => self.release(now, key),
        }
    }

    /// Tells a task that runs to stop, if it was not told before. Why it was told first.
    pub(super) fn stop(&mut self, key: Key, stop: Stop) -> Option<Stop> {
        let record = self.record_mut(key)?;
        if record.stop.is_some() {
            return record.stop;
        }
        record.stop = Some(stop);
        self.changes.push_back(Change::Stop { key, stop });
        self.rearm(key);
        Some(stop)
    }

    /// Ends a task that does not run, and with it what needs it.
    pub(super) fn end(&mut self, now: Instant, key: Key, end: End<I>) {
        let (mut next, mut later) = (Some((key, end)), Vec::new());
        while let Some((key, end)) = next {
            if let Some(record) = self.remove(key) {
                for dependent in record.dependents {
                    let because = match &end {
                        End::Done => None,
                        End::Skipped { because } => Some(because.clone()),
                        _ => Some(record.id.clone()),
                    };
                    if let Some(because) = because {
                        later.push((dependent, End::Skipped { because }));
                    } else if let Some(record) = self.record_mut(dependent) {
                        record.needs.remove(&key);
                        self.release(now, dependent);
                    }
                }
                self.status.ended.count(&end);
                self.history.end(now, record.id, end.clone());
                self.changes.push_back(Change::Ended { key, end, value: record.value });
            }
            next = later.pop();
        }
    }

    /// Lets a task wait for its turn, if its needs are met and its time has come; or for its time, if its needs are.
    fn release(&mut self, now: Instant, key: Key) {
        let Some(record) = self.record(key).filter(|record| record.needs.is_empty()) else {
            return;
        };
        let (terms, may_start) = (record.terms, record.may_start(now));
        let place = match self.step_off(key) {
            Some((Stage::Blocked(place) | Stage::Delayed(place), _)) => place,
            Some((stage, _)) => return self.stand(key, stage),
            None => return,
        };
        let stage =
            if may_start { Stage::Waiting(self.queue.enter(now, place, terms, key)) } else { Stage::Delayed(place) };
        self.stand(key, stage);
    }

    /// Takes a task out of every list, and gives back what it holds.
    fn remove(&mut self, key: Key) -> Option<Record<I, T>> {
        let (stage, _) = self.step_off(key)?;
        match stage {
            Stage::Blocked(place) | Stage::Delayed(place) => self.queue.release(place),
            Stage::Waiting(entry) => {
                self.queue.remove(entry);
            }
            Stage::Running(charge) => self.queue.refund(charge),
            Stage::Moving => {}
        }
        let record = self.tasks.try_remove(key.slot)?;
        if let Some(at) = record.alarm {
            self.alarms.remove(&(at, key));
        }
        for need in &record.needs {
            if let Some(need) = self.record_mut(*need) {
                need.dependents.remove(&key);
            }
        }
        Some(record)
    }

    /// Joins a new task with those under way that it needs; says which is the reason if one has not ended well.
    fn link(&mut self, key: Key, ids: &[I]) -> (BTreeSet<Key>, Option<I>) {
        let (mut needs, mut because) = (BTreeSet::new(), None);
        for id in ids {
            match self.history.get(id) {
                Some(Known::Live(need)) => {
                    let need = *need;
                    needs.insert(need);
                    if let Some(record) = self.record_mut(need) {
                        record.dependents.insert(key);
                    }
                }
                Some(Known::Ended(End::Done)) => {}
                Some(Known::Ended(End::Skipped { because: root })) => because = because.or_else(|| Some(root.clone())),
                Some(Known::Ended(_)) | None => because = because.or_else(|| Some(id.clone())),
            }
        }
        (needs, because)
    }

    fn stand(&mut self, key: Key, stage: Stage) {
        if let Some(record) = self.tasks.get_mut(key.slot).filter(|record| record.number == key.number) {
            if let Some(count) = record.stage.count(&mut self.status) {
                *count -= 1;
            }
            record.stage = stage;
            if let Some(count) = record.stage.count(&mut self.status) {
                *count += 1;
            }
        }
        self.rearm(key);
    }

    /// Takes a task off where it stands. Until it stands again, it counts nowhere.
    fn step_off(&mut self, key: Key) -> Option<(Stage, Option<Stop>)> {
        let record = self.tasks.get_mut(key.slot).filter(|record| record.number == key.number)?;
        let stage = std::mem::replace(&mut record.stage, Stage::Moving);
        if let Some(count) = stage.count(&mut self.status) {
            *count -= 1;
        }
        Some((stage, record.stop))
    }

    /// Sets the one alarm of a task to what it should be.
    fn rearm(&mut self, key: Key) {
        let Some(record) = self.tasks.get_mut(key.slot).filter(|record| record.number == key.number) else {
            return;
        };
        let next = record.next_alarm();
        if record.alarm == next {
            return;
        }
        if let Some(at) = std::mem::replace(&mut record.alarm, next) {
            self.alarms.remove(&(at, key));
        }
        if let Some(at) = next {
            self.alarms.insert((at, key), ());
        }
    }
}
