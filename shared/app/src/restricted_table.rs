//! The table as one function may use it.

use std::sync::Arc;

use async_trait::async_trait;
use store::access::{self, AccessDenied, Action};
use store::{Item, Key, Page, Query, StoreError, Table, Version, Write};

/// A table that refuses what [`store::access`] does not grant to a function. In AWS the function's role refuses the same.
pub struct RestrictedTable {
    table: Arc<dyn Table>,
    function: String,
}

impl RestrictedTable {
    /// The table as this function may use it.
    #[must_use]
    pub fn new(table: Arc<dyn Table>, function: &str) -> Self {
        Self { table, function: function.to_owned() }
    }

    /// Refuses an action on the partition of a key, and logs which grant is missing.
    fn require(&self, action: Action, partition: &str) -> Result<(), StoreError> {
        access::require(&self.function, action, partition).map_err(|denied: AccessDenied| {
            tracing::error!(function = self.function, %denied, "no access");
            StoreError::refused(denied)
        })
    }
}

#[async_trait]
impl Table for RestrictedTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.require(Action::Get, &key.pk)?;
        self.table.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        keys.iter().try_for_each(|key| self.require(Action::Read, &key.pk))?;
        self.table.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.require(Action::Read, &query.partition)?;
        self.table.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        for write in &writes {
            let action = match write {
                Write::Put { .. } => Action::Put,
                Write::Delete { .. } => Action::Delete,
                Write::Check { .. } => Action::Check,
            };
            self.require(action, &write.key().pk)?;
        }
        self.table.transact(writes).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use store::{Body, DeleteExpect, Expect, Range};
    use store_sqlite::SqliteTable;

    use super::*;

    fn key(partition: &str) -> Key {
        Key::new(partition, "-")
    }

    fn create(partition: &str) -> Write {
        Write::create(key(partition), Body::Json("1".to_owned()))
    }

    /// A table, and the same as the authorizer may use it: it reads profiles and sessions one by one, and writes sessions.
    fn tables() -> (Arc<SqliteTable>, RestrictedTable) {
        let table = Arc::new(SqliteTable::in_memory(Arc::new(|| DateTime::UNIX_EPOCH)).unwrap());
        (table.clone(), RestrictedTable::new(table, "authorizer"))
    }

    fn is_refused<T>(result: &Result<T, StoreError>) -> bool {
        matches!(result, Err(StoreError::Refused { .. }))
    }

    #[tokio::test]
    async fn a_transaction_with_a_write_that_is_not_granted_writes_nothing() {
        let (table, restricted) = tables();
        assert!(is_refused(&restricted.transact(vec![create("SESSION#1"), create("PROFILE#1")]).await));
        assert_eq!(table.get(&key("SESSION#1")).await.unwrap(), None);
        restricted.transact(vec![create("SESSION#1")]).await.unwrap();
        assert!(restricted.get(&key("SESSION#1")).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_is_granted_for_one_action_is_refused_for_the_others() {
        let (_, restricted) = tables();
        restricted.get(&key("PROFILE#1")).await.unwrap();
        assert!(is_refused(&restricted.get(&key("WALLET#1")).await));
        assert!(is_refused(&restricted.get_many(&[key("PROFILE#1")]).await));
        assert!(is_refused(&restricted.query(&Query::forward("PROFILE#1", Range::All, 1)).await));
        for write in [
            create("PROFILE#1"),
            Write::Delete { key: key("PROFILE#1"), expect: DeleteExpect::Any },
            Write::Check { key: key("PROFILE#1"), expect: Expect::Absent },
        ] {
            assert!(is_refused(&restricted.transact(vec![write]).await));
        }
    }
}
