//! What requests make, as a dry run shows it.

use ledger::{StatementLine, Trade};
use serde::Serialize;
use utoipa::ToSchema;

/// What a request makes, which a dry run makes not.
pub trait Effect: Serialize + ToSchema {
    /// The fields that only what was made has: its id and its times.
    const GENERATED_FIELDS: &[&str];
}

impl Effect for Trade {
    const GENERATED_FIELDS: &[&str] = &["id", "created_at"];
}

impl Effect for StatementLine {
    const GENERATED_FIELDS: &[&str] = &["id", "created_at"];
}
