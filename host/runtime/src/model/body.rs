//! A reply's body, within its bounds of bytes and of time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hotcell_agent::model::ModelError;
use hotcell_call::format_duration;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::client::Idle;
use super::connect::Connection;
use super::sse::{Event, Events};
use super::wire::{MOST_BODY, too_large};

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// For the head, and then for the first line: a model may think for long before it says anything.
    pub(super) first: Duration,
    /// For each further line. One that comes letter by letter is as good as none.
    pub(super) between: Duration,
}

/// The body, and what it is read from.
pub(super) struct Body {
    incoming: Incoming,
    connection: Connection,
    idle: Arc<Idle>,
    times: Times,
    events: Events,
    read: usize,
    /// Until when a line has to be there, and how long that was to wait.
    by: (Instant, Duration),
}

/// How long the end of a body may take to come after the last event.
const END: Duration = Duration::from_millis(50);

impl Body {
    pub(super) fn new(incoming: Incoming, connection: Connection, idle: Arc<Idle>, times: Times) -> Self {
        let by = (Instant::now() + times.first, times.first);
        Self { incoming, connection, idle, times, events: Events::default(), read: 0, by }
    }

    /// The events that are whole with what comes next, often none; nothing more at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Event>>, ModelError> {
        let Some(piece) = self.piece().await? else { return Ok(None) };
        let (events, moved) = self.events.push(&piece)?;
        if moved {
            self.by = (Instant::now() + self.times.between, self.times.between);
        }
        Ok(Some(events))
    }

    /// How many bytes came that are no event yet.
    pub(super) fn unread(&self) -> u64 {
        u64::try_from(self.events.open()).unwrap_or(u64::MAX)
    }

    /// The text of what is no stream of events, up to so many bytes; as much as came where it breaks off.
    pub(super) async fn text(&mut self, most: usize) -> String {
        let mut text = Vec::new();
        while let Ok(Some(piece)) = self.piece().await {
            let room = most.saturating_sub(text.len());
            text.extend_from_slice(piece.get(..room).unwrap_or(&piece));
            if text.len() >= most {
                break;
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Keeps the connection for the next request, if the body is at its end.
    pub(super) async fn finish(mut self) {
        let end = tokio::time::timeout(END, self.incoming.frame()).await;
        if matches!(end, Ok(None)) {
            self.idle.put(self.connection);
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, ModelError> {
        loop {
            let (by, wait) = self.by;
            let Ok(frame) = tokio::time::timeout_at(by, self.incoming.frame()).await else {
                return Err(ModelError::Cut(format!("nothing came for {}", format_duration(wait))));
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| ModelError::Cut(error.to_string()))?;
            let Ok(piece) = frame.into_data() else { continue };
            self.read = self.read.saturating_add(piece.len());
            if self.read > MOST_BODY {
                return Err(too_large("a body of", MOST_BODY));
            }
            return Ok(Some(piece));
        }
    }
}
