//! `/alerts`: what a customer wants to be told of, and when it came true.

use api::{Caller, Fields, IdPath, IdempotencyKey, Json, Page, PageQuery, Problem, Query, Replayed, responses};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Symbol;
use domain::alert::{Condition, Repeat};
use market_data::MarketData;
use notifications::alerts::{self, Alert, Firing, NewAlert};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::request::ConditionRequest;

/// An alert to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertRequest {
    /// Ticker symbol.
    #[schema(example = "AAPL")]
    symbol: String,
    /// What has to be true of a quote. Decimals may be strings or numbers.
    #[schema(value_type = Condition)]
    condition: ConditionRequest,
    /// How often it fires.
    repeat: Repeat,
    /// Whether to tell by e-mail too; false where not given.
    #[serde(default)]
    email: bool,
}

impl AlertRequest {
    fn parse(self) -> Result<NewAlert, Problem> {
        let mut fields = Fields::default();
        let symbol = fields.take("symbol", self.symbol.parse::<Symbol>());
        let condition = self.condition.parse(&mut fields);
        let alert = symbol.zip(condition).map(|(symbol, condition)| NewAlert {
            symbol,
            condition,
            repeat: self.repeat,
            email: self.email,
        });
        fields.finish(alert)
    }
}

/// Makes an alert.
#[utoipa::path(
    post,
    path = "/alerts",
    operation_id = "create_alert",
    tag = "watch",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request answers the first result again")),
    request_body = AlertRequest,
    responses(
        (status = 201, description = "The alert; `Location` names it", body = Alert),
        responses::IdempotentPost, responses::SymbolLookup, responses::BodyLimit,
        (status = 409, description = "As many alerts that can still fire as a customer may have"),
        (status = 422, description = "Fields that cannot be used, or e-mail where none can be sent"),
        (status = 503, description = "The provider cannot say whether it knows the symbol, or the address could not be subscribed"),
    )
)]
pub(crate) async fn create(
    State(market): State<MarketData>,
    caller: Caller,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<AlertRequest>,
) -> Result<Response, Problem> {
    let IdempotencyKey(key) = key?;
    let alert = request.parse()?;
    let made = alerts::create(&market, caller.customer_id, &alert, key.as_deref()).await?;
    let location = [(header::LOCATION, format!("/alerts/{}", made.value.id))];
    Ok((StatusCode::CREATED, location, Replayed(made.replayed), axum::Json(made.value)).into_response())
}

/// The caller's alerts, newest first.
#[utoipa::path(
    get,
    path = "/alerts",
    operation_id = "list_alerts",
    tag = "watch",
    params(PageQuery),
    responses(
        (status = 200, description = "A page", body = Page<Alert>),
        responses::List,
    )
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<Alert>>, Problem> {
    let (limit, cursor) = query.parse()?;
    let (items, next_cursor) = alerts::list(&market.app, caller.customer_id, limit, cursor).await?;
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One alert of the caller.
#[utoipa::path(
    get,
    path = "/alerts/{id}",
    operation_id = "read_alert",
    tag = "watch",
    params(("id" = String, Path, description = "Id of the alert")),
    responses(
        (status = 200, description = "The alert", body = Alert),
        responses::OwnAlert,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Result<axum::Json<Alert>, Problem> {
    Ok(axum::Json(alerts::find(&market.app, caller.customer_id, id).await?))
}

/// Removes an alert. Its history stays.
#[utoipa::path(
    delete,
    path = "/alerts/{id}",
    operation_id = "remove_alert",
    tag = "watch",
    params(("id" = String, Path, description = "Id of the alert")),
    responses(
        (status = 204, description = "It no longer fires"),
        responses::OwnAlert,
    )
)]
pub(crate) async fn remove(
    State(market): State<MarketData>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Result<StatusCode, Problem> {
    alerts::remove(&market.app, caller.customer_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// When an alert fired, the latest market day first; also of one that was removed since.
#[utoipa::path(
    get,
    path = "/alerts/{id}/history",
    operation_id = "read_alert_history",
    tag = "watch",
    params(("id" = String, Path, description = "Id of the alert"), PageQuery),
    responses(
        (status = 200, description = "A page", body = Page<Firing>),
        responses::List,
        (status = 404, description = "No such alert of the caller, and none of this id ever fired"),
    )
)]
pub(crate) async fn list_firings(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<Firing>>, Problem> {
    let (limit, cursor) = query.parse()?;
    let (items, next_cursor) = alerts::list_firings(&market.app, caller.customer_id, id?.0, limit, cursor).await?;
    Ok(axum::Json(Page { items, next_cursor }))
}
