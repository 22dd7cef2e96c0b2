//! What happens to the lots of an instrument.

use domain::{Day, Quantity};
use rust_decimal::Decimal;

/// What happened to the lots of one book of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotMove {
    /// The market day.
    pub day: Day,
    /// What happened.
    pub change: LotChange,
}

/// A change of lots. Its units are those of its day, after its split if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LotChange {
    /// Units came in as a lot of their own.
    Entered {
        /// The lot; no other one of its book has this number.
        lot: u128,
        /// Its units.
        units: Quantity,
        /// What flowed in for them without fees, in the instrument's currency: the price of a purchase, the value of a
        /// transfer at the close.
        amount: Decimal,
    },
    /// Units of a lot left.
    Left {
        /// The lot.
        lot: u128,
        /// The units that left.
        units: Quantity,
    },
    /// Units left, the same share of every lot.
    LeftPool {
        /// The units that left, of all lots together.
        units: Quantity,
    },
}
