//! `/portfolios`: portfolios, the lots held elsewhere in them, their import and export, holdings and performance, and
//! the overview of all portfolios of a customer.

mod holdings;
mod imports;
mod investments;
mod overview;
mod performance;
mod request;

use api::{
    Caller, Fields, IdPath, IdempotencyKey, IfMatch, Json, ListQuery, MergePatch, Page, Problem, Query, Replayed, etag,
    responses, variant,
};
use app::Precondition;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use books::portfolios::{self, PortfolioFilter};
use domain::portfolio::{PortfolioState, PortfolioType};
use domain::{Portfolio, PortfolioId};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use request::{OpenRequest, PortfolioChange};

/// One page of portfolios.
type PortfolioPage = Page<Portfolio>;

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
        .routes(routes!(open, list))
        .routes(routes!(read, change, remove))
        .routes(routes!(investments::record, investments::list))
        .routes(routes!(investments::read, investments::correct, investments::remove))
        .routes(routes!(imports::import))
        .routes(routes!(imports::export))
        .routes(routes!(holdings::read))
        .routes(routes!(performance::read))
        .routes(routes!(overview::read))
}

/// Opens a portfolio.
#[utoipa::path(
    post,
    path = "/portfolios",
    operation_id = "open_portfolio",
    tag = "portfolios",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result")),
    request_body = OpenRequest,
    responses(
        (status = 201, description = "The portfolio; `Location` is its address", body = Portfolio),
        responses::IdempotentPost, responses::BodyLimit,
        (status = 409, description = "The customer has the maximum number of portfolios"),
    )
)]
async fn open(
    State(market): State<MarketData>,
    caller: Caller,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<OpenRequest>,
) -> Result<Response, Problem> {
    let IdempotencyKey(key) = key?;
    let opening = request.parse()?;
    let made = portfolios::open(&market.app, caller.customer_id, &opening, key.as_deref()).await?;
    let location = [(header::LOCATION, format!("/portfolios/{}", made.value.id))];
    let tag = etag(made.value.version);
    Ok((StatusCode::CREATED, location, tag, Replayed(made.replayed), axum::Json(made.value)).into_response())
}

/// The portfolios to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PortfoliosQuery {
    /// Only open portfolios, or only closed ones.
    #[param(value_type = Option<PortfolioState>)]
    state: Option<String>,
    /// The type of the portfolios; others are left out.
    #[param(value_type = Option<PortfolioType>)]
    r#type: Option<String>,
}

impl PortfoliosQuery {
    fn parse(self, fields: &mut Fields) -> Option<PortfolioFilter> {
        let state = fields.take_optional("state", self.state.as_deref().map(variant));
        let kind = fields.take_optional("type", self.r#type.as_deref().map(variant));
        state.zip(kind).map(|(state, kind)| PortfolioFilter { state, kind })
    }
}

/// The caller's portfolios, in the order in which they were opened.
#[utoipa::path(
    get,
    path = "/portfolios",
    operation_id = "list_portfolios",
    tag = "portfolios",
    params(PortfoliosQuery, ListQuery),
    responses(
        (status = 200, description = "One page of portfolios", body = PortfolioPage),
        responses::List,
    )
)]
async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(filters): Query<PortfoliosQuery>,
    Query(page): Query<ListQuery>,
) -> Result<axum::Json<PortfolioPage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    Ok(axum::Json(portfolios::list(&market.app, caller.customer_id, &filter, &page).await?.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadQuery {
    /// Returns this version of the investment profile in place of the current one.
    #[param(value_type = Option<u32>, minimum = 1)]
    profile_version: Option<String>,
}

/// One portfolio of the caller.
#[utoipa::path(
    get,
    path = "/portfolios/{id}",
    operation_id = "read_portfolio",
    tag = "portfolios",
    params(("id" = String, Path, description = "Id of the portfolio"), ReadQuery),
    responses(
        (status = 200, description = "The portfolio; `ETag` is its version", body = Portfolio),
        responses::Parameters,
        (status = 404, description = "No such portfolio of the caller, or no such version of its profile"),
    )
)]
async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<ReadQuery>,
    id: Result<IdPath, Problem>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let version = query
        .profile_version
        .as_deref()
        .map(|text| text.parse::<u32>().ok().filter(|version| *version > 0).ok_or("must be a whole number from 1"));
    let version = fields.take_optional("profile_version", version);
    let version = fields.finish(version)?;
    let id = PortfolioId(id?.0);
    let mut portfolio = portfolios::find(&market.app, caller.customer_id, id).await?;
    if let Some(version) = version {
        portfolio.investment_profile =
            Some(portfolios::find_profile(&market.app, caller.customer_id, id, version).await?);
    }
    Ok((etag(portfolio.version), axum::Json(portfolio)).into_response())
}

/// Changes a portfolio: the given fields change, null removes a field, everything else stays.
#[utoipa::path(
    patch,
    path = "/portfolios/{id}",
    operation_id = "change_portfolio",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("If-Match" = String, Header, description = "The `ETag` of the version to change, or `*`"),
    ),
    request_body(content = PortfolioChange, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The changed portfolio", body = Portfolio),
        responses::ConditionalChange, responses::MergePatchBody, responses::OwnPortfolio,
        (status = 409, description = "It cannot be closed because it still holds something"),
    )
)]
async fn change(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    precondition: Result<IfMatch, Problem>,
    MergePatch(request): MergePatch<PortfolioChange>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = precondition?;
    let change = request.parse()?;
    let id = PortfolioId(id?.0);
    let portfolio = portfolios::change(&market, caller.customer_id, id, &precondition, &change).await?;
    Ok((etag(portfolio.version), axum::Json(portfolio)).into_response())
}

/// Removes a portfolio that never traded, with its investments.
#[utoipa::path(
    delete,
    path = "/portfolios/{id}",
    operation_id = "remove_portfolio",
    tag = "portfolios",
    params(
        ("id" = String, Path, description = "Id of the portfolio"),
        ("If-Match" = Option<String>, Header, description = "Removes it only if it is at this version"),
    ),
    responses(
        (status = 204, description = "It was removed"),
        responses::OwnPortfolio, responses::OptionalCondition,
        (status = 409, description = "It has trades, which are retained: close it instead"),
    )
)]
async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    precondition: Result<IfMatch, Problem>,
    id: Result<IdPath, Problem>,
) -> Result<StatusCode, Problem> {
    let precondition: Precondition = precondition?.0;
    let IdPath(id) = id?;
    portfolios::remove(&market.app, caller.customer_id, PortfolioId(id), &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
