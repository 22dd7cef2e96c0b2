//! What an error of SQLite means.

use std::sync::Arc;

use rusqlite::ErrorCode;
use store::StoreError;

/// What an error of SQLite means to the caller. A transaction that failed has been rolled back, but where the disk
/// itself failed it is not known what it holds.
pub(crate) fn failure(error: impl Into<Arc<rusqlite::Error>>) -> StoreError {
    let error = error.into();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Throttled,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => StoreError::unavailable(error),
        _ => StoreError::refused(error),
    }
}
