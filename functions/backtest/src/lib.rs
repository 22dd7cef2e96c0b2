//! `POST /backtest`, `GET /backtest` and `GET /backtest/{id}`: one rule over one symbol.

mod request;

use api::{Caller, IdPath, IdempotencyKey, Json, Page, PageQuery, Problem, Query, Replayed, responses};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use market_data::MarketData;
use research::backtest_records::{BacktestRun, BacktestSummary};
use research::backtests;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use request::BacktestBody;

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
    OpenApiRouter::new().routes(routes!(run, list)).routes(routes!(read))
}

/// Runs a backtest and stores it.
#[utoipa::path(
    post,
    path = "/backtest",
    operation_id = "backtest",
    tag = "backtest",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result")),
    request_body = BacktestBody,
    responses(
        (status = 201, description = "The backtest; `Location` is its address", body = BacktestRun),
        responses::IdempotentPost, responses::SymbolLookup, responses::PriceSource, responses::BodyLimit,
        (status = 422, description = "Invalid fields; the error in a rule is located by its column"),
    )
)]
async fn run(
    State(market): State<MarketData>,
    caller: Caller,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<BacktestBody>,
) -> Result<Response, Problem> {
    // Checked after the body: an unreadable body is refused first.
    let IdempotencyKey(key) = key?;
    let request = request.parse()?;
    let answer = backtests::run(&market, caller.customer_id, &request, key.as_deref()).await?;
    let location = [(header::LOCATION, format!("/backtest/{}", answer.id))];
    Ok((StatusCode::CREATED, location, Replayed(answer.replayed), [JSON], answer.json).into_response())
}

/// The caller's backtests, newest first, without trades and equity.
#[utoipa::path(
    get,
    path = "/backtest",
    operation_id = "list_backtests",
    tag = "backtest",
    params(PageQuery),
    responses(
        (status = 200, description = "One page of backtests", body = BacktestSummaryPage),
        responses::List,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<BacktestSummary>>, Problem> {
    let (limit, cursor) = query.parse()?;
    let (items, next_cursor) = backtests::list(&market.app, caller.customer_id, limit, cursor).await?;
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One backtest of the caller, byte for byte as it was first returned.
#[utoipa::path(
    get,
    path = "/backtest/{id}",
    operation_id = "read_backtest",
    tag = "backtest",
    params(("id" = String, Path, description = "Id of the backtest")),
    responses(
        (status = 200, description = "The backtest with this id", body = BacktestRun),
        (status = 404, description = "The caller has no such backtest"),
    )
)]
async fn read(State(market): State<MarketData>, caller: Caller, IdPath(id): IdPath) -> Result<Response, Problem> {
    let json = backtests::find(&market.app, caller.customer_id, id).await?;
    Ok(([JSON], json).into_response())
}
