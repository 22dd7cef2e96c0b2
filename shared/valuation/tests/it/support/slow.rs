//! A slow valuation that follows the definitions day by day.

use domain::{Bar, Currency, Day, SplitRatio};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use valuation::{Flow, IncomeKind};

use super::{Owned, Records};

/// A day as the slow valuation sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlowDay {
    pub date: Option<Day>,
    pub value: Decimal,
    pub shown: Decimal,
    pub inflow: Decimal,
    pub outflow: Decimal,
    pub income: Decimal,
    pub fees: Decimal,
    pub interest: Decimal,
    pub taxes: Decimal,
    pub inflow_taxes: Decimal,
    pub fx: Decimal,
    pub growth: Option<f64>,
    pub growth_after_tax: Option<f64>,
    pub without_rate: bool,
}

/// The state of an instrument at the end of a day.
#[derive(Clone, Copy, Debug, Default)]
struct EndOfDay {
    units: Decimal,
    price: Decimal,
    local: Decimal,
    rate: Decimal,
}

/// Every day between two, by the definitions: all instruments and all flows are visited again each day.
pub fn slowly(records: &Records, from: Day, to: Day) -> Vec<SlowDay> {
    let mut evenings = vec![EndOfDay { rate: Decimal::ONE, ..EndOfDay::default() }; records.instruments.len()];
    let mut days: Vec<SlowDay> = Vec::new();
    let mut date = from;
    while date <= to {
        let of_day: Vec<(Option<Bar>, Vec<&Flow>)> =
            records.instruments.iter().map(|owned| (bar_of(owned, date), flows_of(owned, date))).collect();
        let happens = |((bar, flows), evening): (&(Option<Bar>, Vec<&Flow>), &EndOfDay)| {
            !flows.is_empty() || (bar.is_some() && evening.units > Decimal::ZERO)
        };
        let pays = |owned: &Owned| owned.incomes.iter().any(|income| income.day == date);
        if of_day.iter().zip(&evenings).any(happens) || records.instruments.iter().any(pays) {
            let start = days.last().map_or(Decimal::ZERO, |day| day.value);
            let mut slow = SlowDay { date: Some(date), ..SlowDay::default() };
            let mut parts = Vec::new();
            for ((owned, evening), (bar, flows)) in records.instruments.iter().zip(&mut evenings).zip(&of_day) {
                parts.push(one_day(records, owned, evening, (*bar, flows), &mut slow));
            }
            let start = start.to_f64().unwrap();
            let is_traded = parts.iter().any(|part| part.buys.is_some() || part.sells.is_some());
            if is_traded || parts.iter().any(|part| part.charges != 0.0 || part.late < part.charges) {
                slow.growth = growth(start, &parts, false);
            }
            if slow.taxes != Decimal::ZERO {
                slow.growth_after_tax = growth(start, &parts, true);
            }
            days.push(slow);
        }
        date = date.plus_days(1);
    }
    days
}

fn bar_of(owned: &Owned, date: Day) -> Option<Bar> {
    owned.bars.dates().iter().position(|&other| other == date).and_then(|at| owned.bars.get(at))
}

fn flows_of(owned: &Owned, date: Day) -> Vec<&Flow> {
    owned.flows.iter().filter(|flow| flow.day == date).collect()
}

fn text(number: f64) -> Decimal {
    number.to_string().parse().unwrap()
}

