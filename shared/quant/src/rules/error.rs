//! Errors of the rule parser.

/// Why a text is not a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct RuleError {
    /// Column of the mistake, counted in characters from 1.
    pub column: usize,
    /// What is wrong and, where possible, what would be right.
    pub message: String,
}

impl RuleError {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }
}
