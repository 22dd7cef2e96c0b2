//! Recreates a position from its trades, with the splits that are known now.
//!
//! A split can become known after a sale that was booked without it. The sale stays as it is, in the units of its own
//! day; the lots that it took from, and their cost, change.

use domain::{Currency, Day, Money, Quantity, Split};
use uuid::Uuid;

use crate::exact;
use crate::lot_method::{AutomaticLotMethod, LotMethod};
use crate::lots::LotPick;
use crate::position::{Position, RelievedLot, Sale};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::trade_record::{Side, Trade};

/// A trade, as far as it affects the lots of its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotMovement {
    id: Uuid,
    side: Side,
    day: Day,
    quantity: Quantity,
    /// The cost of a purchase, or the proceeds of a sale less its fee.
    amount: Money,
    method: LotMethod,
    picks: Vec<LotPick>,
    rules: Rules,
}

impl LotMovement {
    /// The market day of the trade.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }

    /// The same trade by another lot method, which chooses the lots that a sale takes. It has no effect on a purchase.
    #[must_use]
    pub fn by_method(self, method: AutomaticLotMethod) -> Self {
        Self { method: method.into(), picks: Vec::new(), ..self }
    }

    /// The same sale of the oldest lots, if it is one at average cost: how long its units were held goes by those.
    #[must_use]
    pub fn by_age(self) -> Self {
        let method = if self.method == LotMethod::Average { LotMethod::Fifo } else { self.method };
        Self { method, ..self }
    }

    /// The id of the trade.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The currency of the trade.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.amount.currency()
    }
}

impl TryFrom<&Trade> for LotMovement {
    type Error = Refusal;

    fn try_from(trade: &Trade) -> Result<Self, Refusal> {
        let (value, fee) = (Money::new(trade.amount, trade.currency)?, Money::new(trade.fee, trade.currency)?);
        let amount = match trade.side {
            Side::Buy => exact::plus(value, fee)?,
            Side::Sell => exact::minus(value, fee)?,
        };
        Ok(Self {
            id: trade.id,
            side: trade.side,
            day: trade.market_day,
            quantity: trade.quantity,
            amount,
            method: trade.lot_method.unwrap_or_default(),
            picks: trade.picks(),
            rules: trade.rules,
        })
    }
}

/// Recreates the position `of` from the movements of its trades, oldest first, and the splits of its instrument, oldest
/// first. `sold` receives what each sale took.
///
/// A sale that lacks units takes all there are, and the position is marked `split_conflict`. A sale that lacks only
/// units of a lot that it names takes the oldest lots instead.
pub fn replay(
    of: &Position,
    movements: &[LotMovement],
    splits: &[Split],
    mut sold: impl FnMut(&LotMovement, &[RelievedLot]),
) -> Result<Position, Refusal> {
    let mut position = Position::new(of.portfolio_id, of.symbol.clone(), of.currency)?;
    for movement in movements {
        let LotMovement { id, side, day, quantity, amount, .. } = *movement;
        match side {
            Side::Buy => position.purchase(id, day, quantity, amount)?,
            Side::Sell => {
                let relieved = sell_again(&mut position, movement, splits)?;
                sold(movement, &relieved);
            }
        }
    }
    Ok(position)
}

fn sell_again(position: &mut Position, movement: &LotMovement, splits: &[Split]) -> Result<Vec<RelievedLot>, Refusal> {
    let LotMovement { day, rules, method, quantity, amount: proceeds, .. } = *movement;
    let counted = position.splits_until(Rules::CURRENT, day, splits);
    let sale = Sale { day, splits: &counted, method, rules, picks: &movement.picks, quantity, proceeds };
    match position.sale(&sale) {
        Err(Refusal::InsufficientUnits { .. } | Refusal::UnknownLot(_)) => {
            let held = position.units_by(rules, day, &counted)?;
            position.split_conflict |= held < quantity;
            let quantity = quantity.min(held);
            let method = if method == LotMethod::Specific { LotMethod::Fifo } else { method };
            position.sale(&Sale { method, picks: &[], quantity, ..sale })
        }
        sold => sold,
    }
}

#[cfg(test)]
mod tests;
