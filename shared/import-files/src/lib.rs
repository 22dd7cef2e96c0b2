//! Files of activities that other programs write: bytes to text, text to rows, rows to activities or mistakes.
//!
//! Nothing here does I/O. [`read`] takes a file and how to read it, and returns its rows in the order of the file: each
//! as it stands there, with the activity that it says, the reason why it is skipped, or every mistake with its column
//! and a remedy. Whether an instrument exists and whether a row is new is for the use case to decide.
//!
//! Each format is one file in [`formats`]. A format turns a row into [`Cells`](cells::Cells), by the names of the fields of
//! an activity; [`entry`] makes the activity of them. Decimal marks and the order of day and month are decided by the whole
//! file ([`numbers`], [`dates`]), never by one cell.

pub mod cells;
pub mod csv_table;
pub mod dates;
pub mod entry;
pub mod fields;
pub mod formats;
pub mod formulas;
pub mod json_rows;
pub mod lines;
pub mod mapping;
pub mod mistakes;
pub mod numbers;
pub mod rounding;
pub mod rows;
pub mod text;
pub mod unzip;
pub mod words;

pub use dates::DateOrder;
pub use entry::{Entry, RowContent};
pub use formats::{FileFormat, read};
pub use mistakes::{FileMistake, RowMistake};
pub use rows::{Choices, ReadFile, ReadRow};

/// The most rows of a file.
pub const MAX_ROWS: usize = 20_000;
/// The most bytes of a file, unpacked.
pub const MAX_UNPACKED_BYTES: usize = 64 << 20;
