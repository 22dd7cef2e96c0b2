use serde_json::json;

use super::*;

const TODAY: &str = "2026-01-09";

/// A configuration for bars at these pointers.
fn configuration(bars: &Value) -> Configuration {
    let mut document = json!({ "currency": "USD", "prices": "quoted", "bars": bars });
    document["bars"]["url"] = json!("https://api.example/{symbol}?from={from}");
    document["errors"] = json!({
        "code": "/code", "unknown_symbol": ["404"], "rate_limited": ["429"], "key_refused": ["401"],
    });
    Configuration::read(&document.to_string()).unwrap()
}

fn in_rows() -> Value {
    json!({
        "rows": "/values", "date": "/datetime", "open": "/o", "high": "/h", "low": "/l", "close": "/c",
        "adjusted_close": "/a", "volume": "/v", "dividend": "/d", "split": "/s",
    })
}

fn read_as(bars: &Value, answer: &Value) -> Result<History, ProviderError> {
    let symbol = "ACME".parse().unwrap();
    super::super::read_daily(answer.to_string().as_bytes(), configuration(bars), &symbol, TODAY.parse().unwrap())
}

fn fault(bars: &Value, answer: &Value) -> String {
    read_as(bars, answer).unwrap_err().to_string()
}

fn closes(history: &History) -> Vec<(String, f64)> {
    history.bars.iter().map(|bar| (bar.date.to_string(), bar.close)).collect()
}

fn plain_row(date: &str, close: &Value) -> Value {
    json!({ "datetime": date, "o": close, "h": close, "l": close, "c": close })
}

#[test]
fn rows_out_of_order_with_strings_as_numbers_and_nulls_are_read() {
    let answer = json!({ "values": [
        { "datetime": "2026-01-06", "o": "20.5", "h": "21", "l": "20", "c": "20.75", "a": "20.75", "v": "1000", "d": null, "s": "1" },
        { "datetime": "2026-01-02", "o": 40, "h": 42.5, "l": 40, "c": 41, "a": 20.4, "v": 500, "d": 0, "s": 1 },
        { "datetime": "2026-01-05T00:00:00.000Z", "o": 20, "h": 21, "l": 20, "c": 20.5, "a": null, "v": null, "d": 0.1, "s": 2 },
        { "datetime": "2026-01-07", "o": null, "h": 21, "l": 20, "c": 20.5, "a": null, "v": 1, "d": 0, "s": 0 },
    ] });
    let history = read_as(&in_rows(), &answer).unwrap();
    assert_eq!((history.source, history.basis, history.currency.code()), ("json", Basis::Quoted, "USD"));
    let expected = [("2026-01-02", 41.0), ("2026-01-05", 20.5), ("2026-01-06", 20.75)];
    assert_eq!(closes(&history), expected.map(|(date, close)| (date.to_owned(), close)));
    let split = history.bars.get(1).unwrap();
    assert_eq!((split.split_ratio, split.dividend, split.volume), (2.0, 0.1, 0.0));
    assert!(matches!(history.notes[..], [Note::RowsDropped { .. }]), "the row without an open: {:?}", history.notes);
}

#[test]
fn each_layout_gives_the_same_bars() {
    let days = ["2026-01-02", "2026-01-05"];
    let plain = |rows: Value, date: Value| {
        let mut bars = json!({ "open": "/o", "high": "/o", "low": "/o", "close": "/o" });
        for (member, value) in [("rows", rows), ("date", date)] {
            if !value.is_null() {
                bars[member] = value;
            }
        }
        bars
    };
    let cases = [
        (plain(json!(""), json!("/0")), json!([[days[0], 10], [days[1], 11]])),
        (
            plain(json!("/a/b"), json!("/t")),
            json!({ "a": { "b": [{ "t": days[0], "o": 10 }, { "t": days[1], "o": 11 }] } }),
        ),
        (plain(json!("/by day"), json!(null)), json!({ "by day": { days[1]: { "o": "11" }, days[0]: { "o": "10" } } })),
        (plain(json!(null), json!("/t")), json!({ "t": ["20260102", "20260105"], "o": [10, 11] })),
    ];
    for (mut bars, answer) in cases {
        if answer.is_array() {
            for member in ["open", "high", "low", "close"] {
                bars[member] = json!("/1");
            }
        }
        let history = read_as(&bars, &answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(closes(&history), [(days[0].to_owned(), 10.0), (days[1].to_owned(), 11.0)], "{answer}");
        assert_eq!(history.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded]);
    }
}

