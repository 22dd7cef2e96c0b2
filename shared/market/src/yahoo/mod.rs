//! Yahoo's chart endpoint. It is unofficial, so it is used only if it is switched on.
//!
//! It needs no key, gives ten years of split-adjusted daily bars with their splits and dividends, and responds with 429
//! in plain text when it is called too often. The file that reads a response decides what it means. The HTTP client
//! that all providers share decides when to call.

mod chart;
mod days;
mod notation;
mod search;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Instrument, Symbol};

pub use settings::{SOURCE, Settings};

use self::chart::{LAST_DAY, YahooSymbol};
use crate::api_plan::CallsLeft;
use crate::call_budget::CallBudget;
use crate::error::ProviderError;
use crate::history::History;
use crate::http::{Client, Quota, Refusal, Request, SettingsError};
use crate::provider::{MarketClock, Provider};
use crate::quote::Quote;
use crate::symbols;

/// How far back a history goes.
const WHOLE_HISTORY: &str = "10y";
/// Longest search text, in bytes.
const MAX_SEARCH_BYTES: usize = 200;
/// Most matches of a search.
const MAX_MATCHES: &str = "20";

/// The provider.
#[derive(Debug)]
pub struct Yahoo {
    client: Client,
}

impl Yahoo {
    /// Creates the provider without making a call.
    pub fn new(settings: Settings, quota: Arc<dyn Quota>) -> Result<Self, SettingsError> {
        Ok(Self { client: Client::new(settings.into_site(), quota)? })
    }

    async fn fetch_chart<T: Send + 'static>(
        &self,
        asked: &YahooSymbol,
        range: &str,
        budget: CallBudget,
        read: fn(&[u8], &YahooSymbol) -> Result<T, Refusal>,
    ) -> Result<T, ProviderError> {
        let pairs = [("range", range), ("interval", "1d"), ("events", "div,split")];
        let request = Request {
            function: "chart",
            about: asked.symbol.to_string(),
            path: ["v8", "finance", "chart", &asked.as_yahoo_writes_it].map(str::to_owned).to_vec(),
            pairs: pairs.map(|(name, value)| (name.into(), value.to_owned())).to_vec(),
        };
        let call = budget.for_one_answer();
        finish(self.client.ask(&request, asked, call, read).await)
    }
}

/// Turns a refusal into the error that callers see.
fn finish<T>(answer: Result<T, Refusal>) -> Result<T, ProviderError> {
    answer.map_err(|refusal| match refusal {
        Refusal::Failed(error) => error,
        Refusal::Premium | Refusal::TooFast | Refusal::DayUsedUp => ProviderError::Unavailable { status: None },
    })
}

/// Reads and checks a history. Separate from the provider so that it can be benchmarked and tested.
pub fn read_daily(body: &[u8], symbol: &Symbol) -> Result<History, ProviderError> {
    finish(chart::read_history(body, &YahooSymbol::of(symbol)?))
}

#[async_trait]
impl Provider for Yahoo {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        self.fetch_chart(&YahooSymbol::of(symbol)?, WHOLE_HISTORY, budget, chart::read_history).await
    }

    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        self.fetch_chart(&YahooSymbol::of(symbol)?, LAST_DAY, budget, chart::read_quote).await
    }

    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let text = text.trim().to_owned();
        if text.is_empty() || text.len() > MAX_SEARCH_BYTES {
            return Ok(Vec::new());
        }
        let pairs = [("q", text.as_str()), ("quotesCount", MAX_MATCHES), ("newsCount", "0")];
        let request = Request {
            function: "search",
            about: String::new(),
            path: ["v1", "finance", "search"].map(str::to_owned).to_vec(),
            pairs: pairs.map(|(name, value)| (name.into(), value.to_owned())).to_vec(),
        };
        let call = budget.for_one_answer();
        finish(self.client.ask(&request, &text, call, search::read).await)
    }

    async fn read_calls_left(&self) -> Option<CallsLeft> {
        self.client.read_calls_left().await
    }

    async fn find_wait_for_calls(&self) -> Option<Duration> {
        self.client.find_wait_for_calls().await
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        let asked = YahooSymbol::of(symbol)?;
        match symbols::instrument(symbol, &asked.named) {
            Some(instrument) if symbols::is_certain(&asked.named) => Ok(instrument),
            _ => self.fetch_chart(&asked, LAST_DAY, budget, chart::read_instrument).await,
        }
    }
}
