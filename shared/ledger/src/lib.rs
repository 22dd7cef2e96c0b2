//! The exact books: what a deposit, a purchase or a sale does to a wallet and to the lots of a position.
//!
//! Start with [`trade::buy`]. Like every command it is a pure function from the books and an order to the new books
//! and the records that explain them, or to a [`Refusal`]. Nothing here reads, writes, waits or asks what time it is:
//! ids, instants, days, prices and splits come in as arguments, so that the same books and the same order always give
//! the same answer. A caller loads the books, lets a command decide, and writes everything that came back in one
//! transaction on the condition that the books are still those it loaded.
//!
//! # The books
//! - A [`Wallet`] holds a customer's cash, one balance per currency. Each change of it is an [`Entry`]: numbered without
//!   gaps, never edited, and made of [`Leg`]s that sum to zero by currency and by instrument (double entry). A balance
//!   is the sum of the entries.
//! - A [`Position`] holds what a portfolio owns of one instrument: its open [`Lot`]s, each with its units and its total
//!   cost. A position is the sum of its lots, and its lots are what its [`Trade`]s left of them.
//! - [`Audit`] recomputes all of this from the entries and trades and reports each [`Discrepancy`].
//!
//! # Exactness
//! Money is a whole number of the currency's smallest unit, a quantity and a price are whole numbers of 10⁻¹². Products
//! and quotients of them are computed on integers of 256 bits and rounded once, half to even; what does not fit is
//! refused as [`Refusal::TooLarge`], never wrapped or cut. Where an amount is divided, the last part takes the rest, so
//! that parts always sum to the whole and a sale of everything leaves a cost of exactly zero.
//!
//! # Splits
//! A lot counts its units as they were quoted on its `unit_day`. A command brings them to the units of its own day by
//! the splits in between; the cost stays. Lots are rewritten only where a sale takes part of them. A position keeps the
//! splits that its sales counted by ([`Folded`]); where others are known later it is made again from its trades by
//! [`replay::replay`].
//!
//! # Rules
//! A trade names the version of the [`Rules`] by which it was executed, so that it is repeated by these whatever the rules
//! of today are.
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

pub mod applied_split;
pub mod discrepancy;
pub mod entry;
mod exact;
#[cfg(test)]
mod examples;
pub mod folded;
pub mod fx;
pub mod lot_items;
pub mod lot_method;
pub mod lots;
pub mod position;
pub mod position_items;
pub mod refusal;
pub mod replay;
pub mod rules;
pub mod statement;
pub mod trade;
pub mod trade_record;
pub mod verify;
pub mod wallet;

pub use applied_split::AppliedSplit;
pub use discrepancy::Discrepancy;
pub use entry::{Account, Entry, EntryType, Leg, LegAmount};
pub use folded::Folded;
pub use lot_method::LotMethod;
pub use lots::{Lot, LotPick};
pub use position::{Position, Relieved};
pub use refusal::Refusal;
pub use replay::Movement;
pub use rules::Rules;
pub use statement::StatementLine;
pub use trade::{BookedTrade, Order, Size, Terms};
pub use trade_record::{RealizedLot, Side, Trade, TradePosition};
pub use verify::Audit;
pub use wallet::{Balances, Booked, Stamp, Wallet};
