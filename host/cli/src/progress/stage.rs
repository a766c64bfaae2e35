//! The line that moves at the end of a terminal, and those that stay above it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use super::TICK;
use crate::output::Output;

/// Lines that are kept back while somebody is asked; of more, only how many they were is told.
const MOST_HELD: usize = 200;

/// Where a run shows how far it is. Whoever asks a person something [holds](Self::hold) it still meanwhile.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Whether something may move at all.
    lively: bool,
    /// None: nothing moves now.
    bar: Option<ProgressBar>,
    /// What the line says, also while it is not shown.
    message: String,
    /// What is to be told when nobody is asked any more.
    held: Option<(Vec<String>, usize)>,
}

/// Nothing moves as long as it lives.
pub(crate) struct Held(Stage);

impl Stage {
    pub(crate) fn new(output: &Output) -> Self {
        let stage = Self::default();
        let mut state = stage.lock();
        state.lively = output.is_lively();
        state.show();
        drop(state);
        stage
    }

    /// Changes the line that moves.
    pub(crate) fn say(&self, message: String) {
        let mut state = self.lock();
        if state.message == message {
            return;
        }
        if let Some(bar) = &state.bar {
            bar.set_message(message.clone());
        }
        state.message = message;
    }

    /// Tells a line that stays; not at once while somebody is asked.
    pub(crate) fn keep(&self, output: &Output, line: String) {
        let mut state = self.lock();
        match (&mut state.held, output.is_quiet()) {
            (_, true) => {}
            (Some((lines, _)), false) if lines.len() < MOST_HELD => lines.push(line),
            (Some((_, more)), false) => *more += 1,
            (None, false) => match &state.bar {
                Some(bar) => bar.println(line),
                None => output.note(line),
            },
        }
    }

    /// Takes the line away until what is given is dropped.
    pub(crate) fn hold(&self) -> Held {
        let mut state = self.lock();
        state.hide();
        state.held.get_or_insert_default();
        Held(self.clone())
    }

    /// Nothing moves any more.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.lively = false;
        state.hide();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn show(&mut self) {
        if !self.lively {
            return;
        }
        let bar = ProgressBar::new_spinner().with_message(self.message.clone());
        // The template is ours and sound; should it not be, the default one does.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let (mut lines, more) = state.held.take().unwrap_or_default();
        if more > 0 {
            lines.push(format!("  … and {more} more"));
        }
        state.show();
        if let Some(bar) = &state.bar {
            lines.iter().for_each(|line| bar.println(line));
        }
    }
}
