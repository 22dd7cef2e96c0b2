//! The series compared with the definitions, and with itself when it is split and continued.

use domain::{Currency, Day};
use proptest::prelude::*;
use rust_decimal::Decimal;
use valuation::FlowKind::{Added, Bought, Removed, Sold};
use valuation::{
    DayValue, RateQuote, ValuationError, ValueSeries, attribution_by_group, attribution_by_symbol,
    fingerprint_of_prices, totals_by_symbol, value_series,
};

use crate::support::{
    Records, bar, bars, day, dec, eur, first_day, flow, last_day, slowly, some_records, spanned, traded,
};

fn series(records: &Records, to: &str) -> Vec<DayValue> {
    value_series(&records.book(), day(to)).unwrap().days().copied().collect()
}

fn value(day: &DayValue) -> String {
    day.value.to_string()
}

#[test]
fn a_purchase_is_worth_the_close_and_its_fee_is_a_loss() {
    let records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 101.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "10", "991.00", "1.00")],
    );
    let days = series(&records, "2013-01-31");
    assert_eq!(days.len(), 2);
    assert_eq!((value(&days[0]), days[0].inflow.to_string()), ("1000".to_owned(), "991".to_owned()));
    assert_eq!(days[0].fees.to_string(), "1");
    assert_eq!(value(&days[1]), "1010");
}

#[test]
fn a_split_changes_the_units_and_not_the_value() {
    let records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 50.0, 2.0, 0.0), ("2013-01-04", 25.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "3", "300", "0"), flow("2013-01-04", Sold, "6", "150", "0")],
    );
    let days = series(&records, "2013-01-04");
    assert_eq!(days.iter().map(value).collect::<Vec<_>>(), ["300", "300", "0"]);
    assert_eq!(days[2].outflow.to_string(), "150");
}

#[test]
fn a_reverse_split_leaves_the_units_that_the_ledger_sells() {
    let records = Records::of(
        bars(&[("2013-01-02", 10.0, 1.0, 0.0), ("2013-01-03", 30.0, 1.0 / 3.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "3", "30", "0"), flow("2013-01-03", Sold, "1", "30", "0")],
    );
    assert_eq!(series(&records, "2013-01-03").iter().map(value).collect::<Vec<_>>(), ["30", "0"]);
}

#[test]
fn units_bought_on_the_day_of_a_split_are_new_ones() {
    let records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 50.0, 2.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "1", "100", "0"), flow("2013-01-03", Bought, "1", "50", "0")],
    );
    assert_eq!(value(&series(&records, "2013-01-03")[1]), "150");
}

#[test]
fn a_dividend_is_paid_on_the_previous_days_units_after_the_split() {
    let records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 49.0, 2.0, 1.0)]),
        vec![flow("2013-01-02", Bought, "1", "100", "0"), flow("2013-01-03", Bought, "10", "490", "0")],
    );
    let days = series(&records, "2013-01-03");
    assert_eq!((days[1].income.to_string(), days[1].outflow.to_string()), ("2".to_owned(), "2".to_owned()));
}

#[test]
fn a_sale_on_the_ex_date_still_gets_the_dividend() {
    let records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 99.0, 1.0, 1.0)]),
        vec![flow("2013-01-02", Added, "2", "200", "0"), flow("2013-01-03", Sold, "2", "198", "0")],
    );
    let last = series(&records, "2013-01-03")[1];
    assert_eq!((last.outflow.to_string(), last.income.to_string()), ("200".to_owned(), "2".to_owned()));
}

#[test]
fn before_the_first_close_a_unit_is_worth_its_price() {
    let records = Records::of(bars(&[("2013-01-04", 12.0, 1.0, 0.0)]), vec![flow("2013-01-02", Added, "3", "31", "1")]);
    assert_eq!(series(&records, "2013-01-04").iter().map(value).collect::<Vec<_>>(), ["30", "36"]);
}

