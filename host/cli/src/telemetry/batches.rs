//! Spans that have ended, put in a bounded line and sent many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The end of the line at which spans come in.
#[derive(Debug)]
pub(super) struct Batches {
    line: mpsc::Sender<SpanData>,
    lost: Arc<AtomicU64>,
}

/// Asks for all that is in the line to be sent.
pub(super) struct Flush(mpsc::Sender<oneshot::Sender<()>>);

/// The end at which they are sent.
struct Sending {
    exporter: SpanExporter,
    line: mpsc::Receiver<SpanData>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    batch: Vec<SpanData>,
    lost: Arc<AtomicU64>,
    /// Whether the last batch could not be sent: that is told once.
    failing: bool,
}

/// Why a batch is to be sent.
enum Due {
    /// It is full, or has waited long enough.
    Ripe,
    /// Somebody waits for it.
    Asked(oneshot::Sender<()>),
}

/// Spans in one request.
const MOST: usize = 512;
/// How long the first of a batch waits for others.
const LINGER: Duration = Duration::from_millis(500);

impl Batches {
    /// Begins to send what comes.
    pub(super) fn start(exporter: SpanExporter, queue: u32, runtime: &Handle) -> (Self, Flush) {
        let (line, spans) = mpsc::channel(usize::try_from(queue).unwrap_or(usize::MAX).max(1));
        let (flush, asked) = mpsc::channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let batch = Vec::with_capacity(MOST);
        runtime.spawn(Sending { exporter, line: spans, asked, batch, lost: Arc::clone(&lost), failing: false }.run());
        (Self { line, lost }, Flush(flush))
    }

    /// How many were dropped or could not be sent.
    pub(super) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }
}

impl SpanProcessor for Batches {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.line.try_send(span).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// There is another way to wait for it, which is bounded.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Flush {
    /// Waits until all that is in the line now was sent, or could not be.
    pub(super) async fn all(self) {
        let (done, sent) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            let _ = sent.await;
        }
    }
}

impl Sending {
    async fn run(mut self) {
        while let Some(due) = self.gather().await {
            self.send().await;
            if let Due::Asked(done) = due {
                while self.more() {
                    self.send().await;
                }
                let _ = done.send(());
            }
        }
    }

    /// Waits for a batch; none: nobody makes spans any more.
    async fn gather(&mut self) -> Option<Due> {
        let mut by = None;
        while self.batch.len() < MOST {
            let room = MOST - self.batch.len();
            let ripe = async {
                match by {
                    Some(by) => tokio::time::sleep_until(by).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(done) = self.asked.recv() => return Some(Due::Asked(done)),
                count = self.line.recv_many(&mut self.batch, room) => {
                    if count == 0 {
                        return None;
                    }
                    by = by.or_else(|| Instant::now().checked_add(LINGER));
                }
                () = ripe => break,
            }
        }
        Some(Due::Ripe)
    }

    /// Takes what is in the line; false: nothing.
    fn more(&mut self) -> bool {
        while self.batch.len() < MOST
            && let Ok(span) = self.line.try_recv()
        {
            self.batch.push(span);
        }
        !self.batch.is_empty()
    }

    async fn send(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(MOST));
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let failed = self.exporter.export(batch).await.err();
        if let Some(error) = &failed {
            self.lost.fetch_add(count, Ordering::Relaxed);
            if !self.failing {
                tracing::warn!(%error, "traces can't be sent; calls go on without");
            }
        }
        self.failing = failed.is_some();
    }
}
