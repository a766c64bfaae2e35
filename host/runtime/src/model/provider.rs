//! One provider: its key, its rate, its connections, and a reply of one of its models.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hotcell_agent::model::{ChatReply, ChatRequest, Hear, ModelError};
use hotcell_call::{Clock, Failure, NetHost};
use hotcell_flow::rate::{Denied, Refusal, Throttle};
use hotcell_flow::retry::{Budget, Share};

use super::attempt::Attempt;
use super::client::Client;
use super::key::Key;
use super::openai::Dialect;
use super::wire::{self, More, keep};
use crate::config::ProviderConfig;
use crate::timer::TokioTimer;

/// A provider that can be asked.
pub(super) struct Provider {
    name: String,
    config: ProviderConfig,
    client: Client,
    throttle: Option<Throttle>,
    key: Mutex<Option<Arc<Key>>>,
    /// What retries of its requests are paid from.
    budget: Budget,
}

/// Requests that wait for their turn; one more is turned away.
const MOST_WAITING: usize = 1_024;
/// Whose own models refuse the older name of a key.
const OPENAI: &str = "api.openai.com";

impl Provider {
    pub(super) fn new(name: &str, config: ProviderConfig) -> Self {
        let throttle = config.rate.map(|rate| Throttle::new(rate, MOST_WAITING, Arc::new(TokioTimer)));
        let client = Client::new(config.base.clone(), config.timeout);
        let budget = Budget::new(Share::default(), TokioTimer.now());
        Self { name: name.to_owned(), config, client, throttle, key: Mutex::new(None), budget }
    }

    /// Its key, read at the first time. One that is not there is looked for again the next time.
    ///
    /// # Errors
    ///
    /// As [`Key::read`].
    pub(super) fn key(&self) -> Result<Arc<Key>, Failure> {
        let mut known = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*known {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(Key::read(&self.name, &self.config)?);
        *known = Some(Arc::clone(&key));
        Ok(key)
    }

    /// What retries of its requests are paid from.
    pub(super) fn budget(&self) -> Budget {
        self.budget.clone()
    }

    /// A reply of `model`, which is `full` to us. `key` is what [`key`](Self::key) gave.
    pub(super) async fn ask(
        &self,
        key: &Key,
        (model, full): (&str, &str),
        request: &ChatRequest,
        hear: Hear<'_>,
    ) -> Result<ChatReply, ModelError> {
        self.turn(request.deadline).await?;
        let reply = self.reply(key, (model, full), request, hear).await;
        reply.map_err(|error| error.map_texts(&|text| Some(key.clean(text))))
    }

    /// Waits for its turn by the operator's rate.
    async fn turn(&self, deadline: Option<Instant>) -> Result<(), ModelError> {
        let Some(throttle) = &self.throttle else { return Ok(()) };
        throttle.take(1, deadline).await.map_err(|refusal| match refusal {
            Refusal::Denied(Denied::TooSoon { retry_after }) => ModelError::Busy { wait: Some(retry_after) },
            _ => ModelError::Busy { wait: None },
        })
    }

    async fn reply(
        &self,
        key: &Key,
        (model, full): (&str, &str),
        request: &ChatRequest,
        hear: Hear<'_>,
    ) -> Result<ChatReply, ModelError> {
        let kind = self.config.kind;
        let asked = wire::body(kind, self.dialect(), model, full, request).to_string();
        let mut attempt = Attempt::new(kind, request, full, asked.len());
        let posted = self
            .client
            .post(wire::path(kind), key.fields.clone(), Bytes::from(asked), |sent| attempt.worked_on(sent))
            .await;
        let answered = posted.inspect_err(|error| attempt.refused(error))?;
        attempt.worked_on(answered.is_ok());
        let mut body = answered.events().await.inspect_err(|error| attempt.refused(error))?;
        'reply: while let Some(events) = body.next().await? {
            let whole: usize = events.iter().map(|event| event.data.len()).sum();
            attempt.holds(body.unread().saturating_add(u64::try_from(whole).unwrap_or(u64::MAX)))?;
            for event in &events {
                if attempt.event(event, hear)? == More::No {
                    break 'reply;
                }
            }
        }
        body.finish().await;
        let (mut read, usage, estimated) = attempt.end()?;
        read.text.shrink_to_fit();
        Ok(ChatReply {
            text: read.text,
            uses: read.uses,
            stop: read.stop,
            usage,
            estimated,
            opaque: read.kept.map(|kept| keep(full, kept)),
            model: full.to_owned(),
        })
    }

    fn dialect(&self) -> Dialect {
        let own = matches!(self.config.base.host(), NetHost::Name(name) if name == OPENAI);
        if own { Dialect::Own } else { Dialect::Like }
    }
}
