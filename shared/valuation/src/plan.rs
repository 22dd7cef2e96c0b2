//! The events of one instrument in a span of days: its flows, splits and dividends in order.

use std::ops::Range;

use domain::{Bars, Day, DecimalError, ExchangeRate, SplitRatio};

use crate::book::{Flow, Income, InstrumentRecords};
use crate::calendar::Calendar;
use crate::checkpoint::CheckpointPosition;
use crate::error::ValuationError;
use crate::fixed;
use crate::moves::{DayIncome, Moves};
use crate::position::Position;

/// An event of a day, other than its price.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "most are moves, and they are streamed in the order of one vector")]
pub(crate) enum DayEvent {
    /// A split, a dividend or both, in the bar at this index.
    Corporate(usize),
    /// Purchases and sales.
    Moves(Moves),
    /// Income and charges that move no units.
    Income(DayIncome),
}

/// The events of an instrument after a checkpoint, ready to be streamed.
#[derive(Debug)]
pub(crate) struct EventPlan<'a> {
    pub(crate) line: InstrumentRecords<'a>,
    pub(crate) start: Position,
    pub(crate) start_rate: ExchangeRate,
    /// The first day that is streamed.
    pub(crate) first: Day,
    pub(crate) events: Vec<(Day, DayEvent)>,
}

impl<'a> EventPlan<'a> {
    /// The events from `first` to `to` of a line that starts as `standing`, and adds the days that they need to the
    /// calendar.
    pub(crate) fn new(
        line: InstrumentRecords<'a>,
        standing: Option<&CheckpointPosition>,
        (first, to): (Day, Day),
        calendar: &mut Calendar,
    ) -> Result<Self, ValuationError> {
        let number = |day: Day| move |source| ValuationError::Number { symbol: line.symbol.clone(), day, source };
        let start = standing.map(CheckpointPosition::position).transpose().map_err(number(first))?.unwrap_or_default();
        let start_rate = standing.map_or(ExchangeRate::ONE, |standing| standing.rate);
        let start_of_flows = line.flows.partition_point(|flow| flow.day < first);
        let end_of_flows = line.flows.partition_point(|flow| flow.day <= to);
        let flows = &line.flows[start_of_flows..end_of_flows];
        let mut plan = Self { line, start, start_rate, first, events: Vec::new() };
        plan.merge_events(flows, to)?;
        plan.add_incomes(to)?;
        plan.add_days(to, calendar)?;
        Ok(plan)
    }

    /// Whether nothing is held and nothing happens.
    pub(crate) fn is_idle(&self) -> bool {
        self.start.units == 0 && self.events.is_empty()
    }

    fn merge_events(&mut self, flows: &[Flow], to: Day) -> Result<(), ValuationError> {
        let bars = self.line.bars;
        // Nothing can happen to units before the first come in.
        let from = match (self.start.units, flows.first()) {
            (0, None) => return Ok(()),
            (0, Some(flow)) => flow.day,
            _ => self.first,
        };
        let mut corporate =
            corporate_bars(bars, bars.count_before(from)..bars.count_through(to)).into_iter().peekable();
        self.events.reserve(flows.len());
        for of_day in flows.chunk_by(|a, b| a.day == b.day) {
            let Some(&Flow { day, .. }) = of_day.first() else { continue };
            while let Some(at) = corporate.next_if(|&at| bars.dates()[at] <= day) {
                self.events.push((bars.dates()[at], DayEvent::Corporate(at)));
            }
            let moves = Moves::of(of_day, bars).map_err(|source| self.number(day, source))?;
            self.events.push((day, DayEvent::Moves(moves)));
        }
        self.events.extend(corporate.map(|at| (bars.dates()[at], DayEvent::Corporate(at))));
        Ok(())
    }

