//! A whole backtest: the simulations of the rules and of buy and hold, with the figures of both, and the warnings.

use std::collections::BTreeMap;

use domain::{Bars, Day, Spacing};

use super::recorder::FullRecorder;
use super::simulate::{End, Span, simulate};
use super::{BacktestError, BacktestOutcome, BuyAndHold, PendingOrder, Settings, Warning};
use crate::metrics::{self, Metrics};
use crate::rules::Signal;

/// Runs the rules from `from` to `to`, both inclusive. Bars before `from` warm up the indicators; bars after `to` are
/// ignored.
pub fn run(bars: &Bars, from: Day, to: Day, settings: &Settings) -> Result<BacktestOutcome, BacktestError> {
    settings.check()?;
    let span = Span::of(bars, from, to)?;
    let dates = bars.dates()[span.first..span.end].to_vec();
    // All bars up to the end of the span count: a short span alone may not reveal the spacing.
    let spacing = Spacing::of(&bars.dates()[..span.end]);
    let inputs = CommonInputs { settings, dates: &dates, periods_per_year: spacing.periods_per_year() };
    let strategy = measure(span, span.evaluate(&settings.buy, &settings.sell).signals(), &inputs)?;
    let hold = measure(span, [Signal::Constant(true), Signal::Constant(false)], &inputs)?;
    let last = span.end - 1;
    let (first_day, last_day) = (bars.dates()[span.first], bars.dates()[last]);
    Ok(BacktestOutcome {
        first_day,
        last_day,
        bars: dates.len(),
        warmup_bars: span.first,
        periods_per_year: spacing.periods_per_year(),
        dates,
        open_trade: strategy.recorder.open_trade(&strategy.end, last),
        pending_order: strategy.end.pending.map(|side| PendingOrder { side, signal_date: last_day }),
        warnings: Warning::on_spacing(spacing)
            .into_iter()
            .chain(strategy.recorder.unaffordable.map(unaffordable))
            .collect(),
        equity: strategy.recorder.equity,
        drawdown: strategy.drawdown,
        trades: strategy.recorder.trades,
        metrics: strategy.metrics,
        unavailable: strategy.unavailable,
        benchmark: BuyAndHold { metrics: hold.metrics, unavailable: hold.unavailable, equity: hold.recorder.equity },
    })
}

/// What both simulations have in common.
struct CommonInputs<'a> {
    settings: &'a Settings,
    dates: &'a [Day],
    periods_per_year: u32,
}

/// A simulation with its figures.
struct MeasuredSimulation<'a> {
    recorder: FullRecorder<'a>,
    end: End,
    drawdown: Vec<f64>,
    metrics: Metrics,
    unavailable: BTreeMap<String, String>,
}

fn measure<'a>(
    span: Span<'a>,
    signals: [Signal<'_>; 2],
    &CommonInputs { settings, dates, periods_per_year }: &CommonInputs<'_>,
) -> Result<MeasuredSimulation<'a>, BacktestError> {
    let mut recorder = FullRecorder::new(span);
    let end = simulate(span, signals, settings, &mut recorder);
    let values = recorder.equity.iter().chain(recorder.trades.iter().map(|trade| &trade.return_));
    if values.into_iter().any(|value| !value.is_finite()) {
        return Err(BacktestError::Overflow);
    }
    let drawdown = metrics::drawdowns(&recorder.equity);
    let (metrics, unavailable) = metrics::figures(&metrics::MetricsInput {
        dates,
        equity: &recorder.equity,
        drawdown: &drawdown,
        initial_investment: settings.initial_investment,
        trades: &recorder.trades,
        fees: recorder.fees,
        bars_held: recorder.bars_held,
        risk_free_rate: settings.risk_free_rate,
        periods_per_year,
    });
    if !metrics.total_return.is_finite() {
        return Err(BacktestError::Overflow);
    }
    Ok(MeasuredSimulation { recorder, end, drawdown, metrics, unavailable })
}

fn unaffordable((count, first): (usize, Day)) -> Warning {
    let purchases = if count == 1 { "purchase was" } else { "purchases were" };
    Warning {
        code: "unaffordable_purchase".to_owned(),
        detail: format!("{count} {purchases} not made because there was not enough cash, the first on {first}"),
    }
}
