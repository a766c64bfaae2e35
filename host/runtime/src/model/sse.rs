//! Streams of events, as the HTML standard has them ("Server-sent events"), within a bound.
//!
//! Fed with pieces as they come, wherever they are cut. Fields that only matter to who connects again (`id`, `retry`) are passed over.
//! An event that is not ended by an empty line is none.

use super::wire::{MOST_LINE, too_large};
use hotcell_agent::model::ModelError;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// What it is called; mostly nothing.
    pub(super) name: String,
    /// What it says.
    pub(super) data: String,
}

/// A stream, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The line that is not ended.
    line: Vec<u8>,
    /// Whether the last line ended with a carriage return, so that a line feed behind it is no second end.
    returned: bool,
    /// Whether a line was read.
    begun: bool,
    name: String,
    data: Option<String>,
}

impl Events {
    /// Bytes of the event that is not whole yet.
    pub(super) fn open(&self) -> usize {
        self.line.len() + self.name.len() + self.data.as_ref().map_or(0, String::len)
    }

    /// Takes in a piece; gives the events that are whole with it, and whether a line was.
    ///
    /// # Errors
    ///
    /// [`ModelError::TooLarge`] for a line without an end.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(Vec<Event>, bool), ModelError> {
        let (mut events, mut moved) = (Vec::new(), false);
        if self.returned && !piece.is_empty() {
            self.returned = false;
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
        }
        while let Some(end) = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (part, rest) = piece.split_at(end);
            self.extend(part)?;
            moved = true;
            events.extend(self.end_line());
            piece = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.returned = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.extend(piece)?;
        Ok((events, moved))
    }

    fn extend(&mut self, part: &[u8]) -> Result<(), ModelError> {
        if self.line.len() + part.len() > MOST_LINE {
            return Err(too_large("a line of", MOST_LINE));
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Reads the line; gives the event that it ends.
    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.name),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut events = Events::default();
        let read = pieces.iter().flat_map(|piece| events.push(piece).unwrap().0);
        read.map(|event| (event.name, event.data)).collect()
    }

    #[test]
    fn the_examples_of_the_standard() {
        for (text, expected) in [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", &[("", "YHOO\n+2\n10")][..]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                &[("", "first event"), ("", "second event"), ("", " third event")],
            ),
            ("data\n\ndata\ndata\n\ndata:", &[("", ""), ("", "\n")]),
            ("data:test\n\ndata: test\n\n", &[("", "test"), ("", "test")]),
            ("event: add\ndata: 1\n\nevent: lost\n\ndata: 2\n\n", &[("add", "1"), ("", "2")]),
            ("\u{feff}data: bom\r\rdata: x\r\n\r\ndata: never ended\n", &[("", "bom"), ("", "x")]),
            ("data: a:b\nunknown: x\n\n", &[("", "a:b")]),
        ] {
            let read = all(&[text.as_bytes()]);
            let read: Vec<(&str, &str)> = read.iter().map(|(name, data)| (name.as_str(), data.as_str())).collect();
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_has_a_bound_and_an_event_of_many_lines_has_not() {
        let mut events = Events::default();
        events.push(&vec![b'x'; MOST_LINE]).unwrap();
        assert!(matches!(events.push(b"x"), Err(ModelError::TooLarge { .. })));
        let mut events = Events::default();
        for _ in 0..20 {
            events.push(b"data: ").unwrap();
            events.push(&vec![b'x'; MOST_LINE / 2]).unwrap();
            events.push(b"\n").unwrap();
        }
        assert_eq!(events.push(b"\n").unwrap().0.len(), 1);
    }

    #[test]
    fn a_line_that_comes_letter_by_letter_is_no_line_before_its_end() {
        let mut events = Events::default();
        let moved: Vec<bool> = b"data: x\r\n".chunks(1).map(|byte| events.push(byte).unwrap().1).collect();
        assert_eq!(moved, [false, false, false, false, false, false, false, true, false]);
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_makes_no_difference(
            text in proptest::collection::vec(
                prop_oneof![
                    Just("\r"), Just("\n"), Just("\r\n"), Just("data: "), Just("data:"), Just("data"), Just("event: "),
                    Just(":"), Just(" "), Just("é"), Just("x"), Just("\u{feff}"),
                ],
                0..60,
            ),
            cuts in proptest::collection::vec(0usize..200, 0..20),
        ) {
            let bytes = text.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(all(&pieces), all(&[&bytes]));
        }
    }
}
