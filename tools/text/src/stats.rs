//! `stats`: how much text there is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::lines::cut;

/// Characters shown of a long line.
const SHOWN: usize = 120;

/// Long lines that are named at most: beyond, the answer would be the text.
const MAX_LONGEST: u32 = 1_000;

/// The measures of a text.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Stats {
    /// Its size in UTF-8.
    pub bytes: usize,
    /// Its characters (Unicode scalar values).
    pub chars: usize,
    /// What white space separates.
    pub words: usize,
    /// Its lines; one without a line break at the end counts too.
    pub lines: usize,
    /// Lines of nothing but white space.
    pub blank_lines: usize,
    /// The longest lines, longest first.
    pub longest: Vec<LongLine>,
}

/// One long line.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct LongLine {
    /// Its number, from 1.
    pub line: usize,
    /// Its characters, without the line break.
    pub length: usize,
    /// Its first 120 characters.
    pub text: String,
}

/// Counts bytes, characters, words and lines, and names the longest lines.
#[hotcell::tool(effect = "pure")]
pub fn stats(
    /// The text to measure.
    text: String,
    /// How many of the longest lines to name (at most 1000).
    #[hotcell(default = 3)]
    longest: u32,
) -> Stats {
    let most = longest.min(MAX_LONGEST) as usize;
    let (mut lines, mut blank_lines) = (0, 0);
    // The least of the longest is on top, to be pushed out: memory is bounded by what is asked for, not by the text.
    let mut ranking = BinaryHeap::with_capacity(most + 1);
    for line in text.lines() {
        lines += 1;
        blank_lines += usize::from(line.trim().is_empty());
        if !line.is_empty() {
            ranking.push(Reverse((line.chars().count(), Reverse(lines), line)));
        }
        if ranking.len() > most {
            ranking.pop();
        }
    }
    Stats {
        bytes: text.len(),
        chars: text.chars().count(),
        words: text.split_whitespace().count(),
        lines,
        blank_lines,
        longest: ranking.into_sorted_vec().into_iter().map(LongLine::from_ranked).collect(),
    }
}

impl LongLine {
    fn from_ranked(Reverse((length, Reverse(line), text)): Reverse<(usize, Reverse<usize>, &str)>) -> Self {
        Self { line, length, text: cut(text, SHOWN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (text, wanted) in [
            ("", (0, 0, 0, 0, 0)),
            ("one two", (7, 7, 2, 1, 0)),
            ("ä\n\n \t\r\nb\n", (10, 9, 2, 4, 2)),
            ("\n", (1, 1, 0, 1, 1)),
        ] {
            let s = stats(text.into(), 3);
            assert_eq!((s.bytes, s.chars, s.words, s.lines, s.blank_lines), wanted, "{text:?}");
        }
    }

    #[test]
    fn names_the_longest_lines_first_ones_first() {
        let s = stats(format!("ab\n\näöü\ncd\n{}", "x".repeat(200)), 3);
        let seen: Vec<_> = s.longest.iter().map(|l| (l.line, l.length)).collect();
        assert_eq!(seen, [(5, 200), (3, 3), (1, 2)]);
        assert_eq!(s.longest[0].text.chars().count(), SHOWN + 1);
        assert_eq!(stats("a".into(), 0).longest, []);
    }
}
