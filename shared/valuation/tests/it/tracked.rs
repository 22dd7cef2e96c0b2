//! Portfolios whose cash is part of their value: golden values, laws, and a plain count of the cash of every day.

use std::collections::BTreeMap;

use domain::{Bar, Bars, Currency, Day};
use proptest::prelude::*;
use quant::portfolio::FlowTiming;
use rust_decimal::Decimal;
use valuation::FlowKind::{Bought, Sold};
use valuation::{
    CashMove, CashMoveKind, DayValue, Flow, IncomeKind, Performance, PerformanceRequest, ValueSeries,
    attribution_by_symbol, performance, totals_by_symbol, value_series,
};

use crate::support::{
    Owned, OwnedCash, Records, SeededRandom, day, dec, eur, first_day, last_day, sample, some_records, spanned, traded,
};

fn moved(date: Day, kind: CashMoveKind, amount: Decimal) -> CashMove {
    CashMove { day: date, kind, amount }
}

fn cash(currency: Currency, moves: Vec<CashMove>) -> OwnedCash {
    OwnedCash { symbol: format!("^CASH={currency}").parse().unwrap(), currency, moves }
}

/// The records with all flows and incomes paid with cash, and these other moves of it.
fn tracked(mut records: Records, others: Vec<(Currency, CashMove)>) -> Records {
    let mut moves: BTreeMap<&str, (Currency, Vec<CashMove>)> = BTreeMap::new();
    let mut add = |currency: Currency, one| moves.entry(currency.code()).or_insert((currency, Vec::new())).1.push(one);
    for owned in &mut records.instruments {
        for flow in &mut owned.flows {
            flow.from_cash = true;
            let amount = if flow.kind.is_inflow() { -flow.amount } else { flow.amount } - flow.tax;
            add(owned.currency, moved(flow.day, CashMoveKind::OfInstrument, amount));
        }
        for income in &owned.incomes {
            let gross =
                if matches!(income.kind, IncomeKind::Fee | IncomeKind::Tax) { -income.amount } else { income.amount };
            add(owned.currency, moved(income.day, CashMoveKind::OfInstrument, gross - income.fee - income.tax));
        }
    }
    for (currency, one) in others {
        add(currency, one);
    }
    let sorted = |(currency, mut moves): (Currency, Vec<CashMove>)| {
        moves.sort_by_key(|one| one.day);
        cash(currency, moves)
    };
    records.cash = Some(moves.into_values().map(sorted).collect());
    records
}

fn performed(records: &Records, from: Day, to: Day, flow_timing: FlowTiming) -> Performance {
    let series = value_series(&records.book(), to).unwrap();
    performance(&PerformanceRequest { flow_timing, ..spanned(&series, from, to) })
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 5.1e-10, "{found} is not {expected}");
}

/// The index test of Portfolio Performance: its flows as deposits and withdrawals, its gains as interest and fees.
#[test]
fn cash_alone_has_the_returns_of_its_interest_and_fees() {
    let days = [
        ("0", "230"),
        ("200", "200"),
        ("-400", "-234.41"),
        ("0", "293.99"),
        ("0", "293.99"),
        ("5400", "195.99"),
        ("-3697.04", "-882.52"),
        ("0", "-1003.85"),
    ];
    let mut moves = vec![moved(day("2013-01-01"), CashMoveKind::Flow, dec("10000"))];
    for (after, (flow, gain)) in days.into_iter().enumerate() {
        let (date, gain) = (day("2013-01-02").plus_days(after as i32), dec(gain));
        let kind = if gain.is_sign_negative() { IncomeKind::Fee } else { IncomeKind::Interest };
        moves.extend([moved(date, CashMoveKind::Flow, dec(flow)), moved(date, CashMoveKind::Income(kind), gain)]);
    }
    let records = Records { cash: Some(vec![cash(Currency::USD, moves)]), ..Records::empty() };
    let start_of_day = [
        0.023,
        0.042_616_491,
        0.019_624_983,
        0.049_614_163,
        0.079_603_343,
        0.092_841_403,
        0.033_231_97,
        -0.056_182_678,
    ];
    let priced =
        [0.023, 0.043, 0.020_000_035, 0.050_000_246, 0.080_000_457, 0.100_000_258, 0.040_000_342, -0.050_000_032];
    for (timing, expected) in [(FlowTiming::StartOfDay, start_of_day), (FlowTiming::Priced, priced)] {
        let found = performed(&records, day("2013-01-02"), day("2013-01-09"), timing);
        for (row, expected) in found.series.iter().zip(expected) {
            near(row.twr.unwrap(), expected);
        }
    }
    let parts = performed(&records, day("2013-01-02"), day("2013-01-09"), FlowTiming::Priced).attribution;
    let listed = [parts.price_gain, parts.interest, parts.fees, parts.flows, parts.end_value];
    assert_eq!(listed.map(|part| part.to_string()), ["0.00", "1213.97", "2120.78", "1502.96", "10596.15"]);
}

