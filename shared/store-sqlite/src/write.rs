//! Writing items: expectations first, then all of the writes or none.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use store::item::has_expired;
use store::{Body, DeleteExpect, Expect, Key, StoreError, Version, Write};

use crate::failure::failure;

/// The result for the caller: a version for each put, or why nothing was written.
pub(crate) type Outcome = Result<Vec<Option<Version>>, StoreError>;

/// Expired items are removed at most this often, in seconds, and never on a read.
const SWEEP_SECONDS: i64 = 60;
/// Most expired items removed in one sweep, so that no write waits long.
const SWEEP_ITEMS: i64 = 500;

/// The stored item of a key, expired or not.
struct StoredItem {
    version: Version,
    expired: bool,
}

/// Why a request failed.
enum Failed {
    /// The expectation of this write did not hold.
    Conflict(usize),
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

/// Executes all of these writes or none, without affecting earlier requests of the transaction. The outer error means
/// that the whole transaction is lost.
pub(crate) fn carry_out(
    transaction: &mut Transaction<'_>,
    writes: Vec<Write>,
    now: DateTime<Utc>,
) -> rusqlite::Result<Outcome> {
    let savepoint = transaction.savepoint()?;
    match check_and_apply(&savepoint, writes, now) {
        Ok(versions) => savepoint.commit().map(|()| Ok(versions)),
        // Rolls back to the savepoint; fails where SQLite has already rolled back the transaction around it.
        Err(failed) => match (savepoint.finish(), failed) {
            (Ok(()), Failed::Conflict(write)) => Ok(Err(StoreError::Conflict { write })),
            (Ok(()), Failed::Engine(error)) => Ok(Err(failure(error))),
            (Err(_), Failed::Engine(error)) | (Err(error), Failed::Conflict(_)) => Err(error),
        },
    }
}

/// Checks every expectation before the first write: then a conflict has nothing to undo, and a transaction with only
/// conflicts costs no fsync. No item is named twice, so no write can affect another's expectation.
fn check_and_apply(
    connection: &Connection,
    writes: Vec<Write>,
    now: DateTime<Utc>,
) -> Result<Vec<Option<Version>>, Failed> {
    let mut standings = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        let stored = read_stored(connection, write.key(), now)?;
        if !is_met(write, stored.as_ref()) {
            return Err(Failed::Conflict(index));
        }
        standings.push(stored);
    }
    let mut versions = Vec::with_capacity(writes.len());
    for (write, stored) in writes.into_iter().zip(standings) {
        versions.push(apply(connection, write, stored.as_ref(), now)?);
    }
    Ok(versions)
}

fn read_stored(connection: &Connection, key: &Key, now: DateTime<Utc>) -> rusqlite::Result<Option<StoredItem>> {
    let sql = "SELECT version, expires_at FROM items WHERE pk = ?1 AND sk = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![key.pk, key.sk], |row| {
        let version = Version(row.get::<_, i64>(0)?.unsigned_abs());
        Ok(StoredItem { version, expired: has_expired(row.get(1)?, now) })
    });
    found.optional()
}

fn is_met(write: &Write, stored: Option<&StoredItem>) -> bool {
    let live = stored.filter(|stored| !stored.expired).map(|stored| stored.version);
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
    connection: &Connection,
    write: Write,
    stored: Option<&StoredItem>,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<Version>> {
    match write {
        Write::Check { .. } => Ok(None),
        Write::Delete { key, .. } => {
            if let Some(stored) = stored {
                retire(connection, stored.version)?;
                let mut statement = connection.prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?;
                statement.execute(params![key.pk, key.sk])?;
            }
            Ok(None)
        }
        Write::Put { key, body, expires_at, .. } => {
            let before = match stored {
                Some(stored) => stored.version,
                None => read_retired(connection)?,
            };
            let version = Version::at(now).max(before.successor());
            let (json, bytes) = match body {
                Body::Json(text) => (Some(text), None),
                Body::Bytes(bytes) => (None, Some(bytes)),
            };
            let sql = "INSERT INTO items (pk, sk, version, json, bytes, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (pk, sk) DO UPDATE SET version = excluded.version, json = excluded.json,
                 bytes = excluded.bytes, expires_at = excluded.expires_at";
            let mut statement = connection.prepare_cached(sql)?;
            let arguments = params![key.pk, key.sk, version.0 as i64, json, bytes, expires_at];
            statement.execute(arguments)?;
            Ok(Some(version))
        }
    }
}

/// The highest version of any item that has been removed.
fn read_retired(connection: &Connection) -> rusqlite::Result<Version> {
    let mut statement = connection.prepare_cached("SELECT retired FROM versions")?;
    let retired = statement.query_row([], |row| row.get::<_, i64>(0))?;
    Ok(Version(retired.unsigned_abs()))
}

fn retire(connection: &Connection, version: Version) -> rusqlite::Result<()> {
    let sql = "UPDATE versions SET retired = ?1 WHERE retired < ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute([version.0 as i64])?;
    Ok(())
}

/// When expired items were last removed.
pub(crate) struct Sweep {
    /// In seconds.
    done_at: i64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { done_at: i64::MIN }
    }
}

impl Sweep {
    /// Removes some expired items. Nothing depends on it, since reads treat expired items as absent.
    pub(crate) fn run_if_due(&mut self, connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<()> {
        let second = now.timestamp();
        if second.saturating_sub(self.done_at) < SWEEP_SECONDS {
            return Ok(());
        }
        self.done_at = second;
        let sql = "DELETE FROM items WHERE rowid IN
             (SELECT rowid FROM items WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) RETURNING version";
        let mut statement = connection.prepare_cached(sql)?;
        let versions = statement.query_map([second, SWEEP_ITEMS], |row| row.get::<_, i64>(0))?;
        let highest = versions.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().max();
        highest.map_or(Ok(()), |version| retire(connection, Version(version.unsigned_abs())))
    }
}
