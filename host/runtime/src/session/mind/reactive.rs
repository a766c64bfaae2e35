//! Tasks as events: they come in one by one, and progress side by side.
//!
//! Three parts, each a loop of its own that does nothing but wait for what concerns it. *Thinking* has the conversation of each task
//! and asks the model; *acting* makes what it wants; *collecting* takes in what is done. They tell each other by channels, so none
//! waits for what another does, and nothing that was told is lost, however long nobody asked.
//!
//! The channels are bounded, and can't block each other: a task is in one of the three at any time, and no more tasks are let in than
//! the channels have room for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hotcell_agent::model::{ChatReply, Message, StopReason, ToolUse};
use hotcell_call::{ByteSize, Code, Failure, Happening, Kind, shortened};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conversation::{self, Copied, Results};
use super::{MOST_TOLD, Thinker};
use crate::session::TaskOutcome;
use crate::session::closing::Closing;
use crate::session::room::Share;

/// Tasks side by side: more are no use, and each has a conversation.
const MOST_AT_ONCE: usize = 1_024;
/// Outcomes of tasks that a run keeps: the last ones.
const MOST_KEPT: usize = 1_000;

/// A task that comes in.
pub(super) struct Incoming {
    pub(super) number: u64,
    pub(super) text: String,
}

/// What thinking is told.
enum Signal<'r> {
    Received(Incoming, Place<'r>),
    Acted(u64, Result<Results<'r>, Failure>),
    /// No more tasks will come.
    NoMore,
}

/// What acting is told.
struct Wanted {
    task: u64,
    uses: Vec<ToolUse>,
}

/// What collecting is told: a task, and how it ended.
struct Ended<'r> {
    task: u64,
    /// The answer, paid for.
    result: Result<(String, Share<'r>), Failure>,
    place: Place<'r>,
}

/// The place of a task that came in: given back, and its end told, when this goes.
struct Place<'r> {
    _permit: OwnedSemaphorePermit,
    open: Closing<'r>,
}

/// A task that is thought about.
struct Conversation<'r> {
    said: conversation::Conversation<'r>,
    place: Place<'r>,
}

