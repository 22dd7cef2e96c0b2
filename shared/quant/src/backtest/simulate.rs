//! The simulation: from one change of position to the next.
//!
//! Only the bars of orders, splits and dividends are visited one by one. The ranges of bars between them are passed whole
//! to a [`Recorder`], which keeps as much of them as its caller needs.

use std::ops::Range;

use domain::{Bars, Day};

use super::events::events;
use super::position::{Costs, Exit, Position};
use super::{BacktestError, Fill, Settings, Side};
use crate::rules::{Columns, Evaluation, Id, Program, Rule, Signal, evaluate};

/// Receives what happens in a simulation.
pub(super) trait Recorder {
    /// At the closes of these bars there was no position.
    fn flat(&mut self, bars: Range<usize>, cash: f64);
    /// At the closes of these bars this quantity was held.
    fn held(&mut self, bars: Range<usize>, cash: f64, quantity: f64);
    /// A purchase was made.
    fn bought(&mut self, position: &Position);
    /// The position was closed.
    fn sold(&mut self, position: &Position, exit: &Exit);
    /// A purchase was due, but the cash did not suffice.
    fn unaffordable(&mut self, bar: usize);
}

/// The state at the end of a simulation.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The open position, if there is one.
    pub(super) position: Option<Position>,
    /// The side of an order from the last close, which no bar is left to fill.
    pub(super) pending: Option<Side>,
}

/// The bars of a run by index: `first..end` is the span; the rules may read `0..end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) bars: &'a Bars,
    pub(super) from: Day,
    pub(super) first: usize,
    pub(super) end: usize,
}

impl<'a> Span<'a> {
    pub(super) fn of(bars: &'a Bars, from: Day, to: Day) -> Result<Self, BacktestError> {
        if from > to {
            return Err(BacktestError::FromAfterTo { from, to });
        }
        let (first, end) = (bars.count_before(from), bars.count_through(to));
        if first == end {
            return Err(BacktestError::NoBars { from, to });
        }
        Ok(Self { bars, from, first, end })
    }

    /// Evaluates both rules on all bars. A subexpression that both use is computed once.
    pub(super) fn evaluate(&self, buy: &Rule, sell: &Rule) -> Evaluated<'a> {
        let mut program = Program::default();
        let [buy, sell] = [buy, sell].map(|rule| {
            let (own, root) = rule.program();
            program.merge(own, root)
        });
        let columns = Columns::on_scale_of(self.bars, self.end, self.from);
        Evaluated { buy, sell, evaluation: evaluate(program, &[buy, sell], &columns) }
    }
}

/// Both rules with their values on every bar.
pub(super) struct Evaluated<'a> {
    buy: Id,
    sell: Id,
    evaluation: Evaluation<'a>,
}

impl Evaluated<'_> {
    /// The buy signal and the sell signal.
    pub(super) fn signals(&self) -> [Signal<'_>; 2] {
        [self.evaluation.signal(self.buy), self.evaluation.signal(self.sell)]
    }
}

/// The state between two changes of position.
struct Simulation<'a, R> {
    span: Span<'a>,
    costs: Costs,
    fill: Fill,
    events: Vec<usize>,
    /// Index of the first event not yet passed.
    next_event: usize,
    cash: f64,
    recorder: &'a mut R,
}

