//! What happens, as it happens: server-sent events, one `data` line of JSON each, with the event's number as its id.
//!
//! A client that comes back says in `Last-Event-ID` what it saw last, and gets what came after; what is not there any more is told as
//! an event `missed` with the number. A stream that ends before what it tells does says why, in an event `closed`. A comment is sent now and then, so that neither side takes a silent stream for a dead one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use hotcell_call::{Event, Failure, RunId, TenantId};
use http::HeaderMap;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use crate::serve::{Caller, Shared};
use crate::tape::{Reader, Seen, is_of};
use crate::terms;

/// From one sign of life to the next.
const ALIVE: Duration = Duration::from_secs(15);
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Serialize)]
struct Missed {
    missed: u64,
}

/// That nothing comes any more, although something may happen still.
#[derive(Serialize)]
struct Closed {
    closed: &'static str,
}

/// What a client is told.
enum Told {
    Seen(Seen),
    Closed(&'static str),
}

const REPLACED: &str =
    "the configuration was read again: ask anew, with a token that is good now; Last-Event-ID says what was seen";
const DRAINING: &str = "the server is about to end";

/// Everything that happens on the caller's behalf.
pub(super) async fn all(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = shared.tape.read(&shared.host(), last(&headers)?);
    Ok(stream(Following::new(&shared, reader, caller.tenant, None)))
}

/// What happens in one run, from its beginning to its end.
pub(super) async fn of_run(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = shared.runs.find(&id, &caller.tenant)?;
    let last = last(&headers)?;
    let host = shared.host();
    // First the tape, then what was before it: nothing falls between the two.
    let reader = shared.tape.read(&host, None);
    let history = host.history(run.id);
    let mut following = Following::new(&shared, reader, caller.tenant, Some(run.id));
    // Its end is told by its events, unless they are not kept any more.
    let ended = run.ended().is_some();
    match history {
        Some(history) => following.before(history.events, history.dropped, last, ended),
        None => following.over = ended,
    }
    Ok(stream(following))
}

/// The number of the event that the client saw last.
fn last(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    terms::value(headers, LAST_EVENT_ID, "the number of an event", |text| text.parse().ok())
}

/// A client that follows.
struct Following {
    reader: Reader,
    tenant: TenantId,
    /// The one run that it follows.
    run: Option<RunId>,
    /// What came before the reader began.
    before: VecDeque<Seen>,
    /// The last of these.
    seen: Option<u64>,
    /// Whether nothing comes after these.
    is_whole: bool,
    draining: CancellationToken,
    /// Another configuration is in force: whoever still may follow comes back.
    replaced: CancellationToken,
    over: bool,
}

impl Following {
    fn new(shared: &Shared, reader: Reader, tenant: TenantId, run: Option<RunId>) -> Self {
        let (draining, replaced) = (shared.draining.clone(), shared.now().over.clone());
        Self {
            reader,
            tenant,
            run,
            before: VecDeque::new(),
            seen: None,
            is_whole: false,
            draining,
            replaced,
            over: false,
        }
    }

    /// What is known of the run already, after what the client has seen.
    fn before(&mut self, events: Vec<Arc<Event>>, dropped: u64, last: Option<u64>, ended: bool) {
        self.seen = events.last().map(|event| event.seq);
        // All that a run told is in its history: after its end there is nothing.
        self.is_whole = ended;
        let first = events.first().map_or(0, |event| event.seq);
        if dropped > 0 && last.is_none_or(|last| last < first) {
            self.before.push_back(Seen::Missed(dropped));
        }
        let unseen = events.into_iter().filter(|event| last.is_none_or(|last| event.seq > last));
        self.before.extend(unseen.map(Seen::Event));
    }

    async fn next(&mut self) -> Option<Told> {
        if self.over || (self.before.is_empty() && self.is_whole) {
            return None;
        }
        let seen = match self.before.pop_front() {
            Some(seen) => seen,
            None => {
                let (tenant, run, after) = (self.tenant.clone(), self.run, self.seen);
                let wants = move |event: &Event| {
                    is_of(event, &tenant)
                        && (run.is_none() || event.run == run)
                        && after.is_none_or(|seen| event.seq > seen)
                };
                // Whoever follows does not hold up the end of the server.
                let next = self.replaced.run_until_cancelled(self.reader.next(wants));
                match self.draining.run_until_cancelled(next).await {
                    Some(Some(seen)) => seen?,
                    ended => {
                        self.over = true;
                        return Some(Told::Closed(if ended.is_some() { REPLACED } else { DRAINING }));
                    }
                }
            }
        };
        self.over = matches!((&seen, self.run), (Seen::Event(event), Some(run)) if event.ends(run));
        Some(Told::Seen(seen))
    }
}

fn stream(following: Following) -> Response {
    let events = futures::stream::unfold(following, |mut following| async move {
        let told = following.next().await?;
        Some((sent(&told), following))
    });
    Sse::new(infallible(events)).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

fn infallible(events: impl Stream<Item = Sent>) -> impl Stream<Item = Result<Sent, Infallible>> {
    futures::StreamExt::map(events, Ok)
}

fn sent(told: &Told) -> Sent {
    let sent = match told {
        Told::Seen(Seen::Event(event)) => Sent::default().id(event.seq.to_string()).json_data(event),
        Told::Seen(Seen::Missed(missed)) => Sent::default().event("missed").json_data(Missed { missed: *missed }),
        Told::Closed(why) => Sent::default().event("closed").json_data(Closed { closed: why }),
    };
    // What happened is made of texts and numbers: it can always be written.
    sent.unwrap_or_default()
}
