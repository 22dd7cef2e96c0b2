//! A position: what a portfolio owns of one instrument, and what purchases, sales and splits do to its lots.

use domain::split::Split;
use domain::{Currency, Day, Money, Quantity, Symbol};
use uuid::Uuid;

use crate::exact;
use crate::lot_method::{self, LotMethod, Take};
use crate::lots::{Lot, LotPick, between};
use crate::position_items;
use crate::refusal::Refusal;

/// What a portfolio owns of one instrument: the sum of its open lots.
///
/// [`crate::position_items`] says how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The portfolio.
    pub portfolio_id: Uuid,
    /// The instrument.
    pub symbol: Symbol,
    /// The currency of the instrument's prices, and so of every cost here.
    pub currency: Currency,
    /// The open lots, oldest first: in the order in which they were booked.
    pub lots: Vec<Lot>,
    /// The number of the next lot.
    pub next_lot: u64,
    /// Lots with a lower number are stored in items of their own.
    pub first_inline: u64,
    /// How many trades led here.
    pub trades: u64,
    /// The market day of the last trade.
    pub last_traded: Option<Day>,
    /// The sum of the gains that its sales realised, below zero for a loss.
    pub realized_gain: Money,
}

/// What a sale took of one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relieved {
    pub(crate) lot_id: Uuid,
    pub(crate) acquired_on: Day,
    pub(crate) quantity: Quantity,
    pub(crate) cost: Money,
    pub(crate) proceeds: Money,
    pub(crate) gain: Money,
}

/// A sale as it concerns the lots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sale<'a> {
    pub(crate) day: Day,
    pub(crate) splits: &'a [Split],
    pub(crate) method: LotMethod,
    pub(crate) picks: &'a [LotPick],
    pub(crate) quantity: Quantity,
    /// Value less fee.
    pub(crate) proceeds: Money,
}

impl Position {
    /// A position that never held anything.
    pub fn new(portfolio_id: Uuid, symbol: Symbol, currency: Currency) -> Result<Self, Refusal> {
        Ok(Self {
            portfolio_id,
            symbol,
            currency,
            lots: Vec::new(),
            next_lot: 0,
            first_inline: 0,
            trades: 0,
            last_traded: None,
            realized_gain: exact::zero(currency)?,
        })
    }

    /// Units held, as they are quoted on `day`. `splits` are those of the instrument, oldest first.
    pub fn units_on(&self, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        exact::sum(&self.units_of_lots(day, splits)?)
    }

    /// What the open lots cost together.
    pub fn cost(&self) -> Result<Money, Refusal> {
        self.lots.iter().try_fold(exact::zero(self.currency)?, |sum, lot| exact::plus(sum, lot.cost))
    }

