//! A call as it arrives: who asks, for what, with which input, by when.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::{CallId, Digest, Effect, GrantSet, LimitKeys, Payload, RunId, Target, TenantId, Wants};

/// One request to run a tool.
///
/// Everything but the target and the input has a default. What a call says of limits and grants can only narrow what the
/// operator set for the tool.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// Its id, unique for ever.
    pub id: CallId,
    /// On whose behalf.
    pub tenant: TenantId,
    /// Which tool, and which of its functions.
    pub target: Target,
    /// The arguments: an object by name, or an array by position.
    pub input: Payload,
    /// Limits to lower for this call.
    pub limits: LimitKeys,
    /// The most that this call needs of what the tool was granted; none: all of it.
    pub wants: Option<Wants>,
    /// When the caller stops waiting, the time in the queue included; none: as long as it takes to reach the tool's timeout.
    pub deadline: Option<Instant>,
    /// Its class in the queue.
    pub priority: Priority,
    /// Before when it does not start; none: at once. It waits without taking a cell.
    pub start_at: Option<Instant>,
    /// How often it may be made again when it failed in a way that may pass, where its effect allows that; none: as often as
    /// the operator set for the tool.
    pub retries: Option<u32>,
    /// Asked before each attempt after the first; none: nobody but the host counts them.
    pub leave: Option<Leave>,
    /// As what it was let through, by somebody who was asked, or because nobody need be: one that would be another by now is refused.
    pub agreed: Option<Foreseen>,
    /// The run of an agent that it belongs to.
    pub run: Option<RunId>,
    /// A note of the caller's own. Nothing here reads it; it comes back with the outcome.
    pub note: Option<Arc<str>>,
}

impl ToolCall {
    /// A call by the local tenant, at normal priority, under the tool's own limits and grants.
    #[must_use]
    pub fn new(id: CallId, target: Target, input: Payload) -> Self {
        Self {
            id,
            tenant: TenantId::default(),
            target,
            input,
            limits: LimitKeys::default(),
            wants: None,
            deadline: None,
            priority: Priority::Normal,
            start_at: None,
            retries: None,
            leave: None,
            agreed: None,
            run: None,
            note: None,
        }
    }
}

/// What can be said of a call before it is made: which component runs, and what it could do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// The component.
    pub digest: Digest,
    /// From what its function says that it does, which is its author's word, to the most that its grants let it do.
    pub effects: RangeInclusive<Effect>,
    /// What it may reach.
    pub grants: Arc<GrantSet>,
}

/// Leave to make a call again, from whoever counts the attempts.
#[derive(Clone)]
pub struct Leave(Arc<dyn Fn() -> bool + Send + Sync>);

impl Leave {
    /// Of one who counts an attempt as made when it says yes.
    #[must_use]
    pub fn of(take: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Whether there may be one more.
    #[must_use]
    pub fn take(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leave")
    }
}

/// The class of a call in the queue, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before everything else.
    Critical,
    /// Someone is waiting and it is urgent.
    High,
    /// What is not said to be anything else.
    #[default]
    Normal,
    /// May wait.
    Low,
    /// When there is nothing else to do.
    Background,
}

impl Priority {
    /// All classes, most urgent first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Normal, Self::Low, Self::Background];

    /// All classes by their words in files.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        (Self::Critical.as_str(), Self::Critical),
        (Self::High.as_str(), Self::High),
        (Self::Normal.as_str(), Self::Normal),
        (Self::Low.as_str(), Self::Low),
        (Self::Background.as_str(), Self::Background),
    ];

    /// The word in files and flags.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Background => "background",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text).ok_or(())
    }
}
