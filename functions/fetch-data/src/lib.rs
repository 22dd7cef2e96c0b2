//! `GET /fetch-data/{symbol}`: the daily, weekly or monthly bars of a symbol, as JSON or CSV.
//!
//! Bars come from the store, and from the provider when they are stale.

use api::{Caller, Fields, Problem, Query, SymbolPath, responses};
use app::ServiceError;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::{Bars, Currency, Day, Interval, Symbol};
use frames::Period;
use market_data::series::{self, Note};
use market_data::{MarketData, bars_csv, history, staleness};
use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Clients may cache bars for a minute. A longer time would hide the bar of the next session when it arrives.
const CACHE_CONTROL: &str = "private, max-age=60";

/// The router of the function.
pub fn router(market: MarketData) -> Router {
    api::close(market, routes())
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    api::document(routes())
}

fn routes() -> OpenApiRouter<MarketData> {
    OpenApiRouter::new().routes(routes!(fetch_data))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BarsQuery {
    /// First day, inclusive; the first bar by default.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive; the last bar by default.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
    /// `day` (default), `week` or `month`.
    #[param(value_type = Option<Interval>)]
    interval: Option<String>,
    /// `json` (default) or `csv`.
    #[param(pattern = "^(json|csv)$")]
    format: Option<String>,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
}

struct BarsRequest {
    from: Option<Day>,
    to: Option<Day>,
    interval: Interval,
    format: Format,
}

/// The bars of a symbol, oldest first.
#[derive(Serialize, ToSchema)]
struct BarsResponse {
    /// Ticker symbol of the bars.
    symbol: Symbol,
    /// Currency of the prices.
    currency: Currency,
    /// Length of each bar.
    interval: Interval,
    /// First day of the span.
    from: Day,
    /// Last day of the span.
    to: Day,
    /// The source of the prices.
    source: String,
    /// Last day of the whole history.
    as_of: Day,
    /// Whether a newer bar is expected but not available.
    stale: bool,
    /// Bars a year in the underlying history: 252 for trading days, 365 if weekends trade too, 52 for weeks, 12 for
    /// months.
    periods_per_year: u32,
    /// Warnings about the prices of the span.
    notes: Vec<Note>,
    /// The bars of the span, oldest first.
    bars: Vec<Period>,
}

/// Bars of a symbol.
#[utoipa::path(
    get,
    path = "/fetch-data/{symbol}",
    operation_id = "fetch_data",
    tag = "fetch-data",
    params(("symbol" = Symbol, Path, description = "Ticker symbol of the instrument"), BarsQuery),
    responses(
        (status = 200, description = "The bars, as JSON or CSV", content((BarsResponse = "application/json"), (String = "text/csv"))),
        responses::SymbolLookup,
        (status = 422, description = "An invalid parameter, or a span without bars"),
        (status = 503, description = "The provider does not respond and nothing is stored"),
    )
)]
async fn fetch_data(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
    Query(query): Query<BarsQuery>,
) -> Result<Response, Problem> {
    let request = query.parse()?;
    let series = history::load(&market, &symbol, market.budget_for(caller.customer_id)).await?;
    let (from, to) = series::span(&series, request.from, request.to)?;
    let bars = resample(series.bars.between(from, to), request.interval).await?;
    let cached = [(header::CACHE_CONTROL, CACHE_CONTROL)];
    match request.format {
        Format::Csv => {
            let csv = bars_csv::to_csv(bars.iter().map(|period| period.bar))?;
            Ok((cached, [(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
        }
        Format::Json => {
            let answer = BarsResponse {
                symbol,
                currency: series.currency,
                interval: request.interval,
                from,
                to,
                source: series.source.clone(),
                as_of: series.last,
                stale: staleness::of_bars(&market, &series),
                periods_per_year: domain::periods_per_year(&series.bars),
                notes: series.notes.iter().filter_map(|note| note.within(from, to)).collect(),
                bars,
            };
            Ok((cached, axum::Json(answer)).into_response())
        }
    }
}

/// Computes weekly and monthly bars with polars, which must not run on a thread that serves requests.
async fn resample(bars: Bars, interval: Interval) -> Result<Vec<Period>, Problem> {
    let fault = |cause: String| Problem::from(ServiceError::Fault(format!("resampling: {cause}")));
    let done = tokio::task::spawn_blocking(move || frames::resample(&bars, interval)).await;
    done.map_err(|error| fault(error.to_string()))?.map_err(|error| fault(error.to_string()))
}

impl BarsQuery {
    fn parse(self) -> Result<BarsRequest, Problem> {
        let mut fields = Fields::default();
        let from = fields.take_optional("from", self.from.as_deref().map(str::parse::<Day>));
        let to = fields.take_optional("to", self.to.as_deref().map(str::parse::<Day>));
        let interval = self.interval.as_deref().map_or(Ok(Interval::Day), str::parse);
        let format = match self.format.as_deref() {
            None | Some("json") => Ok(Format::Json),
            Some("csv") => Ok(Format::Csv),
            Some(_) => Err("must be json or csv"),
        };
        let interval = fields.take("interval", interval);
        let format = fields.take("format", format);
        let request = from.zip(to).zip(interval.zip(format)).map(|((from, to), (interval, format))| BarsRequest {
            from,
            to,
            interval,
            format,
        });
        fields.finish(request)
    }
}
