//! The mark of a response that was given before.

/// Name of the header that marks an answer given before.
pub const REPLAYED_HEADER: &str = "idempotency-replayed";
