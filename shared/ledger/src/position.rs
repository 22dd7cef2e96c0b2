//! A position: a portfolio's units of one instrument, and the effect of purchases, sales and splits on its lots.

use domain::split::Split;
use domain::{Currency, Day, Money, Quantity, Symbol};
use uuid::Uuid;

use crate::exact;
use crate::folded::FoldedSplits;
use crate::lot_items;
use crate::lot_method::{self, LotMethod, Take};
use crate::lots::{Lot, LotPick, between};
use crate::refusal::Refusal;
use crate::rules::Rules;

/// A portfolio's units of one instrument: the sum of its open lots.
///
/// [`crate::position_items`] describes how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The portfolio.
    pub portfolio_id: Uuid,
    /// The instrument.
    pub symbol: Symbol,
    /// The currency of the instrument's prices, and so of every cost here.
    pub currency: Currency,
    /// The open lots in booking order, oldest first.
    pub lots: Vec<Lot>,
    /// The number of the next lot.
    pub next_lot: u64,
    /// Lots with a lower number are stored in separate items.
    pub first_inline: u64,
    /// The number of its trades.
    pub trades: u64,
    /// The market day of the last trade.
    pub last_traded: Option<Day>,
    /// The sum of the realised gains of its sales, negative for a loss.
    pub realized_gain: Money,
    /// The splits folded into its units; nothing if it was stored by code that did not record them.
    pub folded: Option<FoldedSplits>,
    /// Whether a replay with splits that became known later lacked units for a sale: the sale stays, and took the units
    /// that there were.
    pub split_conflict: bool,
}

/// What a sale took from one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelievedLot {
    /// The lot.
    pub lot_id: Uuid,
    /// When its units were acquired.
    pub acquired_on: Day,
    /// Units taken, as quoted on the day of the sale.
    pub quantity: Quantity,
    /// Their cost.
    pub cost: Money,
    /// Their share of the sale's amount less its fee.
    pub proceeds: Money,
    /// Proceeds less cost.
    pub gain: Money,
}

/// A sale, as far as it concerns the lots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sale<'a> {
    pub(crate) day: Day,
    pub(crate) splits: &'a [Split],
    pub(crate) method: LotMethod,
    pub(crate) rules: Rules,
    pub(crate) picks: &'a [LotPick],
    pub(crate) quantity: Quantity,
    /// Value less fee.
    pub(crate) proceeds: Money,
}