#[test]
fn a_missing_close_carries_the_last_one_forward() {
    let mut records = Records::of(
        bars(&[("2013-01-02", 10.0, 1.0, 0.0), ("2013-01-04", 12.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "1", "10", "0")],
    );
    let mut other = records.instruments[0].clone();
    other.symbol = "OTHER".parse().unwrap();
    other.bars = bars(&[("2013-01-02", 1.0, 1.0, 0.0), ("2013-01-03", 2.0, 1.0, 0.0), ("2013-01-04", 3.0, 1.0, 0.0)]);
    records.instruments.push(other);
    assert_eq!(series(&records, "2013-01-04").iter().map(value).collect::<Vec<_>>(), ["11", "12", "15"]);
}

#[test]
fn lots_rounded_one_by_one_at_a_split_leave_no_remainder() {
    let records = Records::of(
        bars(&[("2013-01-02", 10.0, 1.0, 0.0), ("2013-01-03", 100.0, 0.1, 0.0), ("2013-01-04", 100.0, 1.0, 0.0)]),
        vec![
            flow("2013-01-02", Bought, "0.000000000005", "1", "0"),
            flow("2013-01-02", Bought, "1.000000000005", "10", "0"),
            // The ledger holds 0 and 0.1; the sum of the lots before truncation is 0.100000000001.
            flow("2013-01-04", Sold, "0.1", "10", "0"),
        ],
    );
    let days = series(&records, "2013-01-04");
    assert_eq!(value(&days[2]), "0");
}

#[test]
fn foreign_holdings_move_by_price_and_by_rate() {
    let mut records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 110.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "2", "200", "0")],
    );
    records.instruments[0].currency = eur();
    records.rate_days = vec![day("2013-01-02"), day("2013-01-03")];
    records.rates = [1.3, 1.4].map(RateQuote::direct).to_vec();
    let book = records.book();
    let series = value_series(&book, day("2013-01-03")).unwrap();
    let totals = totals_by_symbol(&book, &series, day("2013-01-03"), day("2013-01-03")).unwrap();
    let rows = attribution_by_symbol(&totals, Currency::USD);
    let parts = rows[0].attribution;
    // Price: 2 × 10 × 1.4; rate: 2 × 100 × 0.1.
    assert_eq!(
        (parts.start_value, parts.price_gain, parts.fx, parts.end_value),
        (dec("260.00"), dec("28.00"), dec("20.00"), dec("308.00"))
    );
}

#[test]
fn contradictory_records_are_refused() {
    let prices = bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 100.0, 1.0, 0.0)]);
    let bought = flow("2013-01-02", Bought, "2", "200", "0");
    let more = Records::of(prices.clone(), vec![bought, flow("2013-01-03", Removed, "2.00000001", "200", "0")]);
    assert!(matches!(value_series(&more.book(), day("2013-01-03")), Err(ValuationError::MoreThanHeld { .. })));
    let early = Records::of(prices.clone(), vec![flow("2013-01-03", Bought, "2", "200", "0"), bought]);
    assert!(matches!(value_series(&early.book(), day("2013-01-03")), Err(ValuationError::OutOfOrder { .. })));
    let mut twice = Records::of(prices.clone(), vec![bought]);
    twice.instruments.push(twice.instruments[0].clone());
    assert!(matches!(value_series(&twice.book(), day("2013-01-03")), Err(ValuationError::DuplicateLine { .. })));
    let kept = value_series(&Records::of(prices, vec![bought]).book(), day("2013-01-02")).unwrap();
    let mut without = Records::of(bars(&[]), Vec::new());
    without.instruments[0].symbol = "OTHER".parse().unwrap();
    let continued = kept.continued(&without.book(), None, day("2013-01-03"));
    assert!(matches!(continued, Err(ValuationError::MissingLine { .. })), "{continued:?}");
}

