//! Who is asked before something is done.
//!
//! Nobody, unless whoever starts a run brings somebody: then what has to be asked for is refused.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hotcell_agent::Approve;
use hotcell_call::{AgentName, Code, Effect, Failure, Foreseen, Happening, Payload, Target, abridged};
use tokio::sync::Mutex;

use crate::events::Events;
use crate::session::Owner;
use crate::session::caller::Caller;
use crate::session::closing::Closing;

/// What is asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Question<'a> {
    /// Whether a function may be called.
    Call {
        /// By whom.
        agent: &'a AgentName,
        /// Which function.
        target: &'a Target,
        /// What its author says that its calls do.
        says: Effect,
        /// What this call could do: the worse of that and what it is granted.
        effect: Effect,
        /// With what input, as JSON: a model's words.
        input: &'a str,
    },
    /// Whether as much again may be spent.
    Budget {
        /// By whom.
        agent: &'a AgentName,
        /// What is spent: `turns`, `tokens`, `cost`.
        what: &'static str,
        /// How much it was.
        used: &'a str,
        /// How much it might be.
        most: &'a str,
    },
}

/// What of a call's input its events tell.
const MOST_TOLD: usize = 2_000;

/// The turn of a question: dropped when it was answered, or need not be any more.
pub type Turn<'a> = Box<dyn Send + 'a>;

/// One who answers.
pub trait Approver: Send + Sync {
    /// Waits until the question can be put: where other runs ask too, they take turns. The time for an answer begins after it.
    fn turn<'a>(&'a self, _question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = Turn<'a>> + Send + 'a>> {
        Box::pin(async { Box::new(()) as Turn<'a> })
    }

    /// Whether it may be. Dropping the future withdraws the question.
    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

/// What stands before the calls of a run: what must be asked for, and who is asked.
#[derive(Clone)]
pub(super) struct Gate {
    agent: AgentName,
    owner: Owner,
    asks: Arc<Asks>,
    approval: Arc<Approval>,
    events: Arc<Events>,
}

/// What must be asked for: what the agent says, and all agents that it is used by. At the side of another nobody asks for less.
pub(super) struct Asks {
    own: Approve,
    around: Option<Arc<Asks>>,
}

impl Asks {
    pub(super) fn new(own: Approve, around: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { own, around })
    }

    fn contain(&self, target: &Target, could: &RangeInclusive<Effect>) -> bool {
        self.own.asks(target, could) || self.around.as_ref().is_some_and(|around| around.contain(target, could))
    }

    /// Whether there is nothing that must be asked for.
    fn are_none(&self) -> bool {
        let none = self.own.effects.is_empty() && self.own.functions.is_empty();
        none && self.around.as_ref().is_none_or(|around| around.are_none())
    }
}

impl Gate {
    pub(super) fn new(
        agent: &AgentName,
        owner: &Owner,
        asks: &Arc<Asks>,
        approval: &Arc<Approval>,
        events: &Arc<Events>,
    ) -> Self {
        let (asks, approval, events) = (Arc::clone(asks), Arc::clone(approval), Arc::clone(events));
        Self { agent: agent.clone(), owner: owner.clone(), asks, approval, events }
    }

    pub(super) fn asks(&self) -> &Arc<Asks> {
        &self.asks
    }

    pub(super) fn approval(&self) -> &Arc<Approval> {
        &self.approval
    }

    /// Lets a call of a run through, if it need not be asked for or somebody agrees; gives as what. The call has to be made as that, and
    /// the path sees to it: an answer takes its time, and so does the queue, and tools may change meanwhile. None: nothing is asked for.
    ///
    /// What it could do is found out now, and not when the agent was read: a tool may have become another since then, and what its
    /// author says of it counts for no less than what it is granted.
    ///
    /// # Errors
    ///
    /// [`Code::Approval`]; what is wrong with the tool, or with the input.
    pub(super) async fn pass(
        &self,
        caller: &Caller<'_>,
        target: &Target,
        input: &Payload,
    ) -> Result<Option<Foreseen>, Failure> {
        if self.asks.are_none() {
            return Ok(None);
        }
        let wants = caller.agent.wants(&target.tool);
        let foreseen = caller.host.foreseen(target, wants.as_ref()).await?;
        if !self.asks.contain(target, &foreseen.effects) {
            return Ok(Some(foreseen));
        }
        // What would be refused is no question for a person.
        caller.host.fits(target, &caller.agent.limits(&target.tool), input).await?;
        let input = input.as_str();
        let (says, effect) = (*foreseen.effects.start(), *foreseen.effects.end());
        let question = Question::Call { agent: &self.agent, target, says, effect, input };
        if !self.approval.ask(&question, &self.owner, &self.events).await {
            return Err(Failure::new(Code::Approval, format!("{target} was not approved"))
                .why("whoever runs the agent is asked before it is called, and did not agree"));
        }
        Ok(Some(foreseen))
    }
}

/// How long an answer is waited for where no agent says it.
const USUAL_WAIT: Duration = Duration::from_secs(600);

/// Asks one thing after the other, and waits only so long.
pub(super) struct Approval {
    approver: Option<Arc<dyn Approver>>,
    /// None: nobody said one.
    timeout: Option<Duration>,
    /// Two questions at once are one too many for a person, also where they are of runs within each other.
    turn: Arc<Mutex<()>>,
}

impl Approval {
    pub(super) fn new(approver: Option<Arc<dyn Approver>>) -> Self {
        Self { approver, timeout: None, turn: Arc::default() }
    }

    /// The same, for an agent that says how long it waits; at the side of another nobody waits longer than that one does.
    pub(super) fn narrowed(&self, timeout: Option<Duration>) -> Self {
        let timeout = self.timeout.into_iter().chain(timeout).min();
        Self { approver: self.approver.clone(), timeout, turn: Arc::clone(&self.turn) }
    }

    /// Whether it may be; no answer in time is no. The time is that of this question alone, and not of those before it: they take
    /// no more than theirs, and the run's own end bounds them all.
    pub(super) async fn ask(&self, question: &Question<'_>, owner: &Owner, events: &Events) -> bool {
        let (what, input) = (question.what(), question.input().map(|input| abridged(input, MOST_TOLD)));
        let about = owner.about();
        let asked = || {
            events.tell(about, || Happening::ApprovalAsked { what: what.clone(), input: input.clone() });
            let (what, input) = (what.clone(), input.clone());
            Closing::of(events, about, Happening::ApprovalAnswered { what, input, agreed: false, withdrawn: true })
        };
        let (agreed, asked) = match &self.approver {
            Some(approver) => {
                let _turn = self.turn.lock().await;
                let _place = approver.turn(question).await;
                let asked = asked();
                let most = self.timeout.unwrap_or(USUAL_WAIT);
                let answer = tokio::time::timeout(most, approver.ask(question)).await;
                (answer.unwrap_or(false), asked)
            }
            None => (false, asked()),
        };
        asked.tell(Happening::ApprovalAnswered { what, input, agreed, withdrawn: false });
        agreed
    }
}

impl Question<'_> {
    /// The whole input of a call that is asked for.
    fn input(&self) -> Option<&str> {
        match self {
            Self::Call { input, .. } => Some(input),
            Self::Budget { .. } => None,
        }
    }

    /// What it is about, in a few words.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Call { target, says, effect, .. } if says == effect => format!("call {target} ({effect})"),
            Self::Call { target, says, effect, .. } => format!("call {target} ({effect}, though it says {says})"),
            Self::Budget { what, used, most, .. } => format!("spend more {what}: {used} of {most}"),
        }
    }
}

