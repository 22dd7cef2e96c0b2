//! A whole backtest: both simulations, their figures, and what is worth a warning.

use std::collections::BTreeMap;

use domain::{Bars, Day, Spacing};

use super::ledger::Ledger;
use super::simulate::{End, Span, simulate};
use super::{BacktestError, Benchmark, Outcome, PendingOrder, Settings, Warning};
use crate::metrics::{self, Metrics};
use crate::rules::Signal;

/// Runs the rules from `from` to `to`, both included; bars before `from` warm the indicators up and
/// bars after `to` are not looked at.
pub fn run(bars: &Bars, from: Day, to: Day, settings: &Settings) -> Result<Outcome, BacktestError> {
    settings.check()?;
    let span = Span::of(bars, from, to)?;
    let dates = bars.dates()[span.first..span.end].to_vec();
    // Of all bars up to the end of the span: a short span alone does not show how far apart they are.
    let spacing = Spacing::of(&bars.dates()[..span.end]);
    let setting = Setting { settings, dates: &dates, periods_per_year: spacing.periods_per_year() };
    let own = book(span, span.evaluate(&settings.buy, &settings.sell).signals(), &setting)?;
    let hold = book(span, [Signal::Constant(true), Signal::Constant(false)], &setting)?;
    let last = span.end - 1;
    let (first_day, last_day) = (bars.dates()[span.first], bars.dates()[last]);
    Ok(Outcome {
        first_day,
        last_day,
        bars: dates.len(),
        warmup_bars: span.first,
        periods_per_year: spacing.periods_per_year(),
        dates,
        open_trade: own.ledger.open_trade(&own.end, last),
        pending_order: own.end.pending.map(|side| PendingOrder { side, signal_date: last_day }),
        warnings: Warning::on_spacing(spacing).into_iter().chain(own.ledger.unaffordable.map(unaffordable)).collect(),
        equity: own.ledger.equity,
        drawdown: own.drawdown,
        trades: own.ledger.trades,
        metrics: own.metrics,
        unavailable: own.unavailable,
        benchmark: Benchmark { metrics: hold.metrics, unavailable: hold.unavailable, equity: hold.ledger.equity },
    })
}

/// What both simulations have in common.
struct Setting<'a> {
    settings: &'a Settings,
    dates: &'a [Day],
    periods_per_year: u32,
}

/// A simulation with its figures.
struct Book<'a> {
    ledger: Ledger<'a>,
    end: End,
    drawdown: Vec<f64>,
    metrics: Metrics,
    unavailable: BTreeMap<String, String>,
}

fn book<'a>(
    span: Span<'a>,
    signals: [Signal<'_>; 2],
    &Setting { settings, dates, periods_per_year }: &Setting<'_>,
) -> Result<Book<'a>, BacktestError> {
    let mut ledger = Ledger::new(span);
    let end = simulate(span, signals, settings, &mut ledger);
    let values = ledger.equity.iter().chain(ledger.trades.iter().map(|trade| &trade.return_));
    if values.into_iter().any(|value| !value.is_finite()) {
        return Err(BacktestError::Overflow);
    }
    let drawdown = metrics::drawdowns(&ledger.equity);
    let (metrics, unavailable) = metrics::figures(&metrics::Run {
        dates,
        equity: &ledger.equity,
        drawdown: &drawdown,
        initial_investment: settings.initial_investment,
        trades: &ledger.trades,
        fees: ledger.fees,
        bars_held: ledger.bars_held,
        risk_free_rate: settings.risk_free_rate,
        periods_per_year,
    });
    if !metrics.total_return.is_finite() {
        return Err(BacktestError::Overflow);
    }
    Ok(Book { ledger, end, drawdown, metrics, unavailable })
}

fn unaffordable((count, first): (usize, Day)) -> Warning {
    let purchases = if count == 1 { "purchase was" } else { "purchases were" };
    Warning {
        code: "unaffordable_purchase".to_owned(),
        detail: format!("{count} {purchases} not made for want of cash, the first on {first}"),
    }
}
