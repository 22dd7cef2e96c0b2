//! The days of a span as the columns that figures need.

use domain::{Currency, Day};
use quant::portfolio::{FlowTiming, IndexDay, Reason, ReturnDay, TimeWeighted, time_weighted};

use crate::amount::Amount;
use crate::day_value::DayValue;
use crate::measured_span::{PerformanceDay, PerformanceRequest};

/// The days of a span as columns for the figures, including days without a rate.
pub(crate) struct SpanColumns<'a> {
    pub(crate) days: &'a [DayValue],
    pub(crate) returns: Vec<ReturnDay>,
    pub(crate) index: TimeWeighted,
}

impl<'a> SpanColumns<'a> {
    pub(crate) fn new(start: f64, days: &'a [DayValue], timing: FlowTiming) -> Self {
        let day = |day: &DayValue| ReturnDay {
            value: day.value.to_f64(),
            inflow: day.inflow.to_f64(),
            outflow: day.outflow.to_f64(),
            growth: day.growth,
            has_no_return: day.has_no_return,
        };
        Self::of(start, days, days.iter().map(day).collect(), timing)
    }

    /// The same after tax: a tax is a cost and no withdrawal.
    pub(crate) fn after_tax(start: f64, days: &'a [DayValue], timing: FlowTiming) -> Self {
        let day = |day: &DayValue| ReturnDay {
            value: day.value.to_f64(),
            inflow: (day.inflow + day.inflow_taxes).to_f64(),
            outflow: (day.outflow - (day.taxes - day.inflow_taxes)).to_f64(),
            growth: if day.taxes.is_zero() { day.growth } else { day.growth_after_tax },
            has_no_return: day.has_no_return,
        };
        Self::of(start, days, days.iter().map(day).collect(), timing)
    }

    fn of(start: f64, days: &'a [DayValue], returns: Vec<ReturnDay>, timing: FlowTiming) -> Self {
        let index = time_weighted(start, &returns, timing);
        Self { days, returns, index }
    }

    /// Whether no day of the span has a row because a rate is unknown.
    fn lacks_rates(&self, request: &PerformanceRequest<'_>) -> bool {
        let PerformanceRequest { series, from, to, .. } = *request;
        self.days.iter().all(|day| day.without_rate) && series.days_without_rate(from, to).next().is_some()
    }

    /// A figure of money. A span inside a gap of a rate has no value that money could have grown to.
    pub(crate) fn of_money(
        &self,
        request: &PerformanceRequest<'_>,
        figure: Result<f64, Reason>,
    ) -> Result<f64, Reason> {
        if self.lacks_rates(request) { Err(Reason::FxUnavailable) } else { figure }
    }

    /// Day and net payment into the portfolio, on days that have one, oldest first. What moved before `from`, on days
    /// without a rate that belong to the span's first value, counts as paid on `from`.
    pub(crate) fn payments(&self, from: Day) -> impl Iterator<Item = (Day, f64)> {
        let flows = self.returns.iter().map(|day| day.inflow - day.outflow);
        self.days.iter().map(move |day| day.date.max(from)).zip(flows).filter(|&(_, net)| net != 0.0)
    }

    pub(crate) fn fees(&self) -> f64 {
        self.days.iter().map(|day| day.fees).sum::<Amount>().to_f64()
    }

    /// The index at the closes that have a row.
    pub(crate) fn index_days(&self, start: f64) -> Vec<IndexDay> {
        let mut days = Vec::with_capacity(self.days.len());
        let (mut before, mut held) = (start, true);
        for ((day, values), &level) in self.days.iter().zip(&self.returns).zip(&self.index.index) {
            held &= before > 0.0 && values.value > 0.0;
            before = values.value;
            if !day.without_rate {
                days.push(IndexDay { date: day.date, level, held });
                held = true;
            }
        }
        days
    }

    /// A row for every day that has a value.
    pub(crate) fn rows(&self, currency: Currency) -> Vec<PerformanceDay> {
        let mut rows = Vec::with_capacity(self.days.len());
        let (mut invested, mut inflow, mut outflow) = (false, Amount::ZERO, Amount::ZERO);
        for (at, day) in self.days.iter().enumerate() {
            invested |= self.index.returns[at].is_some();
            (inflow, outflow) = (inflow + day.inflow, outflow + day.outflow);
            if day.without_rate {
                continue;
            }
            rows.push(PerformanceDay {
                date: day.date,
                value: day.shown.rounded(currency),
                inflow: inflow.rounded(currency),
                outflow: outflow.rounded(currency),
                twr: Some(self.index.index[at] - 1.0).filter(|_| invested),
            });
            (inflow, outflow) = (Amount::ZERO, Amount::ZERO);
        }
        rows
    }
}
