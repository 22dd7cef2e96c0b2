//! A position made again from its trades, with the splits that are known now.
//!
//! A split can become known after a sale that counted without it. The sale stays as it is, in the units of its own day;
//! the lots that it took from, and what they had cost, are other ones then.

use domain::{Currency, Day, Money, Quantity, Split};
use uuid::Uuid;

use crate::exact;
use crate::lot_method::LotMethod;
use crate::lots::LotPick;
use crate::position::{Position, Relieved, Sale};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::trade_record::{Side, Trade};

/// A trade as far as it moves the lots of its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    id: Uuid,
    side: Side,
    day: Day,
    quantity: Quantity,
    /// What a purchase cost, or what a sale brought less its fee.
    amount: Money,
    method: LotMethod,
    picks: Vec<LotPick>,
    rules: Rules,
}

impl Movement {
    /// The market day of the trade.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }

    /// The currency of the trade.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.amount.currency()
    }
}

impl TryFrom<&Trade> for Movement {
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

/// The position `of` made from the movements of its trades, oldest first, and the splits of its instrument, oldest first;
/// `sold` is given what each sale took.
///
/// A sale that lacks units takes all there are, and the position says `split_conflict`. One that lacks only units of a lot
/// that it names takes the oldest lots instead.
pub fn replay(
    of: &Position,
    movements: &[Movement],
    splits: &[Split],
    mut sold: impl FnMut(&Movement, &[Relieved]),
) -> Result<Position, Refusal> {
    let mut position = Position::new(of.portfolio_id, of.symbol.clone(), of.currency)?;
    for movement in movements {
        let Movement { id, side, day, quantity, amount, .. } = *movement;
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

fn sell_again(position: &mut Position, movement: &Movement, splits: &[Split]) -> Result<Vec<Relieved>, Refusal> {
    let Movement { day, rules, method, quantity, amount: proceeds, .. } = *movement;
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
