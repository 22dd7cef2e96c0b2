//! Time-weighted returns of days that are cut at their flows: golden values and general laws.

use domain::{Bar, Bars, Currency, Day, Symbol};
use proptest::prelude::*;
use quant::portfolio::FlowTiming;
use rust_decimal::Decimal;
use valuation::FlowKind::{self, Bought, Sold};
use valuation::{Benchmark, Flow, Performance, PerformanceRequest, RateQuote, ValueSeries, performance, value_series};

use crate::support::{
    Owned, Records, SeededRandom, bar, bars, day, eur, flow_of, last_day, sample, some_records, spanned, traded,
};

/// The records, in the order of recording.
type Recorded<'a> = (&'a str, &'a str, FlowKind, &'a str, &'a str, &'a str);

/// A portfolio of the sample, assembled from its records: by symbol, in order of days.
fn portfolio(recorded: &[Recorded<'_>]) -> Records {
    let mut records = Records::empty();
    for &(symbol, date, kind, units, price, fee) in recorded {
        let symbol: Symbol = symbol.parse().unwrap();
        let known = records.instruments.iter().position(|owned| owned.symbol == symbol);
        let at = known.unwrap_or_else(|| {
            let (bars, currency) = (sample(symbol.as_str()), Currency::USD);
            records.instruments.push(Owned::new(symbol, currency, bars, Vec::new()));
            records.instruments.len() - 1
        });
        records.instruments[at].flows.push(traded(day(date), kind, units, price, fee));
    }
    for owned in &mut records.instruments {
        owned.flows.sort_by_key(|flow| flow.day);
    }
    records
}

fn performed(records: &Records, to: Day, flow_timing: FlowTiming) -> Performance {
    let series = value_series(&records.book(), to).unwrap();
    let from = series.days().next().unwrap().date;
    performance(&PerformanceRequest { flow_timing, ..spanned(&series, from, to) })
}

fn twr(recorded: &[Recorded<'_>], to: &str) -> f64 {
    performed(&portfolio(recorded), day(to), FlowTiming::Priced).metrics.twr.unwrap()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 5.1e-10, "{found} is not {expected}");
}

#[test]
fn a_second_lot_at_the_close_does_not_change_the_return() {
    let first = ("AAPL", "2012-04-24", Bought, "1", "560.28", "0");
    near(twr(&[first], "2012-04-26"), 0.084_636_253);
    for units in ["1", "10", "1000"] {
        let second = ("AAPL", "2012-04-25", Bought, units, "610.00", "0");
        near(twr(&[first, second], "2012-04-26"), 0.084_636_253);
        near(twr(&[second, first], "2012-04-26"), 0.084_636_253);
    }
}

#[test]
fn buying_and_selling_at_one_close_costs_only_the_fee() {
    let recorded = [
        ("AAPL", "2013-02-22", Bought, "1", "450.81", "0"),
        ("AAPL", "2013-03-01", Bought, "1000", "430.47", "0"),
        ("AAPL", "2013-03-01", Sold, "1000", "430.47", "5"),
    ];
    near(twr(&recorded, "2013-03-01"), -0.045_129_866);
    near(twr(&recorded[..1], "2013-03-01"), 430.47 / 450.81 - 1.0);
}

#[test]
fn a_purchase_on_the_ex_date_does_not_change_the_return() {
    let first = ("MSFT", "2012-05-10", Bought, "1", "30.74", "0");
    near(twr(&[first], "2012-05-18"), -0.041_516_692);
    let second = ("MSFT", "2012-05-15", Bought, "1000", "30.40", "0");
    near(twr(&[first, second], "2012-05-18"), -0.041_516_692);
}

#[test]
fn the_order_of_a_days_flows_does_not_change_the_return() {
    let first = ("AAPL", "2012-04-24", Bought, "1", "560.28", "0");
    let microsoft = ("MSFT", "2012-04-25", Bought, "20", "32.20", "0");
    let ibm = ("IBM", "2012-04-25", Bought, "5", "200.00", "0");
    near(twr(&[first, microsoft, ibm], "2012-04-25"), 0.043_306_330);
    near(twr(&[ibm, microsoft, first], "2012-04-25"), 0.043_306_330);
}

/// Ten units that become three and a third, at prices that double after the fourth day.
fn thirds(flows: Vec<Flow>) -> Records {
    let bars = bars(&[
        ("2013-01-02", 10.0, 1.0, 0.0),
        ("2013-01-03", 30.0, 1.0 / 3.0, 0.0),
        ("2013-01-04", 30.0, 1.0, 0.0),
        ("2013-01-07", 30.0, 1.0, 0.0),
        ("2013-01-08", 60.0, 1.0, 0.0),
    ]);
    Records::of(bars, [vec![traded(day("2013-01-02"), Bought, "10", "10", "0")], flows].concat())
}

/// A sale under the ledger's first rules, which truncated units to eight decimals at a split.
fn sold_by_eight_decimals(date: &str, units: &str) -> Flow {
    Flow { unit_decimals: 8, ..traded(day(date), Sold, units, "30", "0") }
}

#[test]
fn a_sale_of_all_units_of_eight_decimals_ends_the_position() {
    let found = performed(
        &thirds(vec![sold_by_eight_decimals("2013-01-04", "3.33333333")]),
        day("2013-01-08"),
        FlowTiming::Priced,
    );
    assert_eq!(found.series.last().unwrap().date, day("2013-01-04"), "no row after the sale");
    near(found.metrics.twr.unwrap(), 0.0);
}

#[test]
fn the_remainder_of_an_eight_decimal_sale_ends_with_the_last_sale() {
    let rest = traded(day("2013-01-07"), Sold, "2.33333333", "30", "0");
    let records = thirds(vec![sold_by_eight_decimals("2013-01-04", "1"), rest]);
    let found = performed(&records, day("2013-01-08"), FlowTiming::Priced);
    assert_eq!(found.series.last().unwrap().date, day("2013-01-07"));
    let kept = value_series(&records.book(), day("2013-01-06")).unwrap();
    let kept: ValueSeries = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
    let continued = kept.continued(&records.book(), None, day("2013-01-08")).unwrap();
    assert_eq!(continued, value_series(&records.book(), day("2013-01-08")).unwrap());
}

#[test]
fn the_last_unit_of_eight_decimals_is_held_until_sold() {
    let rest = sold_by_eight_decimals("2013-01-07", "0.00000001");
    let records = thirds(vec![sold_by_eight_decimals("2013-01-04", "3.33333332"), rest]);
    let found = performed(&records, day("2013-01-08"), FlowTiming::Priced);
    assert_eq!(found.series.last().unwrap().date, day("2013-01-07"));
}

const MIXED: [Recorded<'_>; 6] = [
    ("AAPL", "2012-04-23", Bought, "10", "575.00", "4.95"),
    ("MSFT", "2012-04-23", Bought, "200", "32.00", "4.95"),
    ("AAPL", "2012-04-25", Bought, "5", "600.00", "4.95"),
    ("MSFT", "2012-04-25", Sold, "50", "32.10", "4.95"),
    ("MSFT", "2012-05-15", Bought, "100", "30.40", "4.95"),
    ("AAPL", "2012-05-16", Sold, "12", "550.00", "9.90"),
];

/// All orders of six.
fn orders() -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for next in 0..MIXED.len() {
        let inserted = |order: Vec<usize>| {
            (0..=order.len()).map(move |at| [&order[..at], &[next], &order[at..]].concat()).collect::<Vec<_>>()
        };
        orders = orders.into_iter().flat_map(inserted).collect();
    }
    orders
}

