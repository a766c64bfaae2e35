//! The flags that say how a call is scheduled.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use hotcell_call::{Priority, TenantId, ToolCall, parse_duration};

/// How the call is scheduled.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Schedule")]
pub(crate) struct ScheduleArgs {
    /// Give up after this time, the time in the queue included: 30s
    #[arg(long, value_name = "TIME", env = "HOTCELL_DEADLINE", hide_env = true, value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Its class in the queue
    #[arg(long, value_name = "CLASS", env = "HOTCELL_PRIORITY", hide_env = true, value_parser = class())]
    pub(crate) priority: Option<Priority>,
    /// Make it again so often, where it failed in a way that may pass and did no harm
    #[arg(long, value_name = "N", env = "HOTCELL_RETRIES", hide_env = true)]
    pub(crate) retries: Option<u32>,
    /// Call for a tenant that hotcell.toml names, under its rate, quota and share
    #[arg(long, value_name = "NAME", env = "HOTCELL_TENANT", hide_env = true)]
    pub(crate) tenant: Option<TenantId>,
}

fn class() -> impl TypedValueParser<Value = Priority> {
    // Only its own words come through.
    PossibleValuesParser::new(Priority::ALL.map(Priority::as_str)).map(|word| word.parse().unwrap_or_default())
}

impl ScheduleArgs {
    /// Sets what was typed; the deadline counts from when that was, and is the caller's to set.
    pub(crate) fn schedule(&self, call: &mut ToolCall) {
        call.priority = self.priority.unwrap_or(call.priority);
        call.retries = self.retries.or(call.retries);
        if let Some(tenant) = &self.tenant {
            call.tenant = tenant.clone();
        }
    }
}
