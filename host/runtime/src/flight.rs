//! The third stage: is the answer there already, or on its way?
//!
//! Only where it is sound. A call that used nothing but its input, its memory, a virtual clock and seeded randomness is a function of
//! what it was given, and the host has seen whether it did: so it is the *run* that is judged, not what the tool says of itself.
//! An answer is kept if its run was pure; a run that was not is its caller's alone, and that tenant's calls of the function ask no
//! more questions here until its component changes.
//!
//! What was given is all of the key: the component, the function, the input in its canonical form (which is also what the
//! guest then gets), the limits, and the grants with their seed and their variables. And the tenant: how fast an answer
//! comes must not tell one tenant what another has asked.
//!
//! An answer that is kept is for all of the tenant's calls. Those who ask at the same time follow each other within their priority
//! class: none waits in the place of a less urgent one.
//!
//! It is for tools whose author or operator set `cache.ttl`. All others pass straight through.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotcell_call::{
    ByteSize, Code, Digest, Failure, GrantSet, Limits, Log, Payload, Priority, Receipt, Source, TenantId,
};
use hotcell_flow::flight::{Answer, Bounds, Contents, Counts, Memo, Source as From};
use hotcell_sandbox::{Attempt, OpenGrants};

use crate::config::{Results, results};
use crate::intake::Ready;
use crate::timer::{TokioTimer, until};

/// Answers that are kept, and those that are being worked out.
pub(crate) struct Flight(Memo<Question, Kept, Priority>);

/// All that an answer depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question(Arc<Asked>);

#[derive(PartialEq, Eq, Hash)]
struct Asked {
    tenant: TenantId,
    digest: Digest,
    function: Arc<str>,
    input: String,
    limits: Arc<Limits>,
    grants: Arc<GrantSet>,
}

/// An answer, with what it answers: both are held.
#[derive(Clone)]
struct Kept {
    answer: Payload,
    question: usize,
}

/// What an entry takes besides its texts.
const OVERHEAD: usize = 1_024;

/// Why there is no answer to share.
enum Without {
    /// The call ended in its cell, in whatever way.
    Ended(Box<Attempt>),
    /// It never came so far.
    Refused(Failure),
}

impl Question {
    pub(crate) fn new(
        tenant: &TenantId,
        digest: Digest,
        function: &Arc<str>,
        input: &Payload,
        limits: &Arc<Limits>,
        grants: &OpenGrants,
    ) -> Self {
        Self(Arc::new(Asked {
            tenant: tenant.clone(),
            digest,
            function: Arc::clone(function),
            input: input.as_str().to_owned(),
            limits: Arc::clone(limits),
            grants: Arc::clone(grants.set()),
        }))
    }
}

impl Flight {
    pub(crate) fn new(bounds: Results) -> Self {
        let entries = usize::try_from(bounds.max_entries).unwrap_or(usize::MAX);
        let bounds = Bounds::new(entries, bounds.max_size.as_u64(), results::LONGEST).unwrap_or(Bounds::NOTHING);
        Self(Memo::with_classes(bounds, Arc::new(TokioTimer), Kept::weigh))
    }

    /// The answer to what `ready` asks: one that was kept, that of a call which asks the same now, or what `work` gives.
    ///
    /// Who waits for another's answer does so until its own deadline, and holds nothing meanwhile.
    pub(crate) async fn run<F>(&self, ready: &Ready, work: impl FnOnce() -> F) -> Result<Box<Attempt>, Failure>
    where
        F: Future<Output = Result<Box<Attempt>, Failure>>,
    {
        match ready.question() {
            None => work().await,
            // Boxed: what few calls need would otherwise be carried, and moved, in the future of every call.
            Some((question, ttl)) => Box::pin(self.ask(ready, question, ttl, work)).await,
        }
    }

    async fn ask<F>(
        &self,
        ready: &Ready,
        question: Question,
        ttl: Duration,
        work: impl FnOnce() -> F,
    ) -> Result<Box<Attempt>, Failure>
    where
        F: Future<Output = Result<Box<Attempt>, Failure>>,
    {
        let leads = AtomicBool::new(false);
        let mut own = None;
        let asked = self.0.ask(question, ready.call().priority, Some(ttl), async || {
            leads.store(true, Ordering::Relaxed);
            let attempt = work().await.map_err(Without::Refused)?;
            let answer = match &attempt.result {
                Ok(answer) => answer.clone(),
                Err(_) => return Err(Without::Ended(attempt)),
            };
            let kept = Kept { answer, question: ready.input().as_str().len() };
            let sound = attempt.receipt.pure;
            // A run that had too little memory of the host may have another answer next time; only what it used of the world, or was
            // refused, it will most likely use and be refused again.
            if !attempt.receipt.effects.is_empty() || !attempt.receipt.denials.is_empty() {
                ready.mark_unsound();
            }
            own = Some(attempt);
            Ok(if sound { Answer::Sound(kept) } else { Answer::Own(kept) })
        });
        let answered = tokio::select! {
            biased;
            answered = asked => answered,
            // Only while it waits for another: what it does itself ends by its own deadline, with a receipt.
            failure = given_up(ready, &leads) => return Err(failure),
        };
        match (answered, own) {
            (Ok(_), Some(attempt)) => Ok(attempt),
            (Ok((kept, from)), None) => Ok(ready.answered(kept.answer, source(from))),
            (Err(Without::Ended(attempt)), _) => Ok(attempt),
            (Err(Without::Refused(failure)), _) => Err(failure),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.counts()
    }

    pub(crate) fn contents(&self) -> Contents {
        self.0.contents()
    }
}

/// Ends when a call that waits for another's answer has no more use for it.
async fn given_up(ready: &Ready, leads: &AtomicBool) -> Failure {
    let failure = tokio::select! {
        () = ready.cancel().cancelled() => ready.cancelled(),
        () = until(ready.deadline()) => Failure::new(Code::Late, format!("the deadline of {} passed before it was answered", ready.target()))
            .why("it waited for a call that asks the same"),
    };
    if leads.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    failure
}

impl Kept {
    fn weigh(&self) -> u64 {
        ByteSize::of(self.answer.as_str().len() + self.question + OVERHEAD).as_u64()
    }
}

fn source(from: From) -> Source {
    match from {
        From::Memory => Source::Cache,
        From::Leader => Source::Flight,
        From::Work => Source::Cell,
    }
}

impl Ready {
    /// The end of a call that had no cell: what it would have had is told, and that it used nothing.
    fn answered(&self, answer: Payload, source: Source) -> Box<Attempt> {
        let receipt = Receipt { source, output: answer.size(), pure: true, ..self.receipt() };
        Box::new(Attempt { result: Ok(answer), receipt, log: Log::default() })
    }
}
