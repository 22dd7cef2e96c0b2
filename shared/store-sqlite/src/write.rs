//! Writing items: expectations first, then all of the writes or none.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use store::item::has_expired;
use store::{Body, DeleteExpect, Expect, Key, StoreError, Version, Write};

use crate::failure::failure;

/// What a caller is told: a version for each put, or why nothing was written.
pub(crate) type Outcome = Result<Vec<Option<Version>>, StoreError>;

/// Expired items are removed at most this often, in seconds, and never on a read.
const SWEEP_SECONDS: i64 = 60;
/// Expired items removed at a time, so that no write waits long for a sweep.
const SWEEP_ITEMS: i64 = 500;

/// What stands under a key, expired or not.
struct Standing {
    version: Version,
    expired: bool,
}

/// Why a request is not carried out.
enum Failed {
    /// This write did not find what it expected.
    Conflict(usize),
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

/// Carries out all of these writes or none, and leaves what the transaction did before as it is. The outer error means
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

/// Every expectation is evaluated before the first write: a conflict then has nothing to undo, and a transaction of
/// conflicts alone costs no fsync. No item is named twice, so that no write can meet another's expectation.
fn check_and_apply(
    connection: &Connection,
    writes: Vec<Write>,
    now: DateTime<Utc>,
) -> Result<Vec<Option<Version>>, Failed> {
    let mut standings = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        let standing = read_standing(connection, write.key(), now)?;
        if !is_met(write, standing.as_ref()) {
            return Err(Failed::Conflict(index));
        }
        standings.push(standing);
    }
    let mut versions = Vec::with_capacity(writes.len());
    for (write, standing) in writes.into_iter().zip(standings) {
        versions.push(apply(connection, write, standing.as_ref(), now)?);
    }
    Ok(versions)
}

fn read_standing(connection: &Connection, key: &Key, now: DateTime<Utc>) -> rusqlite::Result<Option<Standing>> {
    let sql = "SELECT version, expires_at FROM items WHERE pk = ?1 AND sk = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![key.pk, key.sk], |row| {
        let version = Version(row.get::<_, i64>(0)?.unsigned_abs());
        Ok(Standing { version, expired: has_expired(row.get(1)?, now) })
    });
    found.optional()
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
    connection: &Connection,
    write: Write,
    standing: Option<&Standing>,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<Version>> {
    match write {
        Write::Check { .. } => Ok(None),
        Write::Delete { key, .. } => {
            if let Some(standing) = standing {
                retire(connection, standing.version)?;
                let mut statement = connection.prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?;
                statement.execute(params![key.pk, key.sk])?;
            }
            Ok(None)
        }
        Write::Put { key, body, expires_at, .. } => {
            let before = match standing {
                Some(standing) => standing.version,
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
    /// Removes some of what has expired. Nobody waits for it: an expired item counts as absent wherever it is read.
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
