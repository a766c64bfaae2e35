//! The whole terminal, for what is looked at while it changes.
//!
//! What was on it before comes back, however this ends. Keys are taken as they are typed and not shown; the signals that they send
//! (Ctrl-C, Ctrl-Z) stay signals.

use std::io::{IsTerminal, Stdin, stdin};

use rustix::process::{Signal as Number, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::output::Output;
use crate::signals::interrupted;

/// A terminal that was taken over, until it is dropped.
pub(crate) struct Screen<'a> {
    output: &'a Output,
    /// None: nothing can be typed.
    keys: Option<Keys>,
    resized: Option<Signal>,
    suspended: Option<Signal>,
}

/// What a person does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// See no more.
    Leave,
    /// See it anew: the terminal has another size, or shows something else.
    Redraw,
}

/// Typed keys, and how they were read before.
struct Keys {
    input: AsyncFd<Stdin>,
    before: Termios,
}

/// Another screen than that of the shell, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
/// Shown at once when the picture is whole, where the terminal knows that.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// How Ctrl-Z is told.
const SUSPEND: SignalKind = SignalKind::from_raw(Number::TSTP.as_raw());

impl<'a> Screen<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        let keys = Keys::new();
        let screen =
            Self { output, keys, resized: signal(SignalKind::window_change()).ok(), suspended: signal(SUSPEND).ok() };
        screen.enter();
        screen
    }

    /// Columns and lines.
    pub(crate) fn size() -> (usize, usize) {
        let size = terminal_size::terminal_size_of(std::io::stdout());
        size.map_or((80, 24), |(width, height)| (width.0.into(), height.0.into()))
    }

    /// Shows these lines and nothing else. They are no wider and no more than the terminal.
    pub(crate) fn draw(&self, lines: &[String]) {
        let lines = lines.join(&format!("{CLEAR_LINE}\r\n"));
        self.output.draw(&format!("{BEGIN}{HOME}{lines}{CLEAR_LINE}{CLEAR_BELOW}{END}"));
    }

    /// Waits for what the person does next.
    pub(crate) async fn wish(&mut self) -> Wish {
        let Self { keys, resized, suspended, .. } = self;
        // Whatever comes while another is looked at is still there at the next wait.
        tokio::select! {
            () = interrupted() => Wish::Leave,
            () = enough(keys.as_ref()) => Wish::Leave,
            () = next(resized) => Wish::Redraw,
            () = next(suspended) => {
                self.pause();
                Wish::Redraw
            }
        }
    }

    /// Gives the terminal back and sleeps, until the shell wakes us.
    fn pause(&self) {
        self.leave();
        // If it can't be, we go on at once.
        let _ = kill_process(getpid(), Number::STOP);
        self.enter();
    }

    fn enter(&self) {
        self.keys.iter().for_each(Keys::take);
        self.output.draw(ENTER);
    }

    fn leave(&self) {
        self.output.draw(LEAVE);
        self.keys.iter().for_each(Keys::give_back);
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Ends when a key says that it is enough.
async fn enough(keys: Option<&Keys>) {
    match keys {
        Some(keys) => keys.enough().await,
        None => std::future::pending().await,
    }
}

/// Ends with the next signal of its kind.
async fn next(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

impl Keys {
    fn new() -> Option<Self> {
        let input = stdin();
        let before = if input.is_terminal() { tcgetattr(&input).ok()? } else { return None };
        #[expect(deprecated, reason = "it is for descriptors that are not what they say, and the other way is unsafe")]
        let input = AsyncFd::with_interest(input, Interest::READABLE).ok()?;
        Some(Self { input, before })
    }

    /// Keys come one by one, are not shown, and nobody waits in a read.
    fn take(&self) {
        let mut modes = self.before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        self.set(&modes);
    }

    fn give_back(&self) {
        self.set(&self.before);
    }

    fn set(&self, modes: &Termios) {
        // A terminal that went away has no modes.
        let _ = tcsetattr(self.input.get_ref(), OptionalActions::Flush, modes);
    }

    async fn enough(&self) {
        let mut typed = [0; 64];
        // What can't be waited for can't be read: then only signals end it.
        while let Ok(mut ready) = self.input.readable().await {
            match rustix::io::read(self.input.get_ref(), &mut typed) {
                Ok(0) => ready.clear_ready(),
                Ok(length) if is_enough(typed.get(..length).unwrap_or_default()) => return,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Whether it is `q`, or the escape key alone and not the beginning of another.
fn is_enough(typed: &[u8]) -> bool {
    typed == b"\x1b" || (!typed.starts_with(b"\x1b") && typed.iter().any(|key| matches!(key, b'q' | b'Q')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_q_and_escape_are_enough() {
        for typed in [&b"q"[..], b"Q", b"xq", b"\x1b"] {
            assert!(is_enough(typed), "{typed:?}");
        }
        for typed in [&b""[..], b"x", b"\n", b"\x1b[A", b"\x1bq", b"\x1b[200~q"] {
            assert!(!is_enough(typed), "{typed:?}");
        }
    }
}
