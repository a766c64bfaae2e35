//! Text from outside, made safe to show.
//!
//! Names, messages and logs come from guests, files and callers. What they print must not move a cursor, forge a log line or
//! hide its meaning, so control, bidirectional and invisible characters are shown as escapes wherever hotcell repeats them.

/// Shows control, bidirectional and invisible characters as escapes; keeps newlines and tabs.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if is_deceptive(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// One line of at most `most` characters, escaped; what was cut is said.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(most).collect();
    let rest = chars.count();
    let mut line = printable(&head).replace('\n', "\\n").replace('\t', "\\t");
    if rest > 0 {
        line.push_str(&format!("… (+{rest} characters)"));
    }
    line
}

/// C0 and C1 controls, bidirectional marks and overrides, zero-width and tag characters, the byte order mark.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_survives() {
        let hostile = "a\x1b[2Jb\u{9b}c\r\u{202e}d\u{e0041}\0e\u{feff}";
        let shown = printable(hostile);
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{9b}c\\u{d}\\u{202e}d\\u{e0041}\\u{0}e\\u{feff}");
        assert_eq!(printable("zwei\n\tZeilen – äöü 漢字 🦀"), "zwei\n\tZeilen – äöü 漢字 🦀");
    }

    #[test]
    fn a_shortened_text_is_one_line() {
        assert_eq!(shortened("a\nb", 10), "a\\nb");
        assert_eq!(shortened("abcdef", 3), "abc… (+3 characters)");
    }
}
