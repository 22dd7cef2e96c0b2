//! Quote batches: the last prices of many symbols, for requests and for subscriptions.

use std::collections::BTreeMap;

use app::ServiceError;
use domain::{CustomerId, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market::call_limits::AT_ONCE_BY_A_REQUEST;
use market::{CallBudget, MarketClock, Note, ProviderError};
use quant::backtest::Warning;
use store::bars::read_outlines;

use crate::exchange_hours::close_of;
use crate::market_clock::age_seconds;
use crate::market_data::MarketData;
use crate::newest::{Newest, is_usable, newest};
use crate::price_lines::{PRICE_TOO_SMALL, PRICE_UNAVAILABLE, code_of};
use crate::quote_record::{self, LastQuote};
use crate::series::{PriceSeries, notes_of};
use crate::{custom_instruments, history, new_quote, quote_store, staleness, warnings};

/// The code of a symbol that no source knows.
const UNKNOWN_SYMBOL: &str = "unknown_symbol";

/// The last prices, and the reasons why a symbol has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuoteBatch {
    /// In the order of the request.
    pub quotes: Vec<QuoteWithAge>,
    /// `unknown_symbol`, `price_unavailable` or `price_too_small`.
    pub unavailable: BTreeMap<Symbol, &'static str>,
}

/// A last price and how old it is by the market's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct QuoteWithAge {
    /// The price; if no quote is stored, that of the last bar with `seq` 0.
    pub quote: LastQuote,
    /// Seconds from `as_of` to the market's now.
    pub age_seconds: u64,
    /// Whether a newer price should exist.
    pub stale: bool,
    /// Warnings about the price and the close before it.
    pub warnings: Vec<Warning>,
}

/// The last prices of these symbols, custom instruments included; no symbol may appear twice.
///
/// What is stored is served, however old. With a live provider a symbol of which nothing is stored is requested with
/// one call. All symbols together take no longer than the budget allows.
pub async fn load_batch(
    market: &MarketData,
    customer: CustomerId,
    symbols: &[Symbol],
    budget: CallBudget,
) -> Result<QuoteBatch, ServiceError> {
    load(market, customer, symbols, Some(budget)).await
}

/// The last stored prices of these symbols, like [`load_batch`] but without a provider call: a symbol of which nothing
/// usable is stored is `price_unavailable`.
pub async fn load_stored_batch(
    market: &MarketData,
    customer: CustomerId,
    symbols: &[Symbol],
) -> Result<QuoteBatch, ServiceError> {
    load(market, customer, symbols, None).await
}

/// Without a budget no provider is called.
async fn load(
    market: &MarketData,
    customer: CustomerId,
    symbols: &[Symbol],
    budget: Option<CallBudget>,
) -> Result<QuoteBatch, ServiceError> {
    let listed: Vec<Symbol> = symbols.iter().filter(|symbol| !symbol.is_custom()).cloned().collect();
    let quotes = quote_store::read_many(&market.app, &listed).await?;
    let quotes: BTreeMap<_, _> = quotes.into_iter().filter(|(_, quote)| is_usable(market, quote)).collect();
    let heads = read_heads(market, &listed, &quotes).await?;
    let look = |symbol: Symbol| {
        let (quote, head) = (quotes.get(&symbol), heads.get(&symbol));
        async move {
            let found = look_up(market, customer, &symbol, StoredPrice { quote, head, budget }).await?;
            Ok::<_, ServiceError>((symbol, found))
        }
    };
    let found: Vec<_> =
        stream::iter(symbols.iter().cloned().map(look)).buffered(AT_ONCE_BY_A_REQUEST).try_collect().await?;
    let mut batch = QuoteBatch::default();
    for (symbol, found) in found {
        match found {
            Ok(quote) => batch.quotes.push(quote),
            Err(code) => {
                batch.unavailable.insert(symbol, code);
            }
        }
    }
    Ok(batch)
}

/// What is stored of a symbol, and the calls that may be made for what is not.
struct StoredPrice<'a> {
    quote: Option<&'a LastQuote>,
    head: Option<&'a BarsHead>,
    budget: Option<CallBudget>,
}

/// What is known of a symbol's bars without reading them.
#[derive(Default)]
struct BarsHead {
    /// Whether they may be newer than the quote.
    may_be_newer: bool,
    notes: Vec<Note>,
}

