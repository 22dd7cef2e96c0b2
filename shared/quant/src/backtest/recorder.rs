//! The full record of a simulation: equity by day and every trade.

use std::ops::Range;

use domain::{Bars, Day};

use super::position::{Exit, Position};
use super::simulate::{End, Recorder, Span};
use super::{OpenTrade, Trade};

/// Collects equity, trades, fees and purchases that the cash did not suffice for.
pub(super) struct FullRecorder<'a> {
    bars: &'a Bars,
    pub(super) equity: Vec<f64>,
    pub(super) trades: Vec<Trade>,
    pub(super) fees: f64,
    pub(super) bars_held: usize,
    /// The purchases that the cash did not suffice for: their number, and the day of the first.
    pub(super) unaffordable: Option<(usize, Day)>,
}

impl<'a> FullRecorder<'a> {
    pub(super) fn new(span: Span<'a>) -> Self {
        Self {
            bars: span.bars,
            equity: Vec::with_capacity(span.end - span.first),
            trades: Vec::new(),
            fees: 0.0,
            bars_held: 0,
            unaffordable: None,
        }
    }

    fn date(&self, bar: usize) -> Day {
        self.bars.dates()[bar]
    }

    /// The position still held after bar `last`, valued at its close.
    pub(super) fn open_trade(&self, end: &End, last: usize) -> Option<OpenTrade> {
        let position = end.position?;
        let last_price = self.bars.close()[last];
        let pnl = position.gain(position.quantity * last_price);
        Some(OpenTrade {
            entry_date: self.date(position.entry),
            entry_price: position.entry_price,
            quantity: position.bought,
            split_factor: position.splits.to_f64(),
            dividends: position.dividends,
            fees: position.entry_fee,
            last_price,
            pnl,
            return_: pnl / position.invested(),
            days: self.date(last).days_since(self.date(position.entry)),
        })
    }
}

impl Recorder for FullRecorder<'_> {
    fn flat(&mut self, bars: Range<usize>, cash: f64) {
        self.equity.resize(self.equity.len() + bars.len(), cash);
    }

    fn held(&mut self, bars: Range<usize>, cash: f64, quantity: f64) {
        self.bars_held += bars.len();
        self.equity.extend(self.bars.close()[bars].iter().map(|close| cash + quantity * close));
    }

    fn bought(&mut self, position: &Position) {
        self.fees += position.entry_fee;
    }

    fn sold(&mut self, position: &Position, exit: &Exit) {
        let (entry_date, exit_date) = (self.date(position.entry), self.date(exit.bar));
        let pnl = position.gain(exit.proceeds - exit.fee);
        self.fees += exit.fee;
        self.trades.push(Trade {
            entry_date,
            entry_price: position.entry_price,
            exit_date,
            exit_price: exit.price,
            quantity: position.bought,
            split_factor: position.splits.to_f64(),
            dividends: position.dividends,
            fees: position.entry_fee + exit.fee,
            pnl,
            return_: pnl / position.invested(),
            days: exit_date.days_since(entry_date),
        });
    }

    fn unaffordable(&mut self, bar: usize) {
        let date = self.date(bar);
        self.unaffordable = Some(self.unaffordable.map_or((1, date), |(count, first)| (count + 1, first)));
    }
}
