//! Alpha Vantage with a key that is read when it is first needed.
//!
//! The key is an SSM SecureString. Most events are answered from the store and need no provider, so
//! neither the start of a function nor those events wait for the key; and a function whose role may
//! not read it, because it never asks the provider, starts all the same.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Instrument, Symbol};
use market::alpha_vantage::{self, AlphaVantage, Settings};
use market::{History, MarketClock, Patience, Provider, ProviderError};
use secrecy::SecretString;
use services::quota::DurableBudget;
use store::{Clock, Table};
use tokio::sync::OnceCell;

/// The provider, from its first call on.
pub struct LateAlphaVantage {
    ssm: aws_sdk_ssm::Client,
    parameter: String,
    base_url: Option<String>,
    table: Arc<dyn Table>,
    clock: Clock,
    provider: OnceCell<AlphaVantage>,
}

impl LateAlphaVantage {
    /// The provider with the key under `parameter`; its calls are counted in `table`.
    pub fn new(
        ssm: aws_sdk_ssm::Client,
        parameter: String,
        base_url: Option<String>,
        table: Arc<dyn Table>,
        clock: Clock,
    ) -> Self {
        Self { ssm, parameter, base_url, table, clock, provider: OnceCell::new() }
    }

    /// A failure is not remembered: the next call tries again.
    async fn provider(&self) -> Result<&AlphaVantage, ProviderError> {
        self.provider.get_or_try_init(|| self.open()).await.map_err(|error| {
            tracing::error!(error, parameter = self.parameter, "the provider's key cannot be read");
            ProviderError::Unavailable { status: None }
        })
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
        let settings = settings.map_err(|error| error.to_string())?;
        let budget = DurableBudget::alpha_vantage(self.table.clone(), self.clock.clone());
        AlphaVantage::new(settings, Arc::new(budget)).map_err(|error| error.to_string())
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

    async fn daily(&self, symbol: &Symbol, patience: Patience) -> Result<History, ProviderError> {
        self.provider().await?.daily(symbol, patience).await
    }

    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, ProviderError> {
        self.provider().await?.instrument(symbol).await
    }
}
