//! The input of a valuation: dated flows of units and money, prices, and exchange rates.

use domain::exchange_rate::product_of_quotes;
use domain::{Bars, Currency, Day, DecimalError, ExchangeRate, Price, Quantity, Symbol};
use rust_decimal::Decimal;

use crate::lot_moves::LotMove;

/// The kind of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// Bought from the wallet: an inflow.
    Bought,
    /// A lot held elsewhere, recorded as of its purchase: an inflow.
    Added,
    /// Sold into the wallet: an outflow.
    Sold,
    /// Removed without a sale: an outflow of the worth that the caller states.
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
    /// The market day.
    pub day: Day,
    /// The kind.
    pub kind: FlowKind,
    /// Units of that day, after its split if it has one.
    pub units: Quantity,
    /// Price per unit, without the fee.
    pub price: Price,
    /// Money in the instrument's currency: cost with the fee, or proceeds less the fee.
    pub amount: Decimal,
    /// The fee in that amount.
    pub fee: Decimal,
    /// The tax, which is not in that amount: before tax it is a withdrawal, after tax a cost like the fee.
    pub tax: Decimal,
    /// Whether it is paid with the tracked cash of the portfolio; if not, the money comes from outside, or leaves.
    pub from_cash: bool,
    /// Decimals to which a sale truncated the units of each lot at a split; twelve for all other flows.
    pub unit_decimals: u32,
}

/// What an income or a charge of an instrument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncomeKind {
    /// A dividend.
    Dividend,
    /// Interest.
    Interest,
    /// A fee that belongs to no trade.
    Fee,
    /// A tax that belongs to no trade and no income.
    Tax,
}

/// An income or a charge of an instrument, which moves no units. It counts at the close of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Income {
    /// The market day.
    pub day: Day,
    /// The kind.
    pub kind: IncomeKind,
    /// The gross amount in the instrument's currency; below zero if it is taken back, and for interest that is charged.
    pub amount: Decimal,
    /// The fee that was kept of it.
    pub fee: Decimal,
    /// The tax that was kept of it.
    pub tax: Decimal,
}

/// The records of one instrument in a portfolio.
#[derive(Clone, Copy, Debug)]
pub struct InstrumentRecords<'a> {
    /// The instrument.
    pub symbol: &'a Symbol,
    /// Currency of its prices and of its flows.
    pub currency: Currency,
    /// Prices as quoted, splits and dividends; bars outside the span are allowed.
    pub bars: &'a Bars,
    /// Its flows, oldest first; those of a day count as one purchase and one sale, in any order.
    pub flows: &'a [Flow],
    /// Its income and charges, oldest first.
    pub incomes: &'a [Income],
    /// What its flows did to lots, each in order: those bought from the wallet and those recorded are books of their own.
    /// Only the invested capital needs them.
    pub lots: &'a [Vec<LotMove>],
}

/// As what tracked cash moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CashMoveKind {
    /// From outside, or to it: a deposit, a withdrawal, a transfer or an adjustment.
    Flow,
    /// For a flow or an income of an instrument of the book, which counts it: with its fees and taxes.
    OfInstrument,
    /// An income or a charge of no instrument of the book, with the sign of what it does to the cash.
    Income(IncomeKind),
    /// Against cash of another currency.
    Exchange,
}

/// Tracked cash that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashMove {
    /// The market day.
    pub day: Day,
    /// As what.
    pub kind: CashMoveKind,
    /// Above zero if it comes in, in the currency of the cash.
    pub amount: Decimal,
}

/// The tracked cash of a currency.
#[derive(Clone, Copy, Debug)]
pub struct CashRecords<'a> {
    /// A name that no instrument of the book has.
    pub symbol: &'a Symbol,
    /// The currency.
    pub currency: Currency,
    /// Its moves, oldest first.
    pub moves: &'a [CashMove],
}

/// Exchange rates of a currency.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    /// The currency to convert from.
    pub currency: Currency,
    /// Days of the rates, strictly rising.
    pub days: &'a [Day],
    /// Units of the portfolio's currency for one of `currency` on each day.
    pub rates: &'a [RateQuote],
}

/// An exchange rate as it is quoted: a quotient, so that a rate quoted the other way round is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateQuote {
    /// The numerator.
    pub times: f64,
    /// The denominator.
    pub over: f64,
}

impl RateQuote {
    /// A rate quoted in the direction asked for: 1.0823 dollars per euro, from euros to dollars.
    #[must_use]
    pub fn direct(rate: f64) -> Self {
        Self { times: rate, over: 1.0 }
    }

    /// A rate quoted the other way round: 114.4 yen per dollar, from yen to dollars.
    #[must_use]
    pub fn inverse(rate: f64) -> Self {
        Self { times: 1.0, over: rate }
    }

    /// The product of this rate and the next.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self { times: product_of_quotes(self.times, next.times), over: product_of_quotes(self.over, next.over) }
    }

    /// The rate as an exact fraction.
    ///
    /// Errors: a quote that is not a number above zero, or too large.
    pub fn rate(self) -> Result<ExchangeRate, DecimalError> {
        Ok(ExchangeRate::quoted(self.times)?.per(ExchangeRate::quoted(self.over)?))
    }
}

/// Days after which a rate is too old to value money with.
pub(crate) const MAX_RATE_AGE: i32 = 7;

impl Rates<'_> {
    /// The last rate on or before `day`; none if it is more than seven days old.
    #[must_use]
    pub fn on(&self, day: Day) -> Option<ExchangeRate> {
        let at = self.days.partition_point(|&other| other <= day).checked_sub(1)?;
        if day.days_since(self.days[at]) > MAX_RATE_AGE {
            return None;
        }
        self.rate(at)
    }

    /// The rate for converting money that moved on `day`: the last one before, however old, else the first one after.
    /// If it differs from [`Rates::on`], responses list the flow.
    #[must_use]
    pub fn of_flow(&self, day: Day) -> Option<ExchangeRate> {
        let after = self.days.partition_point(|&other| other <= day);
        (0..after).rev().chain(after..self.days.len()).find_map(|at| self.rate(at))
    }

    fn rate(&self, at: usize) -> Option<ExchangeRate> {
        self.rates.get(at)?.rate().ok()
    }
}

/// The records of a portfolio, as input of a valuation.
#[derive(Clone, Debug)]
pub struct PortfolioBook<'a> {
    /// The base currency, in which it is valued.
    pub base: Currency,
    /// Its instruments, each once, in any order.
    pub lines: Vec<InstrumentRecords<'a>>,
    /// Its cash by currency, each once, if that is part of its value. It is moved by what instruments pay
    /// and receive too, as [`CashMoveKind::OfInstrument`].
    pub cash: Option<Vec<CashRecords<'a>>>,
    /// Rates of the currencies other than the base.
    pub rates: Vec<Rates<'a>>,
}
