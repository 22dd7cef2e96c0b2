//! The gain over the capital that was invested: golden values, and a slow model that visits every lot every evening.

use domain::{Day, Quantity, SplitRatio};
use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use valuation::FlowKind::{Bought, Sold};
use valuation::{
    InvestedDay, LotChange, LotMove, Performance, PerformanceRequest, SpanStart, invested_after, invested_days,
    invested_without_removals, performance, totals_by_symbol, value_series,
};

use crate::support::{
    Owned, Records, SeededRandom, bars, day, dec, first_day, last_day, some_records, spanned, traded,
};

fn performed(records: &Records, from: Day, to: Day) -> Performance {
    let book = records.book();
    let series = value_series(&book, to).unwrap();
    let (first, last) = series.valued_span(from, to);
    let totals = totals_by_symbol(&book, &series, first, last).unwrap();
    let invested = invested_days(&book, Some(SpanStart { first, totals: &totals }), to).unwrap();
    performance(&PerformanceRequest { invested: &invested, ..spanned(&series, from, to) })
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 5.1e-12, "{found} is not {expected}");
}

fn entered(date: &str, lot: u128, units: &str, amount: &str) -> LotMove {
    let change = LotChange::Entered { lot, units: Quantity::parse(units).unwrap(), amount: dec(amount) };
    LotMove { day: day(date), change }
}

fn left(date: &str, lot: u128, units: &str) -> LotMove {
    LotMove { day: day(date), change: LotChange::Left { lot, units: Quantity::parse(units).unwrap() } }
}

/// Two purchases of two units each.
fn two_purchases() -> Records {
    let bars = bars(&[
        ("2021-11-22", 142.9, 1.0, 0.0),
        ("2021-11-30", 136.6, 1.0, 0.0),
        ("2021-12-18", 148.9, 1.0, 0.0),
        ("2021-12-20", 150.0, 1.0, 0.0),
    ]);
    let flows = vec![
        traded(day("2021-11-22"), Bought, "2", "142.90", "1.55"),
        traded(day("2021-11-30"), Bought, "2", "136.60", "1.65"),
    ];
    let mut records = Records::of(bars, flows);
    records.instruments[0].lots =
        vec![vec![entered("2021-11-22", 1, "2", "285.80"), entered("2021-11-30", 2, "2", "273.20")]];
    records
}

#[test]
fn the_return_on_invested_capital_is_after_fees_and_the_gross_one_before() {
    let found = performed(&two_purchases(), day("2021-11-22"), day("2021-12-18")).metrics;
    near(found.return_on_invested, 0.070_324_900_39);
    near(found.return_on_invested_gross, 0.077_062_615_40);
    // All that was put in, fees included.
    near(found.simple_return, 33.4 / 562.2);
}

#[test]
fn what_is_held_at_the_start_of_a_span_counts_as_its_value_then() {
    let mut records = two_purchases();
    records.instruments[0].flows.push(traded(day("2021-12-18"), Sold, "3", "148.90", "2"));
    records.instruments[0].lots[0].extend([left("2021-12-18", 2, "2"), left("2021-12-18", 1, "1")]);
    // 4 units at 136.60 from the evening of 30 November, one of them from that of 18 December.
    let mean = (546.4 * 18.0 + 136.6 * 2.0) / 20.0;
    let found = performed(&records, day("2021-12-01"), day("2021-12-20")).metrics;
    let gain = 150.0 - 546.4 + 444.7;
    near(found.return_on_invested, gain / mean);
    near(found.return_on_invested_gross, (gain + 2.0) / mean);
    near(found.simple_return, gain / 546.4);
}

#[test]
fn evenings_without_units_do_not_count() {
    let mut records = two_purchases();
    let owned = &mut records.instruments[0];
    owned.flows = vec![
        traded(day("2021-11-22"), Bought, "2", "142.90", "0"),
        traded(day("2021-11-30"), Sold, "2", "136.60", "0"),
        traded(day("2021-12-18"), Bought, "1", "148.90", "0"),
    ];
    owned.lots = vec![vec![
        entered("2021-11-22", 1, "2", "285.80"),
        left("2021-11-30", 1, "2"),
        entered("2021-12-18", 2, "1", "148.90"),
    ]];
    let found = performed(&records, day("2021-11-22"), day("2021-12-20")).metrics;
    near(found.return_on_invested, (-12.6 + 1.1) / ((285.8 * 8.0 + 148.9 * 2.0) / 10.0));
}

