//! The end of a run, as its events tell it.
//!
//! Calls are tasks of their own, and a run that is given up leaves before they do. Nothing may come after a run's end, so that is told by
//! whoever goes last: the run itself, one of its calls, or one of the runs within it.

use std::sync::{Arc, Mutex, PoisonError};

use hotcell_call::{Code, Happening, shortened};

use crate::events::Events;
use crate::session::{Owner, RunOutcome};

/// What a run, its calls and the runs within it hold as long as they are there.
pub(super) struct UnderWay {
    events: Arc<Events>,
    owner: Owner,
    /// How it ended, and the beginning of its answer; none: it was given up.
    how: Mutex<Option<(String, Option<String>)>>,
    /// Of the run around, which ends later.
    _around: Option<Arc<UnderWay>>,
}

/// The guard of a run that has begun: exactly one end is told of it, also where whoever waits for it goes away.
pub(super) struct End(Arc<UnderWay>);

impl End {
    pub(super) fn of(events: &Arc<Events>, owner: Owner, around: Option<Arc<UnderWay>>) -> Self {
        let events = Arc::clone(events);
        Self(Arc::new(UnderWay { events, owner, how: Mutex::default(), _around: around }))
    }

    pub(super) fn under_way(&self) -> &Arc<UnderWay> {
        &self.0
    }

    /// It came to its end.
    pub(super) fn tell(self, outcome: &RunOutcome) {
        self.0.ends(outcome.word(), outcome.answer.as_deref().map(|answer| shortened(answer, 500)));
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Whoever goes last does not know that it was a panic.
        if std::thread::panicking() {
            self.0.ends(Code::Fault.kind().to_string(), None);
        }
    }
}

impl UnderWay {
    fn ends(&self, outcome: String, answer: Option<String>) {
        *self.how.lock().unwrap_or_else(PoisonError::into_inner) = Some((outcome, answer));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let how = self.how.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let (outcome, answer) = how.unwrap_or_else(|| (Code::Cancelled.kind().to_string(), None));
        self.events.tell(self.owner.about(), || Happening::RunFinished { outcome, answer });
    }
}
