//! Books of a few instruments, and a slow valuation of them that follows the definitions day by day.

#![allow(clippy::float_cmp, reason = "a day without moves has exactly the value of the previous day")]

#[path = "../../../testing/src/sample_bars.rs"]
mod sample_bars;
mod slow;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use domain::decimal::DECIMALS;
use domain::{Bar, Bars, Currency, Day, Price, Quantity, Symbol};
use quant::portfolio::FlowTiming;
use rust_decimal::Decimal;
use valuation::{
    CashMove, CashRecords, Flow, FlowKind, Income, IncomeKind, InstrumentRecords, LotMove, PerformanceRequest,
    PortfolioBook, RateQuote, Rates, ValueSeries,
};

pub use slow::slowly;

/// A day from its text.
pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A decimal from its text.
pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A bar that opens and closes at one price.
pub fn bar(date: Day, close: f64, split_ratio: f64, dividend: f64) -> Bar {
    let adjusted_close = close;
    Bar { date, open: close, high: close, low: close, close, volume: 1.0, adjusted_close, split_ratio, dividend }
}

/// Bars from days, closes, split ratios and dividends.
pub fn bars(rows: &[(&str, f64, f64, f64)]) -> Bars {
    Bars::from_rows(rows.iter().map(|&(date, close, split, dividend)| bar(day(date), close, split, dividend))).unwrap()
}

/// A flow whose price follows from its amount without the fee.
pub fn flow(date: &str, kind: FlowKind, units: &str, amount: &str, fee: &str) -> Flow {
    flow_of(day(date), kind, dec(units), dec(amount), dec(fee))
}

/// The same of numbers.
pub fn flow_of(day: Day, kind: FlowKind, units: Decimal, amount: Decimal, fee: Decimal) -> Flow {
    let value = if kind.is_inflow() { amount - fee } else { amount + fee };
    let price = Price::new((value / units).round_dp(12)).unwrap();
    Flow {
        day,
        kind,
        units: Quantity::new(units).unwrap(),
        price,
        amount,
        fee,
        tax: Decimal::ZERO,
        from_cash: false,
        unit_decimals: DECIMALS,
    }
}

/// A purchase or a sale at a price.
pub fn traded(date: Day, kind: FlowKind, units: &str, price: &str, fee: &str) -> Flow {
    let (units, price, fee) = (dec(units), dec(price), dec(fee));
    let value = (units * price).round_dp(2);
    let amount = if kind.is_inflow() { value + fee } else { value - fee };
    let (units, price) = (Quantity::new(units).unwrap(), Price::new(price).unwrap());
    Flow { day: date, kind, units, price, amount, fee, tax: Decimal::ZERO, from_cash: false, unit_decimals: DECIMALS }
}

impl OwnedCash {
    fn records(&self) -> CashRecords<'_> {
        CashRecords { symbol: &self.symbol, currency: self.currency, moves: &self.moves }
    }
}

/// An instrument with its records.
#[derive(Clone, Debug)]
pub struct Owned {
    pub symbol: Symbol,
    pub currency: Currency,
    pub bars: Bars,
    pub flows: Vec<Flow>,
    pub incomes: Vec<Income>,
    pub lots: Vec<Vec<LotMove>>,
}

impl Owned {
    /// An instrument without income; its lots are not known.
    pub fn new(symbol: Symbol, currency: Currency, bars: Bars, flows: Vec<Flow>) -> Self {
        Self { symbol, currency, bars, flows, incomes: Vec::new(), lots: Vec::new() }
    }

    fn line(&self) -> InstrumentRecords<'_> {
        let Self { symbol, currency, bars, flows, incomes, lots } = self;
        InstrumentRecords { symbol, currency: *currency, bars, flows, incomes, lots }
    }
}

/// A book that owns its records.
#[derive(Clone, Debug)]
pub struct Records {
    pub base: Currency,
    pub instruments: Vec<Owned>,
    pub rate_days: Vec<Day>,
    pub rates: Vec<RateQuote>,
    /// The tracked cash, if it is.
    pub cash: Option<Vec<OwnedCash>>,
}

