//! A price provider whose parameters are read when it is first needed.
//!
//! API keys, and the description of a JSON provider, are parameters of SSM. Most events are answered from the store and
//! need no provider, so neither the start of a function nor those events wait for them. A function whose role may not
//! read them, because it never calls the provider, can start too.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, Instrument, Symbol};
use market::alpha_vantage::{self, AlphaVantage};
use market::http::Quota;
use market::{ApiPlan, CallBudget, CallsLeft, History, JsonProvider, MarketClock, Provider, ProviderError, Quote};
use market::{OnBehalfOf, json_provider};
use market_data::provider_metadata_cache::ProviderMetadataCache;
use market_data::quota::DurableQuota;
use secrecy::SecretString;
use store::{Clock, Table};
use tokio::sync::OnceCell;
use tokio::time::timeout_at;

/// How a provider is opened.
#[async_trait]
pub trait Open: Send + Sync {
    /// The source's name in responses.
    fn source(&self) -> &'static str;

    /// Reads the parameters and opens the provider. The error is for the log and contains no key.
    async fn open(&self) -> Result<Arc<dyn Provider>, String>;

    /// The quota of its calls, if it is known before the parameters are.
    fn quota(&self) -> Option<DurableQuota>;
}

/// The provider, from its first call on.
pub struct LateProvider<O> {
    opener: O,
    provider: OnceCell<Arc<dyn Provider>>,
}

impl<O: Open> LateProvider<O> {
    /// The provider that `opener` opens.
    pub fn new(opener: O) -> Self {
        Self { opener, provider: OnceCell::new() }
    }

    /// The provider, after reading its parameters, which takes part of the caller's time. A failure is not cached: the
    /// next call tries again.
    async fn load_provider(&self, answer: CallBudget) -> Result<&dyn Provider, ProviderError> {
        if let Some(provider) = self.provider.get() {
            return Ok(&**provider);
        }
        let opened = timeout_at(answer.deadline, self.provider.get_or_try_init(|| self.opener.open())).await;
        let provider = opened.map_err(|_| ProviderError::TimedOut)?.map_err(|error| {
            tracing::error!(error, source = self.opener.source(), "cannot open the price provider");
            ProviderError::Unavailable { status: None }
        })?;
        Ok(&**provider)
    }

    /// The provider, for its count of calls.
    async fn load_for_count(&self) -> Option<&dyn Provider> {
        self.load_provider(CallBudget::of(OnBehalfOf::Platform).for_one_answer()).await.ok()
    }
}

#[async_trait]
impl<O: Open> Provider for LateProvider<O> {
    fn source(&self) -> &'static str {
        self.opener.source()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
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

    /// Known before the parameters are, if the quota is. A provider that cannot be opened has no calls.
    async fn read_calls_left(&self) -> Option<CallsLeft> {
        match (self.provider.get(), self.opener.quota()) {
            (Some(provider), _) => provider.read_calls_left().await,
            (None, Some(quota)) => quota.read_state().await.map(|state| state.left),
            (None, None) => match self.load_for_count().await {
                Some(provider) => provider.read_calls_left().await,
                None => Some(CallsLeft::of_a_day(0)),
            },
        }
    }

    async fn find_wait_for_calls(&self) -> Option<Duration> {
        match (self.provider.get(), self.opener.quota()) {
            (Some(provider), _) => provider.find_wait_for_calls().await,
            (None, Some(quota)) => quota.read_state().await?.more_in(),
            (None, None) => self.load_for_count().await?.find_wait_for_calls().await,
        }
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        let answer = budget.for_one_answer();
        self.load_provider(answer).await?.fetch_instrument(symbol, answer).await
    }
}

/// Where the parameters are, and where calls are counted.
pub struct Parameters {
    /// The client of SSM.
    pub ssm: aws_sdk_ssm::Client,
    /// The table that counts calls.
    pub table: Arc<dyn Table>,
    /// The wall clock.
    pub clock: Clock,
    /// Another address than the provider's own, for tests.
    pub base_url: Option<String>,
}

impl Parameters {
    /// The value of a parameter, decrypted.
    async fn read(&self, name: &str) -> Result<String, String> {
        let answer = self.ssm.get_parameter().name(name).with_decryption(true).send().await;
        let answer = answer.map_err(|error| format!("the parameter {name}: {}", error.into_service_error()))?;
        answer.parameter.and_then(|parameter| parameter.value).ok_or_else(|| format!("the parameter {name} is empty"))
    }
}

