//! The objects that requests create, as a dry run shows them.

use ledger::{StatementLine, Trade};
use serde::Serialize;
use utoipa::ToSchema;

/// What a request creates. A dry run shows it and does not store it.
pub trait Effect: Serialize + ToSchema {
    /// The fields that are generated when it is stored: its id and its times.
    const GENERATED_FIELDS: &[&str];
}

impl Effect for Trade {
    const GENERATED_FIELDS: &[&str] = &["id", "created_at"];
}

impl Effect for StatementLine {
    const GENERATED_FIELDS: &[&str] = &["id", "created_at"];
}
