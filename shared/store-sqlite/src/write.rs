//! Writing items: expectations first, then all of the writes or none.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use store::item::has_expired;
use store::{Body, Clock, DeleteExpect, Expect, Key, StoreError, Version, Write};

use crate::failure;

/// Expired items are removed at most this often, in seconds, and never on a read.
const SWEEP_SECONDS: i64 = 60;
/// Expired items removed at a time, so that no write waits long for a sweep.
const SWEEP_ITEMS: i64 = 500;

/// What stands under a key, expired or not.
struct Standing {
    version: Version,
    expired: bool,
}

pub(crate) fn transact(
    connection: &mut Connection,
    writes: Vec<Write>,
    clock: &Clock,
    swept_at: &AtomicI64,
) -> Result<Vec<Option<Version>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    // Read inside the transaction: versions then grow in the order of the commits.
    let now = clock();
    let mut versions = Vec::with_capacity(writes.len());
    for (index, write) in writes.into_iter().enumerate() {
        let standing = standing(&transaction, write.key(), now)?;
        if !is_met(&write, standing.as_ref()) {
            return Err(StoreError::Conflict { write: index });
        }
        versions.push(apply(&transaction, write, standing.as_ref(), now)?);
    }
    sweep_if_due(&transaction, now, swept_at)?;
    transaction.commit().map_err(failure)?;
    Ok(versions)
}

fn standing(transaction: &Transaction<'_>, key: &Key, now: DateTime<Utc>) -> Result<Option<Standing>, StoreError> {
    let sql = "SELECT version, expires_at FROM items WHERE pk = ?1 AND sk = ?2";
    let mut statement = transaction.prepare_cached(sql).map_err(failure)?;
    let found = statement.query_row(params![key.pk, key.sk], |row| {
        let version = Version(row.get::<_, i64>(0)?.unsigned_abs());
        Ok(Standing { version, expired: has_expired(row.get(1)?, now) })
    });
    found.optional().map_err(failure)
}

fn is_met(write: &Write, standing: Option<&Standing>) -> bool {
    let live = standing.filter(|standing| !standing.expired).map(|standing| standing.version);
    match write {
        Write::Put { expect, .. } | Write::Check { expect, .. } => match expect {
            Expect::Absent => live.is_none(),
            Expect::Version(version) => live == Some(*version),
        },
        Write::Delete { expect, .. } => match expect {
            DeleteExpect::Version(version) => live == Some(*version),
            DeleteExpect::Any => true,
        },
    }
}

fn apply(
    transaction: &Transaction<'_>,
    write: Write,
    standing: Option<&Standing>,
    now: DateTime<Utc>,
) -> Result<Option<Version>, StoreError> {
    match write {
        Write::Check { .. } => Ok(None),
        Write::Delete { key, .. } => {
            if let Some(standing) = standing {
                retire(transaction, standing.version)?;
                let mut statement =
                    transaction.prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2").map_err(failure)?;
                statement.execute(params![key.pk, key.sk]).map_err(failure)?;
            }
            Ok(None)
        }
        Write::Put { key, body, expires_at, .. } => {
            let before = match standing {
                Some(standing) => standing.version,
                None => retired(transaction)?,
            };
            let version = Version::at(now).max(before.successor());
            let (json, bytes) = match body {
                Body::Json(text) => (Some(text), None),
                Body::Bytes(bytes) => (None, Some(bytes)),
            };
            let sql = "INSERT INTO items (pk, sk, version, json, bytes, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (pk, sk) DO UPDATE SET version = excluded.version, json = excluded.json,
                 bytes = excluded.bytes, expires_at = excluded.expires_at";
            let mut statement = transaction.prepare_cached(sql).map_err(failure)?;
            let arguments = params![key.pk, key.sk, version.0 as i64, json, bytes, expires_at];
            statement.execute(arguments).map_err(failure)?;
            Ok(Some(version))
        }
    }
}

/// The highest version of any item that has been removed.
fn retired(transaction: &Transaction<'_>) -> Result<Version, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT retired FROM versions").map_err(failure)?;
    let retired = statement.query_row([], |row| row.get::<_, i64>(0)).map_err(failure)?;
    Ok(Version(retired.unsigned_abs()))
}

fn retire(transaction: &Transaction<'_>, version: Version) -> Result<(), StoreError> {
    let sql = "UPDATE versions SET retired = ?1 WHERE retired < ?1";
    let mut statement = transaction.prepare_cached(sql).map_err(failure)?;
    statement.execute([version.0 as i64]).map_err(failure)?;
    Ok(())
}

/// Removes some of what has expired. Nobody waits for it: an expired item counts as absent wherever it is read.
fn sweep_if_due(transaction: &Transaction<'_>, now: DateTime<Utc>, swept_at: &AtomicI64) -> Result<(), StoreError> {
    let second = now.timestamp();
    if second.saturating_sub(swept_at.load(Ordering::Relaxed)) < SWEEP_SECONDS {
        return Ok(());
    }
    swept_at.store(second, Ordering::Relaxed);
    let sql = "DELETE FROM items WHERE rowid IN
         (SELECT rowid FROM items WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) RETURNING version";
    let mut statement = transaction.prepare_cached(sql).map_err(failure)?;
    let versions = statement.query_map([second, SWEEP_ITEMS], |row| row.get::<_, i64>(0)).map_err(failure)?;
    let highest = versions.collect::<Result<Vec<_>, _>>().map_err(failure)?.into_iter().max();
    highest.map_or(Ok(()), |version| retire(transaction, Version(version.unsigned_abs())))
}
