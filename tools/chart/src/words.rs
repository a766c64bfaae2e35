//! How wide words are, without the font.
//!
//! The picture is drawn elsewhere, in whatever sans-serif is there. The widths here are those of common ones, rather too
//! wide than too narrow, so that words don't run into one another.

/// The width of a text in pixels.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| advance(c) * size).sum()
}

/// A text that is no wider than this, cut with `…` if it was.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    let mut used = 0.0;
    let mut kept = String::new();
    let ellipsis = advance('…') * size;
    for (index, c) in text.char_indices() {
        let after = used + advance(c) * size;
        let rest = text.get(index + c.len_utf8()..).unwrap_or_default();
        // The rest of a long text need not be measured: what counts is whether it fits in what is left.
        if after + ellipsis > room && !fits(rest, size, room - after) {
            kept.truncate(kept.trim_end().len());
            kept.push('…');
            return kept;
        }
        used = after;
        kept.push(c);
    }
    kept
}

fn fits(text: &str, size: f64, room: f64) -> bool {
    // Room that was measured for this very text must be enough for it, whatever the last bit of a float says.
    let mut left = room + 0.01;
    text.chars().all(|c| {
        left -= advance(c) * size;
        left >= 0.0
    }) && left >= 0.0
}

/// A character's width by its size.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' => 0.3,
        'f' | 't' | 'r' | ' ' | '/' | '\\' | '(' | ')' | '[' | ']' | '-' | '"' | '*' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.95,
        'A'..='Z' | '&' | '−' | '+' | '=' | '<' | '>' | '#' | '~' => 0.74,
        // Marks that stand on the letter before.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => 0.0,
        c if c >= '\u{1100}' => 1.05,
        _ => 0.6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_to_fit() {
        for (text, room, wanted) in [
            ("short", 100.0, "short"),
            ("", 10.0, ""),
            ("a rather long label", 55.0, "a rather…"),
            ("漢字漢字漢字", 40.0, "漢字…"),
            ("x", 1.0, "…"),
        ] {
            assert_eq!(fit(text, 10.0, room), wanted);
        }
    }

    #[test]
    fn a_text_fits_its_own_width() {
        for text in ["February", "file_10.rs", "i", "Größe (KiB)"] {
            assert_eq!(fit(text, 13.0, (16.0 + width(text, 13.0)) - 16.0), text);
        }
    }

    #[test]
    fn what_fits_is_no_wider_than_its_room() {
        let text = "The quick brown fox (jumps) over 1,234 lazy dogs & W%";
        for room in 20..400 {
            assert!(width(&fit(text, 13.0, f64::from(room)), 13.0) <= f64::from(room) + 0.02);
        }
    }

    #[test]
    fn a_huge_text_is_cut_at_once() {
        assert!(fit(&"i".repeat(4 << 20), 10.0, 100.0).chars().count() < 40);
    }
}
