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
    fn what_is_cut_fits_and_says_so() {
        for (text, room, shown) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 4, "漢…"), ("a bcd", 3, "a…")]
        {
            assert_eq!(cut(text, room), shown);
            assert!(cut(text, room).width() <= room);
        }
    }
}
