//! Who is asked before something is done.
//!
//! Nobody, unless whoever starts a run brings somebody: then what has to be asked for is refused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hotcell_agent::Approve;
use hotcell_call::{AgentName, Code, Effect, Failure, Happening, RunId, Target};
use tokio::sync::Mutex;

use crate::events::Events;

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
        /// What it says that its calls do.
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

    fn contain(&self, target: &Target, effect: Effect) -> bool {
        self.own.asks(target, effect) || self.around.as_ref().is_some_and(|around| around.contain(target, effect))
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

    /// Lets a call through, if it need not be asked for or somebody agrees.
    ///
    /// # Errors
    ///
    /// [`Code::Approval`].
    pub(super) async fn pass(&self, target: &Target, effect: Effect, input: &str) -> Result<(), Failure> {
        if !self.asks.contain(target, effect) {
            return Ok(());
        }
        let question = Question::Call { agent: &self.agent, target, effect, input };
        if self.approval.ask(&question, self.run, &self.events).await {
            return Ok(());
        }
        Err(Failure::new(Code::Approval, format!("{target} was not approved"))
            .why("whoever runs the agent is asked before it is called, and did not agree"))
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
            Self::Call { target, effect, .. } => format!("call {target} ({effect})"),
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
