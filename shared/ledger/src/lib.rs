//! Double-entry bookkeeping: the effect of deposits, purchases and sales on a wallet and on the lots of a position.
//!
//! Start with [`trade::buy`]. Like every command it is a pure function from the books and an order to the new books and
//! the records that explain them, or to a [`Refusal`]. Nothing here does I/O, waits or reads a clock: ids, instants,
//! days, prices and splits are arguments. The caller loads the books, runs a command, and writes all of its result in
//! one transaction, on the condition that the books have not changed since. The crate depends only on `domain`.
//!
//! - A [`Wallet`] is the sum of its entries. An [`Entry`] is numbered without a gap and never edited, and its [`Leg`]s
//!   sum to zero by currency and by instrument (double entry). A [`Position`] is the sum of its [`Lot`]s, the result of
//!   its [`Trade`]s.
//! - No float: products and quotients are computed on integers of 256 bits and rounded once, half to even. A result
//!   that does not fit is refused. Parts sum to the whole, so that selling everything leaves a cost of zero.
//! - A trade is recomputed with the [`Rules`] and the splits that its record names, not with the current ones ([`replay`]).
//! - [`Audit`] recomputes all of this from entries and trades, and reports each [`Discrepancy`].
//!
//! ```
//! use domain::{Currency, CustomerId, Money, Price, Quantity};
//! use ledger::trade::buy;
//! use ledger::wallet::deposit;
//! use ledger::{LotMethod, OrderSize, Position, Refusal, Stamp, TradeOrder, TradeTerms, Wallet};
//! use uuid::Uuid;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let usd = |text| Money::parse(text, Currency::USD);
//! let (market_day, created_at) = ("2012-06-01".parse()?, "2012-06-01T15:00:00Z".parse()?);
//! let stamp = |id| Stamp { entry_id: Uuid::from_u128(id), market_day, created_at };
//! let wallet = deposit(&Wallet::new(CustomerId(Uuid::from_u128(2))), usd("100.00")?, &stamp(1))?.wallet;
//! let nothing = Position::new(Uuid::from_u128(3), "AAPL".parse()?, Currency::USD)?;
//!
//! let terms = TradeTerms {
//!     trade_id: Uuid::from_u128(4),
//!     stamp: stamp(5),
//!     price: Price::parse("30")?,
//!     quote_as_of: created_at,
//!     splits: &[],
//!     lot_method: LotMethod::Fifo,
//! };
//! let fee = usd("1.00")?;
//! let order = |units| TradeOrder { size: OrderSize::Quantity(units), fee, lots: Vec::new() };
//! let bought = buy(&wallet, &nothing, &order(Quantity::parse("3")?), &terms)?;
//! assert_eq!(bought.wallet.balance(Currency::USD)?, usd("9.00")?);
//! assert_eq!(bought.position.cost()?, usd("91.00")?);
//!
//! let refused = buy(&wallet, &nothing, &order(Quantity::parse("4")?), &terms);
//! assert!(matches!(refused, Err(Refusal::InsufficientFunds { .. })));
//! # Ok(())
//! # }
//! ```
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

pub mod activity;
pub mod activity_items;
mod applied_split;
pub mod cash;
mod discrepancy;
pub mod entry;
mod exact;
#[cfg(test)]
mod examples;
pub mod folded;
pub mod fx;
pub mod gains;
pub mod lot_items;
pub mod lot_method;
pub mod lots;
pub mod position;
pub mod position_items;
pub mod recorded;
pub mod refusal;
pub mod replay;
pub mod rules;
pub mod statement;
pub mod trade;
pub mod trade_record;
pub mod verify;
pub mod wallet;

pub use activity::{Activity, ActivityEvent, ActivityFields, ActivityMistake, ActivitySource, ActivityType};
pub use applied_split::AppliedSplit;
pub use cash::{CashMovement, CashMovementKind};
pub use discrepancy::Discrepancy;
pub use entry::{Account, Entry, EntryType, Leg, LegAmount};
pub use folded::FoldedSplits;
pub use lot_method::{AutomaticLotMethod, LotMethod};
pub use lots::{Lot, LotPick};
pub use position::{Position, RelievedLot};
pub use recorded::RecordedPosition;
pub use refusal::Refusal;
pub use replay::LotMovement;
pub use rules::Rules;
pub use statement::StatementLine;
pub use trade::{BookedTrade, OrderSize, TradeOrder, TradeTerms};
pub use trade_record::{RealizedLot, Side, Trade, TradePosition};
pub use verify::Audit;
pub use wallet::{Balances, Booked, Stamp, Wallet};
