//! `GET /operations`: what a call with an `Idempotency-Key` did.

use api::{Caller, Fields, IdempotencyKey, Problem, Query, responses};
use app::ServiceError;
use axum::extract::State;
use books::outcomes::{self, CallResult, CreatedObject, Outcome};
use market_data::MarketData;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OperationQuery {
    /// The `Idempotency-Key` of the call, percent-encoded.
    #[param(value_type = String, required = true, pattern = "^[!-+.-~-]{1,255}$", example = "0f0f6c3e-deposit-1")]
    idempotency_key: Option<String>,
}

/// What a call with an `Idempotency-Key` did. If an earlier version of the platform stored it, some fields are null.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationOutcome {
    /// The key that was looked up.
    #[schema(pattern = "^[!-+.-~-]{1,255}$", example = "0f0f6c3e-deposit-1")]
    idempotency_key: String,
    /// HTTP method of the call; null if it is not known.
    #[schema(required, pattern = "^[A-Z]+$", example = "POST")]
    method: Option<String>,
    /// Path of the call, without its query; null if it is not known.
    #[schema(required, pattern = "^/", example = "/wallet/deposits")]
    path: Option<String>,
    /// HTTP status of the call's response: 200 or 201, or 409 for a refusal that is stored; null if it is not known.
    #[schema(required, minimum = 200, maximum = 499, example = 201)]
    status: Option<u16>,
    /// When the outcome was stored; null if it is not known.
    #[schema(required, format = DateTime, example = "2026-11-20T15:00:00.000Z")]
    completed_at: Option<String>,
    /// Id of the object that the call created; null if there is none or it is not known.
    #[schema(required, example = "0190aaaa-0000-7000-8000-000000000001")]
    id: Option<Uuid>,
    /// Path of the object that the call created, which may have changed or been removed since; null if there is none or
    /// the caller cannot read it.
    #[schema(required, pattern = "^/", example = "/wallet/entries/0190aaaa-0000-7000-8000-000000000001")]
    link: Option<String>,
    /// Body of the call's response, for a refusal the problem; null if only the object behind `link` is stored.
    #[schema(required, value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
}

/// Finds what the caller's call with this `Idempotency-Key` did.
///
/// It is for a client that did not get the response. It changes nothing and uses up no key.
///
/// 404 means that there is no outcome: no such call was received, it is still being executed, or it failed and left the
/// key free. In each case it is safe to send the call again with the same key.
#[utoipa::path(
    get,
    path = "/operations",
    operation_id = "find_operation",
    tag = "wallet",
    params(OperationQuery),
    responses(
        (status = 200, description = "The outcome of the call", body = OperationOutcome),
        responses::Parameters,
        (status = 404, description = "No call of the caller with this key has an outcome"),
    )
)]
pub(crate) async fn find(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<OperationQuery>,
) -> Result<axum::Json<OperationOutcome>, Problem> {
    let mut fields = Fields::default();
    let key = query.idempotency_key.as_deref().map_or(Err("is required"), IdempotencyKey::parse);
    let key = fields.take("idempotency_key", key);
    let key = fields.finish(key)?;
    let outcome = outcomes::find(&market.app, caller.customer_id, caller.role, &key).await?;
    Ok(axum::Json(OperationOutcome::of(key, outcome)?))
}

impl OperationOutcome {
    fn of(idempotency_key: String, Outcome { call, result }: Outcome) -> Result<Self, Problem> {
        let (method, path) = call.as_ref().and_then(|call| call.route.method_and_path()).unzip();
        let completed_at = call.map(|call| domain::instant::text(call.completed_at));
        let none = CreatedObject::default();
        let (status, CreatedObject { id, link, body }) = match result {
            CallResult::Created(object) => (Some(201), object),
            CallResult::Reported(body) => (Some(200), CreatedObject { body, ..none }),
            CallResult::Succeeded(id) => (None, CreatedObject { id: Some(id), ..none }),
            CallResult::Refused(refusal) => {
                let problem = Problem::from(ServiceError::RefusedBefore(refusal));
                let body = to_raw_value(&problem).map_err(|_| Problem::internal())?;
                (Some(problem.status), CreatedObject { body: Some(body), ..none })
            }
        };
        Ok(Self { idempotency_key, method, path, status, completed_at, id, link, body })
    }
}
