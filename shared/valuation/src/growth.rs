//! The growth of the days that are cut at their flows.

use quant::portfolio::{
    Payment, PricedMemory, TrackedCash, TrackedDay, TrackedTrade, Traded, Untouched, priced_growth, tracked_growth,
};

use crate::cash::CashStream;
use crate::columns::{Columns, Trading};
use crate::fixed::{self, AMOUNT_SCALE};

/// The growth of each day that needs more than its value and its flows.
pub(crate) struct DayGrowth {
    pub(crate) before_tax: Vec<Option<f64>>,
    /// Only of days with a tax; empty if there is none.
    pub(crate) after_tax: Vec<Option<f64>>,
    /// Only with tracked cash: the days of which a return was left out.
    pub(crate) has_no_return: Vec<bool>,
}

/// The growth of every day with trades, charges or negative income; `start` is the value at the end of the day before the first. The
/// records of a day are in order of symbols, whatever order they were recorded in.
pub(crate) fn growth_by_day(start: i128, columns: &Columns, tradings: &[Trading]) -> DayGrowth {
    let is_taxed = columns.taxes.iter().any(|&tax| tax != 0);
    let after_tax = if is_taxed { vec![None; columns.value.len()] } else { Vec::new() };
    let has_no_return = Vec::new();
    let mut growth = DayGrowth { before_tax: vec![None; columns.value.len()], after_tax, has_no_return };
    // Numbers are sorted, since a record takes three cache lines.
    let mut order: Vec<(usize, usize)> = tradings.iter().enumerate().map(|(by, trading)| (trading.at, by)).collect();
    order.sort_unstable();
    let value_before = |at: usize| at.checked_sub(1).map_or(start, |before| columns.value[before]);
    // Money that is paid in for an interest or a charge is no flow that the return leaves out.
    let is_charged = |at: usize| columns.charges[at] != 0 || columns.inflow[at] != 0;
    for at in (0..columns.value.len()).filter(|&at| is_charged(at) || columns.taxes[at] != 0) {
        let close = columns.value[at].saturating_add(columns.income[at]).saturating_sub(columns.charges[at]);
        let grown = |close: i128| {
            let (before, close) = (fixed::to_f64(value_before(at), AMOUNT_SCALE), fixed::to_f64(close, AMOUNT_SCALE));
            (before > 0.0).then(|| (close / before).max(0.0))
        };
        growth.before_tax[at] = grown(close).filter(|_| is_charged(at));
        if columns.taxes[at] != 0 {
            growth.after_tax[at] = grown(close.saturating_sub(columns.taxes[at]));
        }
    }
    let mut traded: Vec<Traded> = Vec::new();
    let mut memory = PricedMemory::default();
    for of_day in order.chunk_by(|a, b| a.0 == b.0) {
        let Some(&(at, _)) = of_day.first() else { continue };
        let of_day = || of_day.iter().map(|&(_, by)| &tradings[by]);
        let before = value_before(at);
        // The dividends of an ex-date are in the prices of the day.
        let with_dividends = columns.value[at].saturating_add(columns.income[at] - columns.late_income[at]);
        let rest = |whole: i128, part: fn(&Trading) -> i128| {
            fixed::to_f64(of_day().fold(whole, |rest, trading| rest.saturating_sub(part(trading))), AMOUNT_SCALE)
        };
        let income = columns.late_income[at].saturating_sub(columns.charges[at]);
        let untouched = Untouched {
            start: rest(before, |trading| trading.start),
            end: rest(with_dividends, |trading| trading.end),
            income: fixed::to_f64(income, AMOUNT_SCALE),
        };
        traded.clear();
        traded.extend(of_day().map(|trading| trading.traded));
        let start = fixed::to_f64(before, AMOUNT_SCALE);
        growth.before_tax[at] = priced_growth(start, untouched, &traded, &mut memory);
        if columns.taxes[at] != 0 {
            let of_trades = of_day().fold(0_i128, |sum, trading| sum.saturating_add(trading.taxes));
            let taxes = fixed::to_f64(columns.taxes[at].saturating_sub(of_trades), AMOUNT_SCALE);
            let untouched = Untouched { income: untouched.income - taxes, ..untouched };
            traded.clear();
            traded.extend(of_day().map(Trading::after_tax));
            growth.after_tax[at] = priced_growth(start, untouched, &traded, &mut memory);
        }
    }
    growth
}

/// The same if cash is part of the value. Every day on which cash or units move is cut at what comes from outside.
pub(crate) fn tracked_growth_by_day(
    start: i128,
    columns: &Columns,
    tradings: &[Trading],
    cash: &[CashStream<'_>],
) -> DayGrowth {
    let days = columns.value.len();
    let nothing = || vec![None; days];
    let mut growth = DayGrowth { before_tax: nothing(), after_tax: nothing(), has_no_return: vec![false; days] };
    let mut order: Vec<usize> = (0..tradings.len()).collect();
    order.sort_by_key(|&by| tradings[by].at);
    let mut rest = order.as_slice();
    let money = |amount: i128| fixed::to_f64(amount, AMOUNT_SCALE);
    for at in 0..days {
        let (of_day, later) = rest.split_at(rest.partition_point(|&by| tradings[by].at <= at));
        rest = later;
        let before = at.checked_sub(1).map_or(start, |before| columns.value[before]);
        if of_day.is_empty() && !columns.has_cash_moves[at] && columns.taxes[at] == 0 {
            growth.has_no_return[at] = before < 0 || (before > 0 && columns.value[at] <= 0);
            continue;
        }
        let in_currencies: Vec<TrackedCash> = cash.iter().map(|cash| cash.on(at)).collect();
        let of_cash = |part: fn(&TrackedCash) -> f64| in_currencies.iter().map(part).sum::<f64>();
        let traded = |part: fn(&Trading) -> i128| {
            money(of_day.iter().fold(0_i128, |sum, &by| sum.saturating_add(part(&tradings[by]))))
        };
        let with_dividends = columns.value[at].saturating_add(columns.income[at] - columns.late_income[at]);
        let at_close: f64 = cash.iter().map(|cash| cash.value_on(at)).sum();
        let untouched = Untouched {
            start: money(before) - of_cash(|cash| cash.balance * cash.rates[0]) - traded(|trading| trading.start),
            end: money(with_dividends) - at_close - traded(|trading| trading.end),
            income: 0.0,
        };
        let trades: Vec<TrackedTrade> = of_day.iter().map(|&by| tracked_trade(&tradings[by], cash)).collect();
        let day = TrackedDay {
            start: money(before),
            end: money(columns.value[at]),
            flows: money(columns.inflow[at].saturating_sub(columns.outflow[at])),
            untouched,
            trades: &trades,
            cash: &in_currencies,
            is_before_tax: true,
        };
        let found = tracked_growth(&day);
        growth.before_tax[at] = found.growth;
        growth.has_no_return[at] = found.is_cut_short;
        if columns.taxes[at] != 0 {
            let flows = day.flows + money(columns.taxes[at]);
            growth.after_tax[at] = tracked_growth(&TrackedDay { flows, is_before_tax: false, ..day }).growth;
        }
    }
    growth
}

fn tracked_trade(trading: &Trading, cash: &[CashStream<'_>]) -> TrackedTrade {
    let currency = cash.iter().position(|cash| cash.currency == trading.currency).unwrap_or(cash.len());
    let [purchase, sale] = trading.payments.map(|payment| Payment { currency, ..payment });
    TrackedTrade { traded: trading.traded, purchase, sale }
}
