//! Joins everything: the path of a call, the catalog of tools, the run of an agent.
//!
//! Begin with `path.rs`: it shows the whole way of a call. A [`Host`] is made from a [`Config`](config::Config) by its
//! [`HostBuilder`]; whatever calls tools (a surface, an agent) does so by [`Host::call`], and there is no other way.

#![forbid(unsafe_code)]

mod admission;
mod agents;
mod batches;
mod builder;
mod canonical;
mod catalog;
mod changes;
pub mod config;
mod entry;
mod events;
mod flight;
mod host;
mod intake;
mod journey;
mod listing;
pub mod measures;
mod metrics;
mod model;
mod opening;
mod path;
pub mod proof;
mod queue;
mod reserved;
mod retry;
mod scan;
mod schema;
mod session;
pub mod status;
mod switches;
mod terms;
mod timer;
mod toolbox;
mod toolfile;
pub mod trace;
pub mod trust;
mod witness;

pub use agents::{Agents, Shipped};
pub use builder::HostBuilder;
pub use catalog::{Broken, Starter};
pub use changes::Changes;
pub use entry::Origin;
pub use events::{About, Events, Heard, Middleware, Observed, Pass, Property, Redact, RunHistory, Subscription};
pub use host::{Host, Load};
pub use listing::{Inspected, Listed};
pub use model::Collector;
#[cfg(fuzzing)]
pub use model::fuzzing;
pub use session::{Action, Approver, Question, RunInput, RunOutcome, Spent, StepOutcome, TaskOutcome, Turn};
pub use toolfile::ToolFile;
pub use trust::{Reach, Trust, reaches};

/// What surfaces need of agents: what each takes, and the names that models know.
pub use hotcell_agent::{Agent, InputKind, model::spelled};

/// What surfaces need of the policies: a histogram of fixed memory, for what they measure themselves.
pub use hotcell_flow::profile::Spread;

/// What surfaces need of the sandbox: the words for tools, and the compiler's other half.
pub use hotcell_sandbox::{
    CacheReport, Compiler, Contract, Descriptor, EngineReport, Function, Import, KeyState, Parts, child_main,
    examine_cache,
};