impl Position {
    /// An empty position without trades.
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
            folded: Some(FoldedSplits::default()),
            split_conflict: false,
        })
    }

    /// Units held, as quoted on `day`. `splits` are those of the instrument, oldest first.
    pub fn units_on(&self, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        self.units_by(Rules::CURRENT, day, splits)
    }

    pub(crate) fn units_by(&self, rules: Rules, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        exact::sum(&self.units_of_lots(rules, day, splits)?)
    }

    /// Whether the stored units agree with these splits of the instrument; if not, or if the folded splits are not
    /// recorded, it must be replayed from its trades.
    #[must_use]
    pub(crate) fn is_folded_by(&self, splits: &[Split]) -> bool {
        self.folded.as_ref().is_some_and(|folded| folded.is_by(splits))
    }

    /// The total cost of the open lots.
    pub fn cost(&self) -> Result<Money, Refusal> {
        self.lots.iter().try_fold(exact::zero(self.currency)?, |sum, lot| exact::plus(sum, lot.cost))
    }

    /// The splits that a trade on `day` counts with, as its record names them: those since the position's first trade;
    /// under the first rules, those between the oldest units that a lot counts and `day`.
    pub(crate) fn splits_until(&self, rules: Rules, day: Day, splits: &[Split]) -> Vec<Split> {
        if let (Rules::Second, Some(folded)) = (rules, &self.folded) {
            return folded.and_until(day, splits);
        }
        let oldest = self.lots.iter().map(|lot| lot.unit_day).min();
        oldest.map_or_else(Vec::new, |oldest| between(splits, oldest, day).copied().collect())
    }

    /// Adds a lot. `cost` includes the fee.
    pub(crate) fn purchase(&mut self, id: Uuid, day: Day, quantity: Quantity, cost: Money) -> Result<(), Refusal> {
        exact::same_currency(self.currency, cost)?;
        let last_traded = self.day_of_next_trade(day)?;
        let trades = self.trades.checked_add(1).ok_or(Refusal::TooLarge)?;
        let next_lot = self.next_lot.checked_add(1).ok_or(Refusal::TooLarge)?;
        let lot = Lot { id, number: self.next_lot, acquired_on: day, unit_day: day, quantity, cost };
        let first_inline = lot_items::first_inline(&self.lots, &lot, self.first_inline)?;
        self.lots.push(lot);
        self.folded.iter_mut().for_each(|folded| folded.open(day));
        (self.next_lot, self.first_inline, self.trades, self.last_traded) =
            (next_lot, first_inline, trades, Some(last_traded));
        Ok(())
    }

    /// Takes units out of the lots; returns their cost and gain, lot by lot.
    pub(crate) fn sale(&mut self, sale: &Sale<'_>) -> Result<Vec<RelievedLot>, Refusal> {
        exact::same_currency(self.currency, sale.proceeds)?;
        let last_traded = self.day_of_next_trade(sale.day)?;
        let trades = self.trades.checked_add(1).ok_or(Refusal::TooLarge)?;
        let units = self.units_of_lots(sale.rules, sale.day, sale.splits)?;
        let takes = lot_method::choose(&self.lots, &units, sale.quantity, sale.method, sale.rules, sale.picks)?;
        let (costs, lots) = match (sale.method, sale.rules) {
            (LotMethod::Average, Rules::First) => self.at_evened_cost(&units, &takes, sale)?,
            (LotMethod::Average, Rules::Second) => self.of_the_pool(&units, &takes, sale)?,
            (LotMethod::Fifo | LotMethod::Lifo | LotMethod::Hifo | LotMethod::Specific, _) => {
                self.at_own_cost(&units, &takes, sale.day)?
            }
        };
        let quantities: Vec<Quantity> = takes.iter().map(|take| take.quantity).collect();
        let proceeds = exact::shares(sale.proceeds, &quantities)?;
        let mut relieved = Vec::with_capacity(takes.len());
        let mut realized_gain = exact::plus(self.realized_gain, sale.proceeds)?;
        for ((take, cost), proceeds) in takes.iter().zip(costs).zip(proceeds) {
            let Some(lot) = self.lots.get(take.index) else { continue };
            realized_gain = exact::minus(realized_gain, cost)?;
            if sale.method == LotMethod::Average && take.quantity.is_zero() && cost.amount().is_zero() {
                continue;
            }
            let gain = exact::minus(proceeds, cost)?;
            let Lot { id: lot_id, acquired_on, .. } = *lot;
            relieved.push(RelievedLot { lot_id, acquired_on, quantity: take.quantity, cost, proceeds, gain });
        }
        self.folded.iter_mut().for_each(|folded| folded.fold(sale.splits, sale.day));
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

    fn units_of_lots(&self, rules: Rules, day: Day, splits: &[Split]) -> Result<Vec<Quantity>, Refusal> {
        self.lots.iter().map(|lot| lot.units_by(rules, day, splits)).collect()
    }

    /// The cost of each take and the remaining lots, if every lot leaves at its own cost.
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

    /// The same if the lots are one pool: what leaves costs the pool's cost × quantity ÷ units, and each lot gives and
    /// keeps its share of that. So each keeps its own day, and with it the rate at which its cost is converted.
    fn of_the_pool(
        &self,
        units: &[Quantity],
        takes: &[Take],
        sale: &Sale<'_>,
    ) -> Result<(Vec<Money>, Vec<Lot>), Refusal> {
        let pool = self.cost()?;
        let held = exact::sum(units)?;
        let taken = if sale.quantity == held { pool } else { exact::share(pool, sale.quantity, held)? };
        let costs_before: Vec<Money> = self.lots.iter().map(|lot| lot.cost).collect();
        let costs = exact::shares_by_cost(taken, &costs_before)?;
        let mut lots = Vec::with_capacity(self.lots.len());
        for ((lot, units), (take, &cost)) in self.lots.iter().zip(units).zip(takes.iter().zip(&costs)) {
            let (quantity, cost) = (units.minus(take.quantity)?, exact::minus(lot.cost, cost)?);
            // A lot whose last unit was taken keeps its share of the pool's cost.
            if !quantity.is_zero() || !cost.amount().is_zero() {
                lots.push(Lot { quantity, cost, unit_day: sale.day, ..*lot });
            }
        }
        Ok((costs, lots))
    }

    /// The same under the first rules: lots leave at the average cost per unit, and the remaining cost is spread over
    /// the remaining units, which moves cost between days.
    fn at_evened_cost(
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

/// What a sale on `day` leaves of a lot.
fn leave(lot: &mut Lot, quantity: Quantity, day: Day) {
    lot.quantity = quantity;
    lot.unit_day = day;
}

/// The lots that are not used up. A lot left without a unit by splits stays until it is taken.
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
