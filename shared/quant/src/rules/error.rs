//! Errors of the rule parser.

/// Why a text is not a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct RuleError {
    /// Column of the mistake, counted in characters from 1.
    pub column: usize,
    /// Characters from there on that are wrong: those of the word, number or sign. 0 where something is missing at the
    /// end of the text.
    pub length: usize,
    /// What is wrong and, where possible, what would be right.
    pub message: String,
}

impl RuleError {
    /// A mistake of one character.
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, length: 1, message: message.into() }
    }

    /// The same mistake, with this many characters.
    pub(super) fn of_length(self, length: usize) -> Self {
        Self { length, ..self }
    }
}
