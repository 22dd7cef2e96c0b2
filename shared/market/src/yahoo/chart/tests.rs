use super::*;
use crate::note::{DropReason, DroppedRow};
use crate::yahoo::read_daily;

/// 2020-08-27 to 2020-09-01 with AAPL's four-for-one split on the 31st, adjusted as in the chart.
const APPLE: &str = r#"{"chart": {"result": [{
    "meta": {"currency": "USD", "symbol": "AAPL", "exchangeName": "NMS", "fullExchangeName": "NasdaqGS",
        "instrumentType": "EQUITY", "firstTradeDate": 345479400, "regularMarketTime": 1598990402, "gmtoffset": -14400,
        "timezone": "EDT", "regularMarketPrice": 134.1800003051758, "chartPreviousClose": 126.522, "priceHint": 2,
        "longName": "Apple Inc.", "shortName": "Apple", "dataGranularity": "1d", "range": "1d"},
    "timestamp": [1598535000, 1598621400, 1598880600, 1598967000],
    "events": {"splits": {"1598880600": {"date": 1598880600, "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"}},
        "dividends": {"1598621400": {"amount": 0.205, "date": 1598621400}}},
    "indicators": {"quote": [{"open": [127.0, 126.0, 127.5, 132.75], "high": [128.0, 127.0, 131.0, 134.75],
        "low": [124.0, 124.5, 126.0, 130.5], "close": [125.0, 124.75, 129.0, 134.25], "volume": [40, 80, 100, 200]}],
        "adjclose": [{"adjclose": [124.5, 124.5, 128.75, 134.25]}]}}], "error": null}}"#;

fn aapl() -> Symbol {
    "AAPL".parse().unwrap()
}

fn history(body: &str) -> Result<History, ProviderError> {
    read_daily(body.as_bytes(), &aapl())
}

fn quote(body: &str) -> Result<Quote, Refusal> {
    read_quote(body.as_bytes(), &YahooSymbol::of(&aapl()).unwrap())
}

#[test]
fn a_charts_splits_convert_it_back_to_quotes() {
    let history = history(APPLE).unwrap();
    assert_eq!((history.source, history.basis, history.currency.code()), ("yahoo", Basis::Quoted, "USD"));
    assert_eq!(history.bars.close(), [500.0, 499.0, 129.0, 134.25]);
    assert_eq!(history.bars.open(), [508.0, 504.0, 127.5, 132.75]);
    assert_eq!(history.bars.volume(), [10.0, 20.0, 100.0, 200.0]);
    assert_eq!(history.bars.split_ratio(), [1.0, 1.0, 4.0, 1.0]);
    assert_eq!(history.bars.dividend(), [0.0, 0.82, 0.0, 0.0]);
    assert_eq!(history.bars.adjusted_close(), [124.5, 124.5, 128.75, 134.25]);
    assert_eq!(history.bars.first().unwrap().date.to_string(), "2020-08-27");
    assert_eq!(history.notes, [Note::CompactHistory]);
}

#[test]
fn without_events_the_series_stays_split_adjusted_with_a_note() {
    let start = APPLE.find("\"events\"").unwrap();
    let end = APPLE.find("\"indicators\"").unwrap();
    let history = history(&format!("{}{}", &APPLE[..start], &APPLE[end..])).unwrap();
    assert_eq!(history.basis, Basis::SplitAdjusted);
    assert_eq!(history.bars.close(), [125.0, 124.75, 129.0, 134.25]);
    assert_eq!(history.notes, [Note::SplitsUnknown, Note::CompactHistory]);
}

#[test]
fn rows_with_nulls_are_dropped_and_their_split_moves_to_the_next() {
    let nulled = APPLE.replace("[127.0, 126.0, 127.5, 132.75]", "[127.0, 126.0, null, 132.75]");
    let history = history(&nulled.replace("124.5, 128.75, 134.25", "124.5, null, 134.25")).unwrap();
    assert_eq!(history.bars.close(), [500.0, 499.0, 134.25]);
    assert_eq!(history.bars.split_ratio(), [1.0, 1.0, 4.0]);
    assert_eq!(
        history.notes,
        [
            Note::on_dropped(vec![DroppedRow { date: "2020-08-31".parse().unwrap(), reason: DropReason::NotAPrice }])
                .unwrap(),
            Note::CompactHistory
        ]
    );
}

