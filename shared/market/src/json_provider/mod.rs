//! A provider that a document describes: URL templates, and JSON pointers to what their responses contain.
//!
//! So people can use the source that they pay for. `configuration.rs` checks the document before the first call,
//! `url_template.rs` its URLs, and `response.rs` reads what its pointers lead to. Calls, limits and the checks of bars
//! are those of every live source.

mod configuration;
mod response;
mod url_template;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, Instrument, Symbol};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

pub use self::configuration::{Configuration, ConfigurationError, SOURCE};
pub use self::url_template::UrlFault;

use self::response::Asked;
use self::url_template::UrlTemplate;
use crate::api_plan::CallsLeft;
use crate::call_budget::CallBudget;
use crate::call_limits::PAUSE_UNSAID;
use crate::error::ProviderError;
use crate::folder::Today;
use crate::history::History;
use crate::http::{
    Address, ApiKey, Client, KEY_PLACEHOLDER, KeyPlace, Limits, NotFound, Quota, Refusal, Request, Site,
};
use crate::provider::{MarketClock, Provider};
use crate::quote::Quote;
use crate::symbols;

/// Identifies the program to the provider.
const USER_AGENT: &str = concat!("sextant/", env!("CARGO_PKG_VERSION"));

/// The provider.
pub struct JsonProvider {
    client: Client,
    configuration: Arc<Configuration>,
    today: Today,
}

impl JsonProvider {
    /// Creates the provider without making a call. `key` replaces the placeholder of the key. `base_url` is another
    /// address than that of the URLs, for tests; plain HTTP is allowed only on this machine.
    ///
    /// Errors: [`ConfigurationError`] if the document needs a key and there is none, or one that a header cannot have.
    pub fn new(
        configuration: Configuration,
        key: Option<SecretString>,
        base_url: Option<&str>,
        quota: Arc<dyn Quota>,
        today: Today,
    ) -> Result<Self, ConfigurationError> {
        if configuration.has_key() && key.is_none() {
            return Err(ConfigurationError::NoKey);
        }
        let base = configuration.bars.url.base();
        let site = Site {
            name: SOURCE,
            address: Address::parse(base_url.unwrap_or(&base))?,
            limits: Limits { spacing: configuration.plan.spacing(), ..Limits::default() },
            user_agent: USER_AGENT,
            headers: headers(&configuration.headers, key.as_ref())?,
            key: key.map(|secret| ApiKey { secret, place: KeyPlace::Placeholder }),
            not_found: NotFound::UnknownSymbol,
            pause_unsaid: PAUSE_UNSAID,
        };
        Ok(Self { client: Client::new(site, quota)?, configuration: Arc::new(configuration), today })
    }

    /// The host of its URLs.
    #[must_use]
    pub fn host(&self) -> &str {
        self.configuration.bars.url.host()
    }

    /// A request for a symbol, and what its response is read by.
    fn request(
        &self,
        function: &'static str,
        url: &UrlTemplate,
        symbol: &Symbol,
    ) -> Result<(Request, Asked), ProviderError> {
        let written = self.configuration.written(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let today = (self.today)();
        let from = years_before(today, self.configuration.years);
        let (path, pairs) = url.fill(&written, from, today);
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let asked = Asked { configuration: self.configuration.clone(), symbol: symbol.clone(), from, today };
        Ok((Request { function, about: symbol.to_string(), path, pairs }, asked))
    }
}

/// Reads and checks a history without a call, for tests of a document.
///
/// Errors: [`ProviderError::Malformed`], which names the pointer that leads to nothing.
pub fn read_daily(
    body: &[u8],
    configuration: Configuration,
    symbol: &Symbol,
    today: Day,
) -> Result<History, ProviderError> {
    let from = years_before(today, configuration.years);
    let asked = Asked { configuration: Arc::new(configuration), symbol: symbol.clone(), from, today };
    finish(response::read_history(body, &asked))
}

/// Turns a refusal into the error that callers see.
fn finish<T>(answer: Result<T, Refusal>) -> Result<T, ProviderError> {
    answer.map_err(|refusal| match refusal {
        Refusal::Failed(error) => error,
        Refusal::Premium | Refusal::TooFast | Refusal::DayUsedUp => ProviderError::Unavailable { status: None },
    })
}

fn years_before(day: Day, years: u16) -> Day {
    let year = day.year().saturating_sub(years.into());
    // The 29th of February is not in every year.
    Day::new(year, day.month(), day.day_of_month()).or_else(|_| Day::new(year, day.month(), 28)).unwrap_or(day)
}

fn headers(templates: &[(HeaderName, String)], key: Option<&SecretString>) -> Result<HeaderMap, ConfigurationError> {
    let key = key.map(ExposeSecret::expose_secret).unwrap_or_default();
    let filled = templates.iter().map(|(name, value)| {
        let value = value.replace(KEY_PLACEHOLDER, key);
        let mut value = HeaderValue::from_str(&value).map_err(|_| ConfigurationError::HeaderValue)?;
        value.set_sensitive(true);
        Ok((name.clone(), value))
    });
    filled.collect()
}

impl fmt::Debug for JsonProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonProvider").field("client", &self.client).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for JsonProvider {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        let (request, asked) = self.request("bars", &self.configuration.bars.url, symbol)?;
        finish(self.client.ask(&request, &asked, budget.for_one_answer(), response::read_history).await)
    }

    /// The last price, or the last close if the document has none.
    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        let Some(quote) = &self.configuration.quote else {
            return Quote::of_last_bar(symbol, &self.fetch_daily(symbol, budget).await?);
        };
        let (request, asked) = self.request("quote", &quote.url, symbol)?;
        let asked = (asked, quote.clone());
        finish(self.client.ask(&request, &asked, budget.for_one_answer(), response::read_quote).await)
    }

    /// The document has no search.
    async fn search(&self, _text: &str, _budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        Ok(Vec::new())
    }

    async fn read_calls_left(&self) -> Option<CallsLeft> {
        self.client.read_calls_left().await
    }

    async fn find_wait_for_calls(&self) -> Option<Duration> {
        self.client.find_wait_for_calls().await
    }

    /// The document has no names; a pair or a coin is known by its form.
    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        self.configuration.written(symbol).ok_or(ProviderError::UnknownSymbol)?;
        symbols::describe_by_form(symbol).ok_or(ProviderError::NotGiven)
    }
}