#[test]
fn an_amount_beyond_the_exact_range_is_refused() {
    let vast = traded(day("2013-01-02"), Bought, "1000000000000", "1", "0");
    let records = Records::of(bars(&[("2013-01-02", 1e12, 1.0, 0.0)]), vec![vast]);
    assert_eq!(value_series(&records.book(), day("2013-01-02")), Err(ValuationError::TooLarge));
}

#[test]
fn an_empty_book_has_no_days() {
    let nothing = Records::of(bars(&[]), Vec::new());
    let empty = value_series(&nothing.book(), day("2013-01-02")).unwrap();
    assert_eq!(empty.days().count(), 0);
    assert!(empty.years.is_empty());
}

#[test]
fn a_year_fits_into_an_item() {
    let rows = (0..366).map(|after| bar(day("2012-01-01").plus_days(after), 123.456_789_01, 1.0, 0.01));
    let rows = domain::Bars::from_rows(rows).unwrap();
    let mut records = Records::of(rows, vec![flow("2012-01-01", Bought, "123456.12345678", "1234567890.12", "1.5")]);
    for number in 0..249 {
        let mut other = records.instruments[0].clone();
        other.symbol = format!("LONGSYMBOL{number}").parse().unwrap();
        records.instruments.push(other);
    }
    let kept = value_series(&records.book(), day("2012-12-31")).unwrap();
    assert_eq!(kept.years[0].days.len(), 366);
    let bytes = serde_json::to_string(&kept.years[0]).unwrap().len();
    assert!(bytes < 200_000, "{bytes}");
}

#[test]
fn the_hash_of_a_year_changes_only_with_its_prices() {
    let records = Records::of(
        bars(&[("2012-12-31", 10.0, 1.0, 0.0), ("2013-01-02", 11.0, 1.0, 0.0), ("2013-01-03", 12.0, 1.0, 0.0)]),
        vec![flow("2012-12-31", Bought, "2", "20", "0")],
    );
    let series = value_series(&records.book(), day("2013-01-03")).unwrap();
    let hash = |records: &Records, year: usize, through: &str| {
        fingerprint_of_prices(&records.book(), &series.years[year], day(through))
    };
    let (first, second) = (hash(&records, 0, "2013-01-03"), hash(&records, 1, "2013-01-02"));
    let mut other = records.clone();
    other.instruments[0].bars =
        bars(&[("2012-12-31", 10.0, 1.0, 0.0), ("2013-01-02", 11.0, 1.0, 0.0), ("2013-01-03", 99.0, 1.0, 0.0)]);
    other.instruments[0].flows.push(flow("2013-01-03", Bought, "1", "12", "0"));
    other.instruments.push(records.instruments[0].clone());
    other.instruments[1].symbol = "OTHER".parse().unwrap();
    assert_eq!((hash(&other, 0, "2013-01-03"), hash(&other, 1, "2013-01-02")), (first.clone(), second.clone()));
    other.instruments[0].bars = bars(&[("2012-12-31", 10.0, 1.0, 0.0), ("2013-01-02", 11.0, 1.0, 0.1)]);
    assert_eq!(hash(&other, 0, "2013-01-03"), first);
    assert_ne!(hash(&other, 1, "2013-01-02"), second, "a dividend that became known later");
    assert_eq!(first.len(), 64);
}

fn exact(amount: valuation::Amount) -> Decimal {
    amount.to_string().parse().unwrap()
}

fn assert_adds_up(parts: &valuation::Attribution) -> Result<(), TestCaseError> {
    let valuation::Attribution { start_value, price_gain, income, dividends, interest, fees, taxes, fx, flows, .. } =
        *parts;
    prop_assert_eq!(start_value + price_gain + income - fees - taxes + fx + flows, parts.end_value);
    prop_assert_eq!(dividends + interest, income);
    for part in [start_value, price_gain, income, dividends, interest, fees, taxes, fx, flows] {
        prop_assert_eq!(part.scale(), Currency::USD.decimals());
    }
    Ok(())
}