#[test]
fn all_orders_of_recording_give_a_mixed_portfolio_one_return() {
    let found = performed(&portfolio(&MIXED), day("2012-05-31"), FlowTiming::Priced);
    for (date, expected) in [
        ("2012-04-23", -0.001_554_289),
        ("2012-04-24", -0.014_235_314),
        ("2012-04-25", 0.033_904_743),
        ("2012-04-26", 0.030_354_855),
        ("2012-05-14", -0.040_398_841),
        ("2012-05-15", -0.049_269_779),
        ("2012-05-16", -0.060_427_041),
        ("2012-05-31", -0.068_936_395),
    ] {
        let row = found.series.iter().find(|row| row.date == day(date)).unwrap();
        near(row.twr.unwrap(), expected);
    }
    let bytes = serde_json::to_string(&found).unwrap();
    let orders = orders();
    assert_eq!(orders.len(), 720);
    for order in orders {
        let recorded: Vec<Recorded<'_>> = order.into_iter().map(|at| MIXED[at]).collect();
        let again = performed(&portfolio(&recorded), day("2012-05-31"), FlowTiming::Priced);
        assert_eq!(serde_json::to_string(&again).unwrap(), bytes);
    }
}

/// A price that wanders, with splits, dividends and days without a bar.
fn wandering(numbers: &mut SeededRandom, days: i32) -> Bars {
    let first = day("2010-01-01");
    let mut cents = 2_000 + numbers.below(30_000);
    let mut rows: Vec<Bar> = Vec::new();
    for after in 0..days {
        if numbers.below(12) == 0 {
            continue;
        }
        cents = (cents + numbers.below(400)).saturating_sub(195).max(300);
        let split = if numbers.below(60) == 0 { [2.0, 1.5, 0.5, 1.0 / 3.0][numbers.below(4) as usize] } else { 1.0 };
        let dividend = if numbers.below(40) == 0 { numbers.below(90) as f64 / 100.0 } else { 0.0 };
        rows.push(bar(first.plus_days(after), cents as f64 / 100.0, split, dividend));
    }
    Bars::from_rows(rows).unwrap()
}

