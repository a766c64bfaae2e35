//! Writes SVG.
//!
//! Every text from outside passes [`escape`], and every attribute is a number or a word of ours, so that no input can add
//! an element.

use std::fmt::Write as _;

/// What is written in.
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/// Ink: words, lesser words, lines of the grid, the axis. All words have at least 4.5 : 1 on white.
pub(crate) const INK: &str = "#1f2933";
/// See [`INK`].
pub(crate) const GREY: &str = "#52606d";
/// See [`INK`].
pub(crate) const GRID: &str = "#e4e7eb";
/// See [`INK`].
pub(crate) const AXIS: &str = "#9aa5b1";

/// Colours for data. Each has at least 4.5 : 1 on white; neighbours also differ for those who don't tell red from green.
pub(crate) const COLOURS: [&str; 8] =
    ["#1f6fb4", "#b4501f", "#2a7d4f", "#7b4fb5", "#a8325e", "#127a82", "#856404", "#4a5568"];

/// Which end of a text is at its place.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture in the making.
pub(crate) struct Svg {
    out: String,
}

impl Svg {
    /// Starts a picture, on white, with what is read out in its place.
    pub(crate) fn new(width: u32, height: u32, title: &str, description: &str) -> Self {
        let (title, description) = (escape(title), escape(description));
        let out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{title}\" font-family=\"{FONT}\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        Self { out }
    }

    /// Writes words; `y` is the middle of their height.
    pub(crate) fn text(&mut self, x: f64, y: f64, size: f64, fill: &str, anchor: Anchor, words: &str) {
        let weight = if size > 15.0 { " font-weight=\"600\"" } else { "" };
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        // Not by `dominant-baseline`, which not every renderer knows: capitals are about 0.7 of the size.
        let (x, y, size, words) = (short(x), short(y + size * 0.35), short(size), escape(words));
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight} fill=\"{fill}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    }

    /// Draws a straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        let (x1, y1, x2, y2) = (short(from.0), short(from.1), short(to.0), short(to.1));
        let _ = writeln!(self.out, "<path d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{stroke}\"/>");
    }

    /// Takes away what was drawn there, so that words can be read.
    pub(crate) fn clear(&mut self, at: (f64, f64), size: (f64, f64)) {
        let (x, y, width, height) = (short(at.0), short(at.1), short(size.0), short(size.1));
        let _ =
            writeln!(self.out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>");
    }

    /// Draws a rectangle that says its title when pointed at.
    pub(crate) fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, title: &str) {
        let (x, y, width, height, title) = (short(at.0), short(at.1), short(size.0), short(size.1), escape(title));
        let _ = writeln!(
            self.out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\" fill=\"{fill}\"><title>{title}</title></rect>"
        );
    }

    /// Draws a line through points, dashed by a pattern (none if empty).
    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], stroke: &str, dashes: &str) {
        self.out.push_str("<polyline points=\"");
        for (index, (x, y)) in points.iter().enumerate() {
            let _ = write!(self.out, "{}{},{}", if index == 0 { "" } else { " " }, short(*x), short(*y));
        }
        let dashes = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
        let _ = writeln!(
            self.out,
            "\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{dashes}/>"
        );
    }

    /// Draws a dot that says its title when pointed at.
    pub(crate) fn dot(&mut self, at: (f64, f64), fill: &str, title: &str) {
        let (x, y, title) = (short(at.0), short(at.1), escape(title));
        let _ =
            writeln!(self.out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{fill}\"><title>{title}</title></circle>");
    }

    /// Ends the picture.
    pub(crate) fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}

/// A place on the picture: a tenth of a pixel is finer than anyone sees.
fn short(place: f64) -> String {
    let text = format!("{place:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Makes a text safe in XML: its five signs are written as entities, line breaks are spaces, and what XML may not hold at
/// all is left out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\r' | '\t' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes() {
        assert_eq!(escape("<a b=\"c\" d='e'>&\u{0}\u{7}\u{ffff}\nx"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp; x");
    }

    #[test]
    fn colours_stand_out_on_white() {
        for colour in COLOURS.into_iter().chain([INK, GREY]) {
            let number = u32::from_str_radix(colour.trim_start_matches('#'), 16).unwrap();
            let light = |shift: u32| {
                let value = f64::from(number >> shift & 0xff) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            let luminance = 0.2126 * light(16) + 0.7152 * light(8) + 0.0722 * light(0);
            assert!(1.05 / (luminance + 0.05) >= 4.5, "{colour}");
        }
    }

    #[test]
    fn places_are_short() {
        for (place, wanted) in [(1.0, "1"), (1.26, "1.3"), (-0.01, "0"), (100.0, "100")] {
            assert_eq!(short(place), wanted);
        }
    }
}