fn two_stocks() -> Records {
    let mut records = Records::empty();
    let stock = |name: &str, flows| Owned::new(name.parse().unwrap(), Currency::USD, sample(name), flows);
    let apple = vec![
        traded(day("2012-04-23"), Bought, "10", "575.00", "4.95"),
        traded(day("2012-04-26"), Sold, "10", "609.00", "4.95"),
    ];
    let microsoft = vec![traded(day("2012-04-25"), Bought, "100", "32.00", "4.95")];
    records.instruments = vec![stock("AAPL", apple), stock("MSFT", microsoft)];
    records
}

#[test]
fn trades_inside_the_portfolio_are_no_flows() {
    let flows = [("2012-04-23", "10000"), ("2012-04-25", "2000"), ("2012-04-26", "-8000")];
    let flows = flows.map(|(date, amount)| (Currency::USD, moved(day(date), CashMoveKind::Flow, dec(amount))));
    let records = tracked(two_stocks(), flows.to_vec());
    let found = performed(&records, day("2012-04-23"), day("2012-04-26"), FlowTiming::Priced);
    let rows: Vec<_> = found.series.iter().map(|row| format!("{} {} {}", row.value, row.inflow, row.outflow)).collect();
    assert_eq!(rows, ["9962.05 10000.00 0.00", "9847.85 0.00 0.00", "12360.10 2000.00 0.00", "4336.15 0.00 8000.00"]);
    for (row, expected) in found.series.iter().zip([-0.003_795, -0.015_215, 0.036_01, 0.034_002_537]) {
        near(row.twr.unwrap(), expected);
    }
    assert_eq!(found.attribution.flows, dec("4000.00"));
    assert_eq!(found.attribution.fees, dec("14.85"));
}

#[test]
fn the_order_of_recording_changes_nothing() {
    let flows = [("2012-04-23", "10000"), ("2012-04-25", "1500"), ("2012-04-25", "500"), ("2012-04-26", "-8000")];
    let flows = flows.map(|(date, amount)| (Currency::USD, moved(day(date), CashMoveKind::Flow, dec(amount))));
    let bytes = |records: &Records| serde_json::to_string(&value_series(&records.book(), last_day()).unwrap()).unwrap();
    let mut records = tracked(two_stocks(), flows.to_vec());
    let first = bytes(&records);
    records.instruments.reverse();
    for cash in records.cash.iter_mut().flatten() {
        cash.moves.reverse();
        cash.moves.sort_by_key(|one| one.day);
    }
    assert_eq!(bytes(&records), first);
}

#[test]
fn a_day_with_a_debt_has_no_return_and_the_others_have_theirs() {
    let flows = [("2012-04-23", "10000"), ("2012-04-24", "-20000"), ("2012-04-25", "20000")];
    let flows = flows.map(|(date, amount)| (Currency::USD, moved(day(date), CashMoveKind::Flow, dec(amount))));
    let records = tracked(two_stocks(), flows.to_vec());
    let series = value_series(&records.book(), day("2012-04-26")).unwrap();
    let without: Vec<Day> = series.days().filter(|day| day.has_no_return).map(|day| day.date).collect();
    // The withdrawal leaves a debt at the close of the day, whose own return is that of what was there.
    assert_eq!(without, [day("2012-04-25")]);
    for timing in [FlowTiming::Priced, FlowTiming::StartOfDay, FlowTiming::EndOfDay] {
        let found = performed(&records, day("2012-04-23"), day("2012-04-26"), timing);
        assert!(found.metrics.twr.is_some_and(f64::is_finite), "{timing:?}");
    }
}

