//! `/alerts`: a customer's price alerts, and when each fired.

use api::{Caller, Fields, IdPath, IdempotencyKey, Json, ListQuery, Page, Problem, Query, Replayed};
use api::{page, responses, variant};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::alert::Repeat;
use domain::{Day, Symbol};
use market_data::MarketData;
use notifications::alerts::{self, Alert, AlertFilter, AlertState, Firing, NewAlert};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::request::ConditionRequest;

/// One page of alerts.
type AlertPage = Page<Alert>;

/// One page of firings.
type FiringPage = Page<Firing>;

/// A new alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertRequest {
    /// Ticker symbol of the instrument.
    #[schema(value_type = api::inputs::SymbolInput)]
    symbol: String,
    /// Condition on a quote that fires the alert.
    condition: ConditionRequest,
    /// Whether the alert fires once, or once per market day.
    repeat: Repeat,
    /// Whether to notify by e-mail, too; default `false`.
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

/// Creates an alert.
#[utoipa::path(
    post,
    path = "/alerts",
    operation_id = "create_alert",
    tag = "watch",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with the same key returns the first result")),
    request_body = AlertRequest,
    responses(
        (status = 201, description = "The alert; `Location` is its address", body = Alert),
        responses::IdempotentPost, responses::SymbolLookup, responses::BodyLimit,
        (status = 409, description = "The caller has the maximum number of active alerts, or of e-mail confirmation requests in 24 hours"),
        (status = 422, description = "Invalid fields, or `email` on a platform that sends no e-mail"),
        (status = 503, description = "The provider does not respond and the symbol is not known yet, or the e-mail subscription failed"),
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

/// The alerts to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertsQuery {
    /// Only alerts on this instrument.
    #[param(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Option<String>,
    /// Only alerts that can still fire, or only those that have fired and cannot fire again.
    #[param(value_type = Option<AlertState>)]
    state: Option<String>,
}

impl AlertsQuery {
    fn parse(self, fields: &mut Fields) -> Option<AlertFilter> {
        let symbol = fields.take_optional("symbol", self.symbol.as_deref().map(str::parse));
        let state = fields.take_optional("state", self.state.as_deref().map(variant));
        symbol.zip(state).map(|(symbol, state)| AlertFilter { symbol, state })
    }
}

/// Lists the caller's alerts, in the order in which they were created.
#[utoipa::path(
    get,
    path = "/alerts",
    operation_id = "list_alerts",
    tag = "watch",
    params(AlertsQuery, ListQuery),
    responses(
        (status = 200, description = "One page of alerts", body = AlertPage),
        responses::List,
    )
)]
pub(crate) async fn list(
    State(market): State<MarketData>,
    caller: Caller,
    Query(filters): Query<AlertsQuery>,
    Query(page): Query<ListQuery>,
) -> Result<axum::Json<AlertPage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    Ok(axum::Json(alerts::list(&market.app, caller.customer_id, &filter, &page).await?.into()))
}

/// Reads an alert.
#[utoipa::path(
    get,
    path = "/alerts/{id}",
    operation_id = "read_alert",
    tag = "watch",
    params(("id" = String, Path, description = "Id of the alert")),
    responses(
        (status = 200, description = "The alert with this id", body = Alert),
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

/// Removes an alert.
///
/// Its history is retained.
#[utoipa::path(
    delete,
    path = "/alerts/{id}",
    operation_id = "remove_alert",
    tag = "watch",
    params(("id" = String, Path, description = "Id of the alert")),
    responses(
        (status = 204, description = "It was removed"),
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

/// The firings to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FiringsQuery {
    /// First market day, inclusive.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last market day, inclusive.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
}

/// Lists when an alert fired, by market day.
///
/// The history of a removed alert is included.
#[utoipa::path(
    get,
    path = "/alerts/{id}/history",
    operation_id = "read_alert_history",
    tag = "watch",
    params(("id" = String, Path, description = "Id of the alert"), FiringsQuery, ListQuery),
    responses(
        (status = 200, description = "One page of firings", body = FiringPage),
        responses::List,
        (status = 404, description = "The caller has no such alert, and none with this id has fired"),
    )
)]
pub(crate) async fn list_firings(
    State(market): State<MarketData>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    Query(filters): Query<FiringsQuery>,
    Query(page): Query<ListQuery>,
) -> Result<axum::Json<FiringPage>, Problem> {
    let mut fields = Fields::default();
    let days = page::day_range(&mut fields, filters.from.as_deref(), filters.to.as_deref());
    let request = days.zip(page.parse(&mut fields));
    let (days, page) = fields.finish(request)?;
    Ok(axum::Json(alerts::list_firings(&market.app, caller.customer_id, id?.0, days, &page).await?.into()))
}
