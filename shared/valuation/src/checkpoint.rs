//! Where a series stands on an evening: all that the days after it need of the days before.

use domain::{Day, DecimalError, ExchangeRate, Quantity, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::fixed::{UNIT_SCALE, decimal, whole};
use crate::position::Position;

/// The holdings on the evening of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The day; flows and bars up to and including it are in.
    pub day: Day,
    /// What is held, by symbol.
    pub standings: Vec<Standing>,
}

/// One instrument that is held on that evening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The instrument.
    pub symbol: Symbol,
    /// Units of that day.
    pub units: Quantity,
    /// The price they were last seen at, in the instrument's currency.
    pub price: Decimal,
    /// The rate of the last valued day; 1 where the instrument is priced in the base currency.
    pub rate: ExchangeRate,
    /// Lots that the position was put together from.
    pub lots: u32,
    /// Finest units that these may have lost to rounding at splits.
    pub dust: u64,
    /// By how many decimals fewer than twelve its sales have counted units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fewer_decimals: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Standing {
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
    /// The standing of a symbol, if it is held.
    #[must_use]
    pub fn standing(&self, symbol: &Symbol) -> Option<&Standing> {
        self.standings.binary_search_by(|standing| standing.symbol.cmp(symbol)).ok().map(|at| &self.standings[at])
    }
}