/// The cash of a currency that owns its moves.
#[derive(Clone, Debug)]
pub struct OwnedCash {
    pub symbol: Symbol,
    pub currency: Currency,
    pub moves: Vec<CashMove>,
}

impl Records {
    /// One instrument in US dollars.
    pub fn of(bars: Bars, flows: Vec<Flow>) -> Self {
        let instrument = Owned::new("TEST".parse().unwrap(), Currency::USD, bars, flows);
        Self { instruments: vec![instrument], ..Self::empty() }
    }

    /// Nothing in US dollars.
    pub fn empty() -> Self {
        let (instruments, rate_days, rates) = (Vec::new(), Vec::new(), Vec::new());
        Self { base: Currency::USD, instruments, rate_days, rates, cash: None }
    }

    fn cash_records(&self) -> Option<Vec<CashRecords<'_>>> {
        self.cash.as_ref().map(|all| all.iter().map(OwnedCash::records).collect())
    }

    pub fn book(&self) -> PortfolioBook<'_> {
        let rates = Rates { currency: eur(), days: &self.rate_days, rates: &self.rates };
        let lines = self.instruments.iter().map(Owned::line).collect();
        PortfolioBook { base: self.base, lines, cash: self.cash_records(), rates: vec![rates] }
    }
}

/// The performance of a span, without a benchmark.
pub fn spanned(series: &ValueSeries, from: Day, to: Day) -> PerformanceRequest<'_> {
    let (risk_free_rate, flow_timing, benchmark, invested) = (0.0, FlowTiming::Priced, None, &[][..]);
    PerformanceRequest { series, from, to, risk_free_rate, flow_timing, benchmark, invested }
}

static SAMPLE: LazyLock<Mutex<BTreeMap<String, Bars>>> = LazyLock::new(Mutex::default);

/// The bars of a symbol of the sample, read once.
pub fn sample(symbol: &str) -> Bars {
    SAMPLE.lock().unwrap().entry(symbol.to_owned()).or_insert_with(|| sample_bars::bars(symbol)).clone()
}

/// The euro.
pub fn eur() -> Currency {
    "EUR".parse().unwrap()
}

/// Numbers from a seed, the same on every machine (Knuth's MMIX constants).
pub struct SeededRandom(u64);

