//! Returns, risk and attribution of a span of a series.

use std::collections::BTreeMap;

use domain::{Bars, Currency, Day};
use quant::metrics::Unavailable;
use quant::portfolio::{
    ExchangeReturns, Reason, RelativeRisk, TimeWeighted, TimedFlow, annualized, exchange_returns, modified_dietz,
    relative_risk, risk, time_weighted, xirr,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::amount::Amount;
use crate::attribution::Attribution;
use crate::series::{DayValue, Series};

/// What to compare a portfolio with.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark<'a> {
    /// Its bars, of which the adjusted closes are read: total returns in its own currency.
    pub bars: &'a Bars,
}

/// A span of a series and what it is measured by.
#[derive(Clone, Copy, Debug)]
pub struct PerformanceRequest<'a> {
    /// The series.
    pub series: &'a Series,
    /// First day, included: what it starts with is the value on the evening before.
    pub from: Day,
    /// Last day, included.
    pub to: Day,
    /// Yearly fraction.
    pub risk_free_rate: f64,
    /// What to compare with, if anything.
    pub benchmark: Option<Benchmark<'a>>,
}

/// How a portfolio did. Money is in its base currency with its own decimals, ratios are fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Performance {
    /// The base currency.
    pub currency: Currency,
    /// First day of the span.
    pub from: Day,
    /// Last day of the span.
    pub to: Day,
    /// Every day on which something held has a bar or anything moved, oldest first.
    pub series: Vec<PerformanceDay>,
    /// Figures.
    pub metrics: PerformanceMetrics,
    /// Where the change in value came from.
    pub attribution: Attribution,
    /// Reasons by name for figures that have no value.
    pub unavailable: BTreeMap<String, String>,
}

/// A day of a performance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerformanceDay {
    /// The day.
    pub date: Day,
    /// Value at the close.
    #[schema(value_type = String, example = "1254.00")]
    pub value: Decimal,
    /// Money paid in.
    #[schema(value_type = String, example = "200.00")]
    pub inflow: Decimal,
    /// Money paid out, dividends included.
    #[schema(value_type = String, example = "4.00")]
    pub outflow: Decimal,
    /// Time-weighted return from `from` up to this close; none before anything was invested.
    pub twr: Option<f64>,
}

/// Figures of a performance; `None` where one cannot be computed, with the reason in `unavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerformanceMetrics {
    /// Time-weighted return.
    pub twr: Option<f64>,
    /// Time-weighted return per year of 365 days.
    pub twr_annualized: Option<f64>,
    /// Money-weighted return per year.
    pub xirr: Option<f64>,
    /// Modified Dietz return.
    pub modified_dietz: Option<f64>,
    /// Annualised standard deviation of the returns between exchange days.
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Annualised Sortino ratio.
    pub sortino: Option<f64>,
    /// Deepest fall of the time-weighted index from a peak, ≤ 0.
    pub max_drawdown: Option<f64>,
    /// Beta against the benchmark.
    pub beta: Option<f64>,
    /// Jensen's alpha per year.
    pub alpha: Option<f64>,
    /// Annualised tracking error.
    pub tracking_error: Option<f64>,
    /// Information ratio.
    pub information_ratio: Option<f64>,
}

/// The columns that figures are computed from.
struct Columns {
    dates: Vec<Day>,
    values: Vec<f64>,
    inflows: Vec<f64>,
    outflows: Vec<f64>,
}

impl Columns {
    fn new(days: &[DayValue]) -> Self {
        let column = |part: fn(&DayValue) -> Amount| days.iter().map(|day| part(day).to_f64()).collect();
        Self {
            dates: days.iter().map(|day| day.date).collect(),
            values: column(|day| day.value),
            inflows: column(|day| day.inflow),
            outflows: column(|day| day.outflow),
        }
    }

    /// Day and net payment into the portfolio, on days that have one.
    fn payments(&self) -> impl Iterator<Item = (Day, f64)> {
        let flows = self.inflows.iter().zip(&self.outflows).map(|(inflow, outflow)| inflow - outflow);
        self.dates.iter().copied().zip(flows).filter(|&(_, net)| net != 0.0)
    }
}

/// Collects reasons by the name of the figure.
#[derive(Default)]
struct Reasons(BTreeMap<String, String>);

impl Reasons {
    fn take(&mut self, name: &str, figure: Result<f64, Reason>) -> Option<f64> {
        figure.map_err(|reason| self.0.insert(name.to_owned(), reason.code().to_owned())).ok()
    }
}

/// The performance of a span.
#[must_use]
pub fn performance(request: &PerformanceRequest<'_>) -> Performance {
    let PerformanceRequest { series, from, to, .. } = *request;
    let days = series.between(from, to);
    let start = series.value_before(from);
    let columns = Columns::new(&days);
    let index = time_weighted(start.to_f64(), &columns.values, &columns.inflows, &columns.outflows);
    let mut reasons = Reasons::default();
    let metrics = metrics(request, start.to_f64(), &columns, &index, &mut reasons);
    Performance {
        currency: series.base,
        from,
        to,
        series: day_rows(&days, &index, series.base),
        metrics,
        attribution: Attribution::of_days(start, &days, series.base),
        unavailable: reasons.0,
    }
}

