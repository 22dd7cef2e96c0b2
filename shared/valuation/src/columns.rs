//! What the streams of all instruments leave: sums by day, totals by instrument, and the days with trades.

use domain::Currency;
use quant::portfolio::{Deal, Payment, Traded};

use crate::fixed::{TooLarge, Unit};
use crate::flow_count::FlowCount;

/// Sums by day, in the finest units of the base currency.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) value: Vec<i128>,
    /// Values rounded per instrument, in whole units of the currency.
    pub(crate) shown: Vec<i128>,
    pub(crate) inflow: Vec<i128>,
    pub(crate) outflow: Vec<i128>,
    pub(crate) income: Vec<i128>,
    /// The income that counts at the close: all but the dividends of ex-dates, which are in the prices of the day.
    pub(crate) late_income: Vec<i128>,
    pub(crate) interest: Vec<i128>,
    pub(crate) fees: Vec<i128>,
    /// The fees that belong to no purchase or sale.
    pub(crate) charges: Vec<i128>,
    pub(crate) taxes: Vec<i128>,
    /// Taxes of purchases.
    pub(crate) inflow_taxes: Vec<i128>,
    pub(crate) fx: Vec<i128>,
    /// Whether tracked cash moves on the day.
    pub(crate) has_cash_moves: Vec<bool>,
    /// Whether a rate that the day needs is unknown.
    pub(crate) without_rate: Vec<bool>,
    /// The unit of the base currency.
    pub(crate) unit: Unit,
    /// Whether cash is part of the value: income stays in it, and taxes leave it.
    pub(crate) is_tracked: bool,
}

/// Sums over the days of one instrument.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InstrumentTotals {
    pub(crate) start: i128,
    pub(crate) inflow: i128,
    pub(crate) outflow: i128,
    pub(crate) income: i128,
    pub(crate) interest: i128,
    pub(crate) fees: i128,
    pub(crate) taxes: i128,
    pub(crate) fx: i128,
    pub(crate) end: i128,
    pub(crate) outside_the_day: Option<FlowCount>,
    pub(crate) without_rate: Option<FlowCount>,
}

/// A day on which an instrument was traded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trading {
    /// The day, by its number.
    pub(crate) at: usize,
    /// Its value at the end of the previous day, as in that day's sum.
    pub(crate) start: i128,
    /// Its value at the close and its dividends of the ex-date, as in the sums of the day.
    pub(crate) end: i128,
    /// The taxes of its purchases and sales.
    pub(crate) taxes: i128,
    /// The same of each side.
    pub(crate) tax_of_sides: [f64; 2],
    /// The currency of its prices.
    pub(crate) currency: Currency,
    /// How each side is paid, if cash is tracked; the number of the currency is not set.
    pub(crate) payments: [Payment; 2],
    pub(crate) traded: Traded,
}

impl Trading {
    /// The purchases and sales with their taxes as fees.
    pub(crate) fn after_tax(&self) -> Traded {
        let with = |deal: Option<Deal>, tax: f64| deal.map(|deal| Deal { fee: deal.fee + tax, ..deal });
        let [of_purchase, of_sale] = self.tax_of_sides;
        let Traded { purchase, sale, .. } = self.traded;
        Traded { purchase: with(purchase, of_purchase), sale: with(sale, of_sale), ..self.traded }
    }
}

impl Columns {
    pub(crate) fn new(days: usize, unit: Unit, is_tracked: bool) -> Self {
        let column = || vec![0; days];
        Self {
            value: column(),
            shown: column(),
            inflow: column(),
            outflow: column(),
            income: column(),
            late_income: column(),
            interest: column(),
            fees: column(),
            charges: column(),
            taxes: column(),
            inflow_taxes: column(),
            fx: column(),
            has_cash_moves: vec![false; days],
            without_rate: vec![false; days],
            unit,
            is_tracked,
        }
    }

    pub(crate) fn add_value(&mut self, at: usize, value: i128) -> Result<(), TooLarge> {
        self.shown[at] += self.unit.round(value);
        add(&mut self.value[at], value)
    }
}

/// Adds to a sum.
#[inline]
pub(crate) fn add(sum: &mut i128, amount: i128) -> Result<(), TooLarge> {
    *sum = sum.checked_add(amount).ok_or(TooLarge)?;
    Ok(())
}
