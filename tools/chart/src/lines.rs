//! `lines`: how something changes.
//!
//! Lines differ by colour and by dashes, because not everyone sees the colours and not every printer has them.

use hotcell::Error;

use crate::scale::{Grouping, Scale, number};
use crate::svg::{AXIS, Anchor, COLOURS, GREY, GRID, INK, Svg};
use crate::words::{fit, width as width_of};
use crate::{Chart, check_side, check_value};

/// Lines that can be told apart.
const MAX_SERIES: usize = 16;

/// Points in all: more than pixels across any screen.
const MAX_POINTS: usize = 50_000;

/// With more points than this, dots on a line would run together.
const MAX_DOTS: usize = 40;

/// From solid to dotted; the second round of colours has other dashes than the first.
const DASHES: [&str; 4] = ["", "8 4", "3 4", "10 4 3 4"];

const EDGE: f64 = 16.0;

/// Less than this is no picture.
const LEAST_PLOT: f64 = 60.0;

/// One line.
#[hotcell::input]
#[derive(Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points from left to right, each `[x, y]`.
    pub points: Vec<Point>,
}

/// A point: x and y.
pub type Point = [f64; 2];

/// Draws lines through points.
#[hotcell::tool(effect = "pure")]
pub fn lines(
    /// The lines, at most 16 with at most 50000 points in all.
    series: Vec<Series>,
    /// What stands above them.
    title: Option<String>,
    /// What x is, written below the axis.
    x_label: Option<String>,
    /// What y is, written above the axis.
    y_label: Option<String>,
    /// The picture's width in pixels.
    #[hotcell(default = 720)]
    width: u32,
    /// Its height in pixels.
    #[hotcell(default = 400)]
    height: u32,
) -> Result<Chart, Error> {
    check(&series)?;
    check_side("$.width", width)?;
    check_side("$.height", height)?;
    let heading = title.as_deref().unwrap_or("Line chart");
    let mut svg = Svg::new(width, height, heading, &description(&series));
    let (wide, high) = (f64::from(width), f64::from(height));
    let mut top = EDGE + 6.0;
    if title.is_some() {
        svg.text(EDGE, 25.0, 17.0, INK, Anchor::Start, &fit(heading, 17.0, wide - 2.0 * EDGE));
        top = 52.0;
    }
    if series.len() > 1 {
        top = legend(&mut svg, &series, top, wide);
    }
    if let Some(label) = &y_label {
        svg.text(EDGE, top + 6.0, 11.0, GREY, Anchor::Start, &fit(label, 11.0, wide - 2.0 * EDGE));
        top += 22.0;
    }
    let mut bottom = high - 30.0;
    if let Some(label) = &x_label {
        svg.text(wide / 2.0, high - 14.0, 11.0, GREY, Anchor::Middle, &fit(label, 11.0, wide - 2.0 * EDGE));
        bottom -= 16.0;
    }
    let least = high - bottom + top + LEAST_PLOT;
    if least > high {
        return Err(Error::invalid_input(
            "$.height",
            format_args!("the words alone fill {height} pixels; wanted at least {least:.0}"),
        ));
    }
    plot(&mut svg, &series, top, bottom, wide);
    Ok(Chart { svg: svg.finish(), width, height })
}

fn check(series: &[Series]) -> Result<(), Error> {
    if series.len() > MAX_SERIES {
        return Err(Error::invalid_input(
            "$.series",
            format_args!("wanted at most {MAX_SERIES} lines, found {}", series.len()),
        ));
    }
    let points: usize = series.iter().map(|one| one.points.len()).sum();
    if points > MAX_POINTS {
        return Err(Error::invalid_input(
            "$.series",
            format_args!("wanted at most {MAX_POINTS} points in all, found {points}; take every tenth, or means"),
        ));
    }
    for (line, one) in series.iter().enumerate() {
        for (index, point) in one.points.iter().enumerate() {
            for (axis, value) in point.iter().enumerate() {
                check_value(|| format!("$.series[{line}].points[{index}][{axis}]"), *value)?;
            }
        }
    }
    Ok(())
}

fn description(series: &[Series]) -> String {
    let mut text = format!("Line chart of {} series.", series.len());
    for one in series {
        let name = fit(&one.name, 1.0, 60.0);
        match (one.points.first(), one.points.last()) {
            (Some([_, first]), Some([_, last])) => {
                text.push_str(&format!(
                    " {name}: {} points, from {} to {}.",
                    one.points.len(),
                    number(*first, Grouping::Amounts),
                    number(*last, Grouping::Amounts)
                ));
            }
            _ => text.push_str(&format!(" {name}: no points.")),
        }
    }
    text
}

