//! Why a report could not be rendered.

/// Why a report could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// There are no days to draw.
    #[error("a report needs at least one day of prices")]
    NoData,
    /// A column of the chart data does not have one value per date.
    #[error("{column} has {found} values for {expected} dates")]
    ColumnLength {
        /// Name of the column.
        column: String,
        /// Number of dates.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// The drawing library failed.
    #[error("drawing failed: {0}")]
    Drawing(String),
    /// The font could not be reduced to the characters used.
    #[error("embedding the font failed: {0}")]
    Font(String),
    /// The document could not be written.
    #[error("writing the PDF failed: {0}")]
    Document(String),
}