/// Takes one instrument through a day.
#[expect(clippy::too_many_lines, reason = "everything that can happen on a day, one after the other")]
fn one_day(
    records: &Records,
    owned: &Owned,
    evening: &mut EndOfDay,
    (bar, flows): (Option<Bar>, &[&Flow]),
    slow: &mut SlowDay,
) -> Part {
    let date = slow.date.unwrap();
    let eve = *evening;
    let (rate, fresh) = records.rate(owned.currency, date);
    let ratio = bar.map_or(SplitRatio::ONE, |bar| SplitRatio::from_bar(bar.split_ratio).unwrap());
    let (new, old) = (Decimal::from(ratio.new_units()), Decimal::from(ratio.old_units()));
    let held = eve.units > Decimal::ZERO;
    let before = if held { Some(eve.price) } else { close_before(owned, date) };
    evening.price = before.unwrap_or_default();
    let mut dividend = Decimal::ZERO;
    let mut moved = Decimal::ZERO;
    if let Some(bar) = bar {
        evening.units = (evening.units * new / old).trunc_with_scale(12);
        evening.price = text(bar.close);
        dividend = text(bar.dividend);
        let paid = evening.units * dividend;
        slow.income += paid * rate;
        slow.outflow += paid * rate;
        moved += paid;
    }
    let units = evening.units;
    let deal = |inflow: bool| {
        let side: Vec<&&Flow> = flows.iter().filter(|flow| flow.kind.is_inflow() == inflow).collect();
        let units: Decimal = side.iter().map(|flow| flow.units.units()).sum();
        let value: Decimal = side.iter().map(|flow| flow.units.units() * flow.price.amount()).sum();
        let fee: Decimal = side.iter().map(|flow| flow.fee).sum();
        (!side.is_empty()).then(|| (units, value / units, fee))
    };
    let (bought, sold) = (deal(true), deal(false));
    let [mut late, mut charges, mut taxes, mut taxes_in, mut taxes_out] = [Decimal::ZERO; 5];
    for income in owned.incomes.iter().filter(|income| income.day == date) {
        let gross = match income.kind {
            IncomeKind::Dividend | IncomeKind::Interest => income.amount,
            IncomeKind::Fee | IncomeKind::Tax => Decimal::ZERO,
        };
        let charge = income.fee + if income.kind == IncomeKind::Fee { income.amount } else { Decimal::ZERO };
        let tax = income.tax + if income.kind == IncomeKind::Tax { income.amount } else { Decimal::ZERO };
        (late, charges, taxes) = (late + gross * rate, charges + charge * rate, taxes + tax * rate);
        slow.interest += if income.kind == IncomeKind::Interest { gross * rate } else { Decimal::ZERO };
        moved += gross.abs() + charge.abs() + tax.abs();
    }
    slow.income += late;
    slow.fees += charges;
    // What is left of the day's income is paid out; if charges are more, they are paid in.
    let net = late - charges;
    *if net < Decimal::ZERO { &mut slow.inflow } else { &mut slow.outflow } += net.abs();
    for flow in flows {
        slow.fees += flow.fee * rate;
        let of_side = if flow.kind.is_inflow() { &mut taxes_in } else { &mut taxes_out };
        *of_side += flow.tax * rate;
        let sum = if flow.kind.is_inflow() { &mut slow.inflow } else { &mut slow.outflow };
        *sum += flow.amount * rate;
        moved += flow.amount.abs() + flow.fee + flow.tax;
    }
    if let Some((more, price, _)) = bought {
        evening.units += more;
        if evening.price.is_zero() {
            evening.price = price.round_dp(12);
        }
    }
    if let Some((less, ..)) = sold {
        evening.units -= less;
    }
    evening.local = evening.units * evening.price;
    if !eve.local.is_zero() || !evening.local.is_zero() {
        slow.fx += eve.local * (rate - eve.rate);
        slow.value += evening.local * rate;
        slow.shown += (evening.local * rate).round_dp(2);
        evening.rate = rate;
    }
    slow.taxes += taxes + taxes_in + taxes_out;
    slow.inflow_taxes += taxes_in;
    let moves = !eve.local.is_zero() || !evening.local.is_zero() || !moved.is_zero();
    slow.without_rate |= moves && !fresh && owned.currency != records.base;
    let rate_before = if held { eve.rate } else { records.rate_before(owned.currency, date) };
    let in_base = |price: Decimal| ((price + dividend) * rate).to_f64().unwrap();
    let close = in_base(evening.price);
    let previous = match before {
        Some(price) => Some(price * old / new),
        None if bar.is_none() => Some(evening.price),
        None => None,
    };
    let side = |deal: Option<(Decimal, Decimal, Decimal)>| {
        deal.map(|(units, price, fee)| {
            let price = if price == evening.price { close } else { in_base(price) };
            (units.to_f64().unwrap(), price, (fee * rate).to_f64().unwrap())
        })
    };
    let previous = previous.map(|price| (price * rate_before).to_f64().unwrap());
    let number = |amount: Decimal| amount.to_f64().unwrap();
    Part {
        units: number(units),
        previous,
        close,
        buys: side(bought),
        sells: side(sold),
        late: number(late),
        charges: number(charges),
        taxes: [taxes, taxes_in, taxes_out].map(number),
    }
}

fn close_before(owned: &Owned, date: Day) -> Option<Decimal> {
    owned.bars.count_before(date).checked_sub(1).map(|at| text(owned.bars.close()[at]))
}

