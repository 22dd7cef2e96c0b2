//! The prices with which a subscription begins. They are read from the store: a live connection never causes a provider
//! call.

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use domain::Symbol;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market_data::exchange_hours::close_of;
use market_data::newest::{Newest, is_usable, newest};
use market_data::price_lines::PRICE_UNAVAILABLE;
use market_data::quote_record::{self, LastQuote};
use market_data::{MarketData, history, quote_store};
use store::bars::{Outline, read_outlines};

/// Histories read concurrently.
const AT_ONCE: usize = 16;

/// Prices, and a code for each symbol without one.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) quotes: BTreeMap<Symbol, LastQuote>,
    pub(super) unavailable: BTreeMap<Symbol, &'static str>,
}

/// The stored quotes of those symbols that have one of the current source.
pub(super) async fn read_quotes(
    market: &MarketData,
    symbols: &[Symbol],
) -> Result<BTreeMap<Symbol, LastQuote>, ServiceError> {
    let mut quotes = quote_store::read_many(&market.app, symbols).await?;
    quotes.retain(|_, quote| is_usable(market, quote));
    Ok(quotes)
}

/// The stored quotes of these symbols, or the close of the last stored bar if there is no quote or only an older one.
pub(super) async fn take(market: &MarketData, symbols: &BTreeSet<Symbol>) -> Result<Snapshot, ServiceError> {
    let listed: Vec<Symbol> = symbols.iter().cloned().collect();
    let mut quotes = read_quotes(market, &listed).await?;
    let mut lookups = Vec::new();
    for (symbol, outline) in listed.iter().zip(read_outlines(market.app.table(), &listed).await?) {
        let quote = quotes.get(symbol);
        if outline.is_some_and(|outline| may_be_newer(&outline, quote)) {
            let (market, symbol, quote) = (market.clone(), symbol.clone(), quote.cloned());
            lookups.push(async move { read_last_bar(&market, &symbol, quote.as_ref()).await });
        }
    }
    let bars: Vec<Option<LastQuote>> = stream::iter(lookups).buffer_unordered(AT_ONCE).try_collect().await?;
    quotes.extend(bars.into_iter().flatten().map(|quote| (quote.symbol.clone(), quote)));
    let without = listed.into_iter().filter(|symbol| !quotes.contains_key(symbol));
    let unavailable = without.map(|symbol| (symbol, PRICE_UNAVAILABLE)).collect();
    Ok(Snapshot { quotes, unavailable })
}

fn may_be_newer(bars: &Outline, quote: Option<&LastQuote>) -> bool {
    let is_older = |quote: &LastQuote| bars.last.is_none_or(|last| (quote.day, quote.as_of) < (last, close_of(last)));
    quote.is_none_or(is_older)
}

/// The close of the last stored bar, if it is newer than the quote. Its `seq` is that of the quote, or 0, so that every
/// later quote is above it.
async fn read_last_bar(
    market: &MarketData,
    symbol: &Symbol,
    quote: Option<&LastQuote>,
) -> Result<Option<LastQuote>, ServiceError> {
    let Some(series) = history::find_stored(market, symbol).await? else { return Ok(None) };
    if newest(market, &series, quote) != Newest::Bar {
        return Ok(None);
    }
    let seq = quote.map_or(0, |quote| quote.seq);
    Ok(quote_record::of_last_bar(&series).ok().map(|last| LastQuote { seq, ..last }))
}
