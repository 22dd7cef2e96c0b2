//! Returns, risk and attribution of a span of a series.

use std::collections::BTreeMap;

use domain::{Currency, Day};
use quant::metrics::Unavailable;
use quant::portfolio::{
    ExchangeReturn, Reason, RelativeRisk, TimedFlow, annualized, exchange_returns, mean_invested, modified_dietz,
    relative_risk, risk, simple_return, xirr,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attribution::Attribution;
use crate::measured_span::{PerformanceDay, PerformanceRequest};
use crate::span_columns::SpanColumns;

/// The performance of a portfolio. Money is in its base currency with its own decimals, ratios are fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Performance {
    /// The base currency.
    pub currency: Currency,
    /// First day of the span.
    pub from: Day,
    /// Last day of the span.
    pub to: Day,
    /// Every day on which a held instrument has a bar or anything moved, oldest first. A day without an exchange rate
    /// has no row: the next row includes its flows and its return.
    pub series: Vec<PerformanceDay>,
    /// Figures of the span.
    pub metrics: PerformanceMetrics,
    /// The causes of the change in value.
    pub attribution: Attribution,
    /// The reason for each figure that has no value, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
    /// Days of the span without a row because an exchange rate is unknown.
    pub days_without_rate: Vec<Day>,
}

/// Figures of a performance. A figure that cannot be computed is null, with the reason in `unavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerformanceMetrics {
    /// Time-weighted return of the span.
    #[schema(required)]
    pub twr: Option<f64>,
    /// Time-weighted return per year of 365 days.
    #[schema(required)]
    pub twr_annualized: Option<f64>,
    /// Money-weighted return per year.
    #[schema(required)]
    pub xirr: Option<f64>,
    /// Time-weighted return after recorded taxes, which count as a cost like a fee; absent if the span has none. All other
    /// figures are before tax: a tax counts as taken out at the moment of its activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub twr_after_tax: Option<f64>,
    /// Money-weighted return per year after recorded taxes; absent if the span has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub xirr_after_tax: Option<f64>,
    /// Modified Dietz return.
    #[schema(required)]
    pub modified_dietz: Option<f64>,
    /// Gain over the money put in: the value at the start + the highest sum of the net payments so far, by day.
    #[schema(required)]
    pub simple_return: Option<f64>,
    /// Gain over the mean invested capital: what the units held had cost without fees, or were worth at the start of the
    /// span or at their transfer, over all evenings with any.
    #[schema(required)]
    pub return_on_invested: Option<f64>,
    /// The same before fees.
    #[schema(required)]
    pub return_on_invested_gross: Option<f64>,
    /// Annualised standard deviation of the returns between exchange days.
    #[schema(required)]
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio.
    #[schema(required)]
    pub sharpe: Option<f64>,
    /// Annualised Sortino ratio.
    #[schema(required)]
    pub sortino: Option<f64>,
    /// Deepest fall of the time-weighted index from a peak, ≤ 0.
    #[schema(required)]
    pub max_drawdown: Option<f64>,
    /// Beta against the benchmark.
    #[schema(required)]
    pub beta: Option<f64>,
    /// Jensen's alpha per year.
    #[schema(required)]
    pub alpha: Option<f64>,
    /// Annualised tracking error.
    #[schema(required)]
    pub tracking_error: Option<f64>,
    /// Information ratio against the benchmark.
    #[schema(required)]
    pub information_ratio: Option<f64>,
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
    let (first, last) = series.valued_span(from, to);
    let days = series.between(first, last);
    let start = series.value_before(first);
    let columns = SpanColumns::new(start.to_f64(), &days, request.flow_timing);
    let mut reasons = Reasons::default();
    let mut metrics = metrics(request, start.to_f64(), &columns, &mut reasons);
    if days.iter().any(|day| !day.taxes.is_zero()) {
        let after_tax = SpanColumns::after_tax(start.to_f64(), &days, request.flow_timing);
        metrics.twr_after_tax = reasons.take("twr_after_tax", after_tax.of_money(request, after_tax.index.total()));
        let xirr = MeasuredSpan::new(request, start.to_f64(), &after_tax).xirr(request, &after_tax);
        metrics.xirr_after_tax = reasons.take("xirr_after_tax", after_tax.of_money(request, xirr));
    }
    Performance {
        currency: series.base,
        from,
        to,
        series: columns.rows(series.base),
        metrics,
        attribution: Attribution::of_days(start, &days, series.base),
        unavailable: reasons.0,
        days_without_rate: series.days_without_rate(from, to).collect(),
    }
}

