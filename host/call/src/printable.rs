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

/// One line of at most `most` characters, escaped: the beginning and the end of a text, and between them how many were cut.
#[must_use]
pub fn abridged(text: &str, most: usize) -> String {
    let all = text.chars().count();
    if all <= most {
        return shortened(text, most);
    }
    let tail = most / 3;
    let head = most - tail;
    let first: String = text.chars().take(head).collect();
    let last: String = text.chars().skip(all - tail).collect();
    format!("{} … ({} characters cut) … {}", shortened(&first, head), all - most, shortened(&last, tail))
}

/// C0 and C1 controls, bidirectional marks and overrides, the byte order mark, and what has no shape of its own: zero-width,
/// filling and tag characters, and the selectors of variants beyond those that letters and emoji need. A text can hide in them.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_survives() {
        let hostile = "a\x1b[2Jb\u{9b}c\r\u{202e}d\u{e0041}\0e\u{feff}";
        let shown = printable(hostile);
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{9b}c\\u{d}\\u{202e}d\\u{e0041}\\u{0}e\\u{feff}");
        assert_eq!(printable("a\u{e0101}\u{3164}\u{ad}"), "a\\u{e0101}\\u{3164}\\u{ad}");
        assert_eq!(printable("❤\u{fe0f} नमस्ते"), "❤\u{fe0f} नमस्ते");
        assert_eq!(printable("zwei\n\tZeilen – äöü 漢字 🦀"), "zwei\n\tZeilen – äöü 漢字 🦀");
    }

    #[test]
    fn a_shortened_text_is_one_line() {
        assert_eq!(shortened("a\nb", 10), "a\\nb");
        assert_eq!(shortened("abcdef", 3), "abc… (+3 characters)");
    }
}
