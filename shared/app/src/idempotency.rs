//! What each `Idempotency-Key` was used for: the same key with the same request gets the same response.
//!
//! The record is written in the transaction of the result that it points to, so a key is used exactly when a result
//! exists. If money moves, a refusal because of too little cash or too few units is stored too, for a week: a client
//! that lost the response and repeats the order must not buy later what it could not afford.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Money, Quantity};
use ledger::Refusal;
use serde::{Deserialize, Serialize};
use store::{Expect, Key, StoreError, Write, documents, keys};
use uuid::Uuid;

use crate::App;
use crate::digest::sha256_hex;
use crate::error::ServiceError;

/// How long a refusal is stored.
const REFUSAL_DAYS: i64 = 7;

#[derive(Serialize, Deserialize)]
struct IdempotencyRecord {
    fingerprint: String,
    #[serde(flatten)]
    outcome: StoredOutcome,
    /// The call. Records of versions up to 0.1.0 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<KeyedCall>,
}

/// The route of a call with a key, and the id in its path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedRoute {
    /// The route, such as `POST /portfolios/{id}/trades`.
    pub route: String,
    /// The id in its path, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
}

/// A call that used a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedCall {
    /// Its route.
    #[serde(flatten)]
    pub route: KeyedRoute,
    /// When its outcome was stored.
    #[serde(with = "domain::instant")]
    pub completed_at: DateTime<Utc>,
}

/// What a key was used for.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// The outcome of the call.
    pub outcome: StoredOutcome,
    /// The call; `None` if an earlier version stored it.
    pub call: Option<KeyedCall>,
}

/// The outcome of a call that used a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredOutcome {
    /// A result with this id.
    Result(Uuid),
    /// The entry of a wallet with this `seq`.
    Entry(u64),
    /// Refused: too little cash.
    InsufficientFunds {
        /// Cash that was available, a decimal.
        available: String,
        /// Cash that was needed.
        requested: String,
        /// Its currency.
        currency: domain::Currency,
    },
    /// Refused: too few units.
    InsufficientUnits {
        /// Units that were available.
        available: Quantity,
        /// Units that were needed.
        requested: Quantity,
    },
}

/// Whether the key of a request was used before.
#[derive(Debug)]
pub enum KeyLookup {
    /// Not used before, or the request has no key.
    First(ReservedKey),
    /// Used before for the same request: the id of its result.
    Replay(Uuid),
}

/// The result of a request, created now or when its key was first used.
#[derive(Clone, Debug, PartialEq)]
pub struct Created<T> {
    /// The result, as in the first response.
    pub value: T,
    /// Whether the key was used for this request before.
    pub replayed: bool,
}

/// A key that is reserved for the request in progress; nothing, if the request has no key.
#[derive(Clone, Debug)]
pub struct ReservedKey {
    reserved: Option<Reservation>,
}

#[derive(Clone, Debug)]
struct Reservation {
    key: Key,
    fingerprint: String,
    route: KeyedRoute,
}

impl KeyedRoute {
    /// A route with this id in its path.
    #[must_use]
    pub fn with_id(route: &str, id: Uuid) -> Self {
        Self { route: route.to_owned(), id: Some(id) }
    }

    /// The method and the path of the call.
    #[must_use]
    pub fn method_and_path(&self) -> Option<(String, String)> {
        let (method, template) = self.route.split_once(' ')?;
        let path = self.id.map_or_else(|| template.to_owned(), |id| template.replace("{id}", &id.to_string()));
        Some((method.to_owned(), path))
    }
}

impl From<&str> for KeyedRoute {
    fn from(route: &str) -> Self {
        Self { route: route.to_owned(), id: None }
    }
}

impl StoredOutcome {
    /// What is stored of a refusal; `None` for one that does not use the key.
    #[must_use]
    pub fn of_refusal(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::InsufficientFunds { available, requested } => Some(Self::InsufficientFunds {
                available: available.to_string(),
                requested: requested.to_string(),
                currency: requested.currency(),
            }),
            Refusal::InsufficientUnits { available, requested } => {
                Some(Self::InsufficientUnits { available: *available, requested: *requested })
            }
            _ => None,
        }
    }

    /// The stored refusal, if it is one.
    pub fn refusal(&self) -> Result<Option<Refusal>, ServiceError> {
        let money = |text: &str, currency| {
            Money::parse(text, currency).map_err(|error| ServiceError::fault("stored amount", error))
        };
        Ok(match self {
            Self::InsufficientFunds { available, requested, currency } => Some(Refusal::InsufficientFunds {
                available: money(available, *currency)?,
                requested: money(requested, *currency)?,
            }),
            Self::InsufficientUnits { available, requested } => {
                Some(Refusal::InsufficientUnits { available: *available, requested: *requested })
            }
            Self::Result(_) | Self::Entry(_) => None,
        })
    }
}