    /// The splits between the oldest units that a lot counts and `day`: those that a command of that day applies.
    pub(crate) fn splits_until<'a>(&self, day: Day, splits: &'a [Split]) -> Vec<&'a Split> {
        let oldest = self.lots.iter().map(|lot| lot.unit_day).min();
        oldest.map_or_else(Vec::new, |oldest| between(splits, oldest, day).collect())
    }

    /// Adds a lot. `cost` includes the fee.
    pub(crate) fn purchase(&mut self, id: Uuid, day: Day, quantity: Quantity, cost: Money) -> Result<(), Refusal> {
        exact::same_currency(self.currency, cost)?;
        let last_traded = self.day_of_next_trade(day)?;
        let trades = self.trades.checked_add(1).ok_or(Refusal::TooLarge)?;
        let next_lot = self.next_lot.checked_add(1).ok_or(Refusal::TooLarge)?;
        let lot = Lot { id, number: self.next_lot, acquired_on: day, unit_day: day, quantity, cost };
        let first_inline = position_items::first_inline(&self.lots, &lot, self.first_inline)?;
        self.lots.push(lot);
        (self.next_lot, self.first_inline, self.trades, self.last_traded) =
            (next_lot, first_inline, trades, Some(last_traded));
        Ok(())
    }

    /// Takes units out of the lots and says what they cost and gained, lot by lot.
    pub(crate) fn sale(&mut self, sale: &Sale<'_>) -> Result<Vec<Relieved>, Refusal> {
        exact::same_currency(self.currency, sale.proceeds)?;
        let last_traded = self.day_of_next_trade(sale.day)?;
        let trades = self.trades.checked_add(1).ok_or(Refusal::TooLarge)?;
        let units = self.units_of_lots(sale.day, sale.splits)?;
        let takes = lot_method::choose(&self.lots, &units, sale.quantity, sale.method, sale.picks)?;
        let (costs, lots) = match sale.method {
            LotMethod::Average => self.at_average_cost(&units, &takes, sale)?,
            LotMethod::Fifo | LotMethod::Lifo | LotMethod::Hifo | LotMethod::Specific => {
                self.at_own_cost(&units, &takes, sale.day)?
            }
        };
        let quantities: Vec<Quantity> = takes.iter().map(|take| take.quantity).collect();
        let proceeds = exact::shares(sale.proceeds, &quantities)?;
        let mut relieved = Vec::with_capacity(takes.len());
        let mut realized_gain = self.realized_gain;
        for ((take, cost), proceeds) in takes.iter().zip(costs).zip(proceeds) {
            let Some(lot) = self.lots.get(take.index) else { continue };
            let gain = exact::minus(proceeds, cost)?;
            realized_gain = exact::plus(realized_gain, gain)?;
            let Lot { id: lot_id, acquired_on, .. } = *lot;
            relieved.push(Relieved { lot_id, acquired_on, quantity: take.quantity, cost, proceeds, gain });
        }
        (self.lots, self.trades, self.last_traded, self.realized_gain) =
            (lots, trades, Some(last_traded), realized_gain);
        Ok(relieved)
    }

    fn day_of_next_trade(&self, day: Day) -> Result<Day, Refusal> {
        match self.last_traded {
            Some(latest) if day < latest => Err(Refusal::BackDated { latest, requested: day }),
            _ => Ok(day),
        }
    }

    fn units_of_lots(&self, day: Day, splits: &[Split]) -> Result<Vec<Quantity>, Refusal> {
        self.lots.iter().map(|lot| lot.units_on(day, splits)).collect()
    }

    /// The cost of each take and the lots that stay, where every lot leaves at its own cost.
    fn at_own_cost(&self, units: &[Quantity], takes: &[Take], day: Day) -> Result<(Vec<Money>, Vec<Lot>), Refusal> {
        let mut costs = Vec::with_capacity(takes.len());
        let mut lots = self.lots.clone();
        for take in takes {
            let (Some(lot), Some(&units)) = (lots.get_mut(take.index), units.get(take.index)) else { continue };
            let cost = if take.quantity == units { lot.cost } else { exact::share(lot.cost, take.quantity, units)? };
            lot.cost = exact::minus(lot.cost, cost)?;
            leave(lot, units.minus(take.quantity)?, day);
            costs.push(cost);
        }
        Ok((costs, without_taken(lots, takes)))
    }

    /// The same where all lots leave at the average cost per unit; what stays is spread over the units that stay.
    fn at_average_cost(
        &self,
        units: &[Quantity],
        takes: &[Take],
        sale: &Sale<'_>,
    ) -> Result<(Vec<Money>, Vec<Lot>), Refusal> {
        let pool = self.cost()?;
        let held = exact::sum(units)?;
        let taken = if sale.quantity == held { pool } else { exact::share(pool, sale.quantity, held)? };
        let quantities: Vec<Quantity> = takes.iter().map(|take| take.quantity).collect();
        let costs = exact::shares(taken, &quantities)?;

        let mut lots = self.lots.clone();
        let mut left = units.to_vec();
        for take in takes {
            let (Some(lot), Some(left)) = (lots.get_mut(take.index), left.get_mut(take.index)) else { continue };
            *left = left.minus(take.quantity)?;
            leave(lot, *left, sale.day);
        }
        let spread = exact::shares(exact::minus(pool, taken)?, &left)?;
        for (lot, cost) in lots.iter_mut().zip(spread) {
            lot.cost = cost;
        }
        Ok((costs, without_taken(lots, takes)))
    }
}

/// What a sale of `day` leaves of a lot.
fn leave(lot: &mut Lot, quantity: Quantity, day: Day) {
    lot.quantity = quantity;
    lot.unit_day = day;
}

/// The lots without those of which nothing is left. A lot that splits left without a unit stays until it is taken.
fn without_taken(mut lots: Vec<Lot>, takes: &[Take]) -> Vec<Lot> {
    let mut touched: Vec<usize> = takes.iter().map(|take| take.index).collect();
    touched.sort_unstable();
    let mut index = 0..lots.len();
    lots.retain(|lot| {
        let touched = index.next().is_some_and(|index| touched.binary_search(&index).is_ok());
        !touched || !lot.quantity.is_zero()
    });
    lots
}

#[cfg(test)]
mod tests;