    fn add_incomes(&mut self, to: Day) -> Result<(), ValuationError> {
        let incomes = self.line.incomes;
        let from = incomes.partition_point(|income| income.day < self.first);
        let of_span = &incomes[from..incomes.partition_point(|income| income.day <= to).max(from)];
        for of_day in of_span.chunk_by(|a, b| a.day == b.day) {
            let Some(&Income { day, .. }) = of_day.first() else { continue };
            let sums = DayIncome::of(of_day).map_err(|source| self.number(day, source))?;
            self.events.push((day, DayEvent::Income(sums)));
        }
        if !of_span.is_empty() {
            self.events.sort_by_key(|(day, _)| *day);
        }
        Ok(())
    }

    /// Every day with a flow, and every bar's day while something is held.
    fn add_days(&self, to: Day, calendar: &mut Calendar) -> Result<(), ValuationError> {
        let bars = self.line.bars;
        let mut position = self.start;
        let mut opened = self.first;
        let mut flow_days: Vec<Day> = Vec::new();
        // By reference: an event with both sides of a day takes three cache lines.
        for (day, event) in &self.events {
            let (day, held) = (*day, position.units > 0);
            match event {
                DayEvent::Corporate(at) => self.split(&mut position, *at)?,
                DayEvent::Moves(moves) => {
                    position.follow(moves, self.line.symbol, day)?;
                    flow_days.push(day);
                }
                DayEvent::Income(_) => flow_days.push(day),
            }
            if !held {
                opened = day;
            } else if position.units == 0 {
                calendar.add(&bars.dates()[bars.count_before(opened)..bars.count_through(day)]);
            }
        }
        if position.units > 0 {
            calendar.add(&bars.dates()[bars.count_before(opened)..bars.count_through(to)]);
        }
        flow_days.dedup();
        calendar.add(&flow_days);
        Ok(())
    }

    pub(crate) fn split(&self, position: &mut Position, bar: usize) -> Result<(), ValuationError> {
        let ratio = self.split_ratio(bar)?;
        if position.units == 0 || ratio == SplitRatio::ONE { Ok(()) } else { position.split(ratio) }
    }

    /// New units per old unit on the day of a bar.
    pub(crate) fn split_ratio(&self, bar: usize) -> Result<SplitRatio, ValuationError> {
        let ratio = self.line.bars.split_ratio()[bar];
        if (ratio - 1.0).abs() <= f64::EPSILON {
            return Ok(SplitRatio::ONE);
        }
        SplitRatio::from_bar(ratio).map_err(|source| self.number(self.line.bars.dates()[bar], source))
    }

    pub(crate) fn close(&self, bar: usize) -> Result<i128, ValuationError> {
        fixed::price(self.line.bars.close()[bar]).map_err(|source| self.number(self.line.bars.dates()[bar], source))
    }

    /// Cash per unit on the day of a bar.
    pub(crate) fn dividend(&self, bar: usize) -> Result<i128, ValuationError> {
        fixed::number(self.line.bars.dividend()[bar]).map_err(|source| self.number(self.line.bars.dates()[bar], source))
    }

    pub(crate) fn number(&self, day: Day, source: DecimalError) -> ValuationError {
        ValuationError::Number { symbol: self.line.symbol.clone(), day, source }
    }
}

/// The bars of a range that have a split or a dividend. Blocks without one, which are the majority, are skipped as a
/// whole.
fn corporate_bars(bars: &Bars, range: Range<usize>) -> Vec<usize> {
    const BLOCK: usize = 32;
    let happens = |(ratio, dividend): (&f64, &f64)| (ratio - 1.0).abs() > f64::EPSILON || *dividend > 0.0;
    let ratios = bars.split_ratio()[range.clone()].chunks(BLOCK);
    let dividends = bars.dividend()[range.clone()].chunks(BLOCK);
    let mut found = Vec::new();
    for (block, (ratios, dividends)) in ratios.zip(dividends).enumerate() {
        if ratios.iter().zip(dividends).fold(false, |any, pair| any | happens(pair)) {
            let first = range.start + block * BLOCK;
            let pairs = ratios.iter().zip(dividends).enumerate();
            found.extend(pairs.filter(|&(_, pair)| happens(pair)).map(|(at, _)| first + at));
        }
    }
    found
}