fn day_rows(days: &[DayValue], index: &TimeWeighted, currency: Currency) -> Vec<PerformanceDay> {
    let mut invested = false;
    let row = |(at, day): (usize, &DayValue)| {
        invested |= index.returns[at].is_some();
        PerformanceDay {
            date: day.date,
            value: day.value.rounded(currency),
            inflow: day.inflow.rounded(currency),
            outflow: day.outflow.rounded(currency),
            twr: Some(index.index[at] - 1.0).filter(|_| invested),
        }
    };
    days.iter().enumerate().map(row).collect()
}

fn metrics(
    request: &PerformanceRequest<'_>,
    start: f64,
    columns: &Columns,
    index: &TimeWeighted,
    reasons: &mut Reasons,
) -> PerformanceMetrics {
    let span = Span::new(request, start, columns);
    let total = index.total();
    let exchange = exchange_returns(&columns.dates, index, &columns.values);
    let own = risk(&exchange.returns, request.risk_free_rate);
    let beside = beside(request, columns, &exchange);
    PerformanceMetrics {
        twr: reasons.take("twr", total),
        twr_annualized: reasons.take("twr_annualized", total.and_then(|total| annualized(total, span.days))),
        xirr: reasons.take("xirr", span.xirr(request, columns)),
        modified_dietz: reasons.take("modified_dietz", span.modified_dietz(columns)),
        volatility: reasons.take("volatility", own.volatility),
        sharpe: reasons.take("sharpe", own.sharpe),
        sortino: reasons.take("sortino", own.sortino),
        max_drawdown: reasons.take("max_drawdown", own.max_drawdown),
        beta: reasons.take("beta", beside.beta),
        alpha: reasons.take("alpha", beside.alpha),
        tracking_error: reasons.take("tracking_error", beside.tracking_error),
        information_ratio: reasons.take("information_ratio", beside.information_ratio),
    }
}

/// The time that money was at work.
struct Span {
    /// The evening from which days are counted: that before `from`, or that of the first payment where
    /// nothing was held before.
    origin: Day,
    /// Calendar days from there to `to`.
    days: i32,
    start: f64,
    end: f64,
}

impl Span {
    fn new(request: &PerformanceRequest<'_>, start: f64, columns: &Columns) -> Self {
        let eve = request.from.plus_days(-1);
        let opened = columns.payments().next().map(|(day, _)| day);
        let origin = if start > 0.0 { eve } else { opened.unwrap_or(eve) };
        let end = columns.values.last().copied().unwrap_or(start);
        Self { origin, days: request.to.days_since(origin), start, end }
    }

    fn xirr(&self, request: &PerformanceRequest<'_>, columns: &Columns) -> Result<f64, Reason> {
        let mut flows = vec![(request.from, -self.start)];
        flows.extend(columns.payments().map(|(day, net)| (day, -net)));
        flows.push((request.to, self.end));
        flows.retain(|&(_, amount)| amount != 0.0);
        xirr(&flows)
    }

    fn modified_dietz(&self, columns: &Columns) -> Result<f64, Reason> {
        let timed = |(day, amount): (Day, f64)| TimedFlow { after_days: day.days_since(self.origin), amount };
        let flows: Vec<TimedFlow> = columns.payments().map(timed).collect();
        modified_dietz(self.start, self.end, self.days, &flows)
    }
}

fn beside(request: &PerformanceRequest<'_>, columns: &Columns, exchange: &ExchangeReturns) -> RelativeRisk {
    let Some(benchmark) = request.benchmark else {
        let none = Err(Reason::NoBenchmark);
        return RelativeRisk { beta: none, alpha: none, tracking_error: none, information_ratio: none };
    };
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for ((&start, &end), &change) in exchange.start.iter().zip(&exchange.end).zip(&exchange.returns) {
        if let Some(market) = benchmark_return(benchmark.bars, columns.dates[start], columns.dates[end]) {
            own.push(change);
            other.push(market);
        }
    }
    if own.is_empty() {
        let none = Err(Reason::Metric(Unavailable::FewReturns));
        return RelativeRisk { beta: none, alpha: none, tracking_error: none, information_ratio: none };
    }
    relative_risk(&own, &other, request.risk_free_rate)
}

/// The benchmark's total return between two days, from the last close on or before each; none before its
/// first bar and after its last.
fn benchmark_return(bars: &Bars, start: Day, end: Day) -> Option<f64> {
    let covered = bars.dates().last().is_some_and(|&last| last >= end);
    let close = |day: Day| bars.count_through(day).checked_sub(1).map(|at| bars.adjusted_close()[at]);
    let (before, after) = (close(start)?, close(end)?);
    covered.then(|| after / before - 1.0)
}
