//! Several models as one: the first that gives a reply answers.
//!
//! Each is asked again where its failure may pass, with longer and longer waits by chance, and not before it wants to be; what it
//! asks for beyond a minute is not waited for. After that the next one is asked, whatever the failure was: a key that was withdrawn and
//! a conversation that is too long are no reason why another should not answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotcell_agent::model::{ChatModel, ChatReply, ChatRequest, Hear, ModelError, Replying};
use hotcell_flow::Timer;
use hotcell_flow::retry::{Budget, Policy, Retry, Verdict};

use super::key::Key;
use super::provider::Provider;
use crate::timer::TokioTimer;

/// Several models, asked one after the other.
pub(super) struct Chain {
    name: String,
    models: Vec<Asked>,
    policy: Policy,
}

/// One of them.
pub(super) struct Asked {
    who: Arc<dyn ChatModel>,
    /// What its retries are paid from.
    budget: Budget,
}

/// A model of a provider.
pub(super) struct Remote {
    /// As in the agent's file.
    pub(super) full: String,
    /// As its provider names it.
    pub(super) model: String,
    pub(super) provider: Arc<Provider>,
    pub(super) key: Arc<Key>,
}

/// The longest that is waited because a provider asks for it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Asked {
    pub(super) fn new(who: Arc<dyn ChatModel>, budget: Budget) -> Self {
        Self { who, budget }
    }
}

impl Chain {
    /// Asks these, in their order; there is at least one.
    pub(super) fn new(models: Vec<Asked>) -> Self {
        let name = models.first().map_or_else(String::new, |first| first.who.name().to_owned());
        let usual = Policy::default();
        let policy = usual.waiting(Duration::from_millis(500), 2.0, Duration::from_secs(10)).unwrap_or(usual);
        Self { name, models, policy }
    }

    async fn ask(&self, asked: &Asked, request: &ChatRequest, hear: Hear<'_>) -> Result<ChatReply, ModelError> {
        let retry = Retry {
            policy: &self.policy,
            timer: &TokioTimer as &dyn Timer,
            deadline: request.deadline,
            budget: Some(&asked.budget),
        };
        // Attempts follow one another, so nobody ever waits for it.
        let hear = Mutex::new(hear);
        let attempt = |_| {
            let hear = &hear;
            async move {
                if request.bill.is_spent() {
                    return Err(ModelError::Spent);
                }
                let mut told = |text: &str| (hear.lock().unwrap_or_else(PoisonError::into_inner))(text);
                asked.who.reply(request, &mut told).await
            }
        };
        let mut chance = rand::random::<f64>;
        retry.run(&mut chance, verdict, attempt).await
    }

    async fn first(&self, request: &ChatRequest, hear: Hear<'_>) -> Result<ChatReply, ModelError> {
        let mut errors = Vec::new();
        for asked in &self.models {
            match self.ask(asked, request, hear).await {
                Ok(reply) => return Ok(reply),
                // Another one would find no more of it.
                Err(error @ (ModelError::Spent | ModelError::NoRoom(_))) => return Err(error),
                Err(error) => {
                    tracing::warn!(model = asked.who.name(), %error, "a model gave no reply");
                    errors.push((asked.who.name().to_owned(), error));
                }
            }
        }
        Err(match errors.len() {
            1 => errors.remove(0).1,
            _ => ModelError::All(errors),
        })
    }
}

impl ChatModel for Chain {
    fn name(&self) -> &str {
        &self.name
    }

    fn reply<'a>(&'a self, request: &'a ChatRequest, hear: Hear<'a>) -> Replying<'a> {
        Box::pin(self.first(request, hear))
    }
}

impl ChatModel for Remote {
    fn name(&self) -> &str {
        &self.full
    }

    fn reply<'a>(&'a self, request: &'a ChatRequest, hear: Hear<'a>) -> Replying<'a> {
        Box::pin(self.provider.ask(&self.key, (&self.model, &self.full), request, hear))
    }
}

fn verdict(error: &ModelError) -> Verdict {
    match error.wait() {
        Some(wait) if wait > PATIENCE => Verdict::Final,
        after if error.passes() => Verdict::Again { after },
        _ => Verdict::Final,
    }
}

#[cfg(test)]
mod tests;