/// What is known of the bars of these symbols: with a live provider their heads, a hundred per read. Files are always
/// available, and are read anyway.
async fn read_heads(
    market: &MarketData,
    symbols: &[Symbol],
    quotes: &BTreeMap<Symbol, LastQuote>,
) -> Result<BTreeMap<Symbol, BarsHead>, ServiceError> {
    if market.provider().clock() != MarketClock::Live {
        let at_hand = |symbol: &Symbol| (symbol.clone(), BarsHead { may_be_newer: true, notes: Vec::new() });
        return Ok(symbols.iter().map(at_hand).collect());
    }
    let mut heads = BTreeMap::new();
    for (symbol, outline) in symbols.iter().zip(read_outlines(market.app.table(), symbols).await?) {
        let Some(outline) = outline.filter(|outline| market.provider().gives(&outline.head.source)) else { continue };
        let is_older =
            |quote: &LastQuote| outline.last.is_none_or(|last| (quote.day, quote.as_of) < (last, close_of(last)));
        let may_be_newer = quotes.get(symbol).is_none_or(is_older);
        heads.insert(symbol.clone(), BarsHead { may_be_newer, notes: notes_of(&outline.head)? });
    }
    Ok(heads)
}

async fn look_up(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    stored: StoredPrice<'_>,
) -> Result<Result<QuoteWithAge, &'static str>, ServiceError> {
    let found = if symbol.is_custom() {
        custom_instruments::load_prices(market, customer, symbol).await.map(|series| of_last_bar(market, &series))
    } else if stored.head.is_some_and(|head| head.may_be_newer) {
        load_from_bars(market, symbol, stored.quote).await
    } else if let Some(quote) = stored.quote {
        Ok(Ok(quoted(market, quote.clone(), stored.notes())))
    } else if let Some(budget) = stored.budget {
        let requested = new_quote::ask(market, symbol, budget).await;
        requested.map(|quote| Ok(quoted(market, quote, stored.notes())))
    } else {
        Ok(Err(PRICE_UNAVAILABLE))
    };
    match found {
        Ok(found) => Ok(found),
        Err(ServiceError::UnknownSymbol { .. }) => Ok(Err(UNKNOWN_SYMBOL)),
        Err(ServiceError::Provider(ProviderError::PriceTooSmall)) => Ok(Err(PRICE_TOO_SMALL)),
        Err(ServiceError::Provider(error)) => {
            tracing::warn!(%symbol, %error, "no quote");
            Ok(Err(PRICE_UNAVAILABLE))
        }
        Err(ServiceError::TooManyNewSymbols { .. }) => Ok(Err(PRICE_UNAVAILABLE)),
        Err(error) => Err(error),
    }
}

impl StoredPrice<'_> {
    fn notes(&self) -> &[Note] {
        self.head.map_or(&[], |head| &head.notes)
    }
}

fn quoted(market: &MarketData, quote: LastQuote, notes: &[Note]) -> QuoteWithAge {
    let stale = staleness::of_quote(market, &quote);
    shown(market, quote, stale, notes)
}

fn shown(market: &MarketData, quote: LastQuote, stale: bool, notes: &[Note]) -> QuoteWithAge {
    let warnings = warnings::of_last_price(notes, quote.day, stale);
    QuoteWithAge { age_seconds: age_seconds(market, quote.as_of), stale, warnings, quote }
}

async fn load_from_bars(
    market: &MarketData,
    symbol: &Symbol,
    quote: Option<&LastQuote>,
) -> Result<Result<QuoteWithAge, &'static str>, ServiceError> {
    let Some(series) = history::find_without_call(market, symbol).await? else { return Ok(Err(PRICE_UNAVAILABLE)) };
    if let Newest::Quote(quote) | Newest::Unconfirmed(quote) = newest(market, &series, quote) {
        return Ok(Ok(quoted(market, quote.clone(), &series.notes)));
    }
    // Continues the numbers of the quotes, so that the next quote is above what a receiver has seen.
    let seq = quote.map_or(0, |quote| quote.seq);
    Ok(of_last_bar(market, &series).map(|last| QuoteWithAge { quote: LastQuote { seq, ..last.quote }, ..last }))
}

/// The close of the last bar, or the last valuation of a custom instrument.
fn of_last_bar(market: &MarketData, series: &PriceSeries) -> Result<QuoteWithAge, &'static str> {
    let stale = staleness::of_bars(market, series);
    let last = quote_record::of_last_bar(series).map_err(code_of);
    last.map(|last| shown(market, last, stale, &series.notes))
}