/// The colour and the dashes of a line.
fn style(index: usize) -> (&'static str, &'static str) {
    let colour = COLOURS.iter().cycle().nth(index).copied().unwrap_or(INK);
    let dashes = DASHES.iter().cycle().nth(index + index / COLOURS.len()).copied().unwrap_or_default();
    (colour, dashes)
}

/// Writes which line is which, in as many rows as it takes; gives where the last one ends.
fn legend(svg: &mut Svg, series: &[Series], top: f64, wide: f64) -> f64 {
    let (mut x, mut y) = (EDGE, top);
    for (index, one) in series.iter().enumerate() {
        let name = fit(&one.name, 12.0, (wide - 2.0 * EDGE - 34.0).min(220.0));
        let room = 30.0 + width_of(&name, 12.0) + 18.0;
        if x > EDGE && x + room > wide - EDGE {
            (x, y) = (EDGE, y + 18.0);
        }
        let (colour, dashes) = style(index);
        svg.polyline(&[(x, y), (x + 24.0, y)], colour, dashes);
        svg.text(x + 30.0, y, 12.0, INK, Anchor::Start, &name);
        x += room;
    }
    y + 14.0
}

/// Draws the axes and the lines between `top` and `bottom`.
fn plot(svg: &mut Svg, series: &[Series], top: f64, bottom: f64, wide: f64) {
    let points = || series.iter().flat_map(|one| one.points.iter());
    let Some((low, high)) = range(points().map(|[_, y]| *y)) else {
        svg.text(wide / 2.0, (top + bottom) / 2.0, 13.0, GREY, Anchor::Middle, "no data");
        return;
    };
    let (first, last) = range(points().map(|[x, _]| *x)).unwrap_or((0.0, 1.0));
    // Zero belongs to the picture where it is not far: a small change looks small then.
    let low = if low > 0.0 && low < high * 0.6 { 0.0 } else { low };
    let high = if high < 0.0 && high > low * 0.6 { 0.0 } else { high };
    let up = Scale::round(low, high, ((bottom - top) / 50.0).clamp(2.0, 8.0), bottom, top);
    let widest = up.marks(Grouping::Amounts).iter().map(|(_, words)| width_of(words, 11.0)).fold(0.0, f64::max);
    let (left, right) = (EDGE + widest + 8.0, wide - EDGE - 14.0);
    for (value, words) in up.marks(Grouping::Amounts) {
        let y = up.at(value);
        svg.line((left, y), (right, y), if value == 0.0 { AXIS } else { GRID });
        svg.text(left - 8.0, y, 11.0, GREY, Anchor::End, &words);
    }
    let word = width_of(&number(first, Grouping::Years), 11.0).max(width_of(&number(last, Grouping::Years), 11.0));
    let across = Scale::exact(first, last, ((right - left) / (word + 36.0)).clamp(1.0, 10.0), left, right);
    for (x, words) in across.marks(Grouping::Years) {
        svg.line((across.at(x), bottom), (across.at(x), bottom + 4.0), AXIS);
        svg.text(across.at(x), bottom + 14.0, 11.0, GREY, Anchor::Middle, &words);
    }
    svg.line((left, bottom), (right, bottom), AXIS);
    for (index, one) in series.iter().enumerate() {
        draw(svg, one, index, |[x, y]| (across.at(*x), up.at(*y)));
    }
}

fn draw(svg: &mut Svg, one: &Series, index: usize, place: impl Fn(&Point) -> (f64, f64)) {
    let (colour, dashes) = style(index);
    let places: Vec<_> = one.points.iter().map(place).collect();
    if places.len() > 1 {
        svg.polyline(&places, colour, dashes);
    }
    if places.len() <= MAX_DOTS {
        let name = fit(&one.name, 1.0, 60.0);
        for (at, [x, y]) in places.into_iter().zip(&one.points) {
            svg.dot(
                at,
                colour,
                &format!("{name}: {} at {}", number(*y, Grouping::Amounts), number(*x, Grouping::Years)),
            );
        }
    }
}

