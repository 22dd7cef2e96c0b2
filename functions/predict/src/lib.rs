//! `GET /predict/{symbol}` and `GET /predict/{symbol}/history`: forecasts, stored and graded.

use api::{Caller, Fields, ListQuery, Problem, Query, SymbolPath, responses, variant};
use axum::Router;
use axum::extract::State;
use domain::Day;
use market_data::MarketData;
use research::forecasts::{
    self, ForecastFilter, ForecastRequest, ForecastResponse, GradeState, GradedForecast, MAX_HORIZON, Model,
    SkillSummary,
};
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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// The points of each forecast: `all` (default), `last` for the last day alone, or `none`.
    #[param(value_type = Option<PointSelection>, inline)]
    points: Option<String>,
    /// Only forecasts of this model.
    #[param(value_type = Option<Model>)]
    model: Option<String>,
    /// Only forecasts in this state: `graded` once all of their days have passed, else `pending`.
    #[param(value_type = Option<GradeState>)]
    state: Option<String>,
}

/// The points of each forecast that a history contains.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PointSelection {
    /// Every day.
    All,
    /// The last day.
    Last,
    /// None.
    None,
}

impl HistoryQuery {
    /// The filter and the points; `None` after recording invalid fields.
    fn parse(&self, fields: &mut Fields) -> Option<(ForecastFilter, PointSelection)> {
        let points = fields.take("points", self.points.as_deref().map_or(Ok(PointSelection::All), variant));
        let model = fields.take_optional("model", self.model.as_deref().map(str::parse::<Model>));
        let state = fields.take_optional("state", self.state.as_deref().map(variant::<GradeState>));
        let filter = model.zip(state).map(|(model, state)| ForecastFilter { model, state });
        filter.zip(points)
    }
}

impl PointSelection {
    fn apply(self, forecasts: &mut [GradedForecast]) {
        for GradedForecast { points, .. } in forecasts {
            match self {
                Self::All => {}
                Self::Last => drop(points.drain(..points.len().saturating_sub(1))),
                Self::None => points.clear(),
            }
        }
    }
}

/// Stored forecasts with the actual prices.
#[derive(Serialize, ToSchema)]
#[schema(as = ForecastHistoryResponse)]
struct HistoryResponse {
    /// In the order of `as_of`, the latest first by default.
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
    params(("symbol" = domain::Symbol, Path, description = "Ticker symbol of the instrument"), ListQuery, HistoryQuery),
    responses(
        (status = 200, description = "One page of forecasts, and the track record over all forecasts", body = HistoryResponse),
        responses::List, responses::SymbolLookup,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    SymbolPath(symbol): SymbolPath,
    Query(page): Query<ListQuery>,
    Query(query): Query<HistoryQuery>,
) -> Result<axum::Json<HistoryResponse>, Problem> {
    let mut fields = Fields::default();
    let wanted = page.parse(&mut fields).zip(query.parse(&mut fields));
    let (page, (filter, points)) = fields.finish(wanted)?;
    let mut record = forecasts::list(&market, caller.customer_id, &symbol, filter, &page).await?;
    points.apply(&mut record.items);
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
