//! The simulation: from one change of position to the next.
//!
//! Only bars on which something happens are visited. Whole stretches between them go to a [`Recorder`], which stores as
//! much of them as its caller needs.

use std::ops::Range;

use domain::{Bars, Day};

use super::events::events;
use super::position::{Costs, Exit, Position};
use super::{BacktestError, Fill, Settings, Side};
use crate::rules::{Columns, Evaluation, Id, Program, Rule, Signal, evaluate};

/// Receives what happens in a simulation.
pub(super) trait Recorder {
    /// Closes without a position.
    fn flat(&mut self, bars: Range<usize>, cash: f64);
    /// Closes with a position.
    fn held(&mut self, bars: Range<usize>, cash: f64, quantity: f64);
    /// A purchase was made.
    fn bought(&mut self, position: &Position);
    /// The position ended.
    fn sold(&mut self, position: &Position, exit: &Exit);
    /// A purchase was due and could not be paid for.
    fn unaffordable(&mut self, bar: usize);
}

/// The state at the end of a simulation.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The open position.
    pub(super) position: Option<Position>,
    /// An order given on the last close, with no bar left to fill it.
    pub(super) pending: Option<Side>,
}

/// The bars of a run by index: `first..end` is the span, `0..end` what rules may read.
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

    /// Evaluates both rules over the bars; what both use is computed once.
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

/// Both rules, computed.
pub(super) struct Evaluated<'a> {
    buy: Id,
    sell: Id,
    evaluation: Evaluation<'a>,
}

impl Evaluated<'_> {
    /// When to buy and when to sell.
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
    /// `at` is the first close not yet recorded, `evaluated` the next close on which a rule is evaluated: an order filled
    /// at an open is followed by that day's close, one filled at a close is not.
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
            if let Some(dissolved) = self.hold(&mut position, at..until, sale.is_some()) {
                (at, evaluated) = (dissolved, dissolved);
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

    /// The bar that fills the next order from close `evaluated` on, and the next close to evaluate after it.
    fn order(&self, signal: &Signal<'_>, evaluated: usize) -> Option<(usize, usize)> {
        let end = self.span.end;
        match self.fill {
            Fill::NextOpen => signal.next(evaluated, end - 1).map(|bar| (bar + 1, bar + 1)),
            Fill::Close => signal.next(evaluated, end).map(|bar| (bar, bar + 1)),
        }
    }

    /// Whether the last close gives an order that would need one more bar.
    fn pending(&self, signal: &Signal<'_>, evaluated: usize) -> bool {
        let last = self.span.end - 1;
        self.fill == Fill::NextOpen && evaluated <= last && signal.next(last, last + 1).is_some()
    }

    fn quote(&self, bar: usize) -> f64 {
        match self.fill {
            Fill::NextOpen => self.span.bars.open()[bar],
            Fill::Close => self.span.bars.close()[bar],
        }
    }

    /// Skips the events up to the bar of a purchase: they happened before its open.
    fn skip_events(&mut self, bar: usize) {
        while self.events.get(self.next_event).is_some_and(|&event| event <= bar) {
            self.next_event += 1;
        }
    }

    /// Records the closes of a held position and the effect of its splits and dividends; those of the bar of a sale
    /// come before it. Returns the bar on which a split left no unit.
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
                self.recorder.sold(position, &Position::dissolved(event, open));
                return Some(event);
            }
        }
        self.recorder.held(at..bars.end, self.cash, position.quantity);
        None
    }
}
