//! `GET /predict/{symbol}` and `GET /predict/{symbol}/history`: forecasts, stored and graded.

use api::{Caller, Fields, PageQuery, Problem, Query, SymbolPath, responses};
use axum::Router;
use axum::extract::State;
use domain::Day;
use market_data::MarketData;
use research::forecasts::{self, ForecastRequest, ForecastResponse, GradedForecast, MAX_HORIZON, Model, SkillSummary};
use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
    OpenApiRouter::new().routes(routes!(predict)).routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PredictQuery {
    /// Trading days ahead, 1 to 60; 30 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 60)]
    horizon: Option<String>,
    /// `walk` (default), `naive`, `drift` or `linear`.
    #[param(value_type = Option<Model>)]
    model: Option<String>,
    /// The forecast uses only bars up to this day; the last bar by default.
    #[param(value_type = Option<Day>)]
    as_of: Option<String>,
}

/// Stored forecasts with the actual prices.
#[derive(Serialize, ToSchema)]
#[schema(as = ForecastHistoryResponse)]
struct HistoryResponse {
    /// Latest `as_of` first.
    items: Vec<GradedForecast>,
    /// The track record of each model, with forecasts made in hindsight separate.
    summary: Vec<SkillSummary>,
    /// The `cursor` for the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A forecast, made and stored once for the same model, horizon, day and bars.
#[utoipa::path(
    get,
    path = "/predict/{symbol}",
    operation_id = "predict",
    tag = "predict",
    params(("symbol" = domain::Symbol, Path, description = "Ticker symbol of the instrument"), PredictQuery),
    responses(
        (status = 200, description = "The forecast as stored", body = ForecastResponse),
        responses::SymbolLookup, responses::PriceSource,
        (status = 422, description = "An invalid parameter, or too few bars"),
    )
)]
async fn predict(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
    Query(query): Query<PredictQuery>,
) -> Result<axum::Json<ForecastResponse>, Problem> {
    let mut fields = Fields::default();
    let horizon = fields.take("horizon", horizon(query.horizon.as_deref()));
    let model = fields.take("model", query.model.as_deref().map_or(Ok(Model::default()), str::parse::<Model>));
    let as_of = fields.take_optional("as_of", query.as_of.as_deref().map(str::parse::<Day>));
    let request = horizon.zip(model).zip(as_of);
    let request = request.map(|((horizon, model), as_of)| ForecastRequest { symbol, horizon, model, as_of });
    let made = forecasts::make(&market, caller.customer_id, &fields.finish(request)?).await?;
    Ok(axum::Json(made))
}

/// The stored forecasts of a symbol, graded by the actual prices.
#[utoipa::path(
    get,
    path = "/predict/{symbol}/history",
    operation_id = "forecast_history",
    tag = "predict",
    params(("symbol" = domain::Symbol, Path, description = "Ticker symbol of the instrument"), PageQuery),
    responses(
        (status = 200, description = "One page of forecasts, and the track record over all forecasts", body = HistoryResponse),
        responses::List, responses::SymbolLookup,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<HistoryResponse>, Problem> {
    let (limit, cursor) = query.parse()?;
    let record = forecasts::list(&market, caller.customer_id, &symbol, limit, cursor).await?;
    Ok(axum::Json(HistoryResponse { items: record.items, summary: record.summary, next_cursor: record.next }))
}

fn horizon(text: Option<&str>) -> Result<usize, String> {
    let Some(text) = text else {
        return Ok(forecasts::DEFAULT_HORIZON);
    };
    match text.parse() {
        Ok(horizon) if (1..=MAX_HORIZON).contains(&horizon) => Ok(horizon),
        _ => Err(format!("must be a whole number of trading days from 1 to {MAX_HORIZON}")),
    }
}
