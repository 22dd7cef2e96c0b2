//! `/watchlist`: symbols with the last price beside each.

use api::{Caller, Page, Problem, SymbolPath, responses};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::{Currency, Price, Symbol};
use market_data::MarketData;
use market_data::quotes::QuoteWithAge;
use market_data::warnings::Warning;
use notifications::watchlist::{self, PricedEntry};
use serde::Serialize;
use utoipa::ToSchema;

/// The watchlist, on one page.
type WatchedPage = Page<Watched>;

/// A symbol on the watchlist, with its last price.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchedSymbol)]
pub(crate) struct Watched {
    /// The symbol that is watched.
    symbol: Symbol,
    /// When the symbol was added.
    #[serde(with = "domain::instant")]
    added_at: DateTime<Utc>,
    /// The last stored price; null if there is none.
    #[schema(required)]
    quote: Option<WatchedQuote>,
}

/// The last price of a watched symbol.
#[derive(Debug, Serialize, ToSchema)]
struct WatchedQuote {
    /// Price of one unit.
    price: Price,
    /// Close of the previous trading day, in the units of `price`; null if unknown.
    #[schema(required)]
    previous_close: Option<Price>,
    /// Currency of both prices.
    currency: Currency,
    /// Time of the price.
    #[serde(with = "domain::instant")]
    as_of: DateTime<Utc>,
    /// Age of the price in seconds, by the market's clock.
    age_seconds: u64,
    /// Source of the price.
    source: String,
    /// Whether a newer price should exist but is not available.
    stale: bool,
    /// Warnings about the price and the previous close.
    warnings: Vec<Warning>,
    /// True if the price comes from a replay of old prices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replay: bool,
}

impl From<PricedEntry> for Watched {
    fn from(watched: PricedEntry) -> Self {
        let PricedEntry { symbol, added_at, quote } = watched;
        Self { symbol, added_at, quote: quote.map(WatchedQuote::from) }
    }
}

impl From<QuoteWithAge> for WatchedQuote {
    fn from(found: QuoteWithAge) -> Self {
        let QuoteWithAge { quote, age_seconds, stale, warnings } = found;
        Self {
            price: quote.price,
            previous_close: quote.previous_close,
            currency: quote.currency,
            as_of: quote.as_of,
            age_seconds,
            source: quote.source,
            stale,
            warnings,
            replay: quote.replay,
        }
    }
}

/// Lists the watched symbols, at most 200, newest first, with their last stored prices.
///
/// No provider is called.
#[utoipa::path(
    get,
    path = "/watchlist",
    operation_id = "list_watchlist",
    tag = "watch",
    responses((status = 200, description = "The whole watchlist, on one page", body = WatchedPage))
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
) -> Result<axum::Json<Page<Watched>>, Problem> {
    let watched = watchlist::list(&market, caller.customer_id).await?;
    Ok(axum::Json(Page { items: watched.into_iter().map(Watched::from).collect(), next_cursor: None }))
}

/// Reads a watched symbol.
#[utoipa::path(
    get,
    path = "/watchlist/{symbol}",
    operation_id = "read_watched",
    tag = "watch",
    params(("symbol" = Symbol, Path, description = "Ticker symbol of the instrument")),
    responses(
        (status = 200, description = "The symbol with its last price", body = Watched),
        responses::SymbolInPath, responses::WatchedSymbol,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
) -> Result<axum::Json<Watched>, Problem> {
    Ok(axum::Json(watchlist::find(&market, caller.customer_id, &symbol).await?.into()))
}

/// Adds a symbol to the watchlist.
///
/// Adding it again changes nothing.
#[utoipa::path(
    put,
    path = "/watchlist/{symbol}",
    operation_id = "watch",
    tag = "watch",
    params(("symbol" = Symbol, Path, description = "Ticker symbol, or symbol of a custom instrument")),
    responses(
        (status = 200, description = "The symbol was already watched", body = Watched),
        (status = 201, description = "The symbol was added; `Location` is its address", body = Watched),
        responses::SymbolLookup, responses::SymbolInPath, responses::KnownSymbol,
        (status = 409, description = "The caller watches the maximum number of symbols"),
    )
)]
pub(crate) async fn put(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
) -> Result<Response, Problem> {
    let (watched, is_new) = watchlist::put(&market, caller.customer_id, &symbol).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = is_new.then(|| (header::LOCATION, format!("/watchlist/{symbol}")));
    Ok((status, AppendHeaders(location), axum::Json(Watched::from(watched))).into_response())
}

/// Removes a symbol from the watchlist.
#[utoipa::path(
    delete,
    path = "/watchlist/{symbol}",
    operation_id = "unwatch",
    tag = "watch",
    params(("symbol" = Symbol, Path, description = "Ticker symbol of the instrument")),
    responses(
        (status = 204, description = "It was removed"),
        responses::SymbolInPath, responses::WatchedSymbol,
    )
)]
pub(crate) async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
) -> Result<StatusCode, Problem> {
    watchlist::remove(&market.app, caller.customer_id, &symbol).await?;
    Ok(StatusCode::NO_CONTENT)
}
