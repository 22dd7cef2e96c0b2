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
use notifications::watchlist::{self, WatchedPrice};
use serde::Serialize;
use utoipa::ToSchema;

/// A watched symbol.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Watched {
    symbol: Symbol,
    /// Since when it is watched.
    #[serde(with = "domain::instant")]
    added_at: DateTime<Utc>,
    /// The last price that is stored; null where there is none.
    quote: Option<WatchedQuote>,
}

/// The last price of a watched symbol.
#[derive(Debug, Serialize, ToSchema)]
struct WatchedQuote {
    /// Price of one unit.
    #[schema(value_type = String, example = "430.47")]
    price: Price,
    /// Close of the trading day before, in the same units, where known.
    #[schema(value_type = Option<String>, example = "441.40")]
    previous_close: Option<Price>,
    /// Currency of both.
    currency: Currency,
    /// Of when the price is.
    #[serde(with = "domain::instant")]
    as_of: DateTime<Utc>,
    /// Seconds from `as_of` to the market's now.
    age_seconds: u64,
    /// The source that gave it.
    source: String,
    /// Whether a newer price was to be expected.
    stale: bool,
    /// What a reader must know about the price and the close before it.
    warnings: Vec<Warning>,
    /// Set when it is of a replay of old prices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replay: bool,
}

impl From<WatchedPrice> for Watched {
    fn from(watched: WatchedPrice) -> Self {
        let WatchedPrice { symbol, added_at, quote } = watched;
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

/// All that the caller watches, at most 200 symbols, what was added last first. No provider is asked for it.
#[utoipa::path(
    get,
    path = "/watchlist",
    operation_id = "list_watchlist",
    tag = "watch",
    responses((status = 200, description = "All of it, on one page", body = Page<Watched>))
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
) -> Result<axum::Json<Page<Watched>>, Problem> {
    let watched = watchlist::list(&market, caller.customer_id).await?;
    Ok(axum::Json(Page { items: watched.into_iter().map(Watched::from).collect(), next_cursor: None }))
}

/// One symbol that the caller watches.
#[utoipa::path(
    get,
    path = "/watchlist/{symbol}",
    operation_id = "read_watched",
    tag = "watch",
    params(("symbol" = Symbol, Path, description = "Ticker symbol")),
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

/// Watches a symbol. Doing so again changes nothing.
#[utoipa::path(
    put,
    path = "/watchlist/{symbol}",
    operation_id = "watch",
    tag = "watch",
    params(("symbol" = Symbol, Path, description = "Ticker symbol, or that of a custom instrument")),
    responses(
        (status = 200, description = "It was watched already", body = Watched),
        (status = 201, description = "It is watched from now on; `Location` names it", body = Watched),
        responses::SymbolLookup, responses::SymbolInPath, responses::KnownSymbol,
        (status = 409, description = "As many symbols as a customer may watch"),
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

/// No longer watches a symbol.
#[utoipa::path(
    delete,
    path = "/watchlist/{symbol}",
    operation_id = "unwatch",
    tag = "watch",
    params(("symbol" = Symbol, Path, description = "Ticker symbol")),
    responses(
        (status = 204, description = "It is no longer watched"),
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
