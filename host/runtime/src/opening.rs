//! A tool that is being opened, for all who wait for it.
//!
//! Opening may compile, which takes as long as it takes, and callers have deadlines. So it is nobody's own work: it goes on when a
//! caller stops waiting, and serves the next. It ends with the catalog's entry, when nobody waits for it either; how many compile at
//! one time, and for how long, is bounded by the sandbox.

use std::sync::Arc;

use hotcell_call::{Code, Failure};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::entry::Opened;

type Ended = Result<Arc<Opened>, Failure>;

pub(crate) struct Opening {
    ended: watch::Receiver<Option<Ended>>,
    _task: AbortOnDropHandle<()>,
}

impl Opening {
    pub(crate) fn start(work: impl Future<Output = Ended> + Send + 'static) -> Self {
        let (tell, ended) = watch::channel(None);
        let task = tokio::spawn(async move {
            let _ = tell.send(Some(work.await)); // nobody listens: then nobody needs it
        });
        Self { ended, _task: AbortOnDropHandle::new(task) }
    }

    /// Whether it is over and there is no tool: the next who wants one begins anew.
    pub(crate) fn has_failed(&self) -> bool {
        match &*self.ended.borrow() {
            Some(ended) => ended.is_err(),
            None => self.ended.has_changed().is_err(),
        }
    }

    pub(crate) async fn wait(&self) -> Ended {
        let mut ended = self.ended.clone();
        let told = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        told.unwrap_or_else(|| Err(Failure::new(Code::Fault, "opening the tool broke")))
    }
}
