//! One instrument through all days: what it adds to the value and the flows of each.
//!
//! Events (flows, splits, dividends) are few and days are many: between two events units stand still, and
//! a day costs one multiplication. The whole costs days + flows, never their product.

use domain::Day;

use crate::book::{Flow, MAX_RATE_AGE};
use crate::error::ValuationError;
use crate::fixed::{self, TooLarge, exchanged, product};
use crate::plan::{Event, Plan};
use crate::position::{Moved, Position};

/// Sums by day, in the finest units of the base currency.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) value: Vec<i128>,
    pub(crate) inflow: Vec<i128>,
    pub(crate) outflow: Vec<i128>,
    pub(crate) income: Vec<i128>,
    pub(crate) fees: Vec<i128>,
    pub(crate) fx: Vec<i128>,
}

/// Sums over the days of one instrument.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) start: i128,
    pub(crate) inflow: i128,
    pub(crate) outflow: i128,
    pub(crate) income: i128,
    pub(crate) fees: i128,
    pub(crate) fx: i128,
    pub(crate) end: i128,
}

impl Columns {
    pub(crate) fn new(days: usize) -> Self {
        let column = || vec![0; days];
        Self { value: column(), inflow: column(), outflow: column(), income: column(), fees: column(), fx: column() }
    }
}

#[inline]
fn add(sum: &mut i128, amount: i128) -> Result<(), TooLarge> {
    *sum = sum.checked_add(amount).ok_or(TooLarge)?;
    Ok(())
}

/// A plan on its way through the days.
pub(crate) struct Stream<'a, 'c> {
    plan: &'c Plan<'a>,
    days: &'c [Day],
    /// Rates of the days; `None` where the instrument is priced in the base currency.
    rates: Option<&'c [Option<i128>]>,
    position: Position,
    /// Value in the instrument's currency on the evening before.
    local: i128,
    rate: i128,
    /// The next bar.
    bar: usize,
    totals: Totals,
}

impl<'a, 'c> Stream<'a, 'c> {
    /// Streams a plan through all days; answers with the position on the last evening, the rate of the last
    /// day on which it was held, and the sums.
    pub(crate) fn run(
        plan: &'c Plan<'a>,
        days: &'c [Day],
        rates: Option<&'c [Option<i128>]>,
        columns: &mut Columns,
    ) -> Result<(Position, i128, Totals), ValuationError> {
        let position = plan.start;
        let local = product(position.units, position.price.unwrap_or(0))?;
        let bar = plan.line.bars.count_before(plan.first);
        let totals = Totals::default();
        let mut stream = Self { plan, days, rates, position, local, rate: plan.start_rate, bar, totals };
        let start = if rates.is_some() { exchanged(local, plan.start_rate) } else { Ok(local) };
        stream.totals.start = start?;
        stream.totals.end = stream.totals.start;
        let mut at = 0;
        let mut events = plan.events.as_slice();
        while let Some(&(day, event)) = events.first() {
            if stream.position.units == 0 && matches!(event, Event::Corporate(_)) {
                events = &events[1..];
                continue;
            }
            let until = at + days[at..].iter().take_while(|&&other| other < day).count();
            stream.quiet(at, until, columns)?;
            let of_day = events.iter().take_while(|&&(other, _)| other == day).count();
            stream.eventful(until, &events[..of_day], columns)?;
            events = &events[of_day..];
            at = until + 1;
        }
        stream.quiet(at, days.len(), columns)?;
        Ok((stream.position, stream.rate, stream.totals))
    }

    /// Days on which only the price may change.
    fn quiet(&mut self, from: usize, until: usize, columns: &mut Columns) -> Result<(), ValuationError> {
        if self.position.units == 0 || from >= until {
            return Ok(());
        }
        if self.rates.is_some() {
            for at in from..until {
                self.next_close(self.days[at])?;
                self.evening(at, columns)?;
            }
            return Ok(());
        }
        let bars = self.plan.line.bars;
        let days = &self.days[from..until];
        let values = &mut columns.value[from..until];
        let end = self.bar + days.len();
        if bars.dates().get(self.bar..end) == Some(days) {
            self.bars_in_step(end, values)?;
        } else {
            for (value, &day) in values.iter_mut().zip(days) {
                self.next_close(day)?;
                self.local = product(self.position.units, self.position.price.unwrap_or(0))?;
                add(value, self.local)?;
            }
        }
        self.totals.end = self.local;
        Ok(())
    }

    /// Bars up to `end`, one for each day: what nearly all days of nearly all instruments are.
    fn bars_in_step(&mut self, end: usize, values: &mut [i128]) -> Result<(), ValuationError> {
        let units = self.position.units;
        let closes = &self.plan.line.bars.close()[self.bar..end];
        for (value, &close) in values.iter_mut().zip(closes) {
            let price = match fixed::price(close) {
                Ok(price) => price,
                Err(source) => return Err(self.plan.number(self.plan.line.bars.dates()[self.bar], source)),
            };
            self.position.price = Some(price);
            self.local = product(units, price)?;
            add(value, self.local)?;
            self.bar += 1;
        }
        Ok(())
    }

