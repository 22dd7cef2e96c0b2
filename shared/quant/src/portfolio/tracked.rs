//! The return of a day of a portfolio whose cash is part of its value.
//!
//! Only money that comes from outside or leaves cuts the day. Purchases and sales inside move cash and units at their
//! place between the previous close and the close, see [`priced_growth`](super::priced_growth).

use std::cmp::Ordering;

use super::priced::{Kind, Sums, Traded, Untouched};

/// How the purchases or the sales of an instrument are paid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Payment {
    /// The number of the currency of the cash.
    pub currency: usize,
    /// Cash that leaves for a purchase or comes in from a sale, fees included, in its currency.
    pub cash: f64,
    /// The tax that leaves with it, in its currency: before tax a withdrawal.
    pub tax: f64,
    /// The units that are not paid with the portfolio's cash.
    pub outside_units: f64,
    /// The fee of these, in the currency of the portfolio.
    pub outside_fee: f64,
}

/// An instrument on a day on which it was traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedTrade {
    /// Its prices and units.
    pub traded: Traded,
    /// How its purchases are paid.
    pub purchase: Payment,
    /// How its sales are paid.
    pub sale: Payment,
}

/// The cash of a currency on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrackedCash {
    /// What was there at the end of the previous day, in its currency.
    pub balance: f64,
    /// The rate of the previous day and that of the day.
    pub rates: [f64; 2],
    /// What was put in on the day, in its currency. It comes at the first purchase that needs it, else at the close.
    pub deposit: f64,
}

/// A day of a portfolio with its cash, in the currency of the portfolio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedDay<'a> {
    /// Value at the end of the previous day, cash included.
    pub start: f64,
    /// Value at the end of the day.
    pub end: f64,
    /// What came from outside on the whole day less what left; before tax, taxes leave.
    pub flows: f64,
    /// All holdings that were not traded on the day, without cash.
    pub untouched: Untouched,
    /// The traded instruments.
    pub trades: &'a [TrackedTrade],
    /// The cash by currency.
    pub cash: &'a [TrackedCash],
    /// Whether taxes are withdrawals.
    pub is_before_tax: bool,
}

/// The growth of a tracked day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedGrowth {
    /// The product of the factors between the cuts; none if no factor has a base and a value above zero.
    pub growth: Option<f64>,
    /// Whether a factor was left out because its base or its value is not above zero.
    pub is_cut_short: bool,
}

/// Purchases or sales at their place in the day.
#[derive(Clone, Copy)]
struct Event {
    place: f64,
    kind: Kind,
    instrument: usize,
    units_before: f64,
    units_after: f64,
    price: f64,
    payment: Payment,
}

/// The growth of a day with trades or cash flows.
#[must_use]
pub fn tracked_growth(day: &TrackedDay<'_>) -> TrackedGrowth {
    let mut events: Vec<Event> = day.trades.iter().enumerate().flat_map(|(at, trade)| trade.events(at)).collect();
    let order = |a: &Event, b: &Event| {
        a.place.total_cmp(&b.place).then(a.kind.cmp(&b.kind)).then(a.instrument.cmp(&b.instrument))
    };
    events.sort_unstable_by(order);
    let mut running = RunningDay::new(day);
    for together in events.chunk_by(|a, b| a.place.total_cmp(&b.place) == Ordering::Equal && a.kind == b.kind) {
        running.follow(together);
    }
    running.factor(day.end - (day.flows - running.placed));
    TrackedGrowth { growth: running.growth, is_cut_short: running.is_cut_short }
}

impl TrackedTrade {
    fn events(&self, instrument: usize) -> impl Iterator<Item = Event> {
        let of_kind = |kind| if kind == Kind::Purchase { self.purchase } else { self.sale };
        self.traded.cuts(instrument).map(move |cut| Event {
            place: cut.place,
            kind: cut.kind,
            instrument,
            units_before: cut.units_before,
            units_after: cut.deal.units_after,
            price: cut.deal.price,
            payment: of_kind(cut.kind),
        })
    }
}

