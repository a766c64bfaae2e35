//! `bars`: how much of each.
//!
//! The bars lie, so that their labels can be read; they start at zero, so that their lengths can be compared.

use hotcell::Error;

use crate::scale::{Grouping, Scale, number};
use crate::svg::{AXIS, Anchor, COLOURS, GREY, GRID, INK, Svg};
use crate::words::{fit, width as width_of};
use crate::{Chart, check_side, check_value};

/// Bars that a picture can hold.
const MAX_BARS: usize = 500;

/// A bar with the space around it, if nobody asks for a height; and the least at which its label can be read.
const PITCH: f64 = 28.0;
const LEAST_PITCH: f64 = 13.0;

/// The least room for bars from left to right.
const LEAST_ROOM: f64 = 40.0;

/// Around the bars.
const EDGE: f64 = 16.0;
const HEADER: f64 = 48.0;
const FOOTER: f64 = 34.0;

/// One bar.
#[hotcell::input]
#[derive(Debug)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How long it is; may be negative.
    pub value: f64,
}

/// Draws horizontal bars, in the order given.
#[hotcell::tool(effect = "pure")]
pub fn bars(
    /// The bars from top to bottom, at most 500.
    data: Vec<Bar>,
    /// What stands above them.
    title: Option<String>,
    /// What the values count, e.g. `%`, `KiB` or `lines`.
    unit: Option<String>,
    /// The picture's width in pixels.
    #[hotcell(default = 720)]
    width: u32,
    /// Its height in pixels; if not given, what the bars need.
    height: Option<u32>,
) -> Result<Chart, Error> {
    if data.len() > MAX_BARS {
        return Err(Error::invalid_input(
            "$.data",
            format_args!("wanted at most {MAX_BARS} bars, found {}", data.len()),
        ));
    }
    for (index, bar) in data.iter().enumerate() {
        check_value(|| format!("$.data[{index}].value"), bar.value)?;
    }
    check_side("$.width", width)?;
    let top = if title.is_some() { HEADER } else { EDGE };
    let height = height_for(data.len(), top, height)?;
    let named = Named { data: &data, unit: unit.as_deref().unwrap_or_default().trim() };
    let heading = title.as_deref().unwrap_or("Bar chart");
    let mut svg = Svg::new(width, height, heading, &named.description());
    if title.is_some() {
        svg.text(EDGE, 25.0, 17.0, INK, Anchor::Start, &fit(heading, 17.0, f64::from(width) - 2.0 * EDGE));
    }
    if data.is_empty() {
        svg.text(f64::from(width) / 2.0, f64::from(height) / 2.0, 13.0, GREY, Anchor::Middle, "no data");
    } else {
        Layout::of(&named, top, f64::from(width), f64::from(height))?.draw(&mut svg, &named);
    }
    Ok(Chart { svg: svg.finish(), width, height })
}

/// The height: what is asked for, if labels can be read at it; else what the bars need.
fn height_for(count: usize, top: f64, asked: Option<u32>) -> Result<u32, Error> {
    #[expect(clippy::cast_precision_loss, reason = "there are at most 500 bars")]
    let bars = count.max(1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 500 bars of 28 pixels")]
    let height = |pitch: f64| (top + bars * pitch + FOOTER).ceil() as u32;
    let Some(asked) = asked else {
        return Ok(height(PITCH));
    };
    let least = height(LEAST_PITCH);
    if asked < least {
        return Err(Error::invalid_input(
            "$.height",
            format_args!("{count} bars need at least {least} pixels, found {asked}"),
        ));
    }
    check_side("$.height", asked.max(200)).map(|()| asked)
}

/// The bars and what they count.
struct Named<'a> {
    data: &'a [Bar],
    unit: &'a str,
}

impl Named<'_> {
    /// A value with its unit: `12%`, `12 KiB`.
    fn value(&self, value: f64) -> String {
        let space = if self.unit.is_empty() || self.unit.starts_with('%') { "" } else { " " };
        format!("{}{space}{}", number(value, Grouping::Amounts), fit(self.unit, 12.0, 90.0))
    }

    fn description(&self) -> String {
        let by_value = |a: &&Bar, b: &&Bar| a.value.total_cmp(&b.value);
        let (Some(most), Some(least)) = (self.data.iter().max_by(by_value), self.data.iter().min_by(by_value)) else {
            return "Bar chart without data.".to_owned();
        };
        let show = |bar: &Bar| format!("{} ({})", fit(&bar.label, 1.0, 60.0), self.value(bar.value));
        format!("Bar chart of {} values. Largest: {}. Smallest: {}.", self.data.len(), show(most), show(least))
    }
}