/// Moves of any kind in both currencies.
fn some_moves(seed: u64) -> Vec<(Currency, CashMove)> {
    let mut numbers = SeededRandom::new(seed ^ 0x4d);
    let mut moves = Vec::new();
    for _ in 0..numbers.below(30) {
        let date = first_day().plus_days(numbers.below(470) as i32);
        let currency = if numbers.below(4) == 0 { eur() } else { Currency::USD };
        let cents = 1 + numbers.below(3_000_000) as i64;
        let amount = Decimal::new(if numbers.below(4) == 0 { -cents } else { cents }, 2);
        let kinds = [
            CashMoveKind::Flow,
            CashMoveKind::Flow,
            CashMoveKind::Income(IncomeKind::Interest),
            CashMoveKind::Income(IncomeKind::Dividend),
            CashMoveKind::Income(IncomeKind::Fee),
            CashMoveKind::Income(IncomeKind::Tax),
            CashMoveKind::Exchange,
        ];
        moves.push((currency, moved(date, kinds[numbers.below(7) as usize], amount)));
    }
    moves
}

fn exact(amount: valuation::Amount) -> Decimal {
    amount.to_string().parse().unwrap()
}

/// What the cash of a day counts as, by visiting every move again.
#[derive(Debug, Default, PartialEq)]
struct PlainCash {
    value: Decimal,
    inflow: Decimal,
    outflow: Decimal,
    income: Decimal,
    fees: Decimal,
    taxes: Decimal,
    fx: Decimal,
}

fn plain_cash(records: &Records, before: Option<Day>, date: Day) -> PlainCash {
    let mut plain = PlainCash::default();
    for cash in records.cash.iter().flatten() {
        let rate = records.rate_on(cash.currency, date);
        let until =
            |end: Day| -> Decimal { cash.moves.iter().filter(|one| one.day <= end).map(|one| one.amount).sum() };
        plain.value += until(date) * rate;
        if let Some(before) = before {
            plain.fx += until(before) * (rate - records.rate_on(cash.currency, before));
        }
        for one in cash.moves.iter().filter(|one| one.day == date) {
            let amount = one.amount * rate;
            match one.kind {
                CashMoveKind::Flow if amount.is_sign_positive() => plain.inflow += amount,
                CashMoveKind::Flow => plain.outflow -= amount,
                CashMoveKind::OfInstrument => {}
                CashMoveKind::Income(IncomeKind::Dividend | IncomeKind::Interest) => plain.income += amount,
                CashMoveKind::Income(IncomeKind::Fee) => plain.fees -= amount,
                CashMoveKind::Income(IncomeKind::Tax) => {
                    (plain.taxes, plain.outflow) = (plain.taxes - amount, plain.outflow - amount);
                }
                CashMoveKind::Exchange => plain.fx += amount,
            }
        }
    }
    plain
}

