//! The recorded book: what the activities of one instrument leave in a portfolio, and what its sales realised.
//!
//! [`replay`] goes through the whole history in order, so that an activity can be recorded, corrected or removed at any
//! day. Trades of the wallet are another book of the same holding ([`Position`](crate::Position)): a sale of one never
//! takes lots of the other.
//!
//! - Order: by day; within a day by time, where an activity without one is at the start of the day if it brings units,
//!   or moves none and brings cash, and otherwise at its end; then what brings units first; then in the order of recording
//!   ([`sort`]).
//! - Units are those of the activity's own day, on which a split of that day has been made. Units of an earlier day are
//!   converted by the splits in between, truncated to twelve decimals.
//! - A sale that lacks units takes all that there are and leaves a [`Shortage`]. A change of the history that makes one is
//!   refused; splits that become known later can make one too, and that one stays visible.

mod book;
mod order;
mod splits;

pub use book::{RecordedLot, RecordedPosition, RelievedPart, Removal, Shortage, replay};
pub use order::sort;
pub use splits::{MergedSplits, merge_splits};

#[cfg(test)]
mod tests;
