//! All providers of a host, and the models that are made of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hotcell_agent::model::{ChatModel, ModelName, Rules, Script, Scripted, Usage};
use hotcell_call::{Clock, Code, Failure, nearest};
use hotcell_flow::retry::{Budget, Share};

use super::chain::{Asked, Chain, Remote};
use super::provider::Provider;
use crate::config::Config;
use crate::host::Host;
use crate::timer::TokioTimer;

/// The providers that were asked for so far: one each, because its rate is for all who use it.
#[derive(Default)]
pub(crate) struct Models(Mutex<BTreeMap<String, Arc<Provider>>>);

impl Models {
    fn provider(&self, config: &Config, name: &str) -> Result<Arc<Provider>, Failure> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = known.get(name) {
            return Ok(Arc::clone(provider));
        }
        let Some(found) = config.provider(name) else { return Err(unknown(config, name)) };
        let provider = Arc::new(Provider::new(name, found));
        known.insert(name.to_owned(), Arc::clone(&provider));
        Ok(provider)
    }
}

impl Host {
    /// A model that asks the first of `names`, and the others where it gives no reply. `script` is what `scripted` says.
    ///
    /// # Errors
    ///
    /// [`Code::UnknownProvider`], [`Code::ModelDenied`] and [`Code::ModelKey`], for any of them: a fallback that can't work is no
    /// fallback.
    pub fn model(&self, names: &[ModelName], script: Vec<Script>) -> Result<Arc<dyn ChatModel>, Failure> {
        let mut script = Some(script);
        let mut models = Vec::new();
        for name in names {
            models.push(match name {
                ModelName::Rules => local(Rules),
                ModelName::Scripted => local(Scripted::new(script.take().unwrap_or_default())),
                ModelName::Of { provider, model } => {
                    let provider = self.0.models.provider(&self.0.config, provider)?;
                    self.0.config.may_ask(name)?;
                    let (key, budget) = (provider.key()?, provider.budget());
                    Asked::new(Arc::new(Remote { full: name.to_string(), model: model.clone(), provider, key }), budget)
                }
            });
        }
        if models.is_empty() {
            return Err(Failure::new(Code::Command, "no model is named"));
        }
        Ok(Arc::new(Chain::new(models)))
    }

    /// What a reply of `model` cost, in millionths of a dollar; none where the operator has named no price.
    #[must_use]
    pub fn price(&self, model: &str, usage: Usage) -> Option<u64> {
        let (provider, model) = model.split_once('/')?;
        let price = self.0.config.providers.get(provider)?.prices.get(model)?;
        Some(price.of(usage))
    }
}

/// One that needs no network, and whose failures do not pass.
fn local(model: impl ChatModel + 'static) -> Asked {
    Asked::new(Arc::new(model), Budget::new(Share::default(), TokioTimer.now()))
}

fn unknown(config: &Config, name: &str) -> Failure {
    let names = config.provider_names();
    let failure = Failure::new(Code::UnknownProvider, format!("there is no provider of models called {name}"));
    match nearest(name, names.iter().copied()) {
        Some(near) => failure.fix(format!("did you mean {near}?")),
        None => failure.fix(format!(
            "one of: {}; or write it down:\n[providers.{name}]\nkind = \"openai\"\nbase_url = \"https://api.example.com/v1\"",
            names.join(", ")
        )),
    }
}