fn metrics(
    request: &PerformanceRequest<'_>,
    start: f64,
    columns: &SpanColumns<'_>,
    reasons: &mut Reasons,
) -> PerformanceMetrics {
    let span = MeasuredSpan::new(request, start, columns);
    let total = columns.index.total();
    let exchange = exchange_returns(span.eve, &columns.index_days(start));
    let changes: Vec<f64> = exchange.iter().map(|one| one.change).collect();
    let own = risk(&changes, request.risk_free_rate);
    let relative = relative(request, &exchange);
    let mut money = |name: &str, figure: Result<f64, Reason>| reasons.take(name, columns.of_money(request, figure));
    PerformanceMetrics {
        twr: money("twr", total),
        twr_annualized: money("twr_annualized", total.and_then(|total| annualized(total, span.days))),
        xirr: money("xirr", span.xirr(request, columns)),
        twr_after_tax: None,
        xirr_after_tax: None,
        modified_dietz: money("modified_dietz", span.modified_dietz(request, columns)),
        simple_return: money("simple_return", span.simple_return(request, columns)),
        return_on_invested: money("return_on_invested", span.return_on_invested(request, columns, 0.0)),
        return_on_invested_gross: money(
            "return_on_invested_gross",
            span.return_on_invested(request, columns, columns.fees()),
        ),
        volatility: reasons.take("volatility", own.volatility),
        sharpe: reasons.take("sharpe", own.sharpe),
        sortino: reasons.take("sortino", own.sortino),
        max_drawdown: reasons.take("max_drawdown", own.max_drawdown),
        beta: reasons.take("beta", relative.beta),
        alpha: reasons.take("alpha", relative.alpha),
        tracking_error: reasons.take("tracking_error", relative.tracking_error),
        information_ratio: reasons.take("information_ratio", relative.information_ratio),
    }
}

/// The time that money was invested.
struct MeasuredSpan {
    /// The day from whose end days are counted: the one before `from`, or that of the first payment if nothing was held
    /// before.
    origin: Day,
    /// Calendar days from there to `to`.
    days: i32,
    start: f64,
    end: f64,
    /// The day from whose end risk is counted; none if the span begins with the very first purchase.
    eve: Option<Day>,
}

impl MeasuredSpan {
    fn new(request: &PerformanceRequest<'_>, start: f64, columns: &SpanColumns<'_>) -> Self {
        let PerformanceRequest { series, from, to, .. } = *request;
        let eve = from.plus_days(-1);
        let opened = columns.payments(from).next().map(|(day, _)| day);
        let origin = if start > 0.0 { eve } else { opened.unwrap_or(eve) };
        let end = columns.returns.last().map_or(start, |day| day.value);
        let very_first = series.days().next().map(|day| day.date);
        let begins_it = very_first.is_some() && columns.days.first().map(|day| day.date) == very_first;
        let before = series.valued_span(from, to).0.plus_days(-1);
        Self { origin, days: to.days_since(origin), start, end, eve: Some(before).filter(|_| !begins_it) }
    }

    fn xirr(&self, request: &PerformanceRequest<'_>, columns: &SpanColumns<'_>) -> Result<f64, Reason> {
        let mut flows = vec![(request.from, -self.start)];
        flows.extend(columns.payments(request.from).map(|(day, net)| (day, -net)));
        flows.push((request.to, self.end));
        flows.retain(|&(_, amount)| amount != 0.0);
        xirr(&flows)
    }

    fn modified_dietz(&self, request: &PerformanceRequest<'_>, columns: &SpanColumns<'_>) -> Result<f64, Reason> {
        let timed = |(day, amount): (Day, f64)| TimedFlow { after_days: day.days_since(self.origin), amount };
        let flows: Vec<TimedFlow> = columns.payments(request.from).map(timed).collect();
        modified_dietz(self.start, self.end, self.days, &flows)
    }
}

impl MeasuredSpan {
    fn simple_return(&self, request: &PerformanceRequest<'_>, columns: &SpanColumns<'_>) -> Result<f64, Reason> {
        simple_return(self.start, self.end, columns.payments(request.from).map(|(_, net)| net))
    }

    /// The gain with `fees` added back, over the mean invested capital.
    fn return_on_invested(
        &self,
        request: &PerformanceRequest<'_>,
        columns: &SpanColumns<'_>,
        fees: f64,
    ) -> Result<f64, Reason> {
        let net: f64 = columns.payments(request.from).map(|(_, net)| net).sum();
        let gain = self.end - self.start - net;
        let steps = request.invested.iter().map(|day| (day.date.days_since_epoch(), day.capital.to_f64()));
        let mean = mean_invested(&steps.collect::<Vec<_>>(), request.to.days_since_epoch())?;
        Ok((gain + fees) / mean)
    }
}

fn relative(request: &PerformanceRequest<'_>, exchange: &[ExchangeReturn]) -> RelativeRisk {
    let Some(benchmark) = request.benchmark else {
        let none = Err(Reason::NoBenchmark);
        return RelativeRisk { beta: none, alpha: none, tracking_error: none, information_ratio: none };
    };
    let index = benchmark.index();
    if index.lacks_rates() {
        let none = Err(Reason::FxUnavailable);
        return RelativeRisk { beta: none, alpha: none, tracking_error: none, information_ratio: none };
    }
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for one in exchange.iter().filter(|one| one.unbroken) {
        if let Some(market) = index.change(one.start, one.end) {
            own.push(one.change);
            other.push(market);
        }
    }
    if own.is_empty() {
        let none = Err(Reason::Metric(Unavailable::FewReturns));
        return RelativeRisk { beta: none, alpha: none, tracking_error: none, information_ratio: none };
    }
    relative_risk(&own, &other, request.risk_free_rate)
}
