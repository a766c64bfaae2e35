//! `hotcell.toml`: what the operator gives, and how much the host takes on.
//!
//! One section of the file is one module here, and each key lands in one field of [`Config`]: what is not read by anything is not a
//! key. The file is optional, every key in it is, and without it a tool gets nothing but the default limits. All that is wrong is
//! told at once, with the place and the bound that was passed.
//!
//! Whether a file may grant at all what it says is another matter: see [`trust`](crate::trust).

mod batch;
mod bounds;
mod breaker;
mod budget;
mod cache;
mod catalog;
mod compile;
mod effective;
mod file;
mod host;
mod limits;
mod models;
mod per;
mod place;
mod providers;
mod quota;
mod rate;
pub(crate) mod results;
pub(crate) mod retry;
mod schedule;
mod server;
mod telemetry;
mod tenants;
mod token;
mod tools;
mod user;

pub use batch::BatchConfig;
pub use breaker::BreakerKeys;
pub use budget::Ceiling;
pub use effective::{From, Setting};
pub use file::{Config, Origin};
pub use limits::ceiling;
pub use models::{ModelPattern, ModelPatternError};
pub use place::{FILE_NAME, Place};
pub use providers::{Base, Price, ProviderConfig, ProviderKind};
pub use quota::Quotas;
pub use results::Results;
pub use retry::RetryKeys;
pub use schedule::{InFlight, Learner, Schedule, ShareBy};
pub use server::ServerConfig;
pub use telemetry::TelemetryConfig;
pub use tenants::TenantConfig;
pub use token::{Token, TokenError};
pub use tools::ToolConfig;
pub use user::state_folder;
