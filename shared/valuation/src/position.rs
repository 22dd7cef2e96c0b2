//! The units of one instrument as events move them, and the price they were last seen at.

use domain::{DecimalError, SplitRatio, Symbol};

use crate::book::Flow;
use crate::error::ValuationError;
use crate::fixed::{self, AMOUNT_SCALE, UNIT_SCALE, divided};

/// Units held, in whole numbers of 10⁻¹².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) units: i128,
    /// The last close; before the first one, what was paid for a unit.
    pub(crate) price: Option<i128>,
    /// Lots that the position was put together from since it was last empty.
    pub(crate) lots: u32,
    /// Units that the lots may have lost to rounding at splits while their sum has not: see [`Position::leave`].
    pub(crate) dust: i128,
}

/// Units, money and fee of a flow in whole numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) units: i128,
    pub(crate) amount: i128,
    pub(crate) fee: i128,
}

impl Moved {
    pub(crate) fn of(flow: &Flow) -> Result<Self, DecimalError> {
        let units = fixed::whole(flow.units.units(), UNIT_SCALE)?;
        let amount = fixed::whole(flow.amount, AMOUNT_SCALE)?;
        let fee = fixed::whole(flow.fee, AMOUNT_SCALE)?;
        Ok(Self { units, amount, fee })
    }
}

impl Position {
    /// The units after a split; what is finer than a unit of 10⁻¹² is cut, as the ledger cuts it.
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

    pub(crate) fn enter(&mut self, moved: Moved) -> Result<(), ValuationError> {
        self.units = self.units.checked_add(moved.units).ok_or(ValuationError::TooLarge)?;
        self.lots = self.lots.saturating_add(u32::from(moved.units > 0));
        if self.price.is_none() && moved.units > 0 {
            self.price = Some(divided(moved.amount.saturating_sub(moved.fee), moved.units).max(0));
        }
        Ok(())
    }

    /// Takes units out. Lots are cut to twelve decimals one by one at a split, their sum only once; when the
    /// last lot leaves, up to one finest unit a lot would stay behind, so such a remainder is nothing.
    pub(crate) fn leave(&mut self, moved: Moved, symbol: &Symbol, flow: &Flow) -> Result<(), ValuationError> {
        self.units -= moved.units;
        if self.units < 0 {
            return Err(ValuationError::MoreThanHeld { symbol: symbol.clone(), day: flow.day });
        }
        if self.units <= self.dust {
            self.empty();
        }
        Ok(())
    }

    fn empty(&mut self) {
        *self = Self { price: self.price, ..Self::default() };
    }

    /// Follows a flow.
    pub(crate) fn follow(&mut self, flow: &Flow, moved: Moved, symbol: &Symbol) -> Result<(), ValuationError> {
        if flow.kind.is_inflow() { self.enter(moved) } else { self.leave(moved, symbol, flow) }
    }
}
