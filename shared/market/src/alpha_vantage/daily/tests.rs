use super::*;
use crate::note::{DropReason, DroppedRow, Note};

fn ibm() -> Symbol {
    "IBM".parse().unwrap()
}

fn answer(days: &str) -> String {
    format!(
        r#"{{"Meta Data": {{"1. Information": "Daily \"Prices\"", "2. Symbol": "ibm"}}, "Time Series (Daily)": {{{days}}}}}"#
    )
}

/// A day of the adjusted response; `close` is inserted unchanged.
fn day(date: &str, close: &str) -> String {
    format!(
        r#""{date}": {{"1. open": "200.6500", "2. high": "202.9400", "3. low": "198", "4. close": {close}, "5. adjusted close": "135.12", "6. volume": "3308300", "7. dividend amount": "0.0000", "8. split coefficient": "1.0"}}"#
    )
}

fn malformed(body: &str) -> bool {
    matches!(read_daily(body.as_bytes(), &ibm()), Err(ProviderError::Malformed { .. }))
}

#[test]
fn the_adjusted_response_is_read_by_its_column_names() {
    let body = answer(
        r#""2013-03-01": {"1. open": "200.6500", "2. high": "202.9400", "3. low": "199.3600", "4. close": "202.9100",
            "5. adjusted close": "135.12", "6. volume": "3308300", "7. dividend amount": "0.85", "8. split coefficient": "2.0"},
           "2013-02-28": {"1. open": "401.87", "2. high": "402.36", "3. low": "400.6", "4. close": "400.83"}"#,
    );
    let series = read_daily(body.as_bytes(), &ibm()).unwrap();
    assert_eq!(series.basis, Basis::Quoted);
    assert_eq!(series.bars.len(), 2);
    let last = series.bars.last().unwrap();
    assert_eq!((last.open, last.high, last.low, last.close), (200.65, 202.94, 199.36, 202.91));
    assert_eq!((last.adjusted_close, last.volume, last.dividend, last.split_ratio), (135.12, 3_308_300.0, 0.85, 2.0));
}

#[test]
fn the_compact_response_numbers_its_columns_differently() {
    let body = answer(
        r#""2013-03-01": {"1. open": "1", "2. high": "2", "3. low": "0.5", "4. close": "1.5", "5. volume": "7"}"#,
    );
    let rows = read_rows(body.as_bytes(), &ibm()).unwrap();
    assert_eq!((rows[0].volume, rows[0].adjusted_close), (7.0, None));
    let series = series(rows, Plan::Compact, KnownEvents::default()).unwrap();
    assert_eq!(series.bars.adjusted_close(), [1.5]);
    assert_eq!(series.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded]);
    assert_eq!(read_daily(body.as_bytes(), &ibm()), Ok(series));
    assert!(
        read_whole(body.as_bytes(), &(ibm(), PriceUnit::of(domain::Currency::USD))).is_err(),
        "the whole history must come with adjusted closes"
    );
}

#[test]
fn unordered_and_repeated_days_give_one_series() {
    let body = answer(
        &[
            day("2013-02-28", "\"200\""),
            day("2013-03-01", "\"201\""),
            day("2013-02-27", "\"199\""),
            day("2013-02-28", "\"200\""),
        ]
        .join(","),
    );
    let series = read_daily(body.as_bytes(), &ibm()).unwrap();
    assert_eq!(series.bars.close(), [199.0, 200.0, 201.0]);
    assert_eq!(series.notes, []);
}

#[test]
fn a_row_without_a_valid_price_is_dropped() {
    for close in ["null", "\"NaN\"", "\"0\"", "0", "-1", "\"-1.5\"", "\"None\"", "\".\"", "\"inf\"", "\"\""] {
        let body = answer(&[day("2013-02-28", "200.5"), day("2013-03-01", close)].join(","));
        let series = read_daily(body.as_bytes(), &ibm()).unwrap();
        assert_eq!(series.bars.close(), [200.5], "{close}");
        assert_eq!(
            series.notes,
            [Note::on_dropped(vec![DroppedRow { date: "2013-03-01".parse().unwrap(), reason: DropReason::NotAPrice }])
                .unwrap()]
        );
    }
}

#[test]
fn an_unexpected_response_is_malformed() {
    let good = answer(&day("2013-03-01", "\"1\""));
    for body in [
        "",
        "{}",
        "[]",
        "<html><body>502</body></html>",
        "{\"Time Series (Daily)\": {}}",
        "{\"Time Series (Daily)\": []}",
        "{\"Time Series (Daily)\": {\"yesterday\": {}}}",
        "{\"Time Series (Daily)\": {\"2013-02-30\": {}}}",
        "{\"Time Series (Daily)\": {\"2013-03-01\": []}}",
        "{\"Time Series (Daily)\": {\"2013-03-01\": {\"4. close\": {}}}}",
        &good[..good.len() - 1],
        &format!("{good}x"),
        &good.replace("\"ibm\"", "\"AAPL\""),
        &good.replace("\"ibm\"", "7"),
        &answer(&day("2013-03-01", "null")),
    ] {
        assert!(malformed(body), "{body}");
    }
    assert!(!malformed(&good));
}

proptest::proptest! {
    #[test]
    fn no_response_makes_the_reader_panic(body: Vec<u8>, cut in 0_usize..400) {
        let _ = read_daily(&body, &ibm());
        let good = answer(&day("2013-03-01", "\"1\""));
        let _ = read_daily(&good.as_bytes()[..cut.min(good.len())], &ibm());
    }
}
