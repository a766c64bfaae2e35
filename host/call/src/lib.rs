//! The words of one tool call.
//!
//! Every room of hotcell speaks of the same few things: a [`ToolCall`] that asks, the [`Limits`] and [`GrantSet`] under
//! which it runs, and the [`Outcome`] that answers, with a [`Receipt`] of what it cost. This crate holds those words and
//! nothing that acts on them: no engine, no queue, no file, no clock of its own.

#![forbid(unsafe_code)]

mod call;
mod capability;
mod clock;
mod code;
mod effect;
mod event;
mod failure;
mod id;
mod limits;
mod nearest;
mod net;
mod outcome;
mod payload;
mod printable;
mod secret;
mod units;

pub use call::{Foreseen, Leave, Priority, ToolCall};
pub use capability::{
    Access, Capability, ClockMode, Decision, Denial, Folder, GrantKeys, GrantSet, RandomMode, WantError, Wants, shell,
};
#[cfg(any(test, feature = "test-support"))]
pub use clock::ManualClock;
pub use clock::{Clock, SystemClock};
pub use code::{Code, Page};
pub use effect::{Effect, Effects, Used};
pub use event::{Event, Happening};
pub use failure::{Failure, Kind, Reached, Refusal, Resource, TrapKind};
pub use id::{AgentName, CallId, Digest, IdError, RunId, StepId, Target, TenantId, ToolName};
pub use limits::{LimitKeys, Limits, Wider};
pub use nearest::nearest;
pub use net::{Asked, AskedError, NetHost, NetRule, NetRuleError, Place, Scheme, place_of};
pub use outcome::{Log, LogBytes, Outcome, Receipt, Source, possible_fuel};
pub use payload::Payload;
pub use printable::{abridged, printable, shortened};
pub use secret::{SecretError, SecretGrant, SecretSource};
pub use units::{ByteSize, Count, UnitError, duration_pattern, format_duration, parse_duration, serialize_millis};