#[test]
fn a_quote_is_read_from_its_digits() {
    let quote = quote(APPLE).unwrap();
    assert_eq!(quote.price.to_string(), "134.180000305176", "rounded half-even to twelve decimals, not to a float");
    assert_eq!(quote.previous_close.unwrap().to_string(), "126.522");
    assert_eq!((quote.day.to_string(), quote.source), ("2020-09-01".to_owned(), "yahoo"));
    assert_eq!(quote.as_of.unwrap().to_rfc3339(), "2020-09-01T20:00:02+00:00");
}

#[test]
fn the_close_before_a_longer_chart_is_not_the_previous_close() {
    let longer = APPLE.replace("\"range\": \"1d\"", "\"range\": \"10y\"");
    assert_eq!(quote(&longer).unwrap().previous_close, None);
    let with_previous_close = longer.replace("\"priceHint\": 2", "\"previousClose\": 129.04");
    assert_eq!(quote(&with_previous_close).unwrap().previous_close.unwrap().to_string(), "129.04");
}

#[test]
fn a_quote_without_a_price_is_refused() {
    for price in ["null", "0", "-1.5", "\"NaN\"", "{}"] {
        let body = APPLE.replace("134.1800003051758", price);
        assert!(quote(&body).is_err(), "{price}");
    }
    assert!(quote(&APPLE.replace("1598990402", "null")).is_err());
}

#[test]
fn the_instrument_is_read_from_the_meta_data() {
    let instrument = read_instrument(APPLE.as_bytes(), &YahooSymbol::of(&aapl()).unwrap()).unwrap();
    assert_eq!((instrument.name.as_str(), instrument.exchange.as_deref()), ("Apple Inc.", Some("NasdaqGS")));
    assert_eq!((instrument.instrument_type, instrument.currency.code()), (InstrumentType::Stock, "USD"));
}

#[test]
fn prices_and_dividends_in_hundredths_are_converted_to_the_currency() {
    for (code, currency) in [("GBp", "GBP"), ("GBX", "GBP"), ("ZAc", "ZAR"), ("ILA", "ILS")] {
        let body = APPLE.replace("\"USD\"", &format!("\"{code}\""));
        let history = history(&body).unwrap();
        assert_eq!((history.currency.code(), history.bars.close()), (currency, [5.0, 4.99, 1.29, 1.3425].as_slice()));
        assert!((history.bars.dividend()[1] - 0.0082).abs() < 1e-12);
        let quote = quote(&body).unwrap();
        assert_eq!((quote.price.to_string().as_str(), quote.currency.code()), ("1.341800003052", currency));
    }
    assert!(history(&APPLE.replace("\"USD\"", "\"GBq\"")).is_err());
}

#[test]
fn not_found_is_final_and_other_messages_are_not() {
    let fault =
        |code: &str| format!(r#"{{"chart": {{"result": null, "error": {{"code": "{code}", "description": "x"}}}}}}"#);
    assert_eq!(history(&fault("Not Found")), Err(ProviderError::UnknownSymbol));
    assert!(matches!(history(&fault("Bad Request")), Err(ProviderError::Malformed { .. })));
    assert_eq!(quote(&fault("Too Many Requests")), Err(Refusal::TooFast));
}

#[test]
fn an_unexpected_response_is_malformed() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<html></html>",
        "Too Many Requests",
        r#"{"chart": {"result": [], "error": null}}"#,
        r#"{"chart": {"result": [{}], "error": null}}"#,
        &APPLE[..APPLE.len() - 5],
        &APPLE.replace("\"AAPL\"", "\"MSFT\""),
        &APPLE.replace("\"1d\", \"range\"", "\"1mo\", \"range\""),
        &APPLE.replace("[127.0, 126.0, 127.5, 132.75]", "[127.0, 126.0, 127.5]"),
        &APPLE.replace("[124.5, 124.5, 128.75, 134.25]", "[124.5]"),
        &APPLE.replace("[40, 80, 100, 200]", "[40, 80]"),
        &APPLE.replace("[1598535000, ", "[9223372036854775807, "),
        &APPLE.replace("\"timestamp\"", "\"timestamps\""),
        &APPLE.replace("127.0, 126.0", "NaN, 126.0"),
    ] {
        assert!(matches!(history(body), Err(ProviderError::Malformed { .. })), "{body}");
    }
}

proptest::proptest! {
    #[test]
    fn no_response_makes_the_reader_panic(body: Vec<u8>, cut in 0_usize..1500) {
        let _ = read_daily(&body, &aapl());
        let _ = read_daily(&APPLE.as_bytes()[..cut.min(APPLE.len())], &aapl());
    }
}
