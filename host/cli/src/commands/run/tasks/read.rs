//! Reads lines one at a time, none of them longer than it may be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, stdin};
use std::path::Path;

use hotcell_call::{Code, Failure, shortened};
use hotcell_runtime::config::ceiling;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// One line.
pub(super) struct Read {
    /// Its number in the file, from 1.
    pub(super) index: u64,
    /// What stands in it; none: more than may.
    pub(super) text: Option<Vec<u8>>,
}

/// The lines of a file, or of stdin, as they are asked for.
pub(super) struct Lines {
    receiver: mpsc::Receiver<Result<Read, Failure>>,
    /// Ends when it reads a line that nobody takes.
    _reader: JoinHandle<()>,
}

/// What came of looking for the end of a line.
pub(super) enum Found {
    /// A line; whether it had an end.
    Line { text: Vec<u8>, whole: bool },
    /// A line that is too long, which was passed over.
    Long,
    /// There is nothing more.
    End,
}

impl Lines {
    /// Opens the file; `-` is stdin. To be called where a runtime is.
    ///
    /// # Errors
    ///
    /// [`Code::Unreadable`] for what can't be opened.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let name = shortened(&path.display().to_string(), 200);
        let reader: Box<dyn BufRead + Send> = if path == Path::new("-") {
            Box::new(BufReader::new(stdin()))
        } else {
            let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
            Box::new(BufReader::new(file))
        };
        // What is read ahead of those who run is one line.
        let (sender, receiver) = mpsc::channel(1);
        let reader = tokio::task::spawn_blocking(move || send(reader, &name, &sender));
        Ok(Self { receiver, _reader: reader })
    }

    /// The next line; none at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Read, Failure>> {
        self.receiver.recv().await
    }
}

fn send(mut reader: Box<dyn BufRead + Send>, name: &str, sender: &mpsc::Sender<Result<Read, Failure>>) {
    // A task has room for its id beside an input of any size that fits.
    let most = ceiling().input.as_usize().saturating_add(4_096);
    for index in 1.. {
        let read = match next(&mut reader, most) {
            Ok(Found::End) => return,
            // A line without anything is none.
            Ok(Found::Line { text, .. }) if text.trim_ascii().is_empty() => continue,
            Ok(Found::Line { text, .. }) => Ok(Read { index, text: Some(text) }),
            Ok(Found::Long) => Ok(Read { index, text: None }),
            Err(error) => Err(unreadable(name, &error)),
        };
        let last = read.is_err();
        // Nobody takes it: the work is over.
        if sender.blocking_send(read).is_err() || last {
            return;
        }
    }
}

/// Reads up to the next end of a line, and holds no more than `most` of it.
pub(super) fn next(reader: &mut impl BufRead, most: usize) -> io::Result<Found> {
    let (mut text, mut long, mut any) = (Vec::new(), false, false);
    loop {
        let part = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            part => part?,
        };
        let end = part.iter().position(|byte| *byte == b'\n');
        let (piece, _) = part.split_at(end.unwrap_or(part.len()));
        any |= !part.is_empty();
        long |= text.len() + piece.len() > most;
        if long {
            text.clear();
        } else {
            text.extend_from_slice(piece);
        }
        let (read, over) = (piece.len() + usize::from(end.is_some()), part.is_empty());
        reader.consume(read);
        if end.is_some() || over {
            return Ok(match (any, long) {
                (false, _) => Found::End,
                (true, true) => Found::Long,
                (true, false) => Found::Line { text, whole: end.is_some() },
            });
        }
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(Code::Unreadable, format!("the tasks in {name} can't be read")).why(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, most: usize, buffer: usize) -> Vec<String> {
        let mut reader = BufReader::with_capacity(buffer, text.as_bytes());
        let mut seen = Vec::new();
        loop {
            seen.push(match next(&mut reader, most).unwrap() {
                Found::Line { text, whole } => {
                    format!("{}{}", String::from_utf8(text).unwrap(), if whole { "" } else { "~" })
                }
                Found::Long => "long".to_owned(),
                Found::End => return seen,
            });
        }
    }

    #[test]
    fn a_line_is_whole_torn_or_too_long_however_it_comes() {
        for buffer in 1..12 {
            assert_eq!(
                lines("ab\n\nabcde\nabcdef\nabcdefghijkl\nz", 5, buffer),
                ["ab", "", "abcde", "long", "long", "z~"]
            );
            assert_eq!(lines("abcdefghi", 5, buffer), ["long"]);
            assert!(lines("", 5, buffer).is_empty());
        }
    }
}
