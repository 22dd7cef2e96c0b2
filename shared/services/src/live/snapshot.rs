//! The prices that a subscription begins with, from what is stored: whoever is connected never makes a call to a
//! provider.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{Price, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::bars::StoredSeries;

use crate::App;
use crate::error::ServiceError;
use crate::last_quote::{self, LastQuote};
use crate::price_lines::PRICE_UNAVAILABLE;
use crate::quotes::close_of;

/// Histories read at the same time.
const AT_ONCE: usize = 16;

/// Prices, and why symbols have none.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) quotes: BTreeMap<Symbol, LastQuote>,
    pub(super) unavailable: BTreeMap<Symbol, &'static str>,
}

/// The stored quotes of these symbols, and of those that have none the close of the last stored bar.
pub(super) async fn take(app: &App, symbols: &BTreeSet<Symbol>) -> Result<Snapshot, ServiceError> {
    let asked: Vec<Symbol> = symbols.iter().cloned().collect();
    let mut quotes = last_quote::read_many(app, &asked).await?;
    let without = asked.into_iter().filter(|symbol| !quotes.contains_key(symbol)).map(|symbol| {
        let app = app.clone();
        async move { last_bar(&app, &symbol).await.map(|quote| (symbol, quote)) }
    });
    let without: Vec<_> = stream::iter(without.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut unavailable = BTreeMap::new();
    for (symbol, quote) in without {
        match quote {
            Some(quote) => drop(quotes.insert(symbol, quote)),
            None => drop(unavailable.insert(symbol, PRICE_UNAVAILABLE)),
        }
    }
    Ok(Snapshot { quotes, unavailable })
}

async fn last_bar(app: &App, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let Some(StoredSeries { head, bars }) = store::bars::load(app.table(), symbol).await? else { return Ok(None) };
    let Some(last) = bars.last() else { return Ok(None) };
    let Ok(price) = Price::from_bar(last.close) else { return Ok(None) };
    let before = bars.len().checked_sub(2).and_then(|index| bars.get(index));
    let closed_at: DateTime<Utc> = close_of(last.date);
    Ok(Some(LastQuote {
        symbol: symbol.clone(),
        price,
        previous_close: before.and_then(|bar| Price::from_bar(bar.close / last.split_ratio).ok()),
        currency: head.currency,
        day: last.date,
        as_of: closed_at,
        source: head.source,
        // Every quote that follows is above it.
        seq: 0,
        fetched_at: head.fetched_at,
        replay: false,
    }))
}
