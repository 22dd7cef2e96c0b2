//! Stored responses, byte for byte as they were first sent: each in an item or, if it is large, in an object.
//!
//! The item that names an object is written before the object, because an erasure could not find an object that no item
//! names. The object is read only through a record that is written after it, so that no client reads a partial one.

use domain::CustomerId;
use objects::ObjectKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{DeleteExpect, Expect, Item, Key, StoreError, Write, documents, keys};
use uuid::Uuid;

use crate::error::ServiceError;
use crate::idempotency::{self, ReservedKey};
use crate::{App, objects_of};

/// Larger responses are stored as objects.
const MAX_INLINE_BYTES: usize = 100 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredResponse {
    Inline(Box<RawValue>),
    Object(ObjectKey),
}

/// A response that becomes readable when its record is written.
struct Placed {
    /// Must be part of the record's transaction.
    write: Write,
    /// For a large response, what is stored already: the item and the object that it names.
    named: Option<(Key, ObjectKey)>,
}

/// Stores a response in one transaction with its record and the key of its request. `Some` is the id of the response to
/// a concurrent request that came first; then nothing of this one is left.
pub async fn commit(
    app: &App,
    customer: CustomerId,
    reserved: ReservedKey,
    id: Uuid,
    json: &[u8],
    mut record: Vec<Write>,
) -> Result<Option<Uuid>, ServiceError> {
    let placed = place(app, customer, id, json).await?;
    record.push(placed.write.clone());
    let outcome = idempotency::commit(app, reserved, id, record).await;
    let may_be_written = match &outcome {
        Ok(first) => first.is_none_or(|first| first == id),
        Err(ServiceError::Store(StoreError::Unavailable { .. })) => true,
        Err(_) => false,
    };
    if !may_be_written {
        placed.discard(app).await;
    }
    outcome
}

async fn place(app: &App, customer: CustomerId, id: Uuid, json: &[u8]) -> Result<Placed, ServiceError> {
    if json.len() <= MAX_INLINE_BYTES {
        return Ok(Placed { write: inline(customer, id, json)?, named: None });
    }
    let key = keys::stored_response(customer, id);
    let object = objects_of::new_key("results", customer, "json")?;
    let version = documents::put_new(app.table(), key.clone(), &StoredResponse::Object(object.clone()), None).await?;
    // If an erasure removes the item in between, the record must not be written either.
    let write = Write::Check { key: key.clone(), expect: Expect::Version(version) };
    let placed = Placed { write, named: Some((key, object.clone())) };
    if let Err(error) = app.objects().put(&object, json.to_vec(), "application/json").await {
        placed.discard(app).await;
        return Err(error.into());
    }
    Ok(placed)
}

/// The write that stores a small response.
pub fn inline(customer: CustomerId, id: Uuid, json: &[u8]) -> Result<Write, ServiceError> {
    let text = String::from_utf8_lossy(json).into_owned();
    let raw = RawValue::from_string(text).map_err(|error| ServiceError::fault("JSON", error))?;
    let key = keys::stored_response(customer, id);
    let body = documents::body(&key, &StoredResponse::Inline(raw))?;
    Ok(Write::create(key, body))
}

impl Placed {
    /// Removes an object that no record will point to. If that fails, its item stays, and an erasure removes both.
    async fn discard(self, app: &App) {
        let Some((key, object)) = self.named else { return };
        if let Err(error) = app.objects().delete(&object).await {
            tracing::warn!(%error, %object, "an unused object was not removed");
            return;
        }
        let removal = Write::Delete { key, expect: DeleteExpect::Any };
        if let Err(error) = app.table().transact(vec![removal]).await {
            tracing::warn!(%error, "the item of a removed object was not removed");
        }
    }
}

/// Removes the response with this id, whose record is removed already. If that fails, it stays unreadable until its
/// customer is erased.
pub async fn remove(app: &App, customer: CustomerId, id: Uuid) {
    let key = keys::stored_response(customer, id);
    let removal = async {
        let Some(item) = app.table().get(&key).await? else { return Ok(()) };
        if let StoredResponse::Object(object) = documents::parse(&item)? {
            app.objects().delete(&object).await?;
        }
        let gone = Write::Delete { key: key.clone(), expect: DeleteExpect::Any };
        app.table().transact(vec![gone]).await?;
        Ok::<_, ServiceError>(())
    };
    if let Err(error) = removal.await {
        tracing::warn!(%error, key = %key.sk, "an unused stored response was not removed");
    }
}

/// Reads the response with this id. The caller has read its record before.
pub async fn find<T: DeserializeOwned>(
    app: &App,
    customer: CustomerId,
    id: Uuid,
    what: &'static str,
) -> Result<T, ServiceError> {
    let missing = || ServiceError::NotFound { what };
    let item = app.table().get(&keys::stored_response(customer, id)).await?.ok_or_else(missing)?;
    let json = load_json(app, &item).await?.ok_or_else(missing)?;
    serde_json::from_slice(&json).map_err(|error| StoreError::corrupt(&item.key, &error).into())
}

/// Reads the JSON of a stored response; `None` if its object does not exist.
pub async fn load_json(app: &App, item: &Item) -> Result<Option<Vec<u8>>, ServiceError> {
    match documents::parse(item)? {
        StoredResponse::Inline(json) => Ok(Some(json.get().as_bytes().to_vec())),
        StoredResponse::Object(key) => Ok(app.objects().get(&key).await?),
    }
}