#[test]
fn prices_that_include_dividends_are_marked() {
    let mut document = json!({ "currency": "USD", "prices": "adjusted", "bars": in_rows() });
    document["bars"]["url"] = json!("https://api.example/{symbol}");
    for member in ["adjusted_close", "dividend", "split"] {
        document["bars"].as_object_mut().unwrap().remove(member);
    }
    let configuration = Configuration::read(&document.to_string()).unwrap();
    let answer = json!({ "values": [plain_row("2026-01-08", &json!(1))] }).to_string();
    let read =
        super::super::read_daily(answer.as_bytes(), configuration, &"A".parse().unwrap(), TODAY.parse().unwrap());
    assert_eq!(read.unwrap().notes, [Note::SplitsUnknown, Note::DividendsInPrices]);
}

#[test]
fn times_since_1970_are_days_in_utc() {
    let mut bars = json!({ "date": "/t", "open": "/c", "high": "/c", "low": "/c", "close": "/c" });
    for (format, times) in [
        ("unix_seconds", [1_767_312_000_i64, 1_767_571_200]),
        ("unix_milliseconds", [1_767_312_000_000, 1_767_571_200_000]),
    ] {
        bars["date_format"] = json!(format);
        let history = read_as(&bars, &json!({ "t": times, "c": [10, 11] })).unwrap();
        assert_eq!(closes(&history), [("2026-01-02".to_owned(), 10.0), ("2026-01-05".to_owned(), 11.0)]);
    }
}

#[test]
fn a_pointer_that_leads_to_nothing_is_named() {
    let row = plain_row("2026-01-02", &json!(1));
    let with = |member: &str, value: Value| {
        let mut bars = in_rows();
        bars[member] = value;
        bars
    };
    let answer = json!({ "values": [row, row] });
    for (bars, answer, expected) in [
        (in_rows(), json!({ "bars": [] }), "has nothing at bars.rows (/values)"),
        (in_rows(), json!({ "values": {} }), "has something else than an array at bars.rows (/values)"),
        (in_rows(), json!({ "values": [] }), "has no bars"),
        (with("date", json!("/date")), answer.clone(), "has nothing at bars.date (/date)"),
        (with("close", json!("/close")), answer.clone(), "has nothing at bars.close (/close)"),
        (with("date", json!("/c")), answer.clone(), "has something else than a date at bars.date (/c)"),
        (with("currency", json!("/meta/currency")), answer.clone(), "has nothing at bars.currency (/meta/currency)"),
        (in_rows(), json!({ "values": [plain_row("2026-01-02", &json!(null))] }), "has no usable bar"),
        (
            json!({ "date": "/t", "open": "/c", "high": "/c", "low": "/c", "close": "/c" }),
            json!({ "t": ["2026-01-02"], "c": [1, 2] }),
            "has something else than an array of the length of the dates at bars.open (/c)",
        ),
    ] {
        assert_eq!(fault(&bars, &answer), format!("the provider's response {expected}"));
    }
    let not_json = super::super::read_daily(b"<html>", configuration(&in_rows()), &"A".parse().unwrap(), Day::LAST);
    assert_eq!(not_json.unwrap_err().to_string(), "the provider's response is not JSON");
}

#[test]
fn an_error_code_with_status_200_is_understood() {
    for (code, error) in [
        (json!(404), ProviderError::UnknownSymbol),
        (json!("404"), ProviderError::UnknownSymbol),
        (json!(401), ProviderError::KeyRefused),
        (json!(429), ProviderError::RateLimited { retry_after: PAUSE_UNSAID }),
    ] {
        assert_eq!(read_as(&in_rows(), &json!({ "code": code, "message": "…" })), Err(error), "{code}");
    }
    assert!(fault(&in_rows(), &json!({ "code": 500 })).contains("bars.rows"), "another code is no reason");
}