    /// A day with events: the split and the dividend before the open, then what was traded.
    fn eventful(
        &mut self,
        at: usize,
        events: &[(Day, Event<'a>)],
        columns: &mut Columns,
    ) -> Result<(), ValuationError> {
        let day = self.days[at];
        for &(_, event) in events {
            match event {
                Event::Corporate(bar) => {
                    self.plan.split(&mut self.position, bar)?;
                    self.dividend(at, bar, columns)?;
                }
                Event::Flow(flow, moved) => self.flow(at, flow, moved, columns)?,
            }
        }
        self.next_close(day)?;
        self.evening(at, columns)
    }

    fn dividend(&mut self, at: usize, bar: usize, columns: &mut Columns) -> Result<(), ValuationError> {
        let dividend = self.plan.line.bars.dividend()[bar];
        if self.position.units == 0 || dividend <= 0.0 {
            return Ok(());
        }
        let each = self.plan.bar_number(bar, dividend)?;
        let paid = product(self.position.units, each)?;
        let paid = self.in_base(at, paid)?;
        add(&mut columns.income[at], paid)?;
        add(&mut columns.outflow[at], paid)?;
        add(&mut self.totals.income, paid)?;
        add(&mut self.totals.outflow, paid)?;
        Ok(())
    }

    fn flow(&mut self, at: usize, flow: &Flow, moved: Moved, columns: &mut Columns) -> Result<(), ValuationError> {
        if self.position.units == 0 && flow.kind.is_inflow() {
            let bars = self.plan.line.bars;
            self.bar = bars.count_before(flow.day);
            self.position.price = match self.bar.checked_sub(1) {
                Some(before) => Some(self.plan.bar_number(before, bars.close()[before])?),
                None => None,
            };
        }
        self.position.follow(flow, moved, self.plan.line.symbol)?;
        let (amount, fee) = (self.in_base(at, moved.amount)?, self.in_base(at, moved.fee)?);
        add(&mut columns.fees[at], fee)?;
        add(&mut self.totals.fees, fee)?;
        if flow.kind.is_inflow() {
            add(&mut columns.inflow[at], amount)?;
            add(&mut self.totals.inflow, amount)?;
        } else {
            add(&mut columns.outflow[at], amount)?;
            add(&mut self.totals.outflow, amount)?;
        }
        Ok(())
    }

    fn next_close(&mut self, day: Day) -> Result<(), ValuationError> {
        let bars = self.plan.line.bars;
        if bars.dates().get(self.bar) == Some(&day) {
            self.position.price = Some(self.plan.bar_number(self.bar, bars.close()[self.bar])?);
            self.bar += 1;
        }
        Ok(())
    }

    /// The value at the close, and what the change of the rate did to that of the evening before.
    fn evening(&mut self, at: usize, columns: &mut Columns) -> Result<(), ValuationError> {
        let local = product(self.position.units, self.position.price.unwrap_or(0))?;
        let mut value = local;
        if self.rates.is_some() && (local != 0 || self.local != 0) {
            let rate = self.rate_of(at)?;
            if self.local != 0 {
                let change = exchanged(self.local, rate - self.rate)?;
                add(&mut columns.fx[at], change)?;
                add(&mut self.totals.fx, change)?;
            }
            value = exchanged(local, rate)?;
            self.rate = rate;
        }
        add(&mut columns.value[at], value)?;
        self.local = local;
        self.totals.end = value;
        Ok(())
    }

    fn in_base(&self, at: usize, amount: i128) -> Result<i128, ValuationError> {
        if self.rates.is_none() {
            return Ok(amount);
        }
        Ok(exchanged(amount, self.rate_of(at)?)?)
    }

    fn rate_of(&self, at: usize) -> Result<i128, ValuationError> {
        self.rates.and_then(|rates| rates[at]).ok_or_else(|| ValuationError::FxUnavailable {
            symbol: self.plan.line.symbol.clone(),
            currency: self.plan.line.currency,
            day: self.days[at],
        })
    }
}

/// The rate of every day: the last one that is at most seven days old.
pub(crate) fn rates_on(days: &[Day], rate_days: &[Day], rates: &[f64]) -> Vec<Option<i128>> {
    let mut next = 0;
    let mut last: Option<(Day, i128)> = None;
    let rate_on = |&day: &Day| {
        while let Some(&rate_day) = rate_days.get(next).filter(|&&rate_day| rate_day <= day) {
            let rate = rates.get(next).and_then(|&rate| fixed::rate(rate).ok());
            last = rate.map(|rate| (rate_day, rate)).or(last);
            next += 1;
        }
        last.filter(|&(rate_day, _)| day.days_since(rate_day) <= MAX_RATE_AGE).map(|(_, rate)| rate)
    };
    days.iter().map(rate_on).collect()
}
