//! The units of one instrument as events change them, and its last price.

use domain::{Day, SplitRatio, Symbol};

use crate::error::ValuationError;
use crate::fixed::{divided, power};
use crate::moves::{Moves, Side};

/// Units held, in whole numbers of 10⁻¹².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) units: i128,
    /// The last close; before the first one, the purchase price per unit.
    pub(crate) price: Option<i128>,
    /// The lots in the position since it was last empty.
    pub(crate) lots: u32,
    /// Units that the lots may have lost to rounding at splits while their sum has not: see [`Position::leave`].
    pub(crate) dust: i128,
    /// How many decimals fewer than twelve its sales have counted units with since it was last empty.
    pub(crate) fewer_decimals: u32,
}

impl Position {
    /// The units after a split; digits beyond 10⁻¹² are truncated, as in the ledger.
    pub(crate) fn split(&mut self, ratio: SplitRatio) -> Result<(), ValuationError> {
        let (new, old) = (i128::from(ratio.new_units()), i128::from(ratio.old_units()));
        let times = |units: i128| units.checked_mul(new).ok_or(ValuationError::TooLarge);
        self.units = times(self.units)? / old;
        // Rounded up: the lots may have lost more than their sum.
        self.dust = times(self.dust)?.checked_add(old - 1).ok_or(ValuationError::TooLarge)? / old;
        if !ratio.is_whole() {
            self.dust += i128::from(self.lots);
        }
        if self.units == 0 {
            self.empty();
        }
        Ok(())
    }

    fn enter(&mut self, bought: &Side) -> Result<(), ValuationError> {
        self.units = self.units.checked_add(bought.units).ok_or(ValuationError::TooLarge)?;
        self.lots = self.lots.saturating_add(bought.flows);
        if self.price.is_none() && bought.units > 0 {
            self.price = Some(divided(bought.value, bought.units));
        }
        Ok(())
    }

    /// Takes units out. Lots are truncated one by one at a split, their sum only once. When the last lot leaves, up to
    /// one finest unit a lot would stay behind, so such a remainder counts as zero. The finest unit is that of the
    /// coarsest sale: one that truncates to eight decimals leaves less than 10⁻⁸ of each lot, and a later sale of the
    /// rest leaves it too.
    fn leave(&mut self, sold: &Side, symbol: &Symbol, day: Day) -> Result<(), ValuationError> {
        self.units -= sold.units;
        if self.units < 0 {
            return Err(ValuationError::MoreThanHeld { symbol: symbol.clone(), day });
        }
        self.fewer_decimals = self.fewer_decimals.max(sold.fewer_decimals);
        let left_of_lots = match self.fewer_decimals {
            0 => self.dust,
            // Less than a unit of these decimals; a whole one is held.
            fewer => self.dust.saturating_mul(power(fewer)).saturating_sub(1),
        };
        if self.units <= left_of_lots {
            self.empty();
        }
        Ok(())
    }

    fn empty(&mut self) {
        *self = Self { price: self.price, ..Self::default() };
    }

    /// Applies the purchases of a day, then its sales.
    pub(crate) fn follow(&mut self, moves: &Moves, symbol: &Symbol, day: Day) -> Result<(), ValuationError> {
        self.enter(&moves.bought)?;
        if moves.sold.flows > 0 { self.leave(&moves.sold, symbol, day) } else { Ok(()) }
    }
}
