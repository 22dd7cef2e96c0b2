//! A copy of a database that is in use.

use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::files;
use crate::open::{self, OpenError};

/// Copies the database at `path` into the new file `copy`, while other processes may read and write it. The copy has
/// everything that was committed before this is called, and no half of a transaction. What was deleted is not in it, also
/// not in unused pages. Only its owner may read it. Blocks; writers do not wait for it.
///
/// Errors: as for opening the database; [`OpenError::File`] if the copy cannot be written.
pub fn copy(path: &Path, copy: &Path) -> Result<(), OpenError> {
    let explain = |error| open::explained(path, error);
    let not_written = |source: io::Error| OpenError::File { path: copy.to_owned(), source };
    let name = copy.to_str().ok_or_else(|| not_written(io::ErrorKind::InvalidFilename.into()))?;
    let connection = open::open_reader(path).map_err(explain)?;
    open::check_is_ours(&connection, path)?;
    // SQLite writes into an empty file, but into no other that is there.
    files::create_private(copy).map_err(not_written)?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => explain(error),
        _ => not_written(io::Error::other(error)),
    })?;
    File::open(copy).and_then(|file| file.sync_all()).map_err(not_written)
}