impl Thinker<'_> {
    /// Does all tasks that come, until no more will and all are done.
    ///
    /// # Errors
    ///
    /// What ends the whole run: a budget that is spent. That a task failed is its own outcome.
    pub(super) async fn reactive(&self, tasks: Receiver<Incoming>) -> Result<(), Failure> {
        let at_once = self.caller.agent.bounds.parallel.get().min(MOST_AT_ONCE);
        let places = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
        let (signal, signals) = channel(at_once + 2);
        let (want, wanted) = channel(at_once + 1);
        let (end, ended) = channel(at_once + 1);
        // Each part ends when those before it have: what they tell it by is dropped.
        let letting_in = self.letting_in(tasks, places, signal.clone());
        let (thinking, acting) = (self.thinking(signals, want, end), self.acting(wanted, signal));
        let (.., collected) = tokio::join!(letting_in, thinking, acting, self.collecting(ended));
        collected
    }

    async fn letting_in<'s>(
        &'s self,
        mut tasks: Receiver<Incoming>,
        places: Arc<Semaphore>,
        signal: Sender<Signal<'s>>,
    ) {
        loop {
            // What is spent is spent for all: no more come in, and whoever sends them is told by the closed channel.
            let task = tokio::select! {
                biased;
                () = self.over.cancelled() => break,
                task = tasks.recv() => task,
            };
            let Some(task) = task else { break };
            let text = shortened(&task.text, MOST_TOLD);
            self.tell(|| Happening::TaskReceived { task: task.number, text });
            let cancelled = ended(task.number, Kind::Cancelled.to_string(), "");
            let open = Closing::of(&self.caller.host.0.events, self.caller.owner.about(), cancelled);
            let Ok(permit) = Arc::clone(&places).acquire_owned().await else { return };
            let place = Place { _permit: permit, open };
            if signal.send(Signal::Received(task, place)).await.is_err() {
                return;
            }
        }
        let _ = signal.send(Signal::NoMore).await;
    }

    async fn thinking<'s>(&'s self, mut signals: Receiver<Signal<'s>>, want: Sender<Wanted>, end: Sender<Ended<'s>>) {
        let mut open: HashMap<u64, Conversation<'s>> = HashMap::new();
        let mut asked = FuturesUnordered::new();
        let (mut want, mut no_more, mut told) = (Some(want), false, true);
        while told || !asked.is_empty() {
            tokio::select! {
                // Both may be dropped and asked again: what is not taken now stays where it is.
                signal = signals.recv(), if told => match signal {
                    None => told = false,
                    Some(Signal::NoMore) => no_more = true,
                    Some(signal) => {
                        if let Some((task, said)) = self.take_in(signal, &mut open, &end).await {
                            asked.push(async move {
                                (task, self.reply(&self.system(), said, self.specs(), None).await)
                            });
                        }
                    }
                },
                Some((task, reply)) = asked.next() => {
                    let wants = self.take_reply(task, reply, &mut open, &end).await;
                    if let (Some(uses), Some(want)) = (wants, &want) {
                        // Nobody acts any more only where the run is over.
                        let _ = want.send(Wanted { task, uses }).await;
                    }
                },
            }
            // Acting ends when nothing more will be wanted, and lets go of its end of `signals`: then this ends as well.
            if no_more && open.is_empty() {
                want = None;
            }
        }
    }

    /// A task or a result comes in: gives the conversation that the model is asked to go on with.
    async fn take_in<'s>(
        &'s self,
        signal: Signal<'s>,
        open: &mut HashMap<u64, Conversation<'s>>,
        end: &Sender<Ended<'s>>,
    ) -> Option<(u64, Copied<'s>)> {
        let task = match signal {
            Signal::Received(task, place) => {
                match self.conversation(&task.text) {
                    Ok(said) => drop(open.insert(task.number, Conversation { said, place })),
                    Err(failure) => {
                        let _ = end.send(Ended { task: task.number, result: Err(failure), place }).await;
                        return None;
                    }
                }
                task.number
            }
            Signal::Acted(task, Ok(results)) => {
                open.get_mut(&task)?.said.results(results);
                task
            }
            Signal::Acted(task, Err(failure)) => {
                self.close(task, Err(failure), open, end).await;
                return None;
            }
            Signal::NoMore => return None,
        };
        match open.get(&task)?.said.copied() {
            Ok(said) => Some((task, said)),
            Err(failure) => {
                self.close(task, Err(failure), open, end).await;
                None
            }
        }
    }

    /// The model replied: gives what it wants, if that is not the end.
    async fn take_reply<'s>(
        &'s self,
        task: u64,
        reply: Result<ChatReply, Failure>,
        open: &mut HashMap<u64, Conversation<'s>>,
        end: &Sender<Ended<'s>>,
    ) -> Option<Vec<ToolUse>> {
        let reply = match reply {
            Ok(reply) if !reply.uses.is_empty() && reply.stop == StopReason::Complete => reply,
            Ok(reply) => {
                self.close(task, self.answer(reply), open, end).await;
                return None;
            }
            Err(failure) => {
                self.close(task, Err(failure), open, end).await;
                return None;
            }
        };
        if let Err(failure) = open.get_mut(&task)?.said.push(Message::reply(&reply)) {
            self.close(task, Err(failure), open, end).await;
            return None;
        }
        Some(reply.uses)
    }

    async fn close<'s>(
        &'s self,
        task: u64,
        result: Result<String, Failure>,
        open: &mut HashMap<u64, Conversation<'s>>,
        end: &Sender<Ended<'s>>,
    ) {
        if let Some(Conversation { said, place }) = open.remove(&task) {
            drop(said);
            // An answer is kept to the end of the run, and has to be paid for as long.
            let result = result.and_then(|answer| {
                let share = self.room.take(ByteSize::of(answer.len()))?;
                Ok((answer, share))
            });
            let _ = end.send(Ended { task, result, place }).await;
        }
    }

    async fn acting<'s>(&'s self, mut wanted: Receiver<Wanted>, signal: Sender<Signal<'s>>) {
        let mut running = FuturesUnordered::new();
        let mut more = true;
        while more || !running.is_empty() {
            tokio::select! {
                wanted = wanted.recv(), if more => match wanted {
                    None => more = false,
                    Some(Wanted { task, uses }) => running.push(async move { (task, self.act(uses).await) }),
                },
                Some((task, results)) = running.next() => {
                    if signal.send(Signal::Acted(task, results)).await.is_err() {
                        return;
                    }
                },
            }
        }
    }

    async fn collecting(&self, mut over: Receiver<Ended<'_>>) -> Result<(), Failure> {
        let mut shares: VecDeque<Option<Share<'_>>> = VecDeque::new();
        let mut spent = None;
        while let Some(Ended { task, result, place }) = over.recv().await {
            let (result, share) = match result {
                Ok((answer, share)) => (Ok(answer), Some(share)),
                Err(failure) => (Err(failure), None),
            };
            let outcome = TaskOutcome::new(task, result);
            let Place { _permit, open } = place;
            open.tell(ended(task, outcome.word(), outcome.answer.as_deref().unwrap_or_default()));
            // What has no room is that task's matter; what is spent is spent for all.
            if let Some(failure) = outcome.failure.as_ref().filter(|failure| failure.code() == Code::Budget) {
                spent.get_or_insert_with(|| failure.clone());
                self.over.cancel();
            }
            // They were done, however the run ends.
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            if tasks.len() >= MOST_KEPT {
                tasks.remove(0);
                shares.pop_front();
            }
            tasks.push(outcome);
            shares.push_back(share);
        }
        shares.into_iter().flatten().for_each(Share::for_good);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).sort_by_key(|outcome| outcome.task);
        spent.map_or(Ok(()), Err)
    }

    /// What the answers of all tasks are together: that of the one, where there was one.
    pub(super) fn together(&self, outcomes: &[TaskOutcome]) -> Result<String, Failure> {
        match outcomes {
            [] => Ok("no task came in".to_owned()),
            [one] => match &one.failure {
                Some(failure) => Err(failure.clone()),
                None => Ok(one.answer.clone().unwrap_or_default()),
            },
            several => {
                let failed = several.iter().filter(|one| one.failure.is_some()).count();
                if failed == several.len() {
                    return Err(Failure::new(Code::Model, format!("none of {} tasks was done", several.len())));
                }
                let answers: usize = several.iter().filter_map(|one| one.answer.as_ref()).map(String::len).sum();
                // As lines, and joined.
                let _lines = self.room.take(ByteSize::of(answers * 2))?;
                let lines = several.iter().map(|one| match (&one.answer, &one.failure) {
                    (Some(answer), _) => format!("{}: {answer}", one.task),
                    (None, failure) => {
                        let failure = failure.as_ref().map(ToString::to_string).unwrap_or_default();
                        format!("{}: {failure}", one.task)
                    }
                });
                Ok(lines.collect::<Vec<_>>().join("\n"))
            }
        }
    }
}

/// The end of a task, as it is told.
fn ended(task: u64, outcome: String, answer: &str) -> Happening {
    Happening::TaskFinished { task, outcome, answer: shortened(answer, MOST_TOLD) }
}