#[cfg(test)]
impl Approval {
    /// One who agrees to everything.
    pub(super) fn yes() -> Self {
        struct Yes;
        impl Approver for Yes {
            fn ask<'a>(&'a self, _question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
                Box::pin(async { true })
            }
        }
        Self::new(Some(Arc::new(Yes)))
    }

    /// Nobody.
    pub(super) fn none() -> Self {
        Self::new(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hotcell_call::{RunId, TenantId};

    use super::*;

    /// Takes its time, and the others' turns too.
    struct Slow {
        takes: Duration,
        turn: Mutex<()>,
        at_once: AtomicUsize,
    }

    impl Approver for Slow {
        fn turn<'a>(&'a self, _question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = Turn<'a>> + Send + 'a>> {
            Box::pin(async { Box::new(self.turn.lock().await) as Turn<'a> })
        }

        fn ask<'a>(&'a self, _question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
            Box::pin(async {
                assert_eq!(self.at_once.fetch_add(1, Ordering::SeqCst), 0);
                tokio::time::sleep(self.takes).await;
                self.at_once.fetch_sub(1, Ordering::SeqCst);
                true
            })
        }
    }

    // The time for an answer was counted from when a question was thought of: behind two others it was over before it was shown.
    #[tokio::test(start_paused = true)]
    async fn a_question_has_its_whole_time_however_many_stand_before_it() {
        let slow = Slow { takes: Duration::from_millis(200), turn: Mutex::default(), at_once: AtomicUsize::new(0) };
        let approver: Arc<dyn Approver> = Arc::new(slow);
        // Of two runs, each with two questions.
        let wait = Some(Duration::from_millis(390));
        let runs = [(); 2].map(|()| Approval::new(Some(Arc::clone(&approver))).narrowed(wait));
        let (agent, target, events) = ("a".parse().unwrap(), "a.b".parse().unwrap(), Events::through(Vec::new()));
        let owner = Owner { tenant: TenantId::default(), run: RunId::from_bits(1) };
        let effect = Effect::Write;
        let question = Question::Call { agent: &agent, target: &target, says: effect, effect, input: "{}" };
        let asked = [0, 1, 0, 1].map(|run| runs[run].ask(&question, &owner, &events));
        assert_eq!(futures::future::join_all(asked).await, [true; 4]);
    }

    // At the side of another, an agent's own time was passed over.
    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_no_longer_than_an_agent_and_all_around_it_say() {
        let (agent, events) = ("a".parse().unwrap(), Events::through(Vec::new()));
        let owner = Owner { tenant: TenantId::default(), run: RunId::from_bits(1) };
        let question = Question::Budget { agent: &agent, what: "turns", used: "1", most: "1" };
        let seconds = |timeout: Option<u64>| timeout.map(Duration::from_secs);
        for (outer, inner, agreed) in [
            (Some(60), Some(20), false),
            (Some(20), Some(60), false),
            (Some(20), None, false),
            (None, Some(20), false),
            (Some(900), None, true),
            (None, None, true),
        ] {
            let slow = Slow { takes: Duration::from_secs(30), turn: Mutex::default(), at_once: AtomicUsize::new(0) };
            let approval = Approval::new(Some(Arc::new(slow))).narrowed(seconds(outer)).narrowed(seconds(inner));
            assert_eq!(approval.ask(&question, &owner, &events).await, agreed, "{outer:?} {inner:?}");
        }
    }
}
