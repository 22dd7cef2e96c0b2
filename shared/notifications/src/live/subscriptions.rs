//! Subscriptions: an item for each connection under each symbol, and the symbols in the item of the connection. The
//! latter are added first and removed last, so that they always name all subscriptions of the connection.
//!
//! Whether quotes come in batches is stored with each subscription: publishing reads nothing else.

use std::collections::BTreeSet;

use app::error::ServiceError;
use app::{App, listing};
use domain::{CustomerId, Symbol};
use serde::{Deserialize, Serialize};
use store::limits::MAX_WRITES;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Write, documents, keys};

use super::MAX_SYMBOLS;
use super::connections::{self, Connection, replaced_by};

/// The item of a subscribed connection under a symbol: all that publishing needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscriber {
    pub(super) connection: String,
    pub(super) customer_id: CustomerId,
    pub(super) session: String,
    /// Whether its new quotes of an event come in one message. Items of earlier versions do not have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) batch: bool,
}

/// The result of adding symbols to the item of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AddResult {
    /// They were added.
    Added,
    /// There would be more than [`MAX_SYMBOLS`]; none was added.
    TooMany,
    /// The connection is no longer stored.
    Gone,
}

/// Adds symbols to the item of the connection, before it is listed under them.
pub(super) async fn add_symbols(app: &App, id: &str, wanted: &BTreeSet<Symbol>) -> Result<AddResult, ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some((connection, version)) = connections::find(app, id).await? else { return Ok(AddResult::Gone) };
        let symbols: BTreeSet<Symbol> = connection.symbols.union(wanted).cloned().collect();
        if symbols.len() > MAX_SYMBOLS {
            return Ok(AddResult::TooMany);
        }
        if symbols != connection.symbols {
            let replacement = replaced_by(id, &Connection { symbols, ..connection }, version)?;
            app.table().transact(vec![replacement]).await?;
        }
        Ok(AddResult::Added)
    })
    .await
}

/// Lists the connection under those symbols that its item names: from then on it receives their quotes, in batches or
/// not. Returns whether the connection is still stored.
pub(super) async fn list(app: &App, id: &str, wanted: &BTreeSet<Symbol>, batch: bool) -> Result<bool, ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some((connection, version)) = connections::find(app, id).await? else { return Ok(false) };
        let added = wanted.intersection(&connection.symbols);
        let keys: Vec<_> = added.map(|symbol| keys::subscription(symbol, id)).collect();
        let subscriber = Subscriber {
            connection: id.to_owned(),
            customer_id: connection.customer_id,
            session: connection.session.clone(),
            batch,
        };
        let found = app.table().get_many(&keys).await?;
        let expires_at = Some(connection.expires_at());
        let mut puts = Vec::new();
        for (key, item) in keys.into_iter().zip(found) {
            let expect = match item {
                None => Expect::Absent,
                Some(item) if documents::parse::<Subscriber>(&item)?.batch == batch => continue,
                Some(item) => Expect::Version(item.version),
            };
            let body = documents::body(&key, &subscriber)?;
            puts.push(Write::Put { key, body, expires_at, expect });
        }
        for some in puts.chunks(MAX_WRITES - 1) {
            // A concurrent deletion of the connection either comes first, and nothing is listed, or starts over.
            let still_there = Write::Check { key: keys::connection(id), expect: Expect::Version(version) };
            app.table().transact(some.iter().cloned().chain([still_there]).collect()).await?;
        }
        Ok(true)
    })
    .await
}

/// Ends the subscriptions of the connection to these symbols.
pub(super) async fn unlist(app: &App, id: &str, unwanted: &BTreeSet<Symbol>) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some((mut connection, version)) = connections::find(app, id).await? else { return Ok(()) };
        let removed = unwanted.intersection(&connection.symbols).map(|symbol| keys::subscription(symbol, id));
        let mut writes: Vec<_> = removed.map(|key| Write::Delete { key, expect: DeleteExpect::Any }).collect();
        if writes.is_empty() {
            return Ok(());
        }
        let beyond = writes.split_off(writes.len().min(MAX_WRITES - 1));
        if !beyond.is_empty() {
            app.table().transact(beyond).await?;
        }
        connection.symbols.retain(|symbol| !unwanted.contains(symbol));
        writes.push(replaced_by(id, &connection, version)?);
        app.table().transact(writes).await?;
        Ok(())
    })
    .await
}

/// The subscribers in one part of a symbol's list.
pub(super) async fn read_subscribers(app: &App, part: keys::List) -> Result<Vec<Subscriber>, ServiceError> {
    let items = listing::read_all(app, part).await?;
    Ok(items.iter().map(documents::parse).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subscription_of_an_earlier_version_is_read_and_written_as_it_was() {
        let stored = json!({
            "connection": "L0SM9cOFvHcCIhw=", "customer_id": "00000000-0000-0000-0000-000000000007", "session": "ab12",
        });
        let read: Subscriber = serde_json::from_value(stored.clone()).unwrap();
        assert!(!read.batch);
        assert_eq!(serde_json::to_value(read).unwrap(), stored);
    }
}
