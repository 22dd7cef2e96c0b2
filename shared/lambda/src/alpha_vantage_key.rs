//! Alpha Vantage with an API key that is read when it is first needed.
//!
//! The key is an SSM SecureString. Most events are answered from the store and need no provider, so neither the start
//! of a function nor those events wait for the key. A function whose role may not read it, because it never calls the
//! provider, can start too.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Instrument, Symbol};
use market::alpha_vantage::{self, AlphaVantage, Settings};
use market::http::Quota;
use market::{ApiPlan, CallBudget, CallsLeft, History, MarketClock, Provider, ProviderError, Quote};
use market_data::provider_metadata_cache::ProviderMetadataCache;
use market_data::quota::DurableQuota;
use secrecy::SecretString;
use store::{Clock, Table};
use tokio::sync::OnceCell;
use tokio::time::timeout_at;

/// The provider, from its first call on.
pub struct LateAlphaVantage {
    ssm: aws_sdk_ssm::Client,
    parameter: String,
    base_url: Option<String>,
    plan: ApiPlan,
    table: Arc<dyn Table>,
    clock: Clock,
    provider: OnceCell<AlphaVantage>,
}

impl LateAlphaVantage {
    /// The provider with the key in `parameter`; its calls are counted in `table`.
    pub fn new(
        ssm: aws_sdk_ssm::Client,
        parameter: String,
        base_url: Option<String>,
        plan: ApiPlan,
        table: Arc<dyn Table>,
        clock: Clock,
    ) -> Self {
        Self { ssm, parameter, base_url, plan, table, clock, provider: OnceCell::new() }
    }

    /// The provider, after reading its key, which takes part of the caller's time. A failure is not cached: the next
    /// call tries again.
    async fn load_provider(&self, answer: CallBudget) -> Result<&AlphaVantage, ProviderError> {
        if let Some(provider) = self.provider.get() {
            return Ok(provider);
        }
        let opened = timeout_at(answer.deadline, self.provider.get_or_try_init(|| self.open())).await;
        opened.map_err(|_| ProviderError::TimedOut)?.map_err(|error| {
            tracing::error!(error, parameter = self.parameter, "cannot read the provider's API key");
            ProviderError::Unavailable { status: None }
        })
    }

    fn quota(&self) -> DurableQuota {
        DurableQuota::alpha_vantage(self.table.clone(), self.clock.clone(), self.plan)
    }

    async fn open(&self) -> Result<AlphaVantage, String> {
        let answer = self.ssm.get_parameter().name(&self.parameter).with_decryption(true).send().await;
        let answer = answer.map_err(|error| error.into_service_error().to_string())?;
        let key = answer.parameter.and_then(|parameter| parameter.value).ok_or("the parameter is empty")?;
        let key = SecretString::from(key);
        let settings = match &self.base_url {
            Some(base_url) => Settings::with_base(key, base_url),
            None => Settings::new(key),
        };
        let settings = settings.map_err(|error| error.to_string())?.with_plan(self.plan);
        let facts = ProviderMetadataCache::alpha_vantage(self.table.clone(), self.clock.clone());
        AlphaVantage::new(settings, Arc::new(self.quota()), Arc::new(facts)).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Provider for LateAlphaVantage {
    fn source(&self) -> &'static str {
        alpha_vantage::SOURCE
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        None
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        let answer = budget.for_one_answer();
        self.load_provider(answer).await?.fetch_daily(symbol, answer).await
    }

    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        let answer = budget.for_one_answer();
        self.load_provider(answer).await?.fetch_quote(symbol, answer).await
    }

    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let answer = budget.for_one_answer();
        self.load_provider(answer).await?.search(text, answer).await
    }

    /// Known before the key is: calls are counted without it.
    async fn read_calls_left(&self) -> Option<CallsLeft> {
        match self.provider.get() {
            Some(provider) => provider.read_calls_left().await,
            None => self.quota().read_state().await.map(|state| state.left),
        }
    }

    async fn find_wait_for_calls(&self) -> Option<Duration> {
        match self.provider.get() {
            Some(provider) => provider.find_wait_for_calls().await,
            None => self.quota().read_state().await?.more_in(),
        }
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        let answer = budget.for_one_answer();
        self.load_provider(answer).await?.fetch_instrument(symbol, answer).await
    }
}
