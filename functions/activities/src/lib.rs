//! `/portfolios/{id}/activities`: what happened in accounts elsewhere, recorded, corrected and removed, with the versions
//! before each change, and as a file; and what their sales and those from the wallet realised.

mod download;
mod export;
mod gains;
mod request;

use api::{
    Caller, Command, DryRun, DryRunQuery, Fields, IdPairPath, IdPath, IdempotencyKey, IfMatch, Json, ListQuery,
    MergePatch, Page, Preview, Problem, Query, Replayed, etag, responses,
};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use books::activities::{self, ActivityRecord, PortfolioCash};
use domain::PortfolioId;
use market_data::MarketData;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use request::{ActivitiesQuery, ActivityCorrection, ActivityRequest, CashQuery};

/// One page of activities.
type ActivityPage = Page<ActivityRecord>;

/// The response of a dry run.
type ActivityPreview = Preview<ActivityRecord>;

/// The versions of an activity.
#[derive(Serialize, ToSchema)]
struct ActivityVersions {
    /// The current version first, if the activity was not removed; then those before it, the latest first.
    items: Vec<ActivityRecord>,
}

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
    OpenApiRouter::new()
        .routes(routes!(record, list))
        .routes(routes!(read, correct, remove))
        .routes(routes!(list_versions))
        .routes(routes!(read_cash))
        .routes(routes!(export::export))
        .routes(routes!(gains::read))
}

/// Records an activity.
#[utoipa::path(
    post,
    path = "/portfolios/{id}/activities",
    operation_id = "record_activity",
    tag = "activities",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        DryRunQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result. A dry run uses up no key"),
    ),
    request_body = ActivityRequest,
    responses(
        (status = 200, description = "With `dry_run=true`: the activity as it would be", body = ActivityPreview),
        (status = 201, description = "The activity; `Location` is its address", body = ActivityRecord),
        responses::IdempotentPost, responses::SymbolLookup, responses::KnownSymbol, responses::OwnPortfolioAndSymbol,
        (status = 409, description = "It takes more units than are held on its day (`insufficient_units`) or leaves a later activity without units (`history_conflict`), or the portfolio is closed or full"),
    )
)]
async fn record(
    State(market): State<MarketData>,
    caller: Caller,
    dry_run: DryRun,
    id: Result<IdPath, Problem>,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<ActivityRequest>,
) -> Result<Response, Problem> {
    let Command { key, .. } = Command::new(dry_run, key?);
    let new = request.parse()?;
    let portfolio = PortfolioId(id?.0);
    let market = dry_run.on(&market);
    let made = activities::record(&market, caller.customer_id, portfolio, &new, key.as_deref()).await?;
    if dry_run.0 {
        return Ok(Preview::of_new(made.value).into_response());
    }
    let location = [(header::LOCATION, format!("/portfolios/{portfolio}/activities/{}", made.value.id))];
    let tag = etag(made.value.version);
    Ok((StatusCode::CREATED, location, tag, Replayed(made.replayed), axum::Json(made.value)).into_response())
}

/// The activities of a portfolio by day, the latest first by default.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/activities",
    operation_id = "list_activities",
    tag = "activities",
    params(("id" = String, Path, description = "Id of the portfolio"), ActivitiesQuery, ListQuery),
    responses(
        (status = 200, description = "One page of activities", body = ActivityPage),
        responses::List, responses::OwnPortfolio,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(filters): Query<ActivitiesQuery>,
    Query(page): Query<ListQuery>,
    id: Result<IdPath, Problem>,
) -> Result<axum::Json<ActivityPage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    let portfolio = PortfolioId(id?.0);
    Ok(axum::Json(activities::list(&market, caller.customer_id, portfolio, &filter, &page).await?.into()))
}

/// One activity of the caller.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/activities/{activity_id}",
    operation_id = "read_activity",
    tag = "activities",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("activity_id" = String, Path, description = "Id of the activity"),
    ),
    responses(
        (status = 200, description = "The activity; `ETag` is its version", body = ActivityRecord),
        responses::OwnActivity,
    )
)]
async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    IdPairPath(portfolio, id): IdPairPath,
) -> Result<Response, Problem> {
    let activity = activities::find(&market, caller.customer_id, PortfolioId(portfolio), id).await?;
    Ok((etag(activity.version), axum::Json(activity)).into_response())
}

