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

/// Most symbols of one request.
const MAX_SYMBOLS: usize = 100;
/// Quotes come every quarter of an hour at the most.
const CACHE_CONTROL: &str = "private, max-age=15";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuotesQuery {
    /// 1 to 100 symbols with commas between them, each once; items of the caller's own among them.
    #[param(value_type = String, example = "AAPL,IBM")]
    symbols: Option<String>,
}

/// Last prices.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuotesAnswer {
    /// In the order asked for.
    items: Vec<QuoteAnswer>,
    /// Why there is no price of a symbol: `unknown_symbol`, `price_unavailable`, or `price_too_small`.
    #[schema(value_type = BTreeMap<String, String>)]
    unavailable: BTreeMap<Symbol, &'static str>,
}

/// The last price of an instrument.
#[derive(Serialize, ToSchema)]
struct QuoteAnswer {
    symbol: Symbol,
    /// Price of one unit.
    #[schema(value_type = String, example = "430.47")]
    price: Price,
    /// Close of the trading day before, in today's units, where known.
    #[schema(value_type = Option<String>, example = "441.40")]
    previous_close: Option<Price>,
    currency: Currency,
    /// Of when the price is.
    #[serde(with = "domain::instant")]
    as_of: DateTime<Utc>,
    /// How old that is by the market's clock.
    age_seconds: u64,
    /// Where the price came from.
    source: String,
    /// Whether a newer price was to be expected.
    stale: bool,
    /// What a reader must know about the price and the close before it.
    warnings: Vec<Warning>,
    /// Set when it is of a replay of old prices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replay: bool,
}

impl From<QuoteWithAge> for QuoteAnswer {
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

/// Last prices of up to a hundred symbols, also where some have none.
#[utoipa::path(
    get,
    path = "/quotes",
    operation_id = "quotes",
    tag = "instruments",
    params(QuotesQuery),
    responses(
        (status = 200, description = "The prices there are, and why there are no others", body = QuotesAnswer),
        (status = 422, description = "No symbols, too many, one twice, or one that is none"),
    )
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<QuotesQuery>,
) -> Result<Response, Problem> {
    let symbols = query.parse()?;
    let batch = load_batch(&market, caller.customer_id, &symbols, market.budget_for(caller.customer_id)).await?;
    let items = batch.quotes.into_iter().map(QuoteAnswer::from).collect();
    let answer = QuotesAnswer { items, unavailable: batch.unavailable };
    Ok(([(header::CACHE_CONTROL, CACHE_CONTROL)], axum::Json(answer)).into_response())
}

impl QuotesQuery {
    fn parse(self) -> Result<Vec<Symbol>, Problem> {
        let mut fields = Fields::default();
        let text = self.symbols.unwrap_or_default();
        let count = text.split(',').count();
        if text.is_empty() || count > MAX_SYMBOLS {
            fields.refuse("symbols", format!("1 to {MAX_SYMBOLS} symbols are asked for at once"));
            return Err(fields.into_problem());
        }
        let mut symbols = Vec::with_capacity(count);
        let mut seen = BTreeSet::new();
        for part in text.split(',') {
            let Some(symbol) = fields.take("symbols", part.trim().parse::<Symbol>()) else { continue };
            if seen.insert(symbol.clone()) {
                symbols.push(symbol);
            } else {
                fields.refuse("symbols", format!("{symbol} is asked for twice"));
            }
        }
        fields.finish(Some(symbols))
    }
}
