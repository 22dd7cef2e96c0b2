//! A table whose calls are spans.

use std::sync::Arc;

use async_trait::async_trait;
use store::{Item, Key, Page, Query, StoreError, Table, Version, Write};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::function_span::{OTHER_ERROR, record_failure};

/// The database behind a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name in the semantic conventions, such as `sqlite`.
    pub system: &'static str,
    /// The name of the table.
    pub table: String,
}

/// The table with a span for each call, if spans are collected, and otherwise the table itself.
pub fn trace_table(table: impl Table + 'static, database: impl FnOnce() -> Database) -> Arc<dyn Table> {
    if are_collected() { Arc::new(TracedTable { table, database: database() }) } else { Arc::new(table) }
}

/// Whether spans are collected.
fn are_collected() -> bool {
    #[cfg(feature = "otlp")]
    return crate::otlp::is_started();
    #[cfg(not(feature = "otlp"))]
    false
}

/// Whether this code runs in a span that is collected.
fn is_in_trace() -> bool {
    #[cfg(feature = "otlp")]
    return crate::otlp::is_in_trace();
    #[cfg(not(feature = "otlp"))]
    false
}

struct TracedTable<T> {
    table: T,
    database: Database,
}

impl<T: Table> TracedTable<T> {
    /// Makes a call in a span that has its operation and how many items it names, and never their keys. A call outside of
    /// a trace has no span.
    async fn trace<R>(
        &self,
        operation: &'static str,
        items: usize,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        if !is_in_trace() {
            return call.await;
        }
        let Database { system, table } = &self.database;
        let batch = (items > 1).then(|| i64::try_from(items).unwrap_or(i64::MAX));
        let span = tracing::info_span!(
            "store",
            otel.name = format!("{operation} {table}"),
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = system,
            db.collection.name = table,
            db.operation.name = operation,
            db.operation.batch.size = batch,
            error.type = Empty,
        );
        let done = call.instrument(span.clone()).await;
        if let Err(error) = &done {
            record(&span, error);
        }
        done
    }
}

/// A lost race is an outcome and not a failure: the caller tries again or refuses the request.
fn record(span: &Span, error: &StoreError) {
    match error {
        StoreError::Conflict { .. } => drop(span.record("error.type", "conflict")),
        StoreError::Throttled => record_failure(span, "throttled"),
        StoreError::Unavailable { .. } => record_failure(span, "unavailable"),
        StoreError::Refused { .. } => record_failure(span, "refused"),
        StoreError::Corrupt { .. } => record_failure(span, "corrupt"),
        _ => record_failure(span, OTHER_ERROR),
    }
}

#[async_trait]
impl<T: Table> Table for TracedTable<T> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.trace("get", 1, self.table.get(key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.trace("get_many", keys.len(), self.table.get_many(keys)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.trace("query", 1, self.table.query(query)).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let operation = match writes.as_slice() {
            [Write::Put { .. }] => "put",
            [Write::Delete { .. }] => "delete",
            _ => "transact",
        };
        self.trace(operation, writes.len(), self.table.transact(writes)).await
    }
}
