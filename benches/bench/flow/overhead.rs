//! What a call costs in the whole path beyond the engine, with every stage of the path in use.

use anyhow::Result;
use serde_json::json;

use crate::call::{Case, one_by_one};
use crate::compare::in_turns;
use crate::engine::Bare;
use crate::figure::Figures;
use crate::place;
use crate::subject::{Subject, runtime};

/// Puts every stage in a call's way, and each so wide that it lets every call through: what is measured is the asking. A stage
/// that joins the path, and costs nothing unless it is set, is set here.
const ALL_STAGES: &str = r#"
[schedule]
in_flight = 64
queue = 64
"#;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let name = "flow.path_overhead_us";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let echo = place::guest("echo")?;
    let (bare, host) = (Bare::new()?, Subject::with(ALL_STAGES)?.tool("echo", &echo)?.host()?);
    let case = Case::new(&host, &bare, &echo, "echo.text", &json!({ "text": "e".repeat(89) }), false)?;
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
