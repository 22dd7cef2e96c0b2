//! `/backtest`: one rule over one symbol, run, checked, named, listed and removed.

mod check;
mod parts;
mod request;

use api::page::day_range;
use api::{
    Caller, Fields, IdPath, IdempotencyKey, IfMatch, Include, Json, ListQuery, MergePatch, Page, Problem, Query,
    Replayed, etag, responses,
};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Day;
use market_data::MarketData;
use research::backtest_records::{BacktestPart, BacktestRun, BacktestSummary};
use research::backtests;
use research::stored_backtests::{self, BacktestFilter};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use parts::shape;
use request::{BacktestBody, BacktestChange, NewBacktest};

/// One page of backtests.
type BacktestSummaryPage = Page<BacktestSummary>;

const JSON: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

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
    OpenApiRouter::new().routes(routes!(run, list)).routes(routes!(check::check)).routes(routes!(read, rename, remove))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PartsQuery {
    /// The heavy parts wanted in the response, separated by commas: all by default, none if it is empty.
    #[param(value_type = Option<Vec<BacktestPart>>, inline, style = Form, explode = false)]
    include: Option<String>,
}

impl PartsQuery {
    fn parse(&self) -> Result<Include<BacktestPart>, Problem> {
        let mut fields = Fields::default();
        let include = fields.take("include", Include::parse(self.include.as_deref()));
        fields.finish(include)
    }
}

/// Runs a backtest and stores it.
#[utoipa::path(
    post,
    path = "/backtest",
    operation_id = "backtest",
    tag = "backtest",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result"),
        PartsQuery,
    ),
    request_body = BacktestBody,
    responses(
        (status = 201, description = "The backtest; `Location` is its address", body = BacktestRun),
        responses::IdempotentPost, responses::SymbolLookup, responses::PriceSource, responses::BodyLimit,
        (status = 404, description = "Unknown symbol, or the key of a backtest that was removed"),
        (status = 422, description = "Invalid fields; the error in a rule is located by its column"),
    )
)]
async fn run(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<PartsQuery>,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<BacktestBody>,
) -> Result<Response, Problem> {
    let include = query.parse()?;
    // Checked after the body: an unreadable body is refused first.
    let IdempotencyKey(key) = key?;
    let NewBacktest { request, name } = request.parse()?;
    let made = backtests::run(&market, caller.customer_id, &request, name.as_ref(), key.as_deref()).await?;
    let json = shape(&made.json, name.map(String::from).as_deref(), &include)?;
    let location = [(header::LOCATION, format!("/backtest/{}", made.id))];
    Ok((StatusCode::CREATED, location, Replayed(made.replayed), [JSON], json).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BacktestsQuery {
    /// Only backtests of this symbol.
    #[param(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Option<String>,
    /// Only backtests that were run on this day (UTC) or later.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Only backtests that were run on this day (UTC) or earlier.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
}

/// The caller's backtests, without trades and equity, in the order in which they were run.
#[utoipa::path(
    get,
    path = "/backtest",
    operation_id = "list_backtests",
    tag = "backtest",
    params(ListQuery, BacktestsQuery),
    responses(
        (status = 200, description = "One page of backtests", body = BacktestSummaryPage),
        responses::List,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(page): Query<ListQuery>,
    Query(query): Query<BacktestsQuery>,
) -> Result<axum::Json<Page<BacktestSummary>>, Problem> {
    let mut fields = Fields::default();
    let page = page.parse(&mut fields);
    let symbol = fields.take_optional("symbol", query.symbol.as_deref().map(str::parse));
    let days = day_range(&mut fields, query.from.as_deref(), query.to.as_deref());
    let (page, (symbol, days)) = fields.finish(page.zip(symbol.zip(days)))?;
    let filter = BacktestFilter { symbol };
    let found = stored_backtests::list(&market.app, caller.customer_id, days, &filter, &page).await?;
    Ok(axum::Json(found.into()))
}

/// One backtest of the caller, as it was first returned, with its current name.
#[utoipa::path(
    get,
    path = "/backtest/{id}",
    operation_id = "read_backtest",
    tag = "backtest",
    params(("id" = String, Path, description = "Id of the backtest"), PartsQuery),
    responses(
        (status = 200, description = "The backtest; `ETag` is its version", body = BacktestRun),
        responses::Parameters, responses::OwnBacktest,
    )
)]
async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<PartsQuery>,
    id: Result<IdPath, Problem>,
) -> Result<Response, Problem> {
    let include = query.parse()?;
    let IdPath(id) = id?;
    if !include.has(BacktestPart::Equity) && !include.has(BacktestPart::Trades) {
        let found = stored_backtests::find(&market.app, caller.customer_id, id).await?;
        return Ok((etag(found.version), axum::Json(found.summary)).into_response());
    }
    let (found, json) = stored_backtests::find_whole(&market.app, caller.customer_id, id).await?;
    let json = shape(&json, found.summary.name.as_deref(), &include)?;
    Ok((etag(found.version), [JSON], json).into_response())
}

/// Names a backtest, or removes its name; nothing else of it can be changed.
#[utoipa::path(
    patch,
    path = "/backtest/{id}",
    operation_id = "rename_backtest",
    tag = "backtest",
    params(
        ("id" = String, Path, description = "Id of the backtest"),
        ("If-Match" = String, Header, description = "The `ETag` of the version to change, or `*`"),
    ),
    request_body(content = BacktestChange, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The backtest without trades and equity; `ETag` is its version", body = BacktestSummary),
        responses::ConditionalChange, responses::MergePatchBody, responses::OwnBacktest,
    )
)]
async fn rename(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    precondition: Result<IfMatch, Problem>,
    MergePatch(request): MergePatch<BacktestChange>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let change = request.parse()?;
    let IdPath(id) = id?;
    let renamed = stored_backtests::rename(&market.app, caller.customer_id, id, &precondition, change).await?;
    Ok((etag(renamed.version), axum::Json(renamed.summary)).into_response())
}

/// Removes a backtest for good.
///
/// Reports that were made of it keep their links until these expire; no new one can be made.
#[utoipa::path(
    delete,
    path = "/backtest/{id}",
    operation_id = "remove_backtest",
    tag = "backtest",
    params(
        ("id" = String, Path, description = "Id of the backtest"),
        ("If-Match" = Option<String>, Header, description = "Removes it only if it is at this version"),
    ),
    responses(
        (status = 204, description = "It was removed"),
        responses::OwnBacktest, responses::OptionalCondition,
    )
)]
async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    precondition: Result<IfMatch, Problem>,
    id: Result<IdPath, Problem>,
) -> Result<StatusCode, Problem> {
    let IfMatch(precondition) = precondition?;
    let IdPath(id) = id?;
    stored_backtests::remove(&market.app, caller.customer_id, id, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