/// Where everything is.
struct Layout {
    scale: Scale,
    top: f64,
    bottom: f64,
    pitch: f64,
    /// Where labels end.
    labels: f64,
    /// The size of words beside the bars.
    size: f64,
}

impl Layout {
    /// There is a bar at least.
    #[expect(clippy::cast_precision_loss, reason = "there are at most 500 bars")]
    fn of(named: &Named<'_>, top: f64, width: f64, height: f64) -> Result<Self, Error> {
        let bottom = height - FOOTER;
        let pitch = (bottom - top) / named.data.len() as f64;
        let size = (pitch * 0.8).min(13.0);
        let widest = |words: &mut dyn Iterator<Item = f64>| words.fold(0.0, f64::max);
        let labels = EDGE + widest(&mut named.data.iter().map(|bar| width_of(&bar.label, size))).min(width * 0.35);
        let values = widest(&mut named.data.iter().map(|bar| width_of(&named.value(bar.value), size - 1.0))) + 8.0;
        let low = named.data.iter().map(|bar| bar.value).fold(0.0, f64::min);
        let high = named.data.iter().map(|bar| bar.value).fold(0.0, f64::max);
        // Values stand at the ends of their bars: right of those that go right, left of those that go left.
        let left = labels + 10.0 + if low < 0.0 { values } else { 0.0 };
        let right = width - EDGE - if high > 0.0 || low == 0.0 { values } else { 0.0 };
        if right - left < LEAST_ROOM {
            // Labels may take 35 % of what is added.
            let wanted = (width + (LEAST_ROOM - right + left) / 0.65).ceil();
            let why = format!("labels and values leave no room for bars at {width} pixels; {wanted} are enough");
            return Err(Error::invalid_input("$.width", why));
        }
        let marks = ((right - left) / 90.0).clamp(2.0, 8.0);
        Ok(Self { scale: Scale::round(low, high, marks, left, right), top, bottom, pitch, labels, size })
    }

