//! One instrument through all days: its contribution to the value and the flows of each.
//!
//! Events (flows, splits, dividends) are few and days are many: between two events units do not change, and a day costs
//! one multiplication. The total cost is days + flows, never their product. A day on which the instrument is traded
//! leaves a [`Trading`], from which the day's return is computed once all instruments are through.

use domain::{Day, ExchangeRate, SplitRatio};
use quant::portfolio::{Deal, Payment, Traded};

use crate::columns::{Columns, InstrumentTotals, Trading, add};
use crate::error::ValuationError;
use crate::fixed::{self, AMOUNT_SCALE, TooLarge, UNIT_SCALE, exchanged, product};
use crate::flow_count::FlowCount;
use crate::moves::{DayIncome, Moves, Side};
use crate::plan::{DayEvent, EventPlan};
use crate::position::Position;
use crate::rates::DayRate;

/// The result of a plan.
pub(crate) struct Streamed {
    /// The position at the end.
    pub(crate) position: Position,
    /// The rate of the last day on which it was held.
    pub(crate) rate: ExchangeRate,
    pub(crate) totals: InstrumentTotals,
}

/// The end of the day before one with events, in the instrument's currency.
#[derive(Clone, Copy)]
struct PreviousDay {
    /// The close.
    price: Option<i128>,
    rate: ExchangeRate,
    /// Value in the base currency.
    value: i128,
}

/// A plan being streamed through the days.
pub(crate) struct Stream<'a, 'c> {
    plan: &'c EventPlan<'a>,
    days: &'c [Day],
    /// Rates of the days; `None` if the instrument is priced in the base currency.
    rates: Option<&'c [DayRate]>,
    position: Position,
    /// Value in the instrument's currency at the end of the previous day.
    local: i128,
    rate: ExchangeRate,
    /// The next bar.
    bar: usize,
    totals: InstrumentTotals,
}

impl<'a, 'c> Stream<'a, 'c> {
    /// Streams a plan through all days.
    pub(crate) fn run(
        plan: &'c EventPlan<'a>,
        days: &'c [Day],
        rates: Option<&'c [DayRate]>,
        columns: &mut Columns,
        tradings: &mut Vec<Trading>,
    ) -> Result<Streamed, ValuationError> {
        let position = plan.start;
        let local = product(position.units, position.price.unwrap_or(0))?;
        let bar = plan.line.bars.count_before(plan.first);
        let totals = InstrumentTotals::default();
        let mut stream = Self { plan, days, rates, position, local, rate: plan.start_rate, bar, totals };
        let start = if rates.is_some() { exchanged(local, plan.start_rate) } else { Ok(local) };
        stream.totals.start = start?;
        stream.totals.end = stream.totals.start;
        let mut at = 0;
        let mut events = plan.events.as_slice();
        while let Some((day, event)) = events.first() {
            let day = *day;
            if stream.position.units == 0 && matches!(event, DayEvent::Corporate(_)) {
                events = &events[1..];
                continue;
            }
            let until = at + days[at..].iter().take_while(|&&other| other < day).count();
            stream.quiet(at, until, columns)?;
            let of_day = events.iter().take_while(|(other, _)| *other == day).count();
            stream.eventful(until, &events[..of_day], columns, tradings)?;
            events = &events[of_day..];
            at = until + 1;
        }
        stream.quiet(at, days.len(), columns)?;
        Ok(Streamed { position: stream.position, rate: stream.rate, totals: stream.totals })
    }

