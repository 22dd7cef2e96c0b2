//! The state of a series at the end of a day: all that the following days need from earlier ones.

use domain::{Currency, Day, DecimalError, ExchangeRate, Quantity, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::fixed::{UNIT_SCALE, decimal, whole};
use crate::position::Position;

/// The holdings at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The day; flows and bars up to and including it are included.
    pub day: Day,
    /// The holdings, by symbol.
    pub standings: Vec<CheckpointPosition>,
    /// The tracked cash, by currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cash: Vec<CheckpointCash>,
}

/// The tracked cash of a currency at the end of that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointCash {
    /// The currency.
    pub currency: Currency,
    /// What is there; below zero if more left than came in.
    pub amount: Amount,
    /// The rate of the last day on which it had a value; 1 in the base currency.
    pub rate: ExchangeRate,
}

/// One instrument held at the end of that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointPosition {
    /// The instrument.
    pub symbol: Symbol,
    /// Units of that day.
    pub units: Quantity,
    /// The last price seen, in the instrument's currency.
    pub price: Decimal,
    /// The rate of the last valued day; 1 if the instrument is priced in the base currency.
    pub rate: ExchangeRate,
    /// The number of lots in the position.
    pub lots: u32,
    /// The most finest units that these may have lost to rounding at splits.
    pub dust: u64,
    /// How many decimals fewer than twelve its sales have counted units with.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fewer_decimals: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl CheckpointPosition {
    pub(crate) fn new(symbol: &Symbol, position: &Position, rate: ExchangeRate) -> Result<Self, DecimalError> {
        Ok(Self {
            symbol: symbol.clone(),
            units: Quantity::new(decimal(position.units, UNIT_SCALE)?)?,
            price: decimal(position.price.unwrap_or(0), UNIT_SCALE)?,
            rate,
            lots: position.lots,
            dust: u64::try_from(position.dust).map_err(|_| DecimalError::TooLarge)?,
            fewer_decimals: position.fewer_decimals,
        })
    }

    pub(crate) fn position(&self) -> Result<Position, DecimalError> {
        Ok(Position {
            units: whole(self.units.units(), UNIT_SCALE)?,
            price: Some(whole(self.price, UNIT_SCALE)?),
            lots: self.lots,
            dust: i128::from(self.dust),
            fewer_decimals: self.fewer_decimals,
        })
    }
}

impl Checkpoint {
    /// Before anything.
    pub(crate) fn empty(day: Day) -> Self {
        Self { day, standings: Vec::new(), cash: Vec::new() }
    }

    /// The tracked cash of a currency, if there is any.
    pub(crate) fn cash_of(&self, currency: Currency) -> Option<&CheckpointCash> {
        self.cash.iter().find(|cash| cash.currency == currency)
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.standings.is_empty() && self.cash.is_empty()
    }

    /// The position in a symbol, if it is held.
    #[must_use]
    pub fn standing(&self, symbol: &Symbol) -> Option<&CheckpointPosition> {
        self.standings.binary_search_by(|standing| standing.symbol.cmp(symbol)).ok().map(|at| &self.standings[at])
    }
}