/// The records without dividends of the market.
fn without_dividends(mut records: Records) -> Records {
    for owned in &mut records.instruments {
        let rows = (0..owned.bars.len()).map(|at| Bar { dividend: 0.0, ..owned.bars.get(at).unwrap() });
        owned.bars = Bars::from_rows(rows).unwrap();
    }
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_day_is_that_of_the_instruments_and_of_the_cash(seed in any::<u64>()) {
        let alone = some_records(seed);
        let records = tracked(alone.clone(), some_moves(seed));
        let instruments: Vec<DayValue> = value_series(&alone.book(), last_day()).unwrap().days().copied().collect();
        let on = |date: Day| {
            let at = instruments.partition_point(|day| day.date <= date);
            at.checked_sub(1).map(|at| instruments[at]).filter(|day| day.date == date)
        };
        let mut before = None;
        for found in value_series(&records.book(), last_day()).unwrap().days() {
            let date = found.date;
            let plain = plain_cash(&records, before, date);
            before = Some(date);
            // A day on which only cash moves has the instruments' values of the day before, but for the rates.
            let Some(held) = on(date) else { continue };
            prop_assert_eq!(exact(found.value), (exact(held.value) + plain.value).normalize(), "{}", date);
            prop_assert_eq!(exact(found.income), (exact(held.income) + plain.income).normalize(), "{}", date);
            prop_assert_eq!(exact(found.fees), (exact(held.fees) + plain.fees).normalize(), "{}", date);
            prop_assert_eq!(exact(found.taxes), (exact(held.taxes) + plain.taxes).normalize(), "{}", date);
            prop_assert_eq!(exact(found.inflow), plain.inflow.normalize(), "{}", date);
            // The dividends of ex-dates are paid out, and the taxes of instruments are withdrawals.
            let recorded: Decimal = records.instruments.iter().flat_map(|owned| {
                let rate = records.rate_on(owned.currency, date);
                let paid = owned.incomes.iter().filter(move |income| income.day == date);
                paid.filter(|income| matches!(income.kind, IncomeKind::Dividend | IncomeKind::Interest)).map(move |income| income.amount * rate)
            }).sum();
            let outflow = plain.outflow + exact(held.income) - recorded + exact(held.taxes);
            prop_assert_eq!(exact(found.outflow), outflow.normalize(), "{}", date);
        }
    }

    #[test]
    fn every_attribution_adds_up_and_a_continued_series_equals_the_whole_one(
        seed in any::<u64>(),
        start in 0_i32..400,
        length in 0_i32..200,
    ) {
        let records = tracked(some_records(seed), some_moves(seed));
        let book = records.book();
        let series = value_series(&book, last_day()).unwrap();
        let (from, cut) = (first_day().plus_days(start), first_day().plus_days(start + length).min(last_day()));
        let text = serde_json::to_string(&value_series(&book, cut).unwrap()).unwrap();
        let kept: ValueSeries = serde_json::from_str(&text).unwrap();
        let whole = serde_json::to_string(&series).unwrap();
        prop_assert_eq!(serde_json::to_string(&kept.continued(&book, None, last_day()).unwrap()).unwrap(), whole);
        let (first, last) = series.valued_span(from, cut);
        let totals = totals_by_symbol(&book, &series, first, last).unwrap();
        let rows = attribution_by_symbol(&totals, records.base);
        let whole = performance(&spanned(&series, from, cut)).attribution;
        for parts in rows.iter().map(|row| row.attribution).chain([whole]) {
            let gain = parts.price_gain + parts.income - parts.fees - parts.taxes + parts.fx;
            prop_assert_eq!(parts.start_value + gain + parts.flows, parts.end_value);
        }
        let sum = |part: fn(&valuation::Attribution) -> Decimal| -> Decimal { rows.iter().map(|row| part(&row.attribution)).sum() };
        prop_assert_eq!(sum(|row| row.flows), whole.flows);
        prop_assert_eq!(sum(|row| row.price_gain), whole.price_gain);
        prop_assert_eq!(sum(|row| row.fx), whole.fx);
        prop_assert_eq!(sum(|row| row.taxes), whole.taxes);
        prop_assert_eq!(sum(|row| row.end_value), whole.end_value);
        for row in rows.iter().filter(|row| row.symbol.as_str().starts_with("^CASH")) {
            prop_assert_eq!(row.attribution.price_gain.abs() <= Decimal::new(4, 2), true, "cash has no price: {:?}", row);
        }
    }

    #[test]
    fn without_money_from_outside_the_index_is_the_value(seed in any::<u64>()) {
        let mut records = without_dividends(some_records(seed));
        for owned in &mut records.instruments {
            owned.incomes.clear();
            owned.flows = owned.flows.iter().map(|flow| Flow { tax: Decimal::ZERO, ..*flow }).collect();
        }
        let put_in = dec("10000000000");
        let records = tracked(records, vec![(Currency::USD, moved(first_day().plus_days(-1), CashMoveKind::Flow, put_in))]);
        let series = value_series(&records.book(), last_day()).unwrap();
        let found = performance(&spanned(&series, first_day(), last_day()));
        for (row, day) in found.series.iter().zip(series.days().filter(|day| day.date >= first_day() && !day.without_rate)) {
            let expected = day.value.to_f64() / 1e10;
            prop_assert!((row.twr.unwrap() + 1.0 - expected).abs() < 1e-9, "{}: {:?} is not {}", row.date, row.twr, expected - 1.0);
        }
    }
}