fn bytes(series: &ValueSeries) -> String {
    serde_json::to_string(series).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_day_agrees_with_the_definitions(seed in any::<u64>()) {
        let records = some_records(seed);
        let fast: Vec<DayValue> = value_series(&records.book(), last_day()).unwrap().days().copied().collect();
        let slow = slowly(&records, first_day(), last_day());
        prop_assert_eq!(fast.len(), slow.len());
        for (fast, slow) in fast.iter().zip(&slow) {
            let date = fast.date;
            prop_assert_eq!(Some(date), slow.date);
            prop_assert_eq!(exact(fast.value), slow.value.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.inflow), slow.inflow.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.outflow), slow.outflow.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.income), slow.income.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.interest), slow.interest.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.fees), slow.fees.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.taxes), slow.taxes.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.inflow_taxes), slow.inflow_taxes.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.fx), slow.fx.normalize(), "{}", fast.date);
            prop_assert_eq!(exact(fast.shown), slow.shown.normalize(), "{}", fast.date);
            prop_assert_eq!(fast.without_rate, slow.without_rate, "{}", fast.date);
            for (fast, slow) in [(fast.growth, slow.growth), (fast.growth_after_tax, slow.growth_after_tax)] {
                prop_assert_eq!(fast.is_some(), slow.is_some(), "{}", date);
                let off = fast.unwrap_or(1.0) / slow.unwrap_or(1.0) - 1.0;
                prop_assert!(off.abs() < 1e-9 || fast == slow, "{}: {:?} is not {:?}", date, fast, slow);
            }
        }
    }

    #[test]
    fn a_continued_series_equals_the_whole_one(
        seed in any::<u64>(),
        cuts in prop::collection::vec(0_i32..480, 1..5),
    ) {
        let records = some_records(seed);
        let whole = value_series(&records.book(), last_day()).unwrap();
        let mut cuts: Vec<Day> = cuts.into_iter().map(|after| first_day().plus_days(after).min(last_day())).collect();
        cuts.sort();
        let mut kept = ValueSeries::empty(records.base);
        for cut in cuts {
            kept = kept.continued(&records.book(), None, cut).unwrap();
            let text = bytes(&kept);
            prop_assert_eq!(&text, &bytes(&value_series(&records.book(), cut).unwrap()));
            kept = serde_json::from_str(&text).unwrap();
        }
        kept = kept.continued(&records.book(), None, last_day()).unwrap();
        prop_assert_eq!(bytes(&kept), bytes(&whole));
    }

    #[test]
    fn a_change_in_the_past_is_recomputed_from_its_day(seed in any::<u64>(), after in 0_i32..480, which in 0_usize..4) {
        let records = some_records(seed);
        let kept = value_series(&records.book(), last_day()).unwrap();
        let dirty = first_day().plus_days(after).min(last_day());
        let mut changed = records.clone();
        let at = which % changed.instruments.len();
        let flows = &mut changed.instruments[at].flows;
        let place = flows.partition_point(|flow| flow.day <= dirty);
        flows.insert(place, flow(&dirty.to_string(), Bought, "2.5", "77.70", "0.20"));
        let again = kept.clone().continued(&changed.book(), Some(dirty), last_day()).unwrap();
        prop_assert_eq!(bytes(&again), bytes(&value_series(&changed.book(), last_day()).unwrap()));
        let back = again.continued(&records.book(), Some(dirty), last_day()).unwrap();
        prop_assert_eq!(bytes(&back), bytes(&kept));
    }

    #[test]
    fn only_flows_after_the_last_checkpoint_are_read(seed in any::<u64>(), after in 1_i32..480) {
        let records = some_records(seed);
        let cut = first_day().plus_days(after).min(last_day());
        let kept = value_series(&records.book(), cut).unwrap();
        let whole = value_series(&records.book(), last_day()).unwrap();
        prop_assume!(!kept.years.is_empty() && kept.eve.day.year() == cut.year());
        // What a caller loads: flows after the last stored checkpoint.
        let mut recent = records.clone();
        let since = kept.eve.day;
        for owned in &mut recent.instruments {
            owned.flows.retain(|flow| flow.day > since);
            owned.incomes.retain(|income| income.day > since);
        }
        let continued = kept.continued(&recent.book(), Some(cut), last_day()).unwrap();
        prop_assert_eq!(bytes(&continued), bytes(&whole));
    }

    #[test]
    fn every_attribution_adds_up(seed in any::<u64>(), start in 0_i32..400, length in 0_i32..200) {
        let records = some_records(seed);
        let book = records.book();
        let series = value_series(&book, last_day()).unwrap();
        let from = first_day().plus_days(start);
        let to = from.plus_days(length).min(last_day());
        let (first, last) = series.valued_span(from, to);
        let totals = totals_by_symbol(&book, &series, first, last).unwrap();
        let by_symbol = attribution_by_symbol(&totals, records.base);
        for row in &by_symbol {
            assert_adds_up(&row.attribution)?;
        }
        let empty = ValueSeries::empty(records.base);
        prop_assert_eq!(&totals, &totals_by_symbol(&book, &empty, first, last).unwrap());
        let request = spanned(&series, from, to);
        let whole = valuation::performance(&request).attribution;
        assert_adds_up(&whole)?;
        for row in attribution_by_group(&totals, records.base, |_| "all".to_owned()) {
            prop_assert_eq!(row.attribution, whole);
        }
        let halves = attribution_by_group(&totals, records.base, |symbol| symbol.as_str().len().to_string());
        for row in &halves {
            assert_adds_up(&row.attribution)?;
        }
        let sum = |part: fn(&valuation::Attribution) -> Decimal| -> Decimal {
            by_symbol.iter().map(|row| part(&row.attribution)).sum()
        };
        prop_assert_eq!(sum(|row| row.start_value), whole.start_value);
        prop_assert_eq!(sum(|row| row.price_gain), whole.price_gain);
        prop_assert_eq!(sum(|row| row.income), whole.income);
        prop_assert_eq!(sum(|row| row.dividends), whole.dividends);
        prop_assert_eq!(sum(|row| row.interest), whole.interest);
        prop_assert_eq!(sum(|row| row.fees), whole.fees);
        prop_assert_eq!(sum(|row| row.taxes), whole.taxes);
        prop_assert_eq!(sum(|row| row.fx), whole.fx);
        prop_assert_eq!(sum(|row| row.flows), whole.flows);
        prop_assert_eq!(sum(|row| row.end_value), whole.end_value);
    }

    #[test]
    fn totals_of_whole_years_equal_those_of_their_days(seed in any::<u64>(), first in 2010_i32..2013, years in 0_i32..3) {
        let records = some_records(seed);
        let book = records.book();
        let series = value_series(&book, last_day()).unwrap();
        let (from, to) = (Day::new(first, 1, 1).unwrap(), Day::new(first + years, 12, 31).unwrap());
        let kept = series.totals_of_whole_years(from, to).unwrap();
        let mut counted = totals_by_symbol(&book, &series, from, to.min(last_day())).unwrap();
        // A symbol that was sold out before the span is in neither; one that is held without a day is in one.
        counted.retain(|totals| kept.iter().any(|other| other.symbol == totals.symbol));
        prop_assert_eq!(kept, counted);
        let inside = series.days().map(|day| day.date).find(|&date| date > from && date.plus_days(1) <= to);
        if let Some(inside) = inside.filter(|inside| inside.plus_days(1).year() == inside.year()) {
            prop_assert_eq!(series.totals_of_whole_years(inside.plus_days(1), to), None);
        }
    }
}
