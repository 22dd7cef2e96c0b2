//! The interface of all price sources.

use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, Instrument, Symbol};

use crate::api_plan::CallsLeft;
use crate::call_budget::CallBudget;
use crate::error::ProviderError;
use crate::history::History;
use crate::quote::Quote;

/// A source of daily bars and instrument metadata.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Name of the source as in responses: `sample`, `folder`, `alpha_vantage`, `yahoo` or `json`; for a chain, that
    /// of its first source.
    fn source(&self) -> &'static str;

    /// Whether this provider gives the prices of the source with this name.
    fn gives(&self, source: &str) -> bool {
        source == self.source()
    }

    /// The market clock: what "now" means for this source's prices.
    fn clock(&self) -> MarketClock;

    /// A text that changes whenever the source's data for `symbol` may have changed. `None` if only a call could tell, as
    /// with every live source, and for symbols that the source does not have.
    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        None
    }

    /// The whole daily history of `symbol`, checked.
    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError>;

    /// The last price of `symbol`. A source without quotes gives the last close of its history.
    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        Quote::of_last_bar(symbol, &self.fetch_daily(symbol, budget).await?)
    }

    /// Instruments whose symbol or name contains `text`, the likeliest first. A source that can list its symbols
    /// returns all matches.
    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let mut found = Vec::new();
        for symbol in self.list_symbols().await {
            // A fault of one instrument does not affect the others.
            let instrument = self.fetch_instrument(&symbol, budget).await.ok();
            found.extend(instrument.filter(|instrument| instrument.mentions(text)));
        }
        Ok(found)
    }

    /// The calls that are left of the source's plan; `None` if they are not counted.
    async fn read_calls_left(&self) -> Option<CallsLeft> {
        None
    }

    /// Calls that may still be made now; `None` if they are not counted.
    async fn count_calls_left(&self) -> Option<usize> {
        self.read_calls_left().await.map(|left| left.now)
    }

    /// How long until more calls may be made than now, if known.
    async fn find_wait_for_calls(&self) -> Option<Duration> {
        None
    }

    /// The symbols that the source can list; empty if it cannot (live sources).
    async fn list_symbols(&self) -> Vec<Symbol> {
        Vec::new()
    }

    /// Name, kind, currency, exchange and sector of `symbol`.
    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError>;
}

/// What "now" means for prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketClock {
    /// The wall clock: new bars keep arriving.
    Live,
    /// The day of the latest bar: the data ends there, and the clock stands still until more is added.
    StandsAt(Day),
}
