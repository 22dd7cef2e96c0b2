//! What every source of prices can do.

use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, Instrument, Symbol};

use crate::call_budget::CallBudget;
use crate::error::ProviderError;
use crate::history::History;
use crate::quote::Quote;

/// A source of daily bars and of instruments' metadata.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Name of the source as answers print it: `sample`, `folder`, `alpha_vantage` or `yahoo`; of several that stand
    /// in for each other the first.
    fn source(&self) -> &'static str;

    /// Whether prices of the source with this name are this provider's own.
    fn gives(&self, source: &str) -> bool {
        source == self.source()
    }

    /// What "now" means for this source's prices.
    fn clock(&self) -> MarketClock;

    /// A text that changes whenever the source's data for `symbol` may have changed; `None` where only a
    /// call could tell (live sources), and for symbols that the source does not have.
    fn revision(&self, symbol: &Symbol) -> Option<String>;

    /// The whole daily history that the source gives for `symbol`, checked.
    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError>;

    /// The last price of `symbol`. A source without quotes of its own gives the last close of its history.
    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        Quote::of_last_bar(symbol, &self.fetch_daily(symbol, budget).await?)
    }

    /// Instruments whose symbol or name has `text` in it, the likeliest first; of a source that lists its symbols all.
    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let mut found = Vec::new();
        for symbol in self.list_symbols().await {
            // What is wrong with one instrument says nothing of the others.
            let instrument = self.fetch_instrument(&symbol, budget).await.ok();
            found.extend(instrument.filter(|instrument| instrument.mentions(text)));
        }
        Ok(found)
    }

    /// Calls that may still be made now; `None` where nobody counts them.
    async fn count_calls_left(&self) -> Option<usize> {
        None
    }

    /// How long until more calls may be made than now, where that is known.
    async fn find_wait_for_calls(&self) -> Option<Duration> {
        None
    }

    /// The symbols that the source can list; none where only asking for one tells (live sources).
    async fn list_symbols(&self) -> Vec<Symbol> {
        Vec::new()
    }

    /// Name, kind, currency, exchange and sector of `symbol`.
    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError>;
}

/// What "now" means for prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketClock {
    /// The wall clock: new bars keep coming.
    Live,
    /// The latest bar of all: the data ends there, and time stands still until more is added.
    StandsAt(Day),
}