/// The growth of a unit held from the end of the day before a bar to its close.
fn instrument_growth(bars: &Bars, at: usize) -> f64 {
    let bar = bars.get(at).unwrap();
    (bar.close + bar.dividend) * bar.split_ratio / bars.close()[at - 1]
}

/// One instrument, bought at its first close, traded at any price and sold out now and then, without fees. Also the
/// growth of every bar's day, and how far the product of all growths so far may be off, as a fraction: a split cuts the
/// units to twelve decimals, which shows if few units are held.
fn traded_instrument(seed: u64) -> (Records, Vec<f64>, Vec<f64>) {
    let mut numbers = SeededRandom::new(seed);
    let bars = wandering(&mut numbers, 250);
    let mut units = Decimal::from(1 + numbers.below(50));
    let price = |number: f64| -> Decimal { number.to_string().parse().unwrap() };
    let deal = |date: Day, kind, units: Decimal, each: Decimal| flow_of(date, kind, units, units * each, Decimal::ZERO);
    let mut flows = vec![deal(bars.dates()[0], Bought, units, price(bars.close()[0]))];
    let (mut expected, mut tolerance) = (vec![1.0], vec![1e-12]);
    for at in 1..bars.len() {
        let bar = bars.get(at).unwrap();
        let ratio = domain::SplitRatio::from_bar(bar.split_ratio).unwrap();
        units = (units * Decimal::from(ratio.new_units()) / Decimal::from(ratio.old_units())).trunc_with_scale(12);
        let held_before = !units.is_zero();
        let is_cut = held_before && ratio.new_units() != ratio.old_units();
        let cut = if is_cut { 1e-12 / units.to_string().parse::<f64>().unwrap() } else { 0.0 };
        tolerance.push(tolerance[at - 1] + cut);
        let (mut paid, mut got) = (None, None);
        // Prices in the day's range, at its close and far outside of it.
        let mut any = || match numbers.below(3) {
            0 => price(bar.close),
            _ => Decimal::new(100 + numbers.below(60_000) as i64, 2),
        };
        let (bought_at, sold_at) = (any(), any());
        if numbers.below(4) == 0 {
            let more = Decimal::new(1 + numbers.below(100_000_000) as i64, 3);
            flows.push(deal(bar.date, Bought, more, bought_at));
            units += more;
            paid = Some(bought_at);
        }
        if numbers.below(4) == 0 && !units.is_zero() {
            let all = numbers.below(3) == 0;
            let less = if all { units } else { (units / Decimal::from(2 + numbers.below(900))).trunc_with_scale(8) };
            if !less.is_zero() {
                flows.push(deal(bar.date, Sold, less, sold_at));
                units -= less;
                got = Some(sold_at).filter(|_| units.is_zero());
            }
        }
        let number = |price: Decimal| price.to_string().parse::<f64>().unwrap() + bar.dividend;
        let start = match paid {
            Some(paid) if !held_before => number(paid),
            _ if !held_before => {
                expected.push(1.0);
                continue;
            }
            _ => bars.close()[at - 1] / ratio.to_f64(),
        };
        expected.push(got.map_or(bar.close + bar.dividend, number) / start);
    }
    (Records::of(bars, flows), expected, tolerance)
}

