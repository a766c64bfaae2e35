//! A pair of pipes as the way of one client's messages, with bounds that the protocol does not have.
//!
//! A message is a line, of so many bytes and no more. So many requests may be unanswered: then nothing more is read, and the client's
//! own writes wait. It comes to that only with a client that does not take its answers, because calls beyond the
//! [bound of one client](super::handler::MOST_CALLS) are answered at once, by a refusal.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rmcp::ErrorData;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::handler::MOST_CALLS;

/// The two pipes.
pub(super) struct Pipe<R: AsyncRead, W: AsyncWrite> {
    inner: AsyncRwTransport<RoleServer, R, W>,
    asked: Arc<Asked>,
    /// A refusal on its way.
    refusing: Option<BoxFuture<'static, io::Result<()>>>,
    /// Whether a first request came: what comes before it is nothing to be answered.
    begun: bool,
    /// Nothing more comes.
    ended: CancellationToken,
}

/// The requests that are not answered.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Each, and whether it is a call: others may stand as long as the client does.
    ids: Mutex<HashMap<RequestId, bool>>,
    /// One was answered.
    answered: Notify,
}

/// Requests that may be unanswered.
const MOST_ASKED: usize = MOST_CALLS + 64;

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// `most` is the longest line; `ended` is told when nothing more comes.
    pub(super) fn new(read: R, write: W, most: usize, ended: CancellationToken) -> Self {
        let inner = AsyncRwTransport::new_server(read, write).with_max_line_length(most);
        Self { inner, asked: Arc::default(), refusing: None, begun: false, ended }
    }

    /// What is not answered yet.
    pub(super) fn asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked)
    }

    /// The next message that means something.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(refusing) = &mut self.refusing {
                // Whoever gives up this wait comes back to it.
                refusing.await.ok()?;
                self.refusing = None;
            }
            self.asked.room().await;
            let message = self.inner.receive().await?;
            match &message {
                JsonRpcMessage::Request(request) => {
                    self.begun = true;
                    let is_call = matches!(request.request, ClientRequest::CallToolRequest(_));
                    if let Entry::Vacant(place) = self.asked.lock().entry(request.id.clone()) {
                        place.insert(is_call);
                        return Some(message);
                    }
                    let error = ErrorData::invalid_request("a request of this id is under way", None);
                    let refusal = ServerJsonRpcMessage::error(error, Some(request.id.clone()));
                    self.refusing = Some(self.inner.send(refusal).boxed());
                }
                JsonRpcMessage::Notification(notification) if self.begun => {
                    if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                        && let Some(id) = &cancelled.params.request_id
                    {
                        self.asked.answer(id);
                    }
                    return Some(message);
                }
                _ if self.begun => return Some(message),
                _ => {}
            }
        }
    }
}

impl<R, W> Transport<RoleServer> for Pipe<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let id = match &message {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            JsonRpcMessage::Error(error) => error.id.clone(),
            _ => None,
        };
        let (asked, sent) = (Arc::clone(&self.asked), self.inner.send(message));
        async move {
            let sent = sent.await;
            if let Some(id) = id {
                asked.answer(&id);
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.next().await;
        if message.is_none() {
            self.ended.cancel();
        }
        message
    }

    async fn close(&mut self) -> io::Result<()> {
        self.inner.close().await
    }
}

impl Asked {
    /// Waits until another request may come.
    async fn room(&self) {
        loop {
            let answered = self.answered.notified();
            if self.lock().len() < MOST_ASKED {
                return;
            }
            answered.await;
        }
    }

    /// Waits until all calls are answered, and their answers sent.
    pub(super) async fn calls(&self) {
        loop {
            let answered = self.answered.notified();
            if !self.lock().values().any(|is_call| *is_call) {
                return;
            }
            answered.await;
        }
    }

    /// Nothing is owed for a request any more.
    fn answer(&self, id: &RequestId) {
        self.lock().remove(id);
        self.answered.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, bool>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{EmptyResult, ServerResult};
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};

    use super::*;

    type Ends = (Pipe<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>, DuplexStream, CancellationToken);

    fn ends(most: usize) -> Ends {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(near);
        let ended = CancellationToken::new();
        (Pipe::new(read, write, most, ended.clone()), far, ended)
    }

    fn ping(id: usize) -> String {
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")
    }

    fn answer(id: i64) -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::response(ServerResult::EmptyResult(EmptyResult {}), RequestId::Number(id))
    }

    #[tokio::test]
    async fn whoever_takes_no_answers_is_not_read_any_more() {
        let (mut pipe, mut far, _) = ends(1_024);
        for id in 0..MOST_ASKED + 10 {
            far.write_all(ping(id).as_bytes()).await.unwrap();
        }
        for _ in 0..MOST_ASKED {
            assert!(pipe.receive().await.is_some());
        }
        assert!(pipe.receive().now_or_never().is_none());
        pipe.send(answer(3)).await.unwrap();
        assert!(pipe.receive().await.is_some());
        assert!(pipe.receive().now_or_never().is_none());
    }

    #[tokio::test]
    async fn an_id_that_is_under_way_is_refused_and_may_come_again_when_it_was_answered() {
        let (mut pipe, mut far, _) = ends(1_024);
        let first = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
        far.write_all(format!("{first}{}{}{}", ping(1), ping(1), ping(2)).as_bytes()).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let Some(JsonRpcMessage::Request(request)) = pipe.receive().await else { panic!("no request") };
            ids.push(request.id.to_string());
        }
        assert_eq!(ids, ["1", "2"], "what comes before the first request is left out");
        let mut lines = BufReader::new(&mut far).lines();
        let refusal = lines.next_line().await.unwrap().unwrap();
        assert!(refusal.contains("-32600") && refusal.contains("\"id\":1"), "{refusal}");
        pipe.send(answer(1)).await.unwrap();
        far.write_all(ping(1).as_bytes()).await.unwrap();
        assert!(pipe.receive().await.is_some());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_dropped_and_half_a_line_is_no_message() {
        let (mut pipe, mut far, ended) = ends(1_024);
        let long = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}\n", "x".repeat(5_000));
        far.write_all(format!("{long}{}{{\"jsonrpc\":", ping(2)).as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let Some(JsonRpcMessage::Request(request)) = pipe.receive().await else { panic!("no request") };
        assert_eq!(request.id.to_string(), "2");
        assert!(pipe.receive().await.is_none() && ended.is_cancelled());
    }
}
