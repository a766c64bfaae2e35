//! How far something is: on a terminal a line that moves; of a run, elsewhere, a line for each thing that ended.

mod run;
mod stage;

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

pub(crate) use run::Progress;
pub(crate) use stage::Stage;

use crate::output::Output;

/// How often the line moves when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// How many of so many: on a terminal a bar that moves, elsewhere nothing.
pub(crate) struct Counter(Option<ProgressBar>);

impl Counter {
    pub(crate) fn new(output: &Output, what: &str, of: u64) -> Self {
        Self(output.is_lively().then(|| {
            let bar = ProgressBar::new(of).with_message(what.to_owned());
            let template = "{spinner} {msg}  {wide_bar:.dim} {human_pos} of {human_len}  {rate}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                let rate = |state: &ProgressState, text: &mut dyn Write| {
                    // Writing to a text can't fail.
                    let _ = write!(text, "{:.0}/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate));
            }
            bar.enable_steady_tick(TICK);
            bar
        }))
    }

    /// One more.
    pub(crate) fn one(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