/// An instrument on a day in the base currency; units, price and fee of its purchases and of its sales.
struct Part {
    units: f64,
    previous: Option<f64>,
    close: f64,
    buys: Option<(f64, f64, f64)>,
    sells: Option<(f64, f64, f64)>,
    /// Income at the close, and charges.
    late: f64,
    charges: f64,
    /// Taxes: others, of purchases, of sales.
    taxes: [f64; 3],
}

/// The day cut at its flows, as in numbers.md: everything is visited again at each cut.
fn growth(start: f64, parts: &[Part], is_after_tax: bool) -> Option<f64> {
    let place = |part: &Part, price: f64| match part.previous {
        _ if price == part.close => 1.0,
        Some(previous) if previous != part.close => ((price - previous) / (part.close - previous)).clamp(0.0, 1.0),
        _ => 0.0,
    };
    let buy_place = |part: &Part| part.buys.map(|(_, price, _)| place(part, price));
    let sell_place =
        |part: &Part| part.sells.map(|(_, price, _)| place(part, price).max(buy_place(part).unwrap_or(0.0)));
    let mut cuts: Vec<(f64, bool)> = Vec::new();
    for part in parts {
        cuts.extend(buy_place(part).map(|at| (at, false)));
        cuts.extend(sell_place(part).map(|at| (at, true)));
    }
    cuts.sort_by(|a, b| a.partial_cmp(b).unwrap());
    cuts.dedup();
    let mut units: Vec<f64> = parts.iter().map(|part| part.units).collect();
    let mut opening = units.iter().all(|units| *units == 0.0);
    let (mut base, mut product) = (start, None);
    for (at, sells) in cuts {
        opening &= !sells;
        let in_cut = |part: &Part| if sells { sell_place(part) == Some(at) } else { buy_place(part) == Some(at) };
        let deal = |part: &Part| if sells { part.sells } else { part.buys }.unwrap();
        let mut worth = 0.0;
        for (part, units) in parts.iter().zip(&units) {
            let end = units * part.close;
            let start = part.previous.map_or(end, |previous| units * previous);
            worth += if in_cut(part) { units * deal(part).1 } else { start + at * (end - start) };
        }
        let (mut moved, mut fees) = (0.0, 0.0);
        for (part, units) in parts.iter().zip(&mut units).filter(|(part, _)| in_cut(part)) {
            let (number, price, mut fee) = deal(part);
            if is_after_tax {
                fee += if sells { part.taxes[2] } else { part.taxes[1] };
            }
            *units += if sells { -number } else { number };
            if units.abs() < 1e-9 {
                *units = 0.0;
            }
            (moved, fees) = (moved + number * price, fees + fee);
        }
        if opening {
            base += moved + fees;
            continue;
        }
        if base > 0.0 {
            let value = if sells { worth - fees } else { worth };
            product = Some(product.unwrap_or(1.0) * (value / base).max(0.0));
        }
        base = if sells { worth - moved } else { worth + moved + fees };
        if units.iter().all(|units| *units == 0.0) {
            base = 0.0;
        }
    }
    let mut end: f64 = parts.iter().zip(&units).map(|(part, units)| units * part.close).sum();
    for part in parts {
        end += part.late - part.charges - if is_after_tax { part.taxes[0] } else { 0.0 };
    }
    if base > 0.0 {
        product = Some(product.unwrap_or(1.0) * (end / base).max(0.0));
    }
    product
}

impl Records {
    /// The rate by which money that moves on a day is converted.
    pub fn rate_on(&self, currency: Currency, date: Day) -> Decimal {
        self.rate(currency, date).0
    }

    /// The rate of a day, and whether it is at most seven days old.
    fn rate(&self, currency: Currency, date: Day) -> (Decimal, bool) {
        if currency == self.base {
            return (Decimal::ONE, true);
        }
        match self.rate_days.partition_point(|&rate_day| rate_day <= date).checked_sub(1) {
            Some(at) => (text(self.rates[at].times), date.days_since(self.rate_days[at]) <= 7),
            None => (text(self.rates[0].times), false),
        }
    }

    /// The last rate before a day if it is at most seven days old, else that of the day.
    fn rate_before(&self, currency: Currency, date: Day) -> Decimal {
        let before = self.rate_days.partition_point(|&rate_day| rate_day < date).checked_sub(1);
        match before.filter(|&at| currency != self.base && date.days_since(self.rate_days[at]) <= 7) {
            Some(at) => text(self.rates[at].times),
            None => self.rate(currency, date).0,
        }
    }
}
