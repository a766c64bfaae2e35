//! What a call costs in the whole path beyond the engine, with every stage of the path in use.

use anyhow::Result;
use serde_json::json;

use crate::call::{Case, one_by_one};
use crate::compare::in_turns;
use crate::engine::Bare;
use crate::figure::Figures;
use crate::place;
use crate::subject::{Subject, runtime};

/// Puts every stage in a call's way, and each so wide that it lets every call through: what is measured is the asking. Not set
/// is what would spare the call its cell: answers that are kept, and cells that are shared.
const ALL_STAGES: &str = r#"
[schedule]
in_flight = { limit = "gradient", min = 64, max = 128 }
queue = 64
per_tool = 64
shed_after = "1s"
[tenants.local]
weight = 2
max_concurrent = 64
queue = 64
rate = { limit = "1M/s", burst = 1000 }
quota = { calls = "1G/h", fuel = "1000000G/h", time = "1h/h", window = "rolling" }
[tools.state]
max_concurrent = 64
rate = { limit = "1M/s", burst = 1000 }
[retry]
max = 3
[breaker]
mode = "on"
"#;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let name = "flow.path_overhead_us";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let state = place::guest("state")?;
    let (bare, host) = (Bare::new()?, Subject::with(ALL_STAGES)?.tool("state", &state)?.host()?);
    // It says nothing of its effect, so it counts as one that writes, and has a breaker.
    let case = Case::new(&host, &bare, &state, "state.count", &json!({}), false)?;
    let main = runtime(2)?;
    let compared = in_turns(
        41,
        || main.block_on(one_by_one(400, || case.path())),
        || main.block_on(one_by_one(400, || case.engine())),
    )?;
    let over = compared.ours * (1.0 - 1.0 / compared.ratio);
    figures.take(name, over * 1e6, "us", Some(compared.ratio), "<= 3 us; the ratio is to the engine alone");
    Ok(())
}