/// Alpha Vantage with an API key in a parameter.
pub struct AlphaVantageParameters {
    /// Where the parameters are.
    pub parameters: Parameters,
    /// The name of the parameter with the key.
    pub key: String,
    /// The plan of the key.
    pub plan: ApiPlan,
}

impl AlphaVantageParameters {
    fn counted(&self) -> DurableQuota {
        DurableQuota::alpha_vantage(self.parameters.table.clone(), self.parameters.clock.clone(), self.plan)
    }
}

#[async_trait]
impl Open for AlphaVantageParameters {
    fn source(&self) -> &'static str {
        alpha_vantage::SOURCE
    }

    async fn open(&self) -> Result<Arc<dyn Provider>, String> {
        let Parameters { table, clock, base_url, .. } = &self.parameters;
        let key = SecretString::from(self.parameters.read(&self.key).await?);
        let settings = match base_url {
            Some(base_url) => alpha_vantage::Settings::with_base(key, base_url),
            None => alpha_vantage::Settings::new(key),
        };
        let settings = settings.map_err(|error| error.to_string())?.with_plan(self.plan);
        let facts = ProviderMetadataCache::alpha_vantage(table.clone(), clock.clone());
        let provider = AlphaVantage::new(settings, Arc::new(self.counted()), Arc::new(facts));
        Ok(Arc::new(provider.map_err(|error| error.to_string())?))
    }

    fn quota(&self) -> Option<DurableQuota> {
        Some(self.counted())
    }
}

/// A JSON provider whose description is in a parameter, and its key in another.
pub struct JsonProviderParameters {
    /// Where the parameters are.
    pub parameters: Parameters,
    /// The name of the parameter with the description.
    pub description: String,
    /// The name of the parameter with the key, if it needs one.
    pub key: Option<String>,
}

#[async_trait]
impl Open for JsonProviderParameters {
    fn source(&self) -> &'static str {
        json_provider::SOURCE
    }

    async fn open(&self) -> Result<Arc<dyn Provider>, String> {
        let Parameters { table, clock, base_url, .. } = &self.parameters;
        let name = &self.description;
        let description = self.parameters.read(name).await?;
        let refused = |error: json_provider::ConfigurationError| format!("the parameter {name}: {error}");
        let configuration = json_provider::Configuration::read(&description).map_err(refused)?;
        let key = match &self.key {
            Some(key) => Some(SecretString::from(self.parameters.read(key).await?)),
            None => None,
        };
        let quota = DurableQuota::new(table.clone(), clock.clone(), json_provider::SOURCE, configuration.plan());
        let now = clock.clone();
        let today = Arc::new(move || now().date_naive().try_into().unwrap_or(Day::LAST));
        let provider = JsonProvider::new(configuration, key, base_url.as_deref(), Arc::new(quota), today);
        Ok(Arc::new(provider.map_err(refused)?))
    }

    /// The plan is part of the description.
    fn quota(&self) -> Option<DurableQuota> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use market::Sample;

    use super::*;

    /// Its parameters cannot be read the first times.
    struct Opener {
        failures: usize,
        attempts: AtomicUsize,
    }

    #[async_trait]
    impl Open for Opener {
        fn source(&self) -> &'static str {
            json_provider::SOURCE
        }

        async fn open(&self) -> Result<Arc<dyn Provider>, String> {
            if self.attempts.fetch_add(1, Ordering::Relaxed) < self.failures {
                return Err("the parameter is not there".to_owned());
            }
            Ok(Arc::new(Sample::new()))
        }

        fn quota(&self) -> Option<DurableQuota> {
            None
        }
    }

    #[tokio::test]
    async fn a_provider_that_cannot_be_opened_has_no_calls_and_is_opened_by_a_later_request() {
        let late = LateProvider::new(Opener { failures: 2, attempts: AtomicUsize::new(0) });
        let symbol = "AAPL".parse().unwrap();
        let budget = || CallBudget::of(OnBehalfOf::Platform);
        let refused = late.fetch_daily(&symbol, budget()).await;
        assert_eq!(refused.map(drop), Err(ProviderError::Unavailable { status: None }));
        assert_eq!(late.read_calls_left().await, Some(CallsLeft::of_a_day(0)));
        assert_eq!(late.fetch_daily(&symbol, budget()).await.unwrap().source, "sample");
        assert_eq!(late.read_calls_left().await, None, "the sample counts none");
        assert_eq!(late.opener.attempts.load(Ordering::Relaxed), 3, "once it is open it stays open");
    }
}