/// A day on its way from flow to flow.
struct RunningDay<'a> {
    day: &'a TrackedDay<'a>,
    /// Instruments, then currencies, then everything not traded: at the previous close and at the close.
    worth: Sums,
    /// The cash of each currency, and whether its deposit has come.
    cash: Vec<(f64, bool)>,
    /// The base of the next factor.
    base: f64,
    /// What has come from outside so far less what has left.
    placed: f64,
    growth: Option<f64>,
    is_cut_short: bool,
}

impl<'a> RunningDay<'a> {
    fn new(day: &'a TrackedDay<'a>) -> Self {
        let mut worth = Sums::default();
        let instruments = day.trades.iter().map(|trade| trade.traded.worth(trade.traded.units));
        let cash = day.cash.iter().map(|cash| cash.rates.map(|rate| cash.balance * rate));
        let rest = [day.untouched.start, day.untouched.end];
        worth.fill(day.trades.len() + day.cash.len() + 1, instruments.chain(cash).chain([rest]));
        let cash = day.cash.iter().map(|cash| (cash.balance, false)).collect();
        Self { day, worth, cash, base: day.start, placed: 0.0, growth: None, is_cut_short: false }
    }

    fn value_at(&self, place: f64) -> f64 {
        let [start, end] = self.worth.total();
        start + place * (end - start)
    }

    fn factor(&mut self, value: f64) {
        if self.base > 0.0 && value > 0.0 {
            self.growth = Some(self.growth.unwrap_or(1.0) * (value / self.base));
        } else if self.base.abs() > 0.0 {
            self.is_cut_short = true;
        }
    }

    /// Money comes from outside, or leaves, when everything is worth `value`.
    fn flow(&mut self, value: f64, amount: f64) {
        self.factor(value);
        self.base = value + amount;
        self.placed += amount;
    }

    fn follow(&mut self, together: &[Event]) {
        let Some(&Event { place, .. }) = together.first() else { return };
        for event in together.iter().filter(|event| event.kind == Kind::Purchase) {
            self.deposit_if_needed(place, event.payment);
        }
        self.outside(place, together);
        for event in together {
            self.worth.set(event.instrument, self.day.trades[event.instrument].traded.worth(event.units_after));
            let Payment { currency, cash, tax, .. } = event.payment;
            let moved = if event.kind == Kind::Purchase { -cash } else { cash };
            if self.day.is_before_tax && tax != 0.0 {
                self.move_cash(currency, moved);
                let value = self.value_at(place);
                self.flow(value, -tax * self.rate(currency));
                self.move_cash(currency, -tax);
            } else {
                self.move_cash(currency, moved - tax);
            }
        }
    }

    /// The part of these that is not paid with the portfolio's cash is one flow, at its own prices.
    fn outside(&mut self, place: f64, together: &[Event]) {
        let outside = || together.iter().filter(|event| event.payment.outside_units > 0.0);
        if outside().next().is_none() {
            return;
        }
        for event in outside() {
            self.worth.set(event.instrument, [0.0, 0.0]);
        }
        let rest = self.value_at(place);
        let (mut before, mut amount, mut fees) = (rest, 0.0, 0.0);
        for event in outside() {
            before += event.units_before * event.price;
            amount += event.payment.outside_units * event.price;
            fees += event.payment.outside_fee;
            let traded = self.day.trades[event.instrument].traded;
            self.worth.set(event.instrument, traded.worth(event.units_before));
        }
        if together.first().is_some_and(|event| event.kind == Kind::Purchase) {
            self.factor(before);
            self.base = before + amount + fees;
            self.placed += amount + fees;
        } else {
            self.factor(before - fees);
            self.base = before - amount;
            self.placed -= amount - fees;
        }
    }

