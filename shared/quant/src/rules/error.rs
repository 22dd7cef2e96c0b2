//! Why a text is not a rule.

/// Why a text is not a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct RuleError {
    /// Place of the mistake, counted in characters from 1.
    pub column: usize,
    /// What is wrong and, where it can be said, what would be right.
    pub message: String,
}

impl RuleError {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }
}
