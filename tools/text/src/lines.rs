//! Where in a text something is.

/// Turns byte positions into lines and columns, in one walk over the text: ask for positions in rising order.
pub(crate) struct Places<'a> {
    text: &'a str,
    position: usize,
    line: usize,
    column: usize,
}

impl<'a> Places<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, position: 0, line: 1, column: 1 }
    }

    /// The line, and the column in characters, both from 1. A position before the last one gives the last one's place.
    pub(crate) fn at(&mut self, position: usize) -> (usize, usize) {
        if let Some(passed) = self.text.get(self.position..position) {
            self.line += passed.bytes().filter(|&b| b == b'\n').count();
            match passed.rsplit_once('\n') {
                Some((_, tail)) => self.column = tail.chars().count() + 1,
                None => self.column += passed.chars().count(),
            }
            self.position = position;
        }
        (self.line, self.column)
    }
}

/// The beginning of a text, with `…` if that isn't all.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let text = "äb\r\n\nxyz";
        let mut places = Places::of(text);
        let seen: Vec<_> = [0, 2, 5, 6, 8, 9].into_iter().map(|position| places.at(position)).collect();
        assert_eq!(seen, [(1, 1), (1, 2), (2, 1), (3, 1), (3, 3), (3, 4)]);
    }

    #[test]
    fn cuts_between_characters() {
        for (text, wanted) in [("", ""), ("äöü", "äöü"), ("äöüß", "äöü…")] {
            assert_eq!(cut(text, 3), wanted);
        }
    }
}