    /// Days on which only the price can change.
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
        let end = self.bar + (until - from);
        if self.plan.line.bars.dates().get(self.bar..end) == Some(&self.days[from..until]) {
            self.bars_in_step(from, end, columns)?;
        } else {
            for at in from..until {
                self.next_close(self.days[at])?;
                self.local = product(self.position.units, self.position.price.unwrap_or(0))?;
                columns.add_value(at, self.local)?;
            }
        }
        self.totals.end = self.local;
        Ok(())
    }

    /// Bars up to `end`, one for each day: the usual case.
    fn bars_in_step(&mut self, from: usize, end: usize, columns: &mut Columns) -> Result<(), ValuationError> {
        let (units, unit) = (self.position.units, columns.unit);
        let closes = &self.plan.line.bars.close()[self.bar..end];
        let sums = columns.value[from..].iter_mut().zip(&mut columns.shown[from..]);
        for ((value, shown), &close) in sums.zip(closes) {
            let price = match fixed::price(close) {
                Ok(price) => price,
                Err(source) => return Err(self.plan.number(self.plan.line.bars.dates()[self.bar], source)),
            };
            self.position.price = Some(price);
            self.local = product(units, price)?;
            add(value, self.local)?;
            *shown += unit.round(self.local);
            self.bar += 1;
        }
        Ok(())
    }

    /// A day with events: the split and the dividend before the open, then the trades.
    fn eventful(
        &mut self,
        at: usize,
        events: &[(Day, DayEvent)],
        columns: &mut Columns,
        tradings: &mut Vec<Trading>,
    ) -> Result<(), ValuationError> {
        let day = self.days[at];
        if self.position.units == 0 {
            self.find_close_before(day)?;
        }
        let eve = PreviousDay { price: self.position.price, rate: self.rate_before(at), value: self.totals.end };
        let mut traded = None;
        let income_before = self.totals.income;
        let (mut dividends, mut taxes, taxes_before) = (0, 0, self.totals.taxes);
        for (_, event) in events {
            match event {
                DayEvent::Corporate(bar) => {
                    self.plan.split(&mut self.position, *bar)?;
                    self.dividend(at, *bar, columns)?;
                    dividends = self.totals.income - income_before;
                }
                DayEvent::Income(income) => self.income(at, income, columns)?,
                DayEvent::Moves(moves) => {
                    traded = Some((self.position.units, moves));
                    self.moves(at, moves, columns)?;
                    taxes = self.totals.taxes - taxes_before;
                }
            }
        }
        self.next_close(day)?;
        self.evening(at, columns)?;
        if let Some((units, moves)) = traded {
            let (start, end) = (eve.value, self.totals.end.saturating_add(dividends));
            let traded = self.traded(at, eve, units, moves)?;
            let tax = |side: &Side| self.to_base_f64(at, side.tax);
            let tax_of_sides = [tax(&moves.bought), tax(&moves.sold)];
            let payments = [&moves.bought, &moves.sold].map(|side| self.payment(at, side));
            let currency = self.plan.line.currency;
            tradings.push(Trading { at, start, end, taxes, tax_of_sides, currency, payments, traded });
        }
        Ok(())
    }

    /// Finds the previous close, which an instrument that is not held starts from.
    fn find_close_before(&mut self, day: Day) -> Result<(), ValuationError> {
        self.bar = self.plan.line.bars.count_before(day);
        let before = self.bar.checked_sub(1);
        self.position.price = before.map(|before| self.plan.close(before)).transpose()?;
        Ok(())
    }

    /// The previous day's rate: that of its value, or of the previous day if nothing was held.
    fn rate_before(&self, at: usize) -> ExchangeRate {
        match self.rates {
            None => ExchangeRate::ONE,
            Some(_) if self.local != 0 => self.rate,
            Some(rates) => rates[at].before.unwrap_or(rates[at].rate),
        }
    }

    fn dividend(&mut self, at: usize, bar: usize, columns: &mut Columns) -> Result<(), ValuationError> {
        let each = self.plan.dividend(bar)?;
        if self.position.units == 0 || each <= 0 {
            return Ok(());
        }
        let paid = product(self.position.units, each)?;
        let paid = self.in_base(at, paid, columns)?;
        add(&mut columns.income[at], paid)?;
        add(&mut columns.outflow[at], paid)?;
        add(&mut self.totals.income, paid)?;
        add(&mut self.totals.outflow, paid)?;
        Ok(())
    }

    /// Income is paid out, and charges are paid in.
    fn income(&mut self, at: usize, income: &DayIncome, columns: &mut Columns) -> Result<(), ValuationError> {
        let mut in_base = |amount: i128| self.in_base(at, amount, columns);
        let (dividends, interest) = (in_base(income.dividends)?, in_base(income.interest)?);
        let (fees, taxes) = (in_base(income.fees)?, in_base(income.taxes)?);
        let gross = dividends.checked_add(interest).ok_or(TooLarge)?;
        let net = gross.checked_sub(fees).ok_or(TooLarge)?;
        let totals = &mut self.totals;
        for (sum, total, amount) in [
            (&mut columns.income[at], &mut totals.income, gross),
            (&mut columns.interest[at], &mut totals.interest, interest),
            (&mut columns.fees[at], &mut totals.fees, fees),
            (&mut columns.taxes[at], &mut totals.taxes, taxes),
        ] {
            add(sum, amount)?;
            add(total, amount)?;
        }
        // Tracked cash receives it, but for the tax, which is a withdrawal.
        let (paid_out, paid_in) = if columns.is_tracked { (taxes, 0) } else { (net.max(0), (-net).max(0)) };
        add(&mut columns.outflow[at], paid_out)?;
        add(&mut columns.inflow[at], paid_in)?;
        add(&mut totals.outflow, net.max(0))?;
        add(&mut totals.inflow, (-net).max(0))?;
        add(&mut columns.late_income[at], gross)?;
        add(&mut columns.charges[at], fees)?;
        Ok(())
    }

    fn moves(&mut self, at: usize, moves: &Moves, columns: &mut Columns) -> Result<(), ValuationError> {
        let day = self.days[at];
        self.position.follow(moves, self.plan.line.symbol, day)?;
        for (side, is_inflow) in [(&moves.bought, true), (&moves.sold, false)] {
            let (amount, fee) = (self.in_base(at, side.amount, columns)?, self.in_base(at, side.fee, columns)?);
            add(&mut columns.fees[at], fee)?;
            add(&mut self.totals.fees, fee)?;
            if side.tax != 0 {
                let tax = self.in_base(at, side.tax, columns)?;
                add(&mut columns.taxes[at], tax)?;
                add(&mut self.totals.taxes, tax)?;
                if columns.is_tracked {
                    add(&mut columns.outflow[at], tax)?;
                } else if is_inflow {
                    add(&mut columns.inflow_taxes[at], tax)?;
                }
            }
            // What tracked cash pays is a flow of the instrument, and none of the portfolio.
            let from_outside = match side.amount_from_cash {
                0 => amount,
                inside => self.in_base(at, side.amount.saturating_sub(inside), columns)?,
            };
            let (column, total) = if is_inflow {
                (&mut columns.inflow[at], &mut self.totals.inflow)
            } else {
                (&mut columns.outflow[at], &mut self.totals.outflow)
            };
            add(column, from_outside)?;
            add(total, amount)?;
        }
        self.totals.outside_the_day = FlowCount::more(self.totals.outside_the_day, moves.outside, day);
        if self.rates.is_some_and(|rates| !rates[at].known) {
            self.totals.without_rate = FlowCount::more(self.totals.without_rate, moves.flows(), day);
        }
        Ok(())
    }

    /// The inputs of the day's return: prices in the base currency, with the day's dividend.
    fn traded(&self, at: usize, eve: PreviousDay, units: i128, moves: &Moves) -> Result<Traded, ValuationError> {
        let bar = self.bar.checked_sub(1).filter(|&bar| self.plan.line.bars.dates()[bar] == self.days[at]);
        let (split, dividend) = match bar {
            Some(bar) => (self.plan.split_ratio(bar)?, self.plan.dividend(bar)?),
            None => (SplitRatio::ONE, 0),
        };
        let (rate_before, rate) = (eve.rate.to_f64(), self.rates.map_or(1.0, |rates| rates[at].rate.to_f64()));
        let price_in_base = |price: f64| (price + fixed::to_f64(dividend, UNIT_SCALE)) * rate;
        let last = self.position.price.unwrap_or(0);
        let close = price_in_base(fixed::to_f64(last, UNIT_SCALE));
        let previous = match (eve.price, bar) {
            // Multiplied before dividing, so that a close that has not moved is the same float.
            (Some(price), _) => {
                Some(fixed::to_f64(price, UNIT_SCALE) * split.old_units() as f64 / split.new_units() as f64)
            }
            // Before the first bar the price is the purchase price, also for the previous day.
            (None, None) => Some(fixed::to_f64(last, UNIT_SCALE)),
            (None, Some(_)) => None,
        };
        let deal = |side: &Side, units_after: i128| -> Result<Option<Deal>, ValuationError> {
            if side.units == 0 {
                return Ok(None);
            }
            let at_the_close = product(side.units, last)? == side.value;
            let price = if at_the_close { close } else { price_in_base(side.mean_price()) };
            let fee = fixed::to_f64(side.fee, AMOUNT_SCALE) * rate;
            Ok(Some(Deal { price, units_after: fixed::to_f64(units_after, UNIT_SCALE), fee }))
        };
        let after = self.position.units;
        let between = if moves.sold.units == 0 { after } else { units.saturating_add(moves.bought.units) };
        Ok(Traded {
            units: fixed::to_f64(units, UNIT_SCALE),
            previous: previous.map(|price| price * rate_before),
            close,
            purchase: deal(&moves.bought, between)?,
            sale: deal(&moves.sold, after)?,
        })
    }

    fn next_close(&mut self, day: Day) -> Result<(), ValuationError> {
        let bars = self.plan.line.bars;
        if bars.dates().get(self.bar) == Some(&day) {
            self.position.price = Some(self.plan.close(self.bar)?);
            self.bar += 1;
        }
        Ok(())
    }

    /// The value at the close, and the effect of the rate change on the previous day's value.
    fn evening(&mut self, at: usize, columns: &mut Columns) -> Result<(), ValuationError> {
        let local = product(self.position.units, self.position.price.unwrap_or(0))?;
        let mut value = local;
        if let Some(rates) = self.rates
            && (local != 0 || self.local != 0)
        {
            let DayRate { rate, known, .. } = rates[at];
            columns.without_rate[at] |= !known;
            value = exchanged(local, rate)?;
            if self.local != 0 {
                // The previous day's value at the new rate, less its old value.
                let exchanged = if local == self.local { value } else { exchanged(self.local, rate)? };
                let change = exchanged.checked_sub(self.totals.end).ok_or(TooLarge)?;
                add(&mut columns.fx[at], change)?;
                add(&mut self.totals.fx, change)?;
            }
            self.rate = rate;
        }
        columns.add_value(at, value)?;
        self.local = local;
        self.totals.end = value;
        Ok(())
    }

    /// How a side is paid, if cash is tracked. Where both pay, the fee is shared by units.
    fn payment(&self, at: usize, side: &Side) -> Payment {
        let units = |units: i128| fixed::to_f64(units, UNIT_SCALE);
        let money = |amount: i128| fixed::to_f64(amount, AMOUNT_SCALE);
        let outside_units = units(side.units.saturating_sub(side.units_from_cash));
        let share = if side.units == 0 { 0.0 } else { outside_units / units(side.units) };
        Payment {
            currency: 0,
            cash: money(side.amount_from_cash),
            tax: money(side.tax),
            outside_units,
            outside_fee: self.to_base_f64(at, side.fee) * share,
        }
    }

    fn to_base_f64(&self, at: usize, amount: i128) -> f64 {
        fixed::to_f64(amount, AMOUNT_SCALE) * self.rates.map_or(1.0, |rates| rates[at].rate.to_f64())
    }

    fn in_base(&self, at: usize, amount: i128, columns: &mut Columns) -> Result<i128, ValuationError> {
        let Some(rates) = self.rates.filter(|_| amount != 0) else { return Ok(amount) };
        columns.without_rate[at] |= !rates[at].known;
        Ok(exchanged(amount, rates[at].rate)?)
    }
}