    fn deposit_if_needed(&mut self, place: f64, payment: Payment) {
        let Payment { currency, cash, tax, .. } = payment;
        let Some(&(balance, has_come)) = self.cash.get(currency) else { return };
        let deposit = self.day.cash.get(currency).map_or(0.0, |cash| cash.deposit);
        if has_come || deposit <= 0.0 || balance - cash - tax >= 0.0 {
            return;
        }
        let value = self.value_at(place);
        self.flow(value, deposit * self.rate(currency));
        self.cash[currency].1 = true;
        self.move_cash(currency, deposit);
    }

    fn rate(&self, currency: usize) -> f64 {
        self.day.cash.get(currency).map_or(1.0, |cash| cash.rates[1])
    }

    fn move_cash(&mut self, currency: usize, amount: f64) {
        if let (Some(cash), Some(of_day)) = (self.cash.get_mut(currency), self.day.cash.get(currency)) {
            cash.0 += amount;
            let balance = cash.0;
            self.worth.set(self.day.trades.len() + currency, of_day.rates.map(|rate| balance * rate));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::priced::Deal;
    use super::*;

    const NO_REST: Untouched = Untouched { start: 0.0, end: 0.0, income: 0.0 };

    fn dollars(balance: f64, deposit: f64) -> TrackedCash {
        TrackedCash { balance, rates: [1.0, 1.0], deposit }
    }

    fn bought(units: f64, price: f64, cash: f64) -> TrackedTrade {
        let purchase = Some(Deal { price, units_after: units, fee: 0.0 });
        let traded = Traded { units: 0.0, previous: Some(100.0), close: 110.0, purchase, sale: None };
        TrackedTrade { traded, purchase: Payment { cash, ..Payment::default() }, sale: Payment::default() }
    }

    fn near(found: TrackedGrowth, expected: f64) {
        assert!((found.growth.unwrap() - expected).abs() < 1e-14, "{found:?} is not {expected}");
        assert!(!found.is_cut_short);
    }

    #[test]
    fn a_purchase_from_cash_is_no_flow_and_its_fee_a_loss() {
        let day = TrackedDay {
            start: 2000.0,
            end: 2000.0 - 1051.0 + 1100.0,
            flows: 0.0,
            untouched: NO_REST,
            trades: &[bought(10.0, 105.0, 1051.0)],
            cash: &[dollars(2000.0, 0.0)],
            is_before_tax: true,
        };
        near(tracked_growth(&day), 2049.0 / 2000.0);
    }

    #[test]
    fn a_deposit_comes_with_the_purchase_that_needs_it_else_at_the_close() {
        let rest = Untouched { start: 1000.0, end: 1100.0, income: 0.0 };
        let day = |balance: f64| TrackedDay {
            start: 1000.0 + balance,
            end: 1100.0 + balance + 500.0 - 1050.0 + 1100.0,
            flows: 500.0,
            untouched: rest,
            trades: &[],
            cash: &[],
            is_before_tax: true,
        };
        let trades = [bought(10.0, 105.0, 1050.0)];
        // Half way into the day the rest is worth 1,050.
        let cash = [dollars(600.0, 500.0)];
        let needed = TrackedDay { trades: &trades, cash: &cash, ..day(600.0) };
        near(tracked_growth(&needed), 1650.0 / 1600.0 * (2250.0 / 2150.0));
        let cash = [dollars(2000.0, 500.0)];
        let enough = TrackedDay { trades: &trades, cash: &cash, ..day(2000.0) };
        near(tracked_growth(&enough), (3650.0 - 500.0) / 3000.0);
    }

    #[test]
    fn a_factor_without_a_base_is_left_out() {
        let trades = [bought(10.0, 105.0, 1050.0)];
        let first = TrackedDay {
            start: 0.0,
            end: 1150.0,
            flows: 1100.0,
            untouched: NO_REST,
            trades: &trades,
            cash: &[dollars(0.0, 1100.0)],
            is_before_tax: true,
        };
        near(tracked_growth(&first), 1150.0 / 1100.0);
        let debt = TrackedDay { start: -10.0, end: 40.0, flows: 0.0, cash: &[dollars(-10.0, 0.0)], ..first };
        assert_eq!(tracked_growth(&debt), TrackedGrowth { growth: None, is_cut_short: true });
    }
}
