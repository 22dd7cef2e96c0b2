//! `GET /quotes`: last prices with their age.

use std::collections::{BTreeMap, BTreeSet};

use api::{Caller, Fields, Problem, Query};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::{Currency, Price, Symbol};
use market_data::MarketData;
use market_data::quotes::{QuoteWithAge, load_batch};
use market_data::warnings::Warning;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Maximum number of symbols in one request.
const MAX_SYMBOLS: usize = 100;
/// Quotes come at most every quarter of an hour.
const CACHE_CONTROL: &str = "private, max-age=15";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuotesQuery {
    /// 1 to 100 comma-separated symbols, each once; custom instruments are allowed.
    #[param(
        value_type = String,
        pattern = r"^ *([Mm][Yy]:)?[A-Za-z0-9^][A-Za-z0-9._\-=^]{0,19} *(, *([Mm][Yy]:)?[A-Za-z0-9^][A-Za-z0-9._\-=^]{0,19} *){0,99}$",
        example = "AAPL,IBM"
    )]
    symbols: Option<String>,
}

/// The last prices of several instruments.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuotesResponse {
    /// The prices, in the order of the request.
    items: Vec<QuoteResponse>,
    /// A reason for each symbol without a price: `unknown_symbol`, `price_unavailable` or `price_too_small`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    unavailable: BTreeMap<Symbol, &'static str>,
}

/// The last price of an instrument.
#[derive(Serialize, ToSchema)]
struct QuoteResponse {
    /// Ticker symbol of the instrument.
    symbol: Symbol,
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

impl From<QuoteWithAge> for QuoteResponse {
    fn from(QuoteWithAge { quote, age_seconds, stale, warnings }: QuoteWithAge) -> Self {
        Self {
            symbol: quote.symbol,
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

/// The last prices of up to 100 symbols.
///
/// A symbol without a price does not fail the request.
#[utoipa::path(
    get,
    path = "/quotes",
    operation_id = "quotes",
    tag = "instruments",
    params(QuotesQuery),
    responses(
        (status = 200, description = "The prices, and a reason for each symbol without one", body = QuotesResponse),
        (status = 422, description = "No symbols, too many, a repeated one, or an invalid one"),
    )
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<QuotesQuery>,
) -> Result<Response, Problem> {
    let symbols = query.parse()?;
    let batch = load_batch(&market, caller.customer_id, &symbols, market.budget_for(caller.customer_id)).await?;
    let items = batch.quotes.into_iter().map(QuoteResponse::from).collect();
    let answer = QuotesResponse { items, unavailable: batch.unavailable };
    Ok(([(header::CACHE_CONTROL, CACHE_CONTROL)], axum::Json(answer)).into_response())
}

impl QuotesQuery {
    fn parse(self) -> Result<Vec<Symbol>, Problem> {
        let mut fields = Fields::default();
        let text = self.symbols.unwrap_or_default();
        let count = text.split(',').count();
        if text.is_empty() || count > MAX_SYMBOLS {
            fields.refuse("symbols", format!("must be 1 to {MAX_SYMBOLS} symbols"));
            return Err(fields.into_problem());
        }
        let mut symbols = Vec::with_capacity(count);
        let mut seen = BTreeSet::new();
        for part in text.split(',') {
            let Some(symbol) = fields.take("symbols", part.trim().parse::<Symbol>()) else { continue };
            if seen.insert(symbol.clone()) {
                symbols.push(symbol);
            } else {
                fields.refuse("symbols", format!("{symbol} is listed twice"));
            }
        }
        fields.finish(Some(symbols))
    }
}