/// Runs the signals through the span.
pub(super) fn simulate<R: Recorder>(
    span: Span<'_>,
    signals: [Signal<'_>; 2],
    settings: &Settings,
    recorder: &mut R,
) -> End {
    let mut simulation = Simulation {
        span,
        costs: Costs::of(settings),
        fill: settings.fill,
        events: events(span.bars, span.first, span.end),
        next_event: 0,
        cash: settings.initial_investment,
        recorder,
    };
    simulation.run(signals)
}

impl<R: Recorder> Simulation<'_, R> {
    /// `at` is the first bar whose close is not recorded yet, `evaluated` the next bar on whose close a rule is evaluated.
    /// After a fill at the open of a bar, that is the same bar; after a fill at its close, the next one.
    fn run(&mut self, [buy, sell]: [Signal<'_>; 2]) -> End {
        let end = self.span.end;
        let (mut at, mut evaluated) = (self.span.first, self.span.first);
        loop {
            let Some((fill, next)) = self.order(&buy, evaluated) else {
                self.recorder.flat(at..end, self.cash);
                let pending = self.pending(&buy, evaluated).then_some(Side::Buy);
                return End { position: None, pending };
            };
            self.recorder.flat(at..fill, self.cash);
            (at, evaluated) = (fill, next);
            let Some((mut position, cash)) = Position::buy(fill, self.quote(fill), self.cash, &self.costs) else {
                self.recorder.unaffordable(fill);
                continue;
            };
            self.cash = cash;
            self.recorder.bought(&position);
            self.skip_events(fill);
            let sale = self.order(&sell, evaluated);
            let until = sale.map_or(end, |(fill, _)| fill);
            if let Some(wiped_out) = self.hold(&mut position, at..until, sale.is_some()) {
                (at, evaluated) = (wiped_out, wiped_out);
                continue;
            }
            let Some((fill, next)) = sale else {
                let pending = self.pending(&sell, evaluated).then_some(Side::Sell);
                return End { position: Some(position), pending };
            };
            let (exit, cash) = position.sell(fill, self.quote(fill), self.cash, &self.costs);
            self.cash = cash;
            self.recorder.sold(&position, &exit);
            (at, evaluated) = (fill, next);
        }
    }

    /// The bar that fills the first order that arises at close `evaluated` or later, and the bar on whose close the rules
    /// are evaluated next.
    fn order(&self, signal: &Signal<'_>, evaluated: usize) -> Option<(usize, usize)> {
        let end = self.span.end;
        match self.fill {
            Fill::NextOpen => signal.next(evaluated, end - 1).map(|bar| (bar + 1, bar + 1)),
            Fill::Close => signal.next(evaluated, end).map(|bar| (bar, bar + 1)),
        }
    }

    /// Whether an order arises at the last close that would need one more bar.
    fn pending(&self, signal: &Signal<'_>, evaluated: usize) -> bool {
        let last = self.span.end - 1;
        self.fill == Fill::NextOpen && evaluated <= last && signal.next(last, last + 1).is_some()
    }

    /// The quoted price of a fill on this bar.
    fn quote(&self, bar: usize) -> f64 {
        match self.fill {
            Fill::NextOpen => self.span.bars.open()[bar],
            Fill::Close => self.span.bars.close()[bar],
        }
    }

    /// Skips the splits and dividends up to and including the bar of a purchase: they took effect before its open.
    fn skip_events(&mut self, bar: usize) {
        while self.events.get(self.next_event).is_some_and(|&event| event <= bar) {
            self.next_event += 1;
        }
    }

    /// Records the closes of `bars` with the position, and applies its splits and dividends. If a `sale` follows on bar
    /// `bars.end`, the split and dividend of that bar are applied first. Returns the bar on which a split left no whole
    /// unit and so closed the position, if there is one.
    fn hold(&mut self, position: &mut Position, bars: Range<usize>, sale: bool) -> Option<usize> {
        let mut at = bars.start;
        while let Some(&event) = self.events.get(self.next_event) {
            if event > bars.end || (event == bars.end && !sale) {
                break;
            }
            self.next_event += 1;
            self.recorder.held(at..event, self.cash, position.quantity);
            at = event;
            let series = self.span.bars;
            let (open, ratio, dividend) = (series.open()[event], series.split_ratio()[event], series.dividend()[event]);
            self.cash += position.open_day(open, ratio, dividend, &self.costs);
            if position.quantity <= 0.0 {
                self.recorder.sold(position, &Position::wiped_out(event, open));
                return Some(event);
            }
        }
        self.recorder.held(at..bars.end, self.cash, position.quantity);
        None
    }
}