fn shuffled(flows: &mut [Flow], numbers: &mut SeededRandom) {
    for of_day in flows.chunk_by_mut(|a, b| a.day == b.day) {
        for at in (1..of_day.len()).rev() {
            of_day.swap(at, numbers.below(at as u64 + 1) as usize);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_portfolio_of_one_instrument_has_its_return(seed in any::<u64>()) {
        let (records, expected, tolerance) = traded_instrument(seed);
        let bars = records.instruments[0].bars.clone();
        let found = performed(&records, *bars.dates().last().unwrap(), FlowTiming::Priced);
        let mut level = 1.0;
        for (at, &date) in bars.dates().iter().enumerate() {
            level *= expected[at];
            if let Some(row) = found.series.iter().find(|row| row.date == date) {
                let index = row.twr.unwrap() + 1.0;
                prop_assert!((index - level).abs() < tolerance[at] * level.max(1.0), "{date}: {index} is not {level}");
            }
        }
    }

    #[test]
    fn against_itself_a_portfolio_has_no_alpha_and_a_beta_of_one(seed in any::<u64>()) {
        let (records, _, _) = traded_instrument(seed);
        let bars = &records.instruments[0].bars;
        let to = *bars.dates().last().unwrap();
        let series = value_series(&records.book(), to).unwrap();
        let benchmark = Some(Benchmark { bars, only_adjusted: false, rates: None });
        let found = performance(&PerformanceRequest { benchmark, ..spanned(&series, bars.dates()[0], to) }).metrics;
        if let Some(beta) = found.beta {
            prop_assert!((beta - 1.0).abs() < 1e-6, "{beta}");
            prop_assert!(found.alpha.unwrap().abs() < 1e-5 && found.tracking_error.unwrap() < 1e-5, "{found:?}");
        }
    }

    #[test]
    fn against_itself_in_a_foreign_base_it_has_no_alpha_and_a_beta_of_one_either(seed in any::<u64>()) {
        let (mut records, _, _) = traded_instrument(seed);
        let mut numbers = SeededRandom::new(seed);
        let bars = records.instruments[0].bars.clone();
        records.instruments[0].currency = eur();
        // A rate that wanders, with days and now and then weeks without one.
        let (mut after, mut rate) = (numbers.below(20) as i32 - 10, 12_000 + numbers.below(9_000));
        while after < 260 {
            rate = rate + numbers.below(300) - 149;
            records.rate_days.push(bars.dates()[0].plus_days(after));
            records.rates.push(RateQuote::inverse(rate as f64 / 10_000.0));
            after += 1 + numbers.below(3) as i32 + if numbers.below(30) == 0 { 12 } else { 0 };
        }
        let to = *bars.dates().last().unwrap();
        let book = records.book();
        let series = value_series(&book, to).unwrap();
        let benchmark = Some(Benchmark { bars: &bars, only_adjusted: false, rates: Some(book.rates[0]) });
        let found = performance(&PerformanceRequest { benchmark, ..spanned(&series, bars.dates()[0], to) }).metrics;
        if let Some(beta) = found.beta {
            prop_assert!((beta - 1.0).abs() < 1e-6, "{beta}");
            prop_assert!(found.alpha.unwrap().abs() < 1e-5 && found.tracking_error.unwrap() < 1e-5, "{found:?}");
        }
    }

    #[test]
    fn without_trades_the_index_is_the_product_of_the_bars(seed in any::<u64>(), start in 0_i32..200) {
        let bars = wandering(&mut SeededRandom::new(seed), 250);
        let at = (start as usize).min(bars.len() - 2);
        let price: Decimal = bars.close()[at].to_string().parse().unwrap();
        let flows = vec![flow_of(bars.dates()[at], Bought, Decimal::TEN, Decimal::TEN * price, Decimal::ZERO)];
        let records = Records::of(bars.clone(), flows);
        let expected: f64 = (at + 1..bars.len()).map(|at| instrument_growth(&bars, at)).product();
        let found = performed(&records, *bars.dates().last().unwrap(), FlowTiming::Priced).metrics.twr.unwrap() + 1.0;
        // Thirds of a unit are truncated to twelve decimals.
        prop_assert!((found - expected).abs() < 1e-11 * expected.max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn every_order_of_recording_gives_the_same_bytes(seed in any::<u64>(), shuffle in any::<u64>()) {
        let records = some_records(seed);
        let mut again = records.clone();
        let mut numbers = SeededRandom::new(shuffle);
        for owned in &mut again.instruments {
            shuffled(&mut owned.flows, &mut numbers);
        }
        again.instruments.rotate_left(1);
        let bytes = |records: &Records| serde_json::to_string(&value_series(&records.book(), last_day()).unwrap()).unwrap();
        prop_assert_eq!(bytes(&again), bytes(&records));
    }
}
