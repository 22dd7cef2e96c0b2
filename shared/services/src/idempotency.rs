//! The same key, the same request, the same answer: what each `Idempotency-Key` was used for.
//!
//! The record is written in the transaction of the result it points to, so a key is used up
//! exactly when there is something to answer again.

use domain::CustomerId;
use serde::{Deserialize, Serialize};
use store::{Key, StoreError, Write, documents, keys};
use uuid::Uuid;

use crate::App;
use crate::digest::sha256_hex;
use crate::error::ServiceError;

#[derive(Serialize, Deserialize)]
struct Record {
    fingerprint: String,
    result: Uuid,
}

/// What is known of a request's key.
#[derive(Debug)]
pub enum Attempt {
    /// Not used before, or there is no key.
    First(Pending),
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
pub struct Pending {
    key: Option<(Key, String)>,
}

/// Looks the key up. `request` is the parsed request, so that spelling does not matter.
///
/// Errors: [`ServiceError::IdempotencyKeyReused`] where it stood for another request.
pub async fn attempt(
    app: &App,
    customer: CustomerId,
    idempotency_key: Option<&str>,
    route: &str,
    request: &impl Serialize,
) -> Result<Attempt, ServiceError> {
    let Some(text) = idempotency_key else {
        return Ok(Attempt::First(Pending { key: None }));
    };
    let json = serde_json::to_vec(request).map_err(|error| ServiceError::fault("request to JSON", error))?;
    let fingerprint = sha256_hex(&[route.as_bytes(), &json]);
    let key = keys::idempotency(customer, text);
    match lookup(app, &key, &fingerprint).await? {
        Some(result) => Ok(Attempt::Replay(result)),
        None => Ok(Attempt::First(Pending { key: Some((key, fingerprint)) })),
    }
}

async fn lookup(app: &App, key: &Key, fingerprint: &str) -> Result<Option<Uuid>, ServiceError> {
    match documents::read::<Record>(app.table(), key).await? {
        None => Ok(None),
        Some((record, _)) if record.fingerprint == fingerprint => Ok(Some(record.result)),
        Some(_) => Err(ServiceError::IdempotencyKeyReused),
    }
}

/// Writes the result and, with it, what its key stands for. `Some` is the id of the result of a
/// parallel request that came first; then nothing was written.
pub async fn commit(app: &App, pending: Pending, id: Uuid, result: Vec<Write>) -> Result<Option<Uuid>, ServiceError> {
    let Some((key, fingerprint)) = pending.key else {
        app.table().transact(result).await?;
        return Ok(None);
    };
    let record = Record { fingerprint: fingerprint.clone(), result: id };
    let mark = Write::create(key.clone(), documents::body(&key, &record)?);
    let writes = std::iter::once(mark).chain(result).collect();
    match app.table().transact(writes).await {
        Ok(_) => Ok(None),
        Err(StoreError::Conflict { write: 0 }) => match lookup(app, &key, &fingerprint).await? {
            Some(first) => Ok(Some(first)),
            // Nothing was written, by nobody that can be found: the caller sends it again.
            None => Err(StoreError::Conflict { write: 0 }.into()),
        },
        Err(error) => Err(error.into()),
    }
}