impl SeededRandom {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The first day of the books of [`some_records`].
pub fn first_day() -> Day {
    day("2010-11-01")
}

/// The last one.
pub fn last_day() -> Day {
    day("2012-02-20")
}

/// A book of a few instruments with gaps in their bars, splits, dividends and any kind of flow, some of them in a
/// foreign currency with its own gaps.
pub fn some_records(seed: u64) -> Records {
    let mut numbers = SeededRandom::new(seed);
    let span = last_day().days_since(first_day()) as u64;
    let mut rate_days = Vec::new();
    let mut rates = Vec::new();
    let mut at = numbers.below(2) * numbers.below(60);
    while at <= span {
        rate_days.push(first_day().plus_days(at as i32));
        rates.push(RateQuote::direct((10_000 + numbers.below(3_000)) as f64 / 10_000.0));
        at += 1 + numbers.below(7) + numbers.below(20) / 19 * 15;
    }
    let count = 1 + numbers.below(4);
    let instruments = (0..count).map(|number| some_instrument(number, span, &mut numbers)).collect();
    Records { base: Currency::USD, instruments, rate_days, rates, cash: None }
}

fn some_instrument(number: u64, span: u64, numbers: &mut SeededRandom) -> Owned {
    let currency = if numbers.below(3) == 0 { eur() } else { Currency::USD };
    let mut rows = Vec::new();
    let mut splits = 0;
    let mut cents = 1_000 + numbers.below(50_000);
    let shared_calendar = numbers.below(2) == 0;
    for at in 0..=span {
        let date = first_day().plus_days(at as i32);
        let trades = if shared_calendar { at % 7 < 5 } else { numbers.below(10) < 6 };
        if !trades || numbers.below(40) == 0 {
            continue;
        }
        cents = (cents + numbers.below(200)).saturating_sub(95).max(100);
        let mut split = 1.0;
        if splits < 2 && numbers.below(150) == 0 {
            split = [2.0, 1.5, 0.5][numbers.below(3) as usize];
            splits += 1;
        }
        let dividend = if numbers.below(60) == 0 { numbers.below(300) as f64 / 100.0 } else { 0.0 };
        rows.push(bar(date, cents as f64 / 100.0, split, dividend));
    }
    let bars = Bars::from_rows(rows).unwrap();
    let flows = some_flows(&bars, span, numbers);
    let incomes = some_incomes(span, numbers);
    Owned { incomes, ..Owned::new(format!("S{number}").parse().unwrap(), currency, bars, flows) }
}

/// Income, charges and what takes them back, on any day.
fn some_incomes(span: u64, numbers: &mut SeededRandom) -> Vec<Income> {
    let days: BTreeSet<u64> = (0..numbers.below(3) * numbers.below(8)).map(|_| numbers.below(span + 1)).collect();
    let mut incomes = Vec::new();
    for after in days {
        for _ in 0..=numbers.below(2) {
            incomes.push(some_income(first_day().plus_days(after as i32), numbers));
        }
    }
    incomes
}

fn some_income(day: Day, numbers: &mut SeededRandom) -> Income {
    let kinds = [IncomeKind::Dividend, IncomeKind::Interest, IncomeKind::Fee, IncomeKind::Tax];
    let kind = kinds[numbers.below(4) as usize];
    let cents = 1 + numbers.below(20_000) as i64;
    let amount = Decimal::new(if numbers.below(5) == 0 { -cents } else { cents }, 2);
    let is_paid = matches!(kind, IncomeKind::Dividend | IncomeKind::Interest);
    let mut kept = || Decimal::new(if is_paid { numbers.below(2) * numbers.below(300) } else { 0 } as i64, 2);
    let (fee, tax) = (kept(), kept());
    Income { day, kind, amount, fee, tax }
}

fn some_flows(bars: &Bars, span: u64, numbers: &mut SeededRandom) -> Vec<Flow> {
    let days: BTreeSet<u64> = (0..numbers.below(25)).map(|_| numbers.below(span + 1)).collect();
    let mut units = Decimal::ZERO;
    let mut done = first_day().plus_days(-1);
    let mut flows = Vec::new();
    for after in days {
        let date = first_day().plus_days(after as i32);
        for at in bars.count_through(done)..bars.count_through(date) {
            let ratio: Decimal = bars.split_ratio()[at].to_string().parse().unwrap();
            units = (units * ratio).trunc_with_scale(12);
        }
        done = date;
        for _ in 0..=numbers.below(2) {
            let fee = Decimal::new(numbers.below(500) as i64, 2);
            let tax = Decimal::new((numbers.below(3) / 2 * numbers.below(700)) as i64, 2);
            let kind =
                [FlowKind::Bought, FlowKind::Added, FlowKind::Sold, FlowKind::Removed][numbers.below(4) as usize];
            let money = Decimal::new(1_000 + numbers.below(1_000_000) as i64, 2);
            if kind.is_inflow() {
                let bought = Decimal::new(1 + numbers.below(2_000_000) as i64, 4);
                units += bought;
                flows.push(Flow { tax, ..flow_of(date, kind, bought, money + fee, fee) });
            } else if units > Decimal::ZERO {
                let all = numbers.below(3) == 0;
                let some = (units / Decimal::from(2 + numbers.below(5))).trunc_with_scale(4);
                let sold = if all || some.is_zero() { units } else { some };
                units -= sold;
                flows.push(Flow { tax, ..flow_of(date, kind, sold, money - fee, fee) });
            }
        }
    }
    flows
}
