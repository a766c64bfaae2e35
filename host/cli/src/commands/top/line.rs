//! A line in several styles that can still be measured.

use std::fmt::Display;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::output::Output;
use crate::table;

/// Parts of one line, each in its style.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    /// A line in one style.
    pub(super) fn of(style: Style, text: impl Display) -> Self {
        Self::default().then(style, text)
    }

    /// Adds what comes next.
    pub(super) fn then(mut self, style: Style, text: impl Display) -> Self {
        self.0.push((style, text.to_string()));
        self
    }

    /// So much of it as fits into so many columns.
    pub(super) fn cut(self, width: Option<usize>) -> Self {
        let whole: usize = self.0.iter().map(|(_, text)| text.width()).sum();
        let Some(width) = width.filter(|width| whole > *width) else { return self };
        // The last column is for the mark that something is missing.
        let mut left = width.saturating_sub(1);
        let mut cut = Self::default();
        for (style, text) in self.0 {
            let Some(rest) = left.checked_sub(text.width()) else {
                return cut.then(style, table::cut(&format!("{text}…"), left + 1));
            };
            cut = cut.then(style, text);
            left = rest;
        }
        cut
    }

    /// As it is printed.
    pub(super) fn painted(&self, output: &Output) -> String {
        self.0
            .iter()
            .map(|(style, text)| if *style == Style::new() { text.clone() } else { output.styled(*style, text) })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::BOLD;

    #[test]
    fn a_line_is_cut_over_all_its_parts() {
        let line = Line::of(BOLD, "abc").then(Style::new(), "def").then(BOLD, "ghi");
        let cut = |width| line.clone().cut(width).painted(&Output::plain());
        assert_eq!(
            [cut(None), cut(Some(9)), cut(Some(8)), cut(Some(5))],
            ["abcdefghi", "abcdefghi", "abcdefg…", "abcd…"]
        );
        assert_eq!([cut(Some(4)), cut(Some(3)), cut(Some(1))], ["abc…", "ab…", "…"]);
    }
}
