//! A series does not depend on the order of its rows or on repetitions.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Symbol;
use market::alpha_vantage;
use market::series::CheckedBars;
use market::yahoo;
use proptest::prelude::*;

/// A row as it arrives: the number of the day, the close in cents, the volume, and whether the close is valid.
type WireRow = (i64, u32, u32, bool);

fn symbol() -> Symbol {
    "IBM".parse().unwrap()
}

fn opens(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_362_148_200, 0).unwrap() + TimeDelta::days(day)
}

fn close((_, cents, _, is_sound): &WireRow) -> String {
    if *is_sound { format!("{}.{:02}", cents / 100, cents % 100) } else { "null".to_owned() }
}

fn alpha_vantage_of(rows: &[WireRow]) -> Result<CheckedBars, market::ProviderError> {
    let days = rows.iter().map(|row| {
        let (date, close, volume) = (opens(row.0).date_naive(), close(row), row.2);
        format!(
            r#""{date}": {{"1. open": {close}, "2. high": {close}, "3. low": {close}, "4. close": {close}, "5. volume": "{volume}"}}"#
        )
    });
    let days = days.collect::<Vec<_>>().join(", ");
    let body = format!(r#"{{"Meta Data": {{"2. Symbol": "IBM"}}, "Time Series (Daily)": {{{days}}}}}"#);
    alpha_vantage::read_daily(body.as_bytes(), &symbol())
}

fn yahoo_of(rows: &[WireRow]) -> Result<market::History, market::ProviderError> {
    let column = |value: &dyn Fn(&WireRow) -> String| rows.iter().map(value).collect::<Vec<_>>().join(", ");
    let times = column(&|row| opens(row.0).timestamp().to_string());
    let (closes, volumes) = (column(&close), column(&|row| row.2.to_string()));
    let (split, dividend) = (opens(7).timestamp(), opens(11).timestamp());
    let body = format!(
        r#"{{"chart": {{"result": [{{"meta": {{"symbol": "IBM", "currency": "USD", "gmtoffset": -18000}},
           "timestamp": [{times}], "events": {{"splits": {{"a": {{"date": {split}, "numerator": 3, "denominator": 2}}}},
           "dividends": {{"b": {{"date": {dividend}, "amount": 0.25}}}}}},
           "indicators": {{"quote": [{{"open": [{closes}], "high": [{closes}], "low": [{closes}], "close": [{closes}],
           "volume": [{volumes}]}}]}}}}], "error": null}}}}"#
    );
    yahoo::read_daily(body.as_bytes(), &symbol())
}

/// Rows, some for the same day and contradictory, and the same rows in another order, some repeated.
fn rows_and_shuffled() -> impl Strategy<Value = (Vec<WireRow>, Vec<WireRow>)> {
    let row = (0_i64..30, 1_u32..100_000, 0_u32..5, prop::bool::weighted(0.9));
    prop::collection::vec(row, 1..40).prop_flat_map(|rows| {
        let again = prop::collection::vec(prop::sample::select(rows.clone()), 0..10);
        let shuffled = again.prop_flat_map({
            let rows = rows.clone();
            move |again| Just([rows.clone(), again].concat()).prop_shuffle()
        });
        (Just(rows), shuffled)
    })
}

proptest! {
    #[test]
    fn any_permutation_or_repetition_of_rows_gives_the_same_series((rows, shuffled) in rows_and_shuffled()) {
        // Compared as text, so that NaN equals itself.
        prop_assert_eq!(format!("{:?}", alpha_vantage_of(&rows)), format!("{:?}", alpha_vantage_of(&shuffled)));
        prop_assert_eq!(format!("{:?}", yahoo_of(&rows)), format!("{:?}", yahoo_of(&shuffled)));
    }
}

#[test]
fn the_compared_series_have_bars() {
    let rows = [(3, 20_000, 1, true), (8, 13_400, 1, true), (12, 13_300, 1, true)];
    assert_eq!(alpha_vantage_of(&rows).unwrap().bars.len(), 3);
    let history = yahoo_of(&rows).unwrap();
    assert_eq!(history.bars.split_ratio(), [1.0, 1.5, 1.0]);
    assert_eq!(history.bars.dividend(), [0.0, 0.0, 0.25]);
    assert_eq!(history.bars.close()[0].to_bits(), 300.0_f64.to_bits());
}
