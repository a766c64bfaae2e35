//! The text of a file, and where in it something stands.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::Diagnostic;

/// A range of bytes of a [`Source`].
pub type Span = Range<usize>;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A file's text under the name by which its user knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// The file, by its path without links.
    file: Option<PathBuf>,
}

/// The most that a file of settings may hold.
pub const MOST_BYTES: usize = 1 << 20;

impl<T> Spanned<T> {
    /// Joins a value and its place.
    #[must_use]
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl Source {
    /// Takes over a text. `name` is shown as it is: the path as the user typed it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Arc::new(Self { name: name.into(), text, lines, file: None })
    }

    /// The same, as the text of a file.
    fn of(self: Arc<Self>, path: &Path) -> Arc<Self> {
        let file = path.canonicalize().ok();
        Arc::new(Self { file, ..Arc::unwrap_or_clone(self) })
    }

    /// Reads a file: a regular one, of at most 1 MiB, in UTF-8. It never waits for one that is none.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`] that says what is in the way.
    pub fn read(path: &Path) -> Result<Arc<Self>, Box<Diagnostic>> {
        Self::open(path, OFlags::empty())
    }

    /// Reads a file that nobody named: it was looked for, and whoever put it there need not be its reader. So it may not be a
    /// link: errors show lines of the file, and a link can lead to any.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn found(path: &Path) -> Result<Arc<Self>, Box<Diagnostic>> {
        Self::open(path, OFlags::NOFOLLOW)
    }

    fn open(path: &Path, flags: OFlags) -> Result<Arc<Self>, Box<Diagnostic>> {
        let name = path.display().to_string();
        let fail = |why: &str| {
            let empty = Self::new(name.clone(), "");
            Box::new(Diagnostic::new(&empty, format!("the file can't be read: {why}")))
        };
        let bytes = match bounded(path, flags) {
            Err(_) if flags.contains(OFlags::NOFOLLOW) && path.is_symlink() => {
                return Err(fail("it is a link, and a file that was not named may not be one"));
            }
            Err(error) => return Err(fail(&error.to_string())),
            Ok(None) => return Err(fail("it is not a regular file")),
            Ok(Some(bytes)) if bytes.len() > MOST_BYTES => {
                return Err(fail("it is larger than 1 MiB"));
            }
            Ok(Some(bytes)) => bytes,
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text).of(path)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let mut text = error.into_bytes();
                text.truncate(valid);
                let source = Self::new(name, String::from_utf8_lossy(&text));
                let end = source.text.len();
                let diagnostic =
                    Diagnostic::new(&source, "the file is not UTF-8").at(end..end, "the first wrong byte is here");
                Err(Box::new(diagnostic))
            }
        }
    }

    /// The name that it was read under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that it was read from, by its path without links; none for a text that was none, or a file that is gone.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte, both from 1; columns are characters.
    #[must_use]
    pub fn position(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The text of a line, without its end; lines count from 1.
    pub(crate) fn line(&self, line: usize) -> Option<&str> {
        let range = self.line_range(line)?;
        self.text.get(range)
    }

    /// Where a line stands, without its end.
    pub(crate) fn line_range(&self, line: usize) -> Option<Span> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let rest = self.text.get(start..)?;
        let length = rest.find('\n').unwrap_or(rest.len());
        Some(start..start + length)
    }
}

/// The bytes of a regular file, at most one more than may be; none if it is something else.
///
/// Opened without blocking and then looked at, so that what it is can't change between the two.
fn bounded(path: &Path, flags: OFlags) -> std::io::Result<Option<Vec<u8>>> {
    let flags = flags | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let source = Source::new("x", "a\nüb\n\nc");
        for (at, position) in
            [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (4, (2, 2)), (5, (2, 3)), (6, (3, 1)), (7, (4, 1)), (8, (4, 2))]
        {
            assert_eq!(source.position(at), position, "{at}");
        }
        assert_eq!(source.line(2), Some("üb"));
        assert_eq!((source.line(0), source.line(5)), (None, None));
    }

    #[test]
    fn what_is_no_text_file_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("large"), vec![b'#'; MOST_BYTES + 1]).unwrap();
        std::fs::write(path("binary"), b"ok\n\xff").unwrap();
        std::fs::write(path("exact"), vec![b'#'; MOST_BYTES]).unwrap();
        let fifo = path("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        for (name, words) in [
            ("absent", "No such file"),
            (".", "not a regular file"),
            ("fifo", "not a regular file"),
            ("large", "larger than 1 MiB"),
            ("binary", "not UTF-8"),
        ] {
            let refused = Source::read(&path(name)).unwrap_err();
            assert!(refused.render().contains(words), "{}", refused.render());
        }
        assert_eq!(Source::read(&path("binary")).unwrap_err().line(), Some(2));
        assert!(Source::read(&path("exact")).is_ok());
    }

    #[test]
    fn a_file_that_was_not_named_may_be_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("secret"), "root:x:0:0").unwrap();
        for (target, link) in [("secret", "link"), ("/etc/passwd", "far"), ("nowhere", "dangling"), ("loop", "loop")] {
            std::os::unix::fs::symlink(target, path(link)).unwrap();
            let refused = Source::found(&path(link)).unwrap_err().render();
            assert!(refused.contains("it is a link") && !refused.contains("root:"), "{link}: {refused}");
        }
        assert_eq!(Source::read(&path("link")).unwrap().text(), "root:x:0:0");
        assert!(Source::found(&path("secret")).is_ok());
        assert!(Source::found(&path("absent")).unwrap_err().render().contains("No such file"));
    }
}
