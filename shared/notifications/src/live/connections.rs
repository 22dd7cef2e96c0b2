//! What is stored of a live connection: an item under its id, and an index item in the partition of its customer.

use std::collections::BTreeSet;

use app::error::ServiceError;
use app::{App, listing};
use chrono::{DateTime, Utc};
use domain::{CustomerId, Symbol};
use identity::authorization;
use serde::{Deserialize, Serialize};
use store::limits::MAX_WRITES;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, StoreError, Version, Write, documents, keys};

use super::LIFETIME;
use super::rate_limiter::Bucket;
use super::tickets::Grant;

/// A live connection, stored under its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) customer_id: CustomerId,
    /// Hash of the token of the session that opened it.
    pub(super) session: String,
    #[serde(with = "domain::instant")]
    pub(super) connected_at: DateTime<Utc>,
    /// Its subscriptions. Every symbol that lists the connection is here, so that all of them are found when it is
    /// removed.
    pub(super) symbols: BTreeSet<Symbol>,
    pub(super) bucket: Bucket,
}

/// The index item of a connection in the partition of its customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct IndexItem {
    pub(super) connection: String,
    pub(super) session: String,
    #[serde(with = "domain::instant")]
    pub(super) connected_at: DateTime<Utc>,
}

impl Connection {
    /// When its items expire, in seconds since 1970.
    pub(super) fn expires_at(&self) -> i64 {
        (self.connected_at + LIFETIME).timestamp()
    }
}

/// Stores a new connection for the session of a ticket; `false` if that session has ended.
///
/// The transaction asserts that session and profile are as they were read. A concurrent end of the session is therefore
/// either seen here, or finds the connection and closes it.
pub(super) async fn open(app: &App, id: &str, grant: &Grant) -> Result<bool, ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Ok(standing) = authorization::find_active_session(app, &grant.session).await? else { return Ok(false) };
        let now = app.now();
        let connection = Connection {
            customer_id: grant.customer_id,
            session: grant.session.clone(),
            connected_at: now,
            symbols: BTreeSet::new(),
            bucket: Bucket::full(now),
        };
        let index_item = IndexItem { connection: id.to_owned(), session: grant.session.clone(), connected_at: now };
        let (key, index_key) = (keys::connection(id), keys::connection_of(grant.customer_id, id));
        let expires_at = Some(connection.expires_at());
        let (body, index_item) = (documents::body(&key, &connection)?, documents::body(&index_key, &index_item)?);
        let put = |key, body| Write::Put { key, body, expires_at, expect: Expect::Absent };
        let writes = standing.unchanged().into_iter().chain([put(key, body), put(index_key, index_item)]);
        app.table().transact(writes.collect()).await?;
        Ok(true)
    })
    .await
}

/// The connection with this id, and the version at which to change it.
pub(super) async fn find(app: &App, id: &str) -> Result<Option<(Connection, Version)>, StoreError> {
    documents::read(app.table(), &keys::connection(id)).await
}

/// The write that replaces the connection read at `version` with `connection`.
pub(super) fn replaced_by(id: &str, connection: &Connection, version: Version) -> Result<Write, StoreError> {
    let key = keys::connection(id);
    let body = documents::body(&key, connection)?;
    Ok(Write::Put { key, body, expires_at: Some(connection.expires_at()), expect: Expect::Version(version) })
}

/// The connections of a customer.
pub(super) async fn list(app: &App, customer: CustomerId) -> Result<Vec<IndexItem>, StoreError> {
    listing::read_all(app, keys::connections(customer)).await?.iter().map(documents::parse).collect()
}

/// Deletes all items of a connection. After that nothing is pushed to it.
pub async fn delete(app: &App, id: &str) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some((connection, version)) = find(app, id).await? else { return Ok(()) };
        let listed = connection.symbols.iter().map(|symbol| keys::subscription(symbol, id));
        let mut listed: Vec<_> = listed.map(|key| Write::Delete { key, expect: DeleteExpect::Any }).collect();
        // What does not fit into one transaction is deleted first, and the item that lists it all last.
        let beyond = listed.split_off(listed.len().min(MAX_WRITES - 2));
        if !beyond.is_empty() {
            app.table().transact(beyond).await?;
        }
        // At the version read: a concurrent subscription asserts the connection too, so that one of the two starts over
        // and no subscription is left behind.
        listed.push(Write::Delete { key: keys::connection(id), expect: DeleteExpect::Version(version) });
        let index_item = keys::connection_of(connection.customer_id, id);
        listed.push(Write::Delete { key: index_item, expect: DeleteExpect::Any });
        app.table().transact(listed).await?;
        Ok(())
    })
    .await
}
