//! `diff`: what changed between two texts.
//!
//! The comparison is that of `git diff` (histogram, then Myers with its heuristics), by a crate; what is ours is the
//! writing, because `patch` and `git apply` are to accept it, texts without a last line break too.

use std::fmt::Write as _;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, Hunk, InternedInput};

/// What changed.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// The changes as a unified diff; empty if the texts are equal.
    pub unified: String,
    /// How many lines are new.
    pub added: u32,
    /// How many lines are gone.
    pub removed: u32,
}

/// Compares two texts line by line and gives a unified diff, as `diff -u` does.
#[hotcell::tool(effect = "pure")]
pub fn diff(
    /// The text before the change.
    before: String,
    /// The text after it.
    after: String,
    /// How many unchanged lines to show around each change.
    #[hotcell(default = 3)]
    context: u32,
) -> Difference {
    let input = InternedInput::new(before.as_str(), after.as_str());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let texts = Texts { before: before.split_inclusive('\n').collect(), after: after.split_inclusive('\n').collect() };
    let mut unified = String::new();
    for group in groups(diff.hunks(), context) {
        if unified.is_empty() {
            unified.push_str("--- before\n+++ after\n");
        }
        texts.write(&mut unified, &group, context);
    }
    Difference { unified, added: diff.count_additions(), removed: diff.count_removals() }
}

/// Joins changes whose contexts touch: they are shown as one.
fn groups(hunks: impl Iterator<Item = Hunk>, context: u32) -> Vec<Vec<Hunk>> {
    let mut groups: Vec<Vec<Hunk>> = Vec::new();
    for hunk in hunks {
        match groups.last_mut() {
            Some(group)
                if group
                    .last()
                    .is_some_and(|last| hunk.before.start - last.before.end <= context.saturating_mul(2)) =>
            {
                group.push(hunk);
            }
            _ => groups.push(vec![hunk]),
        }
    }
    groups
}

/// Both texts in lines, each with its line break.
struct Texts<'a> {
    before: Vec<&'a str>,
    after: Vec<&'a str>,
}

impl Texts<'_> {
    fn write(&self, out: &mut String, group: &[Hunk], context: u32) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return;
        };
        // What lies between the changes is equal in both texts, so one count of context serves both.
        let lead = context.min(first.before.start);
        let tail = last.before.end.saturating_add(context).min(length(&self.before)) - last.before.end;
        let before = first.before.start - lead..last.before.end + tail;
        let after = first.after.start - lead..last.after.end + tail;
        let _ = writeln!(out, "@@ -{} +{} @@", span(&before), span(&after));
        let mut position = before.start;
        for hunk in group {
            write_lines(out, ' ', &self.before, position..hunk.before.start);
            write_lines(out, '-', &self.before, hunk.before.clone());
            write_lines(out, '+', &self.after, hunk.after.clone());
            position = hunk.before.end;
        }
        write_lines(out, ' ', &self.before, position..before.end);
    }
}

/// A text is at most 4 MiB, and the crate counts in `u32`.
fn length(lines: &[&str]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

/// `start,count`; an empty span names the line before it.
fn span(lines: &Range<u32>) -> String {
    match lines.end - lines.start {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn write_lines(out: &mut String, mark: char, lines: &[&str], range: Range<u32>) {
    for line in lines.get(range.start as usize..range.end as usize).unwrap_or_default() {
        out.push(mark);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(before: &str, after: &str, context: u32) -> Difference {
        diff(before.into(), after.into(), context)
    }

    #[test]
    fn shows_changes_in_their_context() {
        let difference = compare("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n", 1);
        assert_eq!(difference.unified, "--- before\n+++ after\n@@ -2,3 +2,3 @@\n b\n-c\n+X\n d\n");
        assert_eq!((difference.added, difference.removed), (1, 1));
    }

    #[test]
    fn equal_texts_have_no_diff() {
        for text in ["", "a", "a\nb\n"] {
            assert_eq!(compare(text, text, 3), Difference { unified: String::new(), added: 0, removed: 0 });
        }
    }

    #[test]
    fn empty_spans_and_missing_line_breaks() {
        for (before, after, wanted) in [
            ("", "a\n", "@@ -0,0 +1 @@\n+a\n"),
            ("a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n"),
            ("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
            ("a\nb", "a\nc\nb", "@@ -1,0 +2 @@\n+c\n"),
        ] {
            let unified = compare(before, after, 0).unified;
            assert_eq!(unified.strip_prefix("--- before\n+++ after\n"), Some(wanted), "{before:?} → {after:?}");
        }
    }

    #[test]
    fn far_changes_are_apart_and_near_ones_together() {
        let lines = |n: usize, changed: &[usize]| -> String {
            (1..=n).map(|i| if changed.contains(&i) { format!("x{i}\n") } else { format!("{i}\n") }).collect()
        };
        let headers =
            |changed: &[usize]| compare(&lines(20, &[]), &lines(20, changed), 2).unified.matches("@@ -").count();
        assert_eq!((headers(&[5, 10]), headers(&[5, 11]), headers(&[1, 2, 20])), (1, 2, 2));
    }

    #[test]
    fn any_context_is_fine() {
        let difference = compare("a\nb\nc\n", "a\nX\nc\n", u32::MAX);
        assert_eq!(difference.unified, "--- before\n+++ after\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n");
    }

    #[test]
    fn texts_without_order_are_compared_too() {
        // Few kinds of lines, all of them often: no line is an anchor.
        let text = |step: usize| -> String {
            (0..5_000_usize).map(|i| if i * i % step < step / 2 { "a\n" } else { "b\n" }).collect()
        };
        let difference = compare(&text(101), &text(97), 3);
        let lines = |mark| difference.unified.lines().skip(2).filter(|line| line.starts_with(mark)).count();
        assert_eq!((lines('+'), lines('-')), (difference.added as usize, difference.removed as usize));
        assert!(difference.added > 0 && difference.added == difference.removed);
    }
}