/// The least and the greatest, if there is any.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, points: &[Point]) -> Series {
        Series { name: name.to_owned(), points: points.to_vec() }
    }

    fn draw(series: Vec<Series>, width: u32, height: u32) -> Chart {
        lines(series, Some("T".into()), Some("x".into()), Some("y".into()), width, height).unwrap()
    }

    /// The places of all lines and dots.
    fn places(chart: &Chart) -> Vec<(f64, f64)> {
        let tree = roxmltree::Document::parse(&chart.svg).unwrap();
        let lines = tree.descendants().filter_map(|node| node.attribute("points"));
        let points = lines.flat_map(|points| points.split(' ')).map(|point| point.split_once(',').unwrap());
        let dots = tree.descendants().filter(|node| node.has_tag_name("circle"));
        let dots = dots.map(|dot| (dot.attribute("cx").unwrap(), dot.attribute("cy").unwrap()));
        points.chain(dots).map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
    }

    #[test]
    fn points_are_in_proportion() {
        let chart = draw(vec![one("a", &[[0.0, 0.0], [1.0, 5.0], [2.0, 10.0]])], 720, 400);
        let [a, b, c, ..] = places(&chart)[..] else { panic!("{}", chart.svg) };
        assert!((b.0 - (a.0 + c.0) / 2.0).abs() < 0.2 && (b.1 - (a.1 + c.1) / 2.0).abs() < 0.2 && a.1 > c.1);
    }

    #[test]
    fn every_picture_is_well_formed_and_stays_within() {
        let many: Vec<_> =
            (0..MAX_SERIES).map(|i| one(&format!("series <{i}> & more"), &[[1.0, 2.0], [3.0, 4.0]])).collect();
        let long: Vec<Point> = (0..5_000_u32).map(|x| [x.into(), f64::from(x).sin()]).collect();
        for (width, height) in [(200, 500), (720, 400), (20_000, 200)] {
            for series in [
                vec![],
                vec![one("empty", &[])],
                vec![one("single", &[[5.0, 5.0]])],
                vec![one("flat", &[[0.0, 7.0], [1.0, 7.0]]), one("empty", &[])],
                vec![one("huge", &[[-1e300, -1e300], [1e300, 1e300]])],
                vec![one("back", &[[3.0, 1.0], [1.0, -1.0], [2.0, 0.0]])],
                vec![one(&"long ".repeat(100), &long)],
                many.iter().map(|series| one(&series.name, &series.points)).collect(),
            ] {
                for (x, y) in places(&draw(series, width, height)) {
                    assert!(
                        (0.0..=width.into()).contains(&x) && (0.0..=height.into()).contains(&y),
                        "{x} {y} of {width} {height}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_two_lines_look_the_same() {
        let mut styles: Vec<_> = (0..MAX_SERIES).map(style).collect();
        styles.sort_unstable();
        styles.dedup();
        assert_eq!(styles.len(), MAX_SERIES);
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let error = |series, height| lines(series, None, None, None, 720, height).unwrap_err().to_string();
        assert!(error(vec![one("a", &[[0.0, 0.0], [0.0, 1e301]])], 400).starts_with("$.series[0].points[1][1]: "));
        assert!(error(vec![one("a", &vec![[0.0; 2]; MAX_POINTS + 1])], 400).contains("found 50001"));
        assert!(error((0..=MAX_SERIES).map(|_| one("a", &[])).collect(), 400).contains("found 17"));
        assert_eq!(error(vec![], 100), "$.height: wanted 200 to 20000 pixels, found 100");
    }

    #[test]
    fn words_leave_room_for_lines() {
        let many = || (0..MAX_SERIES).map(|i| one(&format!("a series with a long name {i}"), &[])).collect();
        let error = |height| lines(many(), None, None, None, 200, height).map(|chart| chart.height).unwrap_err();
        let least: u32 = error(200).to_string().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(lines(many(), None, None, None, 200, least).is_ok());
        assert!(matches!(error(least - 1), Error::InvalidInput { path, .. } if path == "$.height"));
    }

    #[test]
    fn says_what_it_shows() {
        let chart = draw(vec![one("sales", &[[1.0, 10.0], [2.0, 12.5]]), one("none", &[])], 720, 400);
        let said = "<desc>Line chart of 2 series. sales: 2 points, from 10 to 12.5. none: no points.</desc>";
        assert!(chart.svg.contains(said), "{}", chart.svg);
    }

    #[test]
    fn answers_as_json() {
        let answer = hotcell::call("lines", r#"{"series": [{"name": "a", "points": [[1, 2], [2, 3]]}]}"#).unwrap();
        assert!(
            answer.starts_with(r#"{"svg":"<svg xmlns="#) && answer.ends_with(r#"</svg>\n","width":720,"height":400}"#)
        );
    }
}
