//! The outcome of a call, looked up by its idempotency key. It only reads, and uses up nothing.
//!
//! The record of a key names the call and points to its result. What the result says is read where a repeated call reads
//! it, so that both agree. An object that has changed since, such as a portfolio, is named by its link instead.

use app::error::ServiceError;
use app::idempotency::{self, KeyUse, KeyedCall, StoredOutcome};
use app::{App, stored_responses};
use domain::{CustomerId, PortfolioId, Role};
use ledger::{Refusal, StatementLine, Trade};
use market_data::custom_instruments;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use store::{documents, keys};
use uuid::Uuid;

use crate::{activities, imports, investments, trades, wallets};

/// The outcome of a call that used a key.
#[derive(Debug)]
pub struct Outcome {
    /// The call; `None` if a version up to 0.1.0 stored it.
    pub call: Option<KeyedCall>,
    /// What it did.
    pub result: CallResult,
}

/// What a call did.
#[derive(Debug)]
pub enum CallResult {
    /// It created an object.
    Created(CreatedObject),
    /// It made a report and created no single object. The report is the body of its response.
    Reported(Option<Box<RawValue>>),
    /// It succeeded with a result of this id, of whatever kind: a version up to 0.1.0 stored it.
    Succeeded(Uuid),
    /// It was refused, and a repeated call is refused in the same way.
    Refused(Refusal),
}

/// An object that a call created, as far as it is known.
#[derive(Debug, Default)]
pub struct CreatedObject {
    /// Its id.
    pub id: Option<Uuid>,
    /// Its path, under which it may have changed or been removed since.
    pub link: Option<String>,
    /// The body of the response, if it is stored or never changes.
    pub body: Option<Box<RawValue>>,
}

/// Finds what the caller's call with this key did.
///
/// Errors: [`ServiceError::NotFound`] if no call of the caller with this key has an outcome: none was received, it is
/// still being executed, or it failed in a way that leaves the key free.
pub async fn find(app: &App, caller: CustomerId, role: Role, idempotency_key: &str) -> Result<Outcome, ServiceError> {
    let found = idempotency::find(app, caller, idempotency_key).await?;
    let KeyUse { outcome, call } = found.ok_or(ServiceError::NotFound { what: "outcome of a call with this key" })?;
    let result = match outcome.refusal()? {
        Some(refusal) => CallResult::Refused(refusal),
        None => read_result(app, (caller, role), &outcome, call.as_ref()).await?,
    };
    Ok(Outcome { call, result })
}

async fn read_result(
    app: &App,
    (caller, role): (CustomerId, Role),
    outcome: &StoredOutcome,
    call: Option<&KeyedCall>,
) -> Result<CallResult, ServiceError> {
    let (id, call) = match (outcome, call) {
        (StoredOutcome::Result(id), Some(call)) => (*id, call),
        (StoredOutcome::Result(id), None) => return Ok(CallResult::Succeeded(*id)),
        (StoredOutcome::Entry(seq), Some(call)) => {
            return read_entry(app, (caller, role), *seq, call).await.map(CallResult::Created);
        }
        // Of a deposit, a withdrawal or a reversal in the wallet of any customer.
        (_, _) => return Ok(CallResult::Created(CreatedObject::default())),
    };
    let link = call.route.method_and_path().map(|(_, path)| format!("{path}/{id}"));
    let created = match (call.route.route.as_str(), call.route.id) {
        (imports::ROUTE, _) => return Ok(CallResult::Reported(read_stored(app, caller, id).await?)),
        (trades::ROUTE, Some(portfolio)) => {
            let found = documents::read::<Trade>(app.table(), &keys::trade(PortfolioId(portfolio), id)).await?;
            let body = found.map(|(trade, _)| json(&trade)).transpose()?;
            CreatedObject { id: Some(id), link, body }
        }
        (activities::ROUTE | investments::ROUTE, _) => {
            CreatedObject { id: Some(id), link, body: read_stored(app, caller, id).await? }
        }
        (custom_instruments::ROUTE, _) => instrument(read_stored(app, caller, id).await?),
        (_, _) => CreatedObject { id: Some(id), link, body: None },
    };
    Ok(CallResult::Created(created))
}

/// The entry of a deposit, a withdrawal or a reversal. That of a reversal is in another customer's wallet, which only an
/// administrator may see.
async fn read_entry(
    app: &App,
    (caller, role): (CustomerId, Role),
    seq: u64,
    call: &KeyedCall,
) -> Result<CreatedObject, ServiceError> {
    let owner = match (call.route.route.as_str(), call.route.id) {
        (wallets::REVERSAL, Some(reversed)) if role == Role::Administrator => {
            wallets::find_locator(app, reversed).await?.map(|(owner, _)| owner)
        }
        (wallets::REVERSAL, _) => None,
        (_, _) => Some(caller),
    };
    let Some(owner) = owner else { return Ok(CreatedObject::default()) };
    let line = StatementLine::from(&wallets::read_entry(app, owner, seq).await?);
    let link = (owner == caller).then(|| format!("/wallet/entries/{}", line.id));
    Ok(CreatedObject { id: Some(line.id), link, body: Some(json(&line)?) })
}

/// A custom instrument is named by its symbol. Versions up to 0.1.0 stored no response.
fn instrument(body: Option<Box<RawValue>>) -> CreatedObject {
    #[derive(Deserialize)]
    struct Named {
        symbol: String,
    }
    let named = body.as_ref().and_then(|body| serde_json::from_str::<Named>(body.get()).ok());
    CreatedObject { id: None, link: named.map(|Named { symbol }| format!("/instruments/{symbol}")), body }
}

/// The body of a stored response; `None` if it was removed.
async fn read_stored(app: &App, caller: CustomerId, id: Uuid) -> Result<Option<Box<RawValue>>, ServiceError> {
    match stored_responses::find(app, caller, id, "response").await {
        Ok(body) => Ok(Some(body)),
        Err(ServiceError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn json(value: &impl Serialize) -> Result<Box<RawValue>, ServiceError> {
    to_raw_value(value).map_err(|error| ServiceError::fault("serializing an outcome failed", error))
}
