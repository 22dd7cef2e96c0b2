//! What a valuation is made of: dated flows of units and money, prices, and rates of exchange.

use domain::exchange_rate::product_of_quotes;
use domain::{Bars, Currency, Day, DecimalError, ExchangeRate, Price, Quantity, Symbol};
use rust_decimal::Decimal;

/// What moved units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// Bought from the wallet: an inflow.
    Bought,
    /// A lot held elsewhere, recorded as of its purchase: an inflow.
    Added,
    /// Sold into the wallet: an outflow.
    Sold,
    /// Taken out without a sale: an outflow of what the caller says it was worth.
    Removed,
}

impl FlowKind {
    /// Whether units come in.
    #[must_use]
    pub fn is_inflow(self) -> bool {
        matches!(self, Self::Bought | Self::Added)
    }
}

/// Units and money that moved on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The market's day.
    pub day: Day,
    /// What happened.
    pub kind: FlowKind,
    /// Units of that day, after its split if it has one.
    pub units: Quantity,
    /// Price of a unit, without the fee.
    pub price: Price,
    /// Money in the instrument's currency: cost with the fee, or proceeds less the fee.
    pub amount: Decimal,
    /// The part of it that is a fee.
    pub fee: Decimal,
    /// Decimals to which a sale cut the units of each lot at a split; twelve of all other flows.
    pub unit_decimals: u32,
}

/// An instrument's part of a portfolio.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The instrument.
    pub symbol: &'a Symbol,
    /// Currency of its prices and of its flows.
    pub currency: Currency,
    /// Prices as quoted, splits and dividends; bars before and after the span do no harm.
    pub bars: &'a Bars,
    /// Its flows, the oldest first; those of a day are one purchase and one sale, in whatever order they stand.
    pub flows: &'a [Flow],
}

/// Rates of exchange of a currency.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    /// The currency that is exchanged.
    pub currency: Currency,
    /// Days of the rates, strictly rising.
    pub days: &'a [Day],
    /// Units of the portfolio's currency for one of `currency` on each day.
    pub rates: &'a [RateQuote],
}

/// A rate of exchange as it is quoted: a quotient, so that a pair that is quoted the other way round is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateQuote {
    /// What an amount is multiplied by.
    pub times: f64,
    /// What it is divided by.
    pub over: f64,
}

impl RateQuote {
    /// A pair as it is asked for: 1.0823 dollars for a euro, from euros to dollars.
    #[must_use]
    pub fn direct(rate: f64) -> Self {
        Self { times: rate, over: 1.0 }
    }

    /// A pair that is quoted the other way round: 114.4 yen for a dollar, from yen to dollars.
    #[must_use]
    pub fn inverse(rate: f64) -> Self {
        Self { times: 1.0, over: rate }
    }

    /// This rate and then the next.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self { times: product_of_quotes(self.times, next.times), over: product_of_quotes(self.over, next.over) }
    }

    /// The rate as the fraction that it is.
    ///
    /// Errors: a quote that is no number above zero, or one beyond counting.
    pub fn rate(self) -> Result<ExchangeRate, DecimalError> {
        Ok(ExchangeRate::quoted(self.times)?.per(ExchangeRate::quoted(self.over)?))
    }
}

/// Days after which a rate no longer says what money is worth.
pub(crate) const MAX_RATE_AGE: i32 = 7;

impl Rates<'_> {
    /// The last rate on or before `day`; none where that is more than seven days old.
    #[must_use]
    pub fn on(&self, day: Day) -> Option<ExchangeRate> {
        let at = self.days.partition_point(|&other| other <= day).checked_sub(1)?;
        if day.days_since(self.days[at]) > MAX_RATE_AGE {
            return None;
        }
        self.rate(at)
    }

    /// The rate at which money that moved on `day` is exchanged: the last one before, however old, else the first one
    /// after. Where it is not that of [`Rates::on`], an answer names the flow.
    #[must_use]
    pub fn of_flow(&self, day: Day) -> Option<ExchangeRate> {
        let after = self.days.partition_point(|&other| other <= day);
        (0..after).rev().chain(after..self.days.len()).find_map(|at| self.rate(at))
    }

    fn rate(&self, at: usize) -> Option<ExchangeRate> {
        self.rates.get(at)?.rate().ok()
    }
}

/// The records of a portfolio.
#[derive(Clone, Debug)]
pub struct Book<'a> {
    /// The currency in which it is valued.
    pub base: Currency,
    /// Its instruments, each once, in any order.
    pub lines: Vec<Line<'a>>,
    /// Rates of the currencies that are not the base.
    pub rates: Vec<Rates<'a>>,
}
