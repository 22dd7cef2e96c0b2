//! Several sources in order of preference: when one fails, the next is called.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Instrument, Symbol};
use tokio::time::timeout_at;

use crate::api_plan::CallsLeft;
use crate::call_budget::{CallBudget, OnBehalfOf};
use crate::error::ProviderError;
use crate::history::History;
use crate::provider::{MarketClock, Provider};
use crate::quote::Quote;

/// Sources that back each other up, the preferred one first.
///
/// Each price keeps the name of its source. The sources share the caller's time: each one but the last gets an equal
/// part of what is left, and the last gets the rest.
pub struct Chain {
    first: Arc<dyn Provider>,
    others: Vec<Arc<dyn Provider>>,
}

impl Chain {
    /// A chain that calls `first`, and then `others` in this order.
    #[must_use]
    pub fn new(first: Arc<dyn Provider>, others: Vec<Arc<dyn Provider>>) -> Self {
        Self { first, others }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The sources in the order in which they are called.
    ///
    /// A scheduled call goes to the source with the most calls left, so that a small quota stays available for
    /// customers and for symbols that no other source has.
    async fn order_sources(&self, budget: CallBudget) -> Vec<&Arc<dyn Provider>> {
        let is_scheduled = budget.on_behalf_of == OnBehalfOf::Schedule;
        let mut sources = Vec::new();
        for provider in self.all() {
            let calls_left = if is_scheduled { provider.read_calls_left().await } else { None };
            // None of the minute, or of the day, is none now.
            let spare =
                calls_left.map_or(usize::MAX, |left| if left.now == 0 { 0 } else { left.today.unwrap_or(usize::MAX) });
            sources.push((spare, provider));
        }
        sources.sort_by_key(|(calls_left, _)| Reverse(*calls_left));
        sources.into_iter().map(|(_, provider)| provider).collect()
    }

    /// Whether another source confirms, in the time that is left, the bar that was held back.
    async fn confirm(&self, history: &History, symbol: &Symbol, budget: CallBudget) -> bool {
        for provider in self.all().filter(|provider| !provider.gives(history.source)) {
            match timeout_at(budget.deadline, provider.fetch_daily(symbol, budget)).await {
                Ok(Ok(other)) => return other.confirms(history),
                Ok(Err(error)) => {
                    tracing::debug!(source = provider.source(), %error, "a held-back bar was not confirmed");
                }
                Err(_) => return false,
            }
        }
        false
    }

    /// The first successful response. `ask` gets a source and its part of the budget.
    async fn find_first_answer<T, Asked>(
        &self,
        budget: CallBudget,
        ask: impl Fn(Arc<dyn Provider>, CallBudget) -> Asked,
    ) -> Result<T, ProviderError>
    where
        Asked: Future<Output = Result<T, ProviderError>>,
    {
        let budget = budget.for_one_answer();
        let mut refusals = Vec::new();
        for (place, provider) in self.order_sources(budget).await.into_iter().enumerate() {
            let sharing = u32::try_from(1 + self.others.len() - place).unwrap_or(u32::MAX);
            let share = budget.within(budget.time_left() / sharing);
            let answer = timeout_at(share.deadline, ask(provider.clone(), share)).await;
            match answer.unwrap_or(Err(ProviderError::TimedOut)) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::debug!(source = provider.source(), %error, "trying the next source");
                    refusals.push(error);
                }
            }
        }
        Err(of_all(&refusals))
    }
}

/// The combined meaning of all refusals.
///
/// A symbol is unknown only if every source that can be called says so: one that is out of calls or unreachable might
/// know it. A source without a valid API key is ignored.
fn of_all(refusals: &[ProviderError]) -> ProviderError {
    let is_unknown = |error: &ProviderError| *error == ProviderError::UnknownSymbol;
    let may_be_asked = |error: &ProviderError| !matches!(error, ProviderError::KeyRefused | ProviderError::NotGiven);
    let doubt = refusals.iter().find(|error| may_be_asked(error) && !is_unknown(error));
    let error = doubt.or_else(|| refusals.iter().find(|error| is_unknown(error))).or(refusals.first());
    error.cloned().unwrap_or(ProviderError::NotGiven)
}

#[async_trait]
impl Provider for Chain {
    fn source(&self) -> &'static str {
        self.first.source()
    }

    fn gives(&self, source: &str) -> bool {
        self.all().any(|provider| provider.gives(source))
    }

    fn clock(&self) -> MarketClock {
        self.first.clock()
    }

    fn revision(&self, symbol: &Symbol) -> Option<String> {
        self.first.revision(symbol)
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        let budget = budget.for_one_answer();
        let ask = |provider: Arc<dyn Provider>, share| async move { provider.fetch_daily(symbol, share).await };
        let history = self.find_first_answer(budget, ask).await?;
        let confirmed = history.held_back.is_some() && self.confirm(&history, symbol, budget).await;
        Ok(if confirmed { history.with_confirmed_bar() } else { history })
    }

    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        let ask = |provider: Arc<dyn Provider>, share| async move { provider.fetch_quote(symbol, share).await };
        self.find_first_answer(budget, ask).await
    }

    /// The matches of the first source that has any. As with an unknown symbol, there is no match only if all sources
    /// say so.
    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let ask = |provider: Arc<dyn Provider>, share| async move {
            let found = provider.search(text, share).await?;
            if found.is_empty() { Err(ProviderError::UnknownSymbol) } else { Ok(found) }
        };
        match self.find_first_answer(budget, ask).await {
            Err(ProviderError::UnknownSymbol) => Ok(Vec::new()),
            found => found,
        }
    }

    /// Calls left of all sources together; `None` if any of them is not counted.
    async fn read_calls_left(&self) -> Option<CallsLeft> {
        let mut calls = self.first.read_calls_left().await?;
        for provider in &self.others {
            calls = calls.and(provider.read_calls_left().await?);
        }
        Some(calls)
    }

    /// Until the first source may make more calls.
    async fn find_wait_for_calls(&self) -> Option<Duration> {
        let mut soonest = None;
        for provider in self.all() {
            soonest = provider.find_wait_for_calls().await.into_iter().chain(soonest).min();
        }
        soonest
    }

    async fn list_symbols(&self) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for provider in self.all() {
            symbols.extend(provider.list_symbols().await);
        }
        symbols.sort();
        symbols.dedup();
        symbols
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        let ask = |provider: Arc<dyn Provider>, share| async move { provider.fetch_instrument(symbol, share).await };
        self.find_first_answer(budget, ask).await
    }
}

#[cfg(test)]
mod tests;
