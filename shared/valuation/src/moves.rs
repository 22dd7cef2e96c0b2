//! The purchases and the sales of an instrument on a day, each combined.

use domain::{Bars, Day, DecimalError};
use rust_decimal::Decimal;

use crate::book::{Flow, Income, IncomeKind};
use crate::fixed::{self, AMOUNT_SCALE, UNIT_SCALE, product};

/// The fraction of a price by which it may lie outside the range of its day.
const TOLERANCE: f64 = 0.05;

/// The purchases or the sales of a day in whole numbers. They are sums, so the order of recording does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) units: i128,
    /// Units × price.
    pub(crate) value: i128,
    /// Cost with the fee, or proceeds less the fee.
    pub(crate) amount: i128,
    pub(crate) fee: i128,
    pub(crate) tax: i128,
    /// The units that are paid with tracked cash, and what is paid for them.
    pub(crate) units_from_cash: i128,
    pub(crate) amount_from_cash: i128,
    /// How many there are.
    pub(crate) flows: u32,
    /// How many decimals fewer than twelve the coarsest of them counted units with after a split.
    pub(crate) fewer_decimals: u32,
}

/// Purchases and sales of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    pub(crate) bought: Side,
    pub(crate) sold: Side,
    /// Flows at a price outside the range of their day.
    pub(crate) outside: u32,
}

/// The income and the charges of an instrument on a day, in whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayIncome {
    pub(crate) dividends: i128,
    pub(crate) interest: i128,
    pub(crate) fees: i128,
    pub(crate) taxes: i128,
}

impl DayIncome {
    /// Those of one day.
    pub(crate) fn of(incomes: &[Income]) -> Result<Self, DecimalError> {
        let mut sums = Self::default();
        for income in incomes {
            let money = |amount: Decimal| fixed::whole(amount, AMOUNT_SCALE);
            let kind = match income.kind {
                IncomeKind::Dividend => &mut sums.dividends,
                IncomeKind::Interest => &mut sums.interest,
                IncomeKind::Fee => &mut sums.fees,
                IncomeKind::Tax => &mut sums.taxes,
            };
            add(kind, money(income.amount)?)?;
            add(&mut sums.fees, money(income.fee)?)?;
            add(&mut sums.taxes, money(income.tax)?)?;
        }
        Ok(sums)
    }
}

fn add(sum: &mut i128, number: i128) -> Result<(), DecimalError> {
    *sum = sum.checked_add(number).ok_or(DecimalError::TooLarge)?;
    Ok(())
}

impl Side {
    fn add(&mut self, flow: &Flow) -> Result<(), DecimalError> {
        let units = fixed::whole(flow.units.units(), UNIT_SCALE)?;
        let price = fixed::whole(flow.price.amount(), UNIT_SCALE)?;
        let value = product(units, price).map_err(|_| DecimalError::TooLarge)?;
        let money = |amount: Decimal| fixed::whole(amount, AMOUNT_SCALE);
        add(&mut self.units, units)?;
        add(&mut self.value, value)?;
        add(&mut self.amount, money(flow.amount)?)?;
        add(&mut self.fee, money(flow.fee)?)?;
        add(&mut self.tax, money(flow.tax)?)?;
        if flow.from_cash {
            add(&mut self.units_from_cash, units)?;
            add(&mut self.amount_from_cash, money(flow.amount)?)?;
        }
        self.flows = self.flows.saturating_add(1);
        self.fewer_decimals = self.fewer_decimals.max(UNIT_SCALE.saturating_sub(flow.unit_decimals));
        Ok(())
    }

    /// The mean price per unit, weighted by units.
    pub(crate) fn mean_price(&self) -> f64 {
        fixed::to_f64(self.value, AMOUNT_SCALE) / fixed::to_f64(self.units, UNIT_SCALE)
    }
}

impl Moves {
    /// The flows of one day.
    pub(crate) fn of(flows: &[Flow], bars: &Bars) -> Result<Self, DecimalError> {
        let mut moves = Self::default();
        let Some(first) = flows.first() else { return Ok(moves) };
        let prices = prices_of(bars, first.day);
        for flow in flows {
            if flow.kind.is_inflow() {
                moves.bought.add(flow)?;
            } else {
                moves.sold.add(flow)?;
            }
            moves.outside += u32::from(prices.is_some_and(|prices| is_outside(flow, prices)));
        }
        Ok(moves)
    }

    /// The number of flows.
    pub(crate) fn flows(&self) -> u32 {
        self.bought.flows.saturating_add(self.sold.flows)
    }
}

/// The lowest and the highest price of a day; for an impossible bar, those of open and close.
fn prices_of(bars: &Bars, day: Day) -> Option<(f64, f64)> {
    let at = bars.count_through(day).checked_sub(1)?;
    let bar = bars.get(at).filter(|bar| bar.date == day)?;
    let of_open_and_close = (bar.open.min(bar.close), bar.open.max(bar.close));
    Some(if bar.is_impossible() { of_open_and_close } else { (bar.low, bar.high) })
}

fn is_outside(flow: &Flow, (low, high): (f64, f64)) -> bool {
    let price = fixed::whole(flow.price.amount(), UNIT_SCALE).map(|price| fixed::to_f64(price, UNIT_SCALE));
    price.is_ok_and(|price| price < low * (1.0 - TOLERANCE) || price > high * (1.0 + TOLERANCE))
}
