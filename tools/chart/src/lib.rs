//! `chart`: pictures of numbers, as SVG that stands alone.
//!
//! `bars` and `lines` each lay out one kind of chart; both write through `svg`, measure words by `words` and
//! choose round numbers by `scale`. A picture has a title and a description for those who can't see it, colours that
//! stand out on white, lines that differ by more than colour, and no scripts, links or fonts from elsewhere.

mod bars;
mod lines;
mod scale;
mod svg;
mod words;

use hotcell::Error;

pub use bars::{Bar, bars};
pub use lines::{Point, Series, lines};

/// A drawing.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Chart {
    /// The picture, a whole SVG document.
    pub svg: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Numbers beyond this can't be put on a scale: their difference may be no number.
const MAX_VALUE: f64 = 1e300;

/// Sides of a picture. Below, no words fit; above, no screen does.
const SIDES: std::ops::RangeInclusive<u32> = 200..=20_000;

fn check_side(path: &str, side: u32) -> Result<(), Error> {
    if SIDES.contains(&side) {
        return Ok(());
    }
    Err(Error::invalid_input(path, format_args!("wanted {} to {} pixels, found {side}", SIDES.start(), SIDES.end())))
}

fn check_value(path: impl FnOnce() -> String, value: f64) -> Result<(), Error> {
    if value.abs() <= MAX_VALUE {
        return Ok(());
    }
    Err(Error::invalid_input(path(), format_args!("wanted a number within ±{MAX_VALUE:e}, found {value:e}")))
}