    fn draw(&self, svg: &mut Svg, named: &Named<'_>) {
        for (value, words) in self.scale.marks(Grouping::Amounts) {
            let x = self.scale.at(value);
            svg.line((x, self.top), (x, self.bottom), GRID);
            svg.text(x, self.bottom + 14.0, 11.0, GREY, Anchor::Middle, &words);
        }
        let zero = self.scale.at(0.0);
        let mut middle = self.top + self.pitch / 2.0;
        for bar in named.data {
            let end = self.scale.at(bar.value);
            let value = named.value(bar.value);
            let thick = (self.pitch * 0.68).min(40.0);
            let label = fit(&bar.label, self.size, self.labels - EDGE);
            svg.text(self.labels, middle, self.size, INK, Anchor::End, &label);
            let title = format!("{}: {value}", fit(&bar.label, 1.0, 200.0));
            let [first, ..] = COLOURS;
            svg.rectangle((zero.min(end), middle - thick / 2.0), ((end - zero).abs(), thick), first, &title);
            let size = self.size - 1.0;
            let room = width_of(&value, size);
            // Lines of the grid don't go through words.
            let (x, anchor, from) = match bar.value < 0.0 {
                true => (end - 6.0, Anchor::End, end - 6.0 - room),
                false => (end + 6.0, Anchor::Start, end + 4.0),
            };
            svg.clear((from, middle - size * 0.6), (room + 2.0, size * 1.2));
            svg.text(x, middle, size, GREY, anchor, &value);
            middle += self.pitch;
        }
        svg.line((zero, self.top), (zero, self.bottom), AXIS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(values: &[(&str, f64)]) -> Vec<Bar> {
        values.iter().map(|(label, value)| Bar { label: (*label).to_owned(), value: *value }).collect()
    }

    /// Draws, and gives the bars as x, width and title.
    fn drawn(values: &[(&str, f64)], width: u32) -> Vec<(f64, f64, String)> {
        let chart = bars(data(values), Some("T".into()), Some("KiB".into()), width, None).unwrap();
        let tree = roxmltree::Document::parse(&chart.svg).unwrap();
        let bars = tree.descendants().filter(|node| node.has_tag_name("rect") && node.has_children());
        let place = |node: &roxmltree::Node<'_, '_>, name| node.attribute(name).unwrap().parse::<f64>().unwrap();
        bars.map(|bar| {
            let title = bar.first_element_child().unwrap().text().unwrap().to_owned();
            (place(&bar, "x"), place(&bar, "width"), title)
        })
        .collect()
    }

    #[test]
    fn lengths_are_in_proportion() {
        let bars = drawn(&[("a", 30.0), ("b", 15.0), ("c", 0.0), ("d", -15.0)], 720);
        assert_eq!(bars.len(), 4);
        assert!((bars[0].1 - 2.0 * bars[1].1).abs() < 0.3 && bars[2].1 == 0.0 && (bars[3].1 - bars[1].1).abs() < 0.3);
        assert!((bars[0].0 - bars[1].0).abs() < 0.2 && (bars[3].0 + bars[3].1 - bars[0].0).abs() < 0.2);
        assert_eq!(bars[0].2, "a: 30 KiB");
    }

    #[test]
    fn every_picture_is_well_formed_and_stays_within() {
        let long = "a very long label indeed & <b>\"quoted\"</b> ".repeat(20);
        let many: Vec<_> = (0..MAX_BARS).map(|i| ("x", f64::from(u32::try_from(i).unwrap()))).collect();
        for values in [
            vec![],
            vec![("one", 0.0)],
            vec![("one", 1e300), ("two", -1e300)],
            vec![("tiny", 1e-300)],
            vec![(long.as_str(), -1234.5)],
            many,
        ] {
            for width in [320, 720, 20_000] {
                for (x, wide, _) in drawn(&values, width) {
                    assert!(x >= 0.0 && wide >= 0.0 && x + wide <= f64::from(width), "{x} {wide} {width}");
                }
            }
        }
    }

    // At any height, and so at any size of the words; with the float that is left of a width when its edge is taken off again.
    #[test]
    fn labels_are_cut_only_beyond_a_third_of_the_width() {
        let labels = ["Markdown", "JavaScript React", "src/capabilities.rs", "Größe (KiB), gerundet"];
        for height in 200..900 {
            for shown in 1..=labels.len() {
                let data = labels[..shown].iter().map(|label| Bar { label: (*label).to_owned(), value: 1.0 }).collect();
                let chart = bars(data, None, None, 720, Some(height)).unwrap();
                assert!(!chart.svg.contains('…'), "{height}: {}", chart.svg);
            }
        }
        let long = "x".repeat(100);
        let chart = bars(data(&[(&long, 1.0), ("Markdown", 1.0)]), None, None, 720, None).unwrap();
        assert!(chart.svg.contains("xxx…</text>") && chart.svg.contains(">Markdown</text>"), "{}", chart.svg);
    }

    #[test]
    fn words_leave_room_for_bars() {
        let values = || data(&[("a long label to the left", 12_345.0), ("another", -54_321.0)]);
        let unit = || Some("kilobytes a second".to_owned());
        let Err(Error::InvalidInput { path, message }) = bars(values(), None, unit(), 200, None) else { panic!() };
        let enough: u32 = message.split(' ').filter_map(|word| word.parse().ok()).max().unwrap();
        assert_eq!(path, "$.width");
        assert!(bars(values(), None, unit(), enough, None).is_ok(), "{message}");
    }

    #[test]
    fn heights_fit_the_bars() {
        let height = |count: usize, asked| {
            bars(data(&vec![("a", 1.0); count]), None, None, 720, asked).map(|chart| chart.height)
        };
        assert_eq!(height(10, None), Ok(330));
        assert_eq!(height(10, Some(600)), Ok(600));
        let error = height(50, Some(300)).unwrap_err().to_string();
        assert_eq!(error, "$.height: 50 bars need at least 700 pixels, found 300");
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let error =
            |values: &[(&str, f64)], width| bars(data(values), None, None, width, None).unwrap_err().to_string();
        assert!(error(&[("a", 1.0), ("b", 1e301)], 720).starts_with("$.data[1].value: wanted a number within"));
        assert_eq!(error(&[], 10), "$.width: wanted 200 to 20000 pixels, found 10");
        assert!(error(&vec![("a", 1.0); MAX_BARS + 1], 720).starts_with("$.data: wanted at most 500 bars, found 501"));
    }

    #[test]
    fn says_what_it_shows() {
        let chart = bars(data(&[("Rust", 12_345.0), ("C", 7.0)]), None, Some("lines".into()), 720, None).unwrap();
        let said = "<desc>Bar chart of 2 values. Largest: Rust (12,345 lines). Smallest: C (7 lines).</desc>";
        assert!(chart.svg.contains(said), "{}", chart.svg);
    }

    #[test]
    fn answers_as_json() {
        let answer = hotcell::call("bars", r#"{"data": [{"label": "a", "value": 1}]}"#).unwrap();
        assert!(
            answer.starts_with(r#"{"svg":"<svg xmlns="#) && answer.ends_with(r#"</svg>\n","width":720,"height":78}"#)
        );
    }
}