impl ReservedKey {
    /// Reserves the key for this request. `request` is the parsed request, so that formatting does not matter.
    pub fn new(
        customer: CustomerId,
        idempotency_key: Option<&str>,
        route: impl Into<KeyedRoute>,
        request: &impl Serialize,
    ) -> Result<Self, ServiceError> {
        let Some(text) = idempotency_key else { return Ok(Self { reserved: None }) };
        let json = serde_json::to_vec(request).map_err(|error| ServiceError::fault("request to JSON", error))?;
        let (key, route) = (keys::idempotency(customer, text), route.into());
        let fingerprint = sha256_hex(&[route.route.as_bytes(), &json]);
        Ok(Self { reserved: Some(Reservation { key, fingerprint, route }) })
    }

    /// Whether the request has a key.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.reserved.is_some()
    }

    /// Reads what the key was used for, if it was.
    ///
    /// Errors: [`ServiceError::IdempotencyKeyReused`] if it was used for a different request.
    pub async fn look_up(&self, app: &App) -> Result<Option<StoredOutcome>, ServiceError> {
        let Some(Reservation { key, fingerprint, .. }) = &self.reserved else { return Ok(None) };
        match documents::read::<IdempotencyRecord>(app.table(), key).await? {
            None => Ok(None),
            Some((record, _)) if record.fingerprint == *fingerprint => Ok(Some(record.outcome)),
            Some(_) => Err(ServiceError::IdempotencyKeyReused),
        }
    }

    /// The write that stores the key with this outcome; `None` if the request has no key.
    pub fn mark(&self, app: &App, outcome: StoredOutcome) -> Result<Option<Write>, ServiceError> {
        let Some(Reservation { key, fingerprint, route }) = &self.reserved else { return Ok(None) };
        let expires_at = match outcome {
            StoredOutcome::Result(_) | StoredOutcome::Entry(_) => None,
            StoredOutcome::InsufficientFunds { .. } | StoredOutcome::InsufficientUnits { .. } => {
                Some((app.now() + TimeDelta::days(REFUSAL_DAYS)).timestamp())
            }
        };
        let call = Some(KeyedCall { route: route.clone(), completed_at: app.now() });
        let body = documents::body(key, &IdempotencyRecord { fingerprint: fingerprint.clone(), outcome, call })?;
        Ok(Some(Write::Put { key: key.clone(), body, expires_at, expect: Expect::Absent }))
    }
}

/// Reads what a customer's key was used for; `None` if it was not used, or not yet. It changes nothing.
pub async fn find(app: &App, customer: CustomerId, idempotency_key: &str) -> Result<Option<KeyUse>, ServiceError> {
    let key = keys::idempotency(customer, idempotency_key);
    let found = documents::read::<IdempotencyRecord>(app.table(), &key).await?;
    Ok(found.map(|(IdempotencyRecord { outcome, call, .. }, _)| KeyUse { outcome, call }))
}

/// Looks up the key of a request whose result has an id.
///
/// Errors: [`ServiceError::IdempotencyKeyReused`] if it was used for a different request.
pub async fn look_up(
    app: &App,
    customer: CustomerId,
    idempotency_key: Option<&str>,
    route: impl Into<KeyedRoute>,
    request: &impl Serialize,
) -> Result<KeyLookup, ServiceError> {
    let reserved = ReservedKey::new(customer, idempotency_key, route, request)?;
    match read_result(&reserved, app).await? {
        Some(result) => Ok(KeyLookup::Replay(result)),
        None => Ok(KeyLookup::First(reserved)),
    }
}

async fn read_result(reserved: &ReservedKey, app: &App) -> Result<Option<Uuid>, ServiceError> {
    match reserved.look_up(app).await? {
        None => Ok(None),
        Some(StoredOutcome::Result(id)) => Ok(Some(id)),
        Some(_) => Err(ServiceError::IdempotencyKeyReused),
    }
}

/// Writes the result together with its key. `Some` is the id of the result of a concurrent request that came first;
/// then nothing was written.
pub async fn commit(
    app: &App,
    reserved: ReservedKey,
    id: Uuid,
    result: Vec<Write>,
) -> Result<Option<Uuid>, ServiceError> {
    let Some(mark) = reserved.mark(app, StoredOutcome::Result(id))? else {
        app.table().transact(result).await?;
        return Ok(None);
    };
    let writes = std::iter::once(mark).chain(result).collect();
    match app.table().transact(writes).await {
        Ok(_) => Ok(None),
        Err(StoreError::Conflict { write: 0 }) => match read_result(&reserved, app).await? {
            Some(first) => Ok(Some(first)),
            // Nothing was written, and no other result is found: the client sends the request again.
            None => Err(StoreError::Conflict { write: 0 }.into()),
        },
        Err(error) => Err(error.into()),
    }
}
