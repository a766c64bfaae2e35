//! Two things measured in turns.

use std::time::{Duration, Instant};

use anyhow::Result;

/// What was found, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// The median of ours.
    pub(crate) ours: f64,
    /// The median of the turns' ratios, ours to the floor.
    pub(crate) ratio: f64,
}

/// Takes both `rounds` times, the one first and the other first in turns, after one round that does not count.
pub(crate) fn in_turns(
    rounds: usize,
    mut ours: impl FnMut() -> Result<Duration>,
    mut floor: impl FnMut() -> Result<Duration>,
) -> Result<Compared> {
    let (mut times, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (our, its) = if round % 2 == 0 {
            let our = ours()?;
            (our, floor()?)
        } else {
            let its = floor()?;
            (ours()?, its)
        };
        if round > 0 {
            times.push(our.as_secs_f64());
            ratios.push(our.as_secs_f64() / its.as_secs_f64());
        }
    }
    Ok(Compared { ours: median(times), ratio: median(ratios) })
}

/// How long `work` takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// The value in the middle.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value under which a share of all lie.
pub(crate) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let place = (last as f64 * share).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}