#[test]
fn without_money_put_in_there_is_neither() {
    let found = performed(&two_purchases(), day("2021-11-01"), day("2021-11-10"));
    assert_eq!((found.metrics.simple_return, found.metrics.return_on_invested), (None, None));
    assert_eq!(found.unavailable["simple_return"], "nothing_put_in");
    assert_eq!(found.unavailable["return_on_invested"], "nothing_invested");
    // Bought on the last day: no evening yet.
    let found = performed(&two_purchases(), day("2021-11-22"), day("2021-11-22"));
    assert_eq!(found.unavailable["return_on_invested_gross"], "nothing_invested");
}

/// The units of an instrument on the morning of a day, after the splits since another.
fn folded(owned: &Owned, units: Decimal, after: Day, through: Day) -> Decimal {
    let bars = &owned.bars;
    let splits = (bars.count_through(after)..bars.count_through(through)).map(|at| bars.split_ratio()[at]);
    splits.fold(units, |units, ratio| {
        let ratio = SplitRatio::from_bar(ratio).unwrap();
        let (new, old) = (Decimal::from(ratio.new_units()), Decimal::from(ratio.old_units()));
        (units * new / old).trunc_with_scale(12)
    })
}

/// Gives the flows of each instrument lots: in two books, one of them a pool, the other with lots picked at random.
fn with_lots(mut records: Records, seed: u64) -> Records {
    let mut numbers = SeededRandom::new(seed);
    for owned in &mut records.instruments {
        let is_pool = numbers.below(3) == 0;
        let mut held: Vec<(u128, Decimal)> = Vec::new();
        let mut moves = Vec::new();
        let mut before = first_day().plus_days(-1);
        // Inflows of a day first, as they count.
        let mut flows = owned.flows.clone();
        flows.sort_by_key(|flow| (flow.day, !flow.kind.is_inflow()));
        for (number, flow) in flows.iter().enumerate() {
            for (_, units) in &mut held {
                *units = folded(owned, *units, before, flow.day);
            }
            before = flow.day;
            let mut push = |change| moves.push(LotMove { day: flow.day, change });
            if flow.kind.is_inflow() {
                let (lot, units) = (number as u128, flow.units);
                held.push((lot, units.units()));
                push(LotChange::Entered { lot, units, amount: flow.amount - flow.fee });
            } else if is_pool {
                let total: Decimal = held.iter().map(|(_, units)| *units).sum();
                for (_, units) in &mut held {
                    *units -= *units * flow.units.units() / total;
                }
                push(LotChange::LeftPool { units: flow.units });
            } else {
                let mut rest = flow.units.units();
                while !rest.is_zero() && !held.is_empty() {
                    let at = numbers.below(held.len() as u64) as usize;
                    let (lot, units) = &mut held[at];
                    let taken = (*units).min(rest);
                    (*units, rest) = (*units - taken, rest - taken);
                    push(LotChange::Left { lot: *lot, units: Quantity::new(taken).unwrap() });
                    held.retain(|(_, units)| !units.is_zero());
                }
            }
        }
        owned.lots = if is_pool { vec![moves, Vec::new()] } else { vec![Vec::new(), moves] };
    }
    records
}

/// A lot as the slow model sees it.
struct SlowLot {
    number: u128,
    units: Decimal,
    capital: f64,
}

/// The capital on the evening of every day from that before `from` to that before `to`, by the definition: every lot is
/// visited every evening.
fn slowly(records: &Records, from: Day, to: Day) -> Vec<(Day, f64)> {
    let series = value_series(&records.book(), to).unwrap();
    let eve = from.plus_days(-1);
    let totals = totals_by_symbol(&records.book(), &series, from, to).unwrap();
    let mut lots: Vec<Vec<SlowLot>> = records.instruments.iter().map(|_| Vec::new()).collect();
    let mut evenings = Vec::new();
    let mut date = first_day().plus_days(-1);
    while date < to {
        for (owned, lots) in records.instruments.iter().zip(&mut lots) {
            for lot in lots.iter_mut() {
                lot.units = folded(owned, lot.units, date.plus_days(-1), date);
            }
            for one in owned.lots.iter().flatten().filter(|one| one.day == date) {
                happen(records, owned, lots, one);
            }
            let held: Decimal = lots.iter().map(|lot| lot.units).sum();
            if date == eve {
                let start =
                    totals.iter().find(|totals| totals.symbol == owned.symbol).map(|totals| totals.start.to_f64());
                for lot in lots.iter_mut() {
                    lot.capital = start.unwrap_or_default() * (lot.units / held).to_f64().unwrap();
                }
            }
        }
        if date >= eve {
            evenings.push((date, lots.iter().flatten().map(|lot| lot.capital).sum()));
        }
        date = date.plus_days(1);
    }
    evenings
}