#[test]
fn the_currency_of_the_response_counts_and_hundredths_are_converted() {
    let mut bars = in_rows();
    bars["currency"] = json!("/meta/currency");
    let mut answer = json!({ "meta": { "currency": "GBp" }, "values": [plain_row("2026-01-02", &json!("165.4"))] });
    let history = read_as(&bars, &answer).unwrap();
    assert_eq!((history.currency.code(), history.bars.last().unwrap().close), ("GBP", 1.654));
    answer["meta"]["currency"] = json!("XXX");
    assert!(fault(&bars, &answer).contains("bars.currency"));
}

#[test]
fn a_history_from_the_first_requested_day_on_is_cut_off() {
    let answer = |date: &str| json!({ "values": [plain_row(date, &json!(1)), plain_row("2026-01-08", &json!(1))] });
    let is_cut = |date| read_as(&in_rows(), &answer(date)).unwrap().notes.contains(&Note::CompactHistory);
    assert!(is_cut("2006-01-10") && !is_cut("2006-02-10"));
}

#[test]
fn a_row_of_the_future_is_dropped_and_a_doubtful_newest_bar_is_held_back() {
    let rows = ["2026-01-06", "2026-01-07", "2026-01-08", "2026-02-02"].map(|date| plain_row(date, &json!(10)));
    let history = read_as(&in_rows(), &json!({ "values": rows })).unwrap();
    assert_eq!(history.bars.last().unwrap().date.to_string(), "2026-01-08");
    let jump = json!({ "values": [plain_row("2026-01-07", &json!(10)), plain_row("2026-01-08", &json!(30))] });
    let history = read_as(&in_rows(), &jump).unwrap();
    assert_eq!((history.bars.len(), history.held_back.map(|bar| bar.close)), (1, Some(30.0)));
}

#[test]
fn a_price_is_read_from_its_digits_wherever_it_is() {
    let quote = |pointers: Value| {
        let mut document = json!({ "currency": "USD", "prices": "quoted", "bars": in_rows(), "quote": pointers });
        for part in ["bars", "quote"] {
            document[part]["url"] = json!("https://api.example/{symbol}");
        }
        Configuration::read(&document.to_string()).unwrap()
    };
    let read = |configuration: Configuration, symbol: &str, body: &str| {
        let quote = configuration.quote.clone().unwrap();
        let day: Day = TODAY.parse().unwrap();
        let configuration = Arc::new(configuration);
        let asked = Asked { configuration, symbol: symbol.parse().unwrap(), from: day, today: day };
        read_quote(body.as_bytes(), &(asked, quote))
    };
    let pointers = json!({
        "price": "/a~1b/1/p", "previous_close": "/prev", "date": "/time", "date_format": "unix_seconds", "currency": "/ccy",
    });
    let body = r#"{"a/b": [0, {"p": 202.9100036621093750000000000000000001}], "prev": "201.5", "time": 1767624300, "ccy": "EUR"}"#;
    let found = read(quote(pointers.clone()), "ACME", body).unwrap();
    assert_eq!(
        (found.price.to_string().as_str(), found.currency.code(), found.source),
        ("202.910003662109", "EUR", "json")
    );
    assert_eq!(found.previous_close.unwrap().to_string(), "201.5");
    assert_eq!(
        (found.day.to_string().as_str(), found.as_of.unwrap().to_rfc3339().as_str()),
        ("2026-01-05", "2026-01-05T14:45:00+00:00")
    );
    for (wrong, part) in
        [("\"p\"", "quote.price (/a~1b/1/p)"), ("\"time\"", "quote.date (/time)"), ("\"ccy\"", "quote.currency (/ccy)")]
    {
        let Err(Refusal::Failed(error)) = read(quote(pointers.clone()), "ACME", &body.replace(wrong, "\"x\"")) else {
            panic!("{wrong}")
        };
        assert_eq!(error.to_string(), format!("the provider's response has nothing at {part}"));
    }
    // The currency of a pair is in its name.
    let found = read(quote(json!({ "price": "/p", "date": "/d" })), "EURCHF=X", r#"{"p": "0.93", "d": "2026-01-05"}"#);
    let found = found.unwrap();
    assert_eq!((found.currency.code(), found.as_of), ("CHF", None));
}