/// Corrects an activity: the given fields change, null removes a field, everything else stays.
///
/// The version before is kept.
#[utoipa::path(
    patch,
    path = "/portfolios/{id}/activities/{activity_id}",
    operation_id = "correct_activity",
    tag = "activities",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("activity_id" = String, Path, description = "Id of the activity"),
        DryRunQuery,
        ("If-Match" = String, Header, description = "The `ETag` of the version to change, or `*`"),
    ),
    request_body(content = ActivityCorrection, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The changed activity or, with `dry_run=true`, what it would be, marked `\"dry_run\": true`", body = ActivityRecord),
        responses::ConditionalChange, responses::MergePatchBody, responses::SymbolLookup, responses::KnownSymbol,
        (status = 404, description = "No such portfolio or activity of the caller, or an unknown symbol"),
        (status = 409, description = "It would take more units than are held on its day (`insufficient_units`) or leave a later activity without units (`history_conflict`), or the portfolio is closed"),
    )
)]
async fn correct(
    State(market): State<MarketData>,
    caller: Caller,
    dry_run: DryRun,
    ids: Result<IdPairPath, Problem>,
    precondition: Result<IfMatch, Problem>,
    MergePatch(request): MergePatch<ActivityCorrection>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let change = request.parse()?;
    let IdPairPath(portfolio, id) = ids?;
    let (market, portfolio) = (dry_run.on(&market), PortfolioId(portfolio));
    let activity = activities::correct(&market, caller.customer_id, portfolio, id, &precondition, &change).await?;
    if dry_run.0 {
        return Ok(Preview::of_existing(activity).into_response());
    }
    Ok((etag(activity.version), axum::Json(activity)).into_response())
}

/// Removes an activity. Its versions can still be read.
#[utoipa::path(
    delete,
    path = "/portfolios/{id}/activities/{activity_id}",
    operation_id = "remove_activity",
    tag = "activities",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("activity_id" = String, Path, description = "Id of the activity"),
        DryRunQuery,
        ("If-Match" = Option<String>, Header, description = "Removes it only if it is at this version"),
    ),
    responses(
        (status = 200, description = "With `dry_run=true`: the activity that would be removed", body = ActivityPreview),
        (status = 204, description = "It was removed"),
        responses::OwnActivity, responses::OptionalCondition,
        (status = 409, description = "A later activity needs its units (`history_conflict`)"),
    )
)]
async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    dry_run: DryRun,
    precondition: Result<IfMatch, Problem>,
    ids: Result<IdPairPath, Problem>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let IdPairPath(portfolio, id) = ids?;
    let (market, portfolio) = (dry_run.on(&market), PortfolioId(portfolio));
    activities::remove(&market, caller.customer_id, portfolio, id, &precondition).await?;
    if dry_run.0 {
        let standing = activities::find(&market, caller.customer_id, portfolio, id).await?;
        return Ok(Preview::of_existing(standing).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The versions of an activity, the current one first. Those of a removed activity can still be read.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/activities/{activity_id}/versions",
    operation_id = "list_activity_versions",
    tag = "activities",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("activity_id" = String, Path, description = "Id of the activity"),
    ),
    responses(
        (status = 200, description = "All versions of the activity", body = ActivityVersions),
        responses::OwnActivity,
    )
)]
async fn list_versions(
    State(market): State<MarketData>,
    caller: Caller,
    IdPairPath(portfolio, id): IdPairPath,
) -> Result<axum::Json<ActivityVersions>, Problem> {
    let items = activities::list_versions(&market, caller.customer_id, PortfolioId(portfolio), id).await?;
    Ok(axum::Json(ActivityVersions { items }))
}

/// The cash of a portfolio's activities by currency and day.
///
/// The wallet's cash is no part of it. Within a day the items are in the order of their currencies.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/cash",
    operation_id = "read_cash",
    tag = "activities",
    params(("id" = String, Path, description = "Id of the portfolio"), CashQuery, ListQuery),
    responses(
        (status = 200, description = "The balances, and one page of days", body = PortfolioCash),
        responses::List, responses::OwnPortfolio,
    )
)]
async fn read_cash(
    State(market): State<MarketData>,
    caller: Caller,
    Query(filters): Query<CashQuery>,
    Query(page): Query<ListQuery>,
    id: Result<IdPath, Problem>,
) -> Result<axum::Json<PortfolioCash>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    let portfolio = PortfolioId(id?.0);
    Ok(axum::Json(activities::compute_cash(&market, caller.customer_id, portfolio, &filter, &page).await?))
}
