//! The same key, the same request, the same answer: what each `Idempotency-Key` was used for.
//!
//! The record is written in the transaction of the result it points to, so a key is used up exactly when there is
//! something to answer again. Where money moves, a refusal for want of funds or units is remembered too, for a week:
//! a client that lost the answer must not buy a moment later what it was told it could not afford.

use chrono::TimeDelta;
use domain::{CustomerId, Money, Quantity};
use ledger::Refusal;
use serde::{Deserialize, Serialize};
use store::{Expect, Key, StoreError, Write, documents, keys};
use uuid::Uuid;

use crate::App;
use crate::digest::sha256_hex;
use crate::error::ServiceError;

/// How long a refusal is remembered.
const REFUSAL_DAYS: i64 = 7;

#[derive(Serialize, Deserialize)]
struct IdempotencyRecord {
    fingerprint: String,
    #[serde(flatten)]
    outcome: StoredOutcome,
}

/// What a key was used for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredOutcome {
    /// A result of this id.
    Result(Uuid),
    /// The entry of a wallet with this `seq`.
    Entry(u64),
    /// Too little cash.
    InsufficientFunds {
        /// Cash there was, a decimal.
        available: String,
        /// Cash that was needed.
        requested: String,
        /// Its currency.
        currency: domain::Currency,
    },
    /// Too few units.
    InsufficientUnits {
        /// Units there were.
        available: Quantity,
        /// Units that were needed.
        requested: Quantity,
    },
}

/// What is known of a request's key.
#[derive(Debug)]
pub enum KeyLookup {
    /// Not used before, or there is no key.
    First(ReservedKey),
    /// Used for the same request: the id of its result.
    Replay(Uuid),
}

/// Something that a request made, now or when its key was first used.
#[derive(Clone, Debug, PartialEq)]
pub struct Created<T> {
    /// What was made, as it was first answered.
    pub value: T,
    /// Whether the key had been used for this request before.
    pub replayed: bool,
}

/// A key that is about to be used.
#[derive(Clone, Debug)]
pub struct ReservedKey {
    key: Option<(Key, String)>,
}

impl StoredOutcome {
    /// What is remembered of a refusal; `None` for one that uses up no key.
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

    /// The refusal that was remembered, if it was one.
    pub fn refusal(&self) -> Result<Option<Refusal>, ServiceError> {
        let money = |text: &str, currency| {
            Money::parse(text, currency).map_err(|error| ServiceError::fault("remembered amount", error))
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
    /// The key of this request. `request` is the parsed request, so that spelling does not matter.
    pub fn new(
        customer: CustomerId,
        idempotency_key: Option<&str>,
        route: &str,
        request: &impl Serialize,
    ) -> Result<Self, ServiceError> {
        let Some(text) = idempotency_key else { return Ok(Self { key: None }) };
        let json = serde_json::to_vec(request).map_err(|error| ServiceError::fault("request to JSON", error))?;
        let fingerprint = sha256_hex(&[route.as_bytes(), &json]);
        Ok(Self { key: Some((keys::idempotency(customer, text), fingerprint)) })
    }

    /// What the key was used for, if it was.
    ///
    /// Errors: [`ServiceError::IdempotencyKeyReused`] where it stood for another request.
    pub async fn look_up(&self, app: &App) -> Result<Option<StoredOutcome>, ServiceError> {
        let Some((key, fingerprint)) = &self.key else { return Ok(None) };
        match documents::read::<IdempotencyRecord>(app.table(), key).await? {
            None => Ok(None),
            Some((record, _)) if record.fingerprint == *fingerprint => Ok(Some(record.outcome)),
            Some(_) => Err(ServiceError::IdempotencyKeyReused),
        }
    }

    /// The write that uses the key up for this outcome; `None` where there is no key.
    pub fn mark(&self, app: &App, outcome: StoredOutcome) -> Result<Option<Write>, ServiceError> {
        let Some((key, fingerprint)) = &self.key else { return Ok(None) };
        let forgotten = match outcome {
            StoredOutcome::Result(_) | StoredOutcome::Entry(_) => None,
            StoredOutcome::InsufficientFunds { .. } | StoredOutcome::InsufficientUnits { .. } => {
                Some((app.now() + TimeDelta::days(REFUSAL_DAYS)).timestamp())
            }
        };
        let body = documents::body(key, &IdempotencyRecord { fingerprint: fingerprint.clone(), outcome })?;
        Ok(Some(Write::Put { key: key.clone(), body, expires_at: forgotten, expect: Expect::Absent }))
    }
}

/// Looks the key up, for a request whose results have ids of their own.
///
/// Errors: [`ServiceError::IdempotencyKeyReused`] where it stood for another request.
pub async fn look_up(
    app: &App,
    customer: CustomerId,
    idempotency_key: Option<&str>,
    route: &str,
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

/// Writes the result and, with it, what its key stands for. `Some` is the id of the result of a
/// parallel request that came first; then nothing was written.
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
            // Nothing was written, by nobody that can be found: the caller sends it again.
            None => Err(StoreError::Conflict { write: 0 }.into()),
        },
        Err(error) => Err(error.into()),
    }
}
