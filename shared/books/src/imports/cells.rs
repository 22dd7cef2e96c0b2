//! The cells of a file's rows, in either format.

use std::collections::BTreeMap;

use app::error::ServiceError;

use crate::investments::Mistake;

pub use import_files::MAX_ROWS;

/// A row's texts by column; empty ones are absent.
pub(super) type Cells = BTreeMap<&'static str, String>;

/// A row's texts, or the errors that prevent reading it, and the line on which it begins.
pub(super) type RawRow = (usize, Result<Cells, Vec<Mistake>>);

/// Refuses a file that cannot be read at all.
pub(super) fn malformed(cause: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::MalformedFile { cause: cause.to_string() }
}

/// Refuses a file of more than [`MAX_ROWS`].
pub(super) fn too_many() -> ServiceError {
    ServiceError::Field { field: "rows", detail: format!("must have at most {MAX_ROWS} rows") }
}
