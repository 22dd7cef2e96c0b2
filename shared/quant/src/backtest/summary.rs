//! Three figures for comparing many runs, without the equity curve and the trades.

use std::ops::Range;

use domain::{Bars, Day};

use super::position::{Exit, Position};
use super::simulate::{Recorder, Span, simulate};
use super::{BacktestError, Settings};

/// Three figures of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Final equity / initial investment − 1.
    pub total_return: f64,
    /// Maximum drawdown, a fraction ≤ 0.
    pub max_drawdown: f64,
    /// Number of purchases, including that of a position still held.
    pub entries: usize,
}

/// Runs a backtest for its summary only: the same simulation as [`super::run`] at a fraction of the work.
pub fn summary(bars: &Bars, from: Day, to: Day, settings: &Settings) -> Result<Summary, BacktestError> {
    settings.check()?;
    let span = Span::of(bars, from, to)?;
    let evaluated = span.evaluate(&settings.buy, &settings.sell);
    let mut recorder = DrawdownRecorder {
        closes: bars.close(),
        peak: f64::NEG_INFINITY,
        floor: f64::NEG_INFINITY,
        max_drawdown: 0.0,
        last: settings.initial_investment,
        entries: 0,
    };
    simulate(span, evaluated.signals(), settings, &mut recorder);
    let total_return = recorder.last / settings.initial_investment - 1.0;
    if !(total_return.is_finite() && recorder.peak.is_finite()) {
        return Err(BacktestError::Overflow);
    }
    Ok(Summary { total_return, max_drawdown: recorder.max_drawdown, entries: recorder.entries })
}

/// Tracks the last equity, its peak and its maximum drawdown.
struct DrawdownRecorder<'a> {
    closes: &'a [f64],
    peak: f64,
    /// The equity below which the drawdown exceeds the maximum so far.
    floor: f64,
    max_drawdown: f64,
    last: f64,
    entries: usize,
}

impl DrawdownRecorder<'_> {
    fn mark(&mut self, equity: f64) {
        if equity > self.peak {
            self.peak = equity;
            self.floor = equity * (1.0 + self.max_drawdown);
        } else if equity < self.floor {
            self.max_drawdown = equity / self.peak - 1.0;
            self.floor = equity;
        }
    }
}

impl Recorder for DrawdownRecorder<'_> {
    fn flat(&mut self, bars: Range<usize>, cash: f64) {
        if !bars.is_empty() {
            self.mark(cash);
            self.last = cash;
        }
    }

    fn held(&mut self, bars: Range<usize>, cash: f64, quantity: f64) {
        let Some(last) = bars.clone().next_back() else { return };
        self.last = cash + quantity * self.closes[last];
        for close in &self.closes[bars] {
            self.mark(cash + quantity * close);
        }
    }

    fn bought(&mut self, _: &Position) {
        self.entries += 1;
    }

    fn sold(&mut self, _: &Position, _: &Exit) {}

    fn unaffordable(&mut self, _: usize) {}
}
