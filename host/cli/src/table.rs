//! Columns of text that stand below each other.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What the last column has on a terminal so narrow that nothing would be left of it.
const LEAST: usize = 20;

/// Lays out rows; the last column is cut to the width of the terminal, the others are as wide as they must be.
pub(crate) fn rows<const N: usize>(rows: &[[String; N]], width: Option<usize>) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = cell.width().max(*width);
        }
    }
    let before: usize = widths.iter().take(N.saturating_sub(1)).map(|width| width + GAP).sum();
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before).max(LEAST));
    rows.iter().map(|row| line(row, &widths, room)).collect()
}

/// Lays out rows of a name and numbers, which stand flush right; the first row is their heads.
pub(crate) fn numbers(rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = cell.width().max(*width);
        }
    }
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(width - cell.width());
            if place == 0 {
                line.extend([cell.as_str(), &space]);
            } else {
                line.extend(["  ", &space, cell.as_str()]);
            }
        }
        line.truncate(line.trim_end().len());
        line
    };
    rows.iter().map(line).collect()
}

/// A number that is no count, with three digits or all before its point: `0.41`, `12.3`, `4712`.
pub(crate) fn short(number: f64) -> String {
    let digits = match number.abs() {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.digits$}")
}

/// Spaces between two columns.
const GAP: usize = 2;

fn line<const N: usize>(row: &[String; N], widths: &[usize; N], room: usize) -> String {
    let mut line = String::new();
    for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
        if place + 1 == N {
            line.push_str(&cut(cell, room));
        } else {
            line.push_str(cell);
            line.push_str(&" ".repeat(width + GAP - cell.width()));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// `text` in so many columns, with a mark where something is missing.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Lays out rows of two; what is too long for the second column goes on below itself.
pub(crate) fn hanging(rows: &[[String; 2]], width: Option<usize>) -> Vec<String> {
    let indent = rows.iter().map(|[title, _]| title.width()).max().unwrap_or_default() + GAP;
    let mut lines = Vec::new();
    for [title, text] in rows {
        let mut title = format!("{title}{}", " ".repeat(indent - title.width()));
        for line in broken(text, width.map(|width| width.saturating_sub(indent))) {
            lines.push(format!("{title}{line}").trim_end().to_owned());
            title = " ".repeat(indent);
        }
    }
    lines
}

/// A text behind so many spaces, line by line.
///
/// Where a line is too long for the terminal it is broken here: the terminal would go on in its first column, where nothing begins
/// but what hotcell itself says.
pub(crate) fn indented(text: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let lines = broken(text, width.map(|width| width.saturating_sub(indent)));
    lines.into_iter().map(|line| format!("{:indent$}{line}", "").trim_end().to_owned()).collect()
}

/// The lines of a text, none of them wider than `room`; one at least.
fn broken(text: &str, room: Option<usize>) -> Vec<String> {
    let room = room.map_or(usize::MAX, |room| room.max(LEAST));
    let mut lines = Vec::new();
    for line in text.lines() {
        // What a tab is worth depends on where it stands.
        let line = line.replace('\t', "    ");
        let mut rest = line.trim_end();
        while rest.width() > room {
            let (head, tail) = rest.split_at(place_to_break(rest, room));
            lines.push(head.trim_end().to_owned());
            rest = tail.trim_start();
        }
        lines.push(rest.to_owned());
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// The byte before which a line is broken that has more columns than `room`: behind a word, where there is one.
fn place_to_break(line: &str, room: usize) -> usize {
    let mut columns = 0;
    let mut words = None;
    for (at, c) in line.char_indices() {
        if c == ' ' && line.get(..at).is_some_and(|before| !before.trim().is_empty()) {
            words = Some(at);
        }
        columns += c.width().unwrap_or(0);
        if columns > room {
            return words.unwrap_or(at);
        }
    }
    line.len()
}

/// The columns of the terminal that stdout is, if it is one.
pub(crate) fn width() -> Option<usize> {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(width.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let table = [["a", "1", "one"], ["漢字", "22", "two and more"]].map(|row| row.map(str::to_owned));
        assert_eq!(rows(&table, None), ["a     1   one", "漢字  22  two and more"]);
        assert_eq!(rows(&table, Some(5)), ["a     1   one", "漢字  22  two and more"]);
        assert_eq!(
            rows(&[["", "x".repeat(50).as_str()].map(str::to_owned)], Some(30)),
            [format!("  {}…", "x".repeat(27))]
        );
    }

    #[test]
    fn numbers_stand_flush_right() {
        let table = [vec!["ms", "p50", "max"], vec!["total", "0.412", "12.000"]];
        let table = table.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(numbers(&table), ["ms       p50     max", "total  0.412  12.000"]);
        let shown = [0.0, 0.414, 9.996, 12.34, 99.96, 4_711.9].map(short);
        assert_eq!(shown, ["0.00", "0.41", "10.0", "12.3", "100", "4712"]);
    }

    #[test]
    fn what_is_too_long_goes_on_below_itself() {
        let rows =
            [["a", "one two three four five six"], ["long", "x\n\ty"], ["", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(
            hanging(&rows, Some(26)),
            ["a     one two three four", "      five six", "long  x", "          y", ""]
        );
        assert_eq!(hanging(&rows[..1], None), ["a  one two three four five six"]);
        assert_eq!(indented("", 2, None), [""]);
        assert_eq!(indented(&"漢".repeat(11), 2, Some(22)), [format!("  {}", "漢".repeat(10)), "  漢".to_owned()]);
        // A word of spaces that reaches to the end of the terminal's line.
        let forged = format!("Harmless.{}grants  none", " ".repeat(200));
        assert_eq!(indented(&forged, 2, Some(40)), ["  Harmless.", "  grants  none"]);
    }

    #[test]
    fn what_is_cut_fits_and_says_so() {
        for (text, room, shown) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 4, "漢…"), ("a bcd", 3, "a…")]
        {
            assert_eq!(cut(text, room), shown);
            assert!(cut(text, room).width() <= room);
        }
    }
}
