//! Opening a database: settings, schema, and clear errors for unusable files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::files;

/// Marks the file as ours: "Sxtn".
const APPLICATION_ID: i32 = 0x5378_746E;
/// The schema that this code reads and writes.
const SCHEMA_VERSION: i32 = 1;
/// How long a transaction waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept a connection: every text that this crate uses.
const STATEMENTS: usize = 32;

/// `retired` is the highest version of any item that has been removed: what is made later starts above it.
const SCHEMA: &str = "
    CREATE TABLE items (
        pk TEXT NOT NULL,
        sk TEXT NOT NULL,
        version INTEGER NOT NULL,
        json TEXT,
        bytes BLOB,
        expires_at INTEGER,
        PRIMARY KEY (pk, sk),
        CHECK ((json IS NULL) <> (bytes IS NULL))
    ) STRICT;
    CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE versions (only INTEGER PRIMARY KEY CHECK (only = 0), retired INTEGER NOT NULL) STRICT;
    INSERT INTO versions VALUES (0, 0);
";

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the file does not exist.
    #[error("the folder {} does not exist", .0.display())]
    NoFolder(PathBuf),
    /// The file or its folder cannot be written.
    #[error("cannot write to {}: the store needs a writable file and folder", .0.display())]
    ReadOnly(PathBuf),
    /// The file cannot be created or made private for another reason than permissions: a full disk, too many open
    /// files, a missing folder.
    #[error("cannot create {} or make it private", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The file is damaged or not a database.
    #[error("{} is damaged or not a Sextant database", .0.display())]
    Damaged(PathBuf),
    /// A database of another program.
    #[error("{} is a database of another program; set SEXTANT_HOME to another folder", .0.display())]
    Foreign(PathBuf),
    /// A database of a later version of this program.
    #[error("{} has schema version {found}, but this program supports only {SCHEMA_VERSION}; use a newer version", .path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i32,
    },
    /// Another process has locked the file.
    #[error("another process has locked {}", .0.display())]
    Busy(PathBuf),
    /// The writer's thread cannot be started.
    #[error("cannot start the writer's thread")]
    NoThread(#[source] std::io::Error),
    /// Another error of SQLite.
    #[error("cannot open {}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        #[source]
        source: rusqlite::Error,
    },
}

/// The connection that writes, to a file that is ours when this returns.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(OpenError::NoFolder(folder.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let explain = |error| explained(path, error);
    let unwritable = |source: io::Error| {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly(path),
            _ => OpenError::File { path, source },
        }
    };
    files::create_private(path).map_err(unwritable)?;
    let mut connection = Connection::open_with_flags(path, flags).map_err(explain)?;
    if connection.is_readonly("main").map_err(explain)? {
        return Err(OpenError::ReadOnly(path.to_owned()));
    }
    settle(&connection).map_err(explain)?;
    claim(&mut connection, path)?;
    files::take_from_others(path).map_err(unwritable)?;
    // After the file is known to be ours: the mode is written into it.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(explain)?;
    Ok(connection)
}

/// A connection that reads a file which [`open_writer`] has opened.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection)?;
    Ok(connection)
}

/// The one connection to an empty database in memory.
pub(crate) fn open_in_memory() -> Result<Connection, OpenError> {
    let path = Path::new(":memory:");
    let mut connection = Connection::open_in_memory().map_err(|error| explained(path, error))?;
    settle(&connection).map_err(|error| explained(path, error))?;
    claim(&mut connection, path)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Makes the schema in an empty file; refuses a file with another one. Always writes, so that a file that cannot be
/// written is found now and not at the first customer.
fn claim(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let explain = |error| explained(path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(explain)?;
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(explain);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    let schema = number("PRAGMA user_version")?;
    if tables == 0 && application == 0 && schema == 0 {
        transaction.execute_batch(SCHEMA).map_err(explain)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(explain)?;
    } else {
        check_is_ours(&transaction, path)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(explain)?;
    transaction.commit().map_err(explain)
}

/// Refuses a database of another program, or with a schema that this code cannot read.
pub(crate) fn check_is_ours(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let application = number("PRAGMA application_id").map_err(|error| explained(path, error))?;
    let schema = number("PRAGMA user_version").map_err(|error| explained(path, error))?;
    if application != APPLICATION_ID {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if schema != SCHEMA_VERSION {
        return Err(OpenError::TooNew { path: path.to_owned(), found: schema });
    }
    Ok(())
}

pub(crate) fn explained(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Damaged(path),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::ReadOnly(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Busy(path),
        _ => OpenError::Other { path, source },
    }
}