fn happen(records: &Records, owned: &Owned, lots: &mut Vec<SlowLot>, one: &LotMove) {
    let share = |units: Decimal, of: Decimal| ((of - units) / of).to_f64().unwrap();
    match one.change {
        LotChange::Entered { lot, units, amount } => {
            let rate = records.rate_on(owned.currency, one.day).to_f64().unwrap();
            lots.push(SlowLot { number: lot, units: units.units(), capital: amount.to_f64().unwrap() * rate });
        }
        LotChange::Left { lot, units } => {
            let lot = lots.iter_mut().find(|held| held.number == lot).unwrap();
            lot.capital *= share(units.units(), lot.units);
            lot.units -= units.units();
        }
        LotChange::LeftPool { units } => {
            let held: Decimal = lots.iter().map(|lot| lot.units).sum();
            for lot in lots.iter_mut() {
                lot.capital *= share(units.units(), held);
                lot.units -= lot.units * units.units() / held;
            }
        }
    }
    lots.retain(|lot| lot.units >= dec("0.00000001"));
}

/// The capital of an evening in a list of changes.
fn on(days: &[InvestedDay], evening: Day) -> f64 {
    let at = days.partition_point(|day| day.date <= evening).checked_sub(1);
    at.map_or(0.0, |at| days[at].capital.to_f64())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn every_evening_has_the_capital_of_a_visit_of_all_lots(seed in any::<u64>(), from in 0_i32..300, length in 1_i32..300) {
        let records = with_lots(some_records(seed), seed);
        let (from, to) = (first_day().plus_days(from), first_day().plus_days(from + length));
        let series = value_series(&records.book(), to).unwrap();
        let totals = totals_by_symbol(&records.book(), &series, from, to).unwrap();
        let found = invested_days(&records.book(), Some(SpanStart { first: from, totals: &totals }), to).unwrap();
        let slow = slowly(&records, from, to);
        for &(evening, expected) in &slow {
            let capital = on(&found, evening);
            prop_assert!((capital - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{evening}: {capital} is not {expected}");
        }
        // And so the return is the gain over the mean of these evenings.
        let lived: Vec<f64> = slow.iter().map(|&(_, capital)| capital).filter(|capital| *capital > 1e-7).collect();
        let found = performance(&PerformanceRequest { invested: &found, ..spanned(&series, from, to) });
        if let Some(rate) = found.metrics.return_on_invested.filter(|_| found.days_without_rate.is_empty()) {
            let parts = found.attribution;
            let gain = (parts.end_value - parts.start_value - parts.flows + parts.taxes).to_f64().unwrap();
            let expected = gain / (lived.iter().sum::<f64>() / lived.len() as f64);
            prop_assert!((rate - expected).abs() < 1e-3 * expected.abs().max(1.0), "{rate} is not {expected}");
        }
    }

    #[test]
    fn a_continued_list_equals_one_from_the_beginning(seed in any::<u64>(), cut in 0_i32..476) {
        let records = with_lots(some_records(seed), seed);
        let cut = first_day().plus_days(cut);
        let whole = invested_days(&records.book(), None, last_day()).unwrap();
        let (before, after) = whole.split_at(whole.partition_point(|day| day.date <= cut));
        let mut later = records.clone();
        for owned in &mut later.instruments {
            owned.lots.iter_mut().for_each(|moves| moves.retain(|one| one.day > cut));
        }
        let found = invested_after(before, &later.book(), last_day()).unwrap();
        let has_removals = after.iter().any(|day| day.is_after_removal);
        prop_assert_eq!(found, (!has_removals).then(|| after.to_vec()));
    }

    #[test]
    fn without_removals_a_span_needs_no_lots(seed in any::<u64>(), from in 0_i32..476, length in 0_i32..120) {
        let records = with_lots(some_records(seed), seed);
        let book = records.book();
        let (from, to) = (first_day().plus_days(from), first_day().plus_days(from + length));
        let series = value_series(&book, last_day()).unwrap();
        let totals = totals_by_symbol(&book, &series, from, to).unwrap();
        let whole = invested_days(&book, None, last_day()).unwrap();
        let start = totals.iter().map(|totals| totals.start).sum();
        if let Some(found) = invested_without_removals(&whole, start, from, to) {
            let expected = invested_days(&book, Some(SpanStart { first: from, totals: &totals }), to).unwrap();
            for after in -1..length {
                let evening = from.plus_days(after);
                prop_assert!((on(&found, evening) - on(&expected, evening)).abs() < 1e-6, "{evening}");
            }
        }
    }
}
