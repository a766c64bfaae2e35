//! Who is asked before something is done.
//!
//! Nobody, unless whoever starts a run brings somebody: then what has to be asked for is refused.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hotcell_agent::Approve;
use hotcell_call::{AgentName, Code, Effect, Failure, Happening, RunId, Target};
use tokio::sync::Mutex;

use crate::events::Events;
use crate::session::caller::Caller;

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

/// One who answers.
pub trait Approver: Send + Sync {
    /// Whether it may be. Dropping the future withdraws the question.
    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

/// What stands before the calls of a run: what must be asked for, and who is asked.
#[derive(Clone)]
pub(super) struct Gate {
    agent: AgentName,
    run: RunId,
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
        run: RunId,
        asks: &Arc<Asks>,
        approval: &Arc<Approval>,
        events: &Arc<Events>,
    ) -> Self {
        let (asks, approval, events) = (Arc::clone(asks), Arc::clone(approval), Arc::clone(events));
        Self { agent: agent.clone(), run, asks, approval, events }
    }

    pub(super) fn asks(&self) -> &Arc<Asks> {
        &self.asks
    }

    pub(super) fn approval(&self) -> &Arc<Approval> {
        &self.approval
    }

    /// Lets a call of a run through, if it need not be asked for or somebody agrees.
    ///
    /// What it could do is found out now, and not when the agent was read: a tool may have become another since then, and what its
    /// author says of it counts for no less than what it is granted.
    ///
    /// # Errors
    ///
    /// [`Code::Approval`]; what is wrong with the tool.
    pub(super) async fn pass(&self, caller: &Caller<'_>, target: &Target, input: &str) -> Result<(), Failure> {
        if self.asks.are_none() {
            return Ok(());
        }
        let wants = caller.agent.wants(&target.tool);
        let foreseen = caller.host.foreseen(target, wants.as_ref()).await?;
        if !self.asks.contain(target, &foreseen.effects) {
            return Ok(());
        }
        let (says, effect) = (*foreseen.effects.start(), *foreseen.effects.end());
        let question = Question::Call { agent: &self.agent, target, says, effect, input };
        if !self.approval.ask(&question, self.run, &self.events).await {
            return Err(Failure::new(Code::Approval, format!("{target} was not approved"))
                .why("whoever runs the agent is asked before it is called, and did not agree"));
        }
        // An answer takes its time, and tools may change meanwhile: what was agreed to was another.
        if caller.host.foreseen(target, wants.as_ref()).await? != foreseen {
            return Err(Failure::new(Code::Approval, format!("{target} was not approved"))
                .why("its tool was changed while it was asked for"));
        }
        Ok(())
    }
}

/// Asks one thing after the other, and waits only so long.
pub(super) struct Approval {
    approver: Option<Arc<dyn Approver>>,
    timeout: Duration,
    /// Two questions at once are one too many for a person.
    turn: Mutex<()>,
}

impl Approval {
    pub(super) fn new(approver: Option<Arc<dyn Approver>>, timeout: Duration) -> Self {
        Self { approver, timeout, turn: Mutex::default() }
    }

    /// Whether it may be; no answer in time is no.
    pub(super) async fn ask(&self, question: &Question<'_>, run: RunId, events: &Events) -> bool {
        let what = question.what();
        events.tell(None, Some(run), || Happening::ApprovalAsked { what: what.clone() });
        let answer = async {
            let approver = self.approver.as_ref()?;
            let _turn = self.turn.lock().await;
            Some(approver.ask(question).await)
        };
        let agreed = tokio::time::timeout(self.timeout, answer).await.ok().flatten().unwrap_or(false);
        events.tell(None, Some(run), || Happening::ApprovalAnswered { what, agreed });
        agreed
    }
}

impl Question<'_> {
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
        Self::new(Some(Arc::new(Yes)), Duration::from_secs(1))
    }

    /// Nobody.
    pub(super) fn none() -> Self {
        Self::new(None, Duration::from_secs(1))
    }
}
