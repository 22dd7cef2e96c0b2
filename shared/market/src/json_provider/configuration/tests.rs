use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    json!({
        "currency": "USD",
        "prices": "quoted",
        "bars": {
            "url": "https://api.example/eod/{symbol}?from={from}&token={key}",
            "rows": "",
            "date": "/date",
            "open": "/open",
            "high": "/high",
            "low": "/low",
            "close": "/close",
        },
    })
}

/// The document with another value at a pointer; `null` removes the member.
fn with(pointer: &str, value: Value) -> Result<Configuration, ConfigurationError> {
    let mut document = document();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(member)
    } else {
        parent.insert(member.to_owned(), value)
    };
    Configuration::read(&document.to_string())
}

fn message(pointer: &str, value: Value) -> String {
    with(pointer, value).unwrap_err().to_string()
}

#[test]
fn an_error_names_the_member_that_is_wrong() {
    for (pointer, value, expected) in [
        ("/bars/close", json!("close"), "bars.close: \"close\" is not a JSON pointer; it must be like /values/0/close"),
        ("/bars/high", json!(""), "bars.high: \"\" is not a JSON pointer"),
        ("/bars/low", json!("/a~2"), "bars.low: \"/a~2\" is not a JSON pointer"),
        ("/bars/split", json!("split"), "bars.split: \"split\""),
        ("/bars/rows", json!("values"), "bars.rows: \"values\""),
        ("/bars/close", json!(null), "missing field `close`"),
        ("/bars/opne", json!("/open"), "unknown field `opne`"),
        ("/bars/url", json!("http://api.example/{symbol}"), "bars.url: the URL must begin with https://"),
        ("/bars/url", json!("https://{symbol}.example/"), "bars.url: the host must be fixed"),
        ("/currency", json!("DOLLAR"), "currency: must be the ISO 4217 code"),
        ("/prices", json!("raw"), "unknown variant `raw`, expected one of `quoted`, `split_adjusted`, `adjusted`"),
        ("/years", json!(0), "years: must be from 1 to 100"),
        ("/calls_per_day", json!(-1), "calls_per_day"),
        ("/headers", json!({ "Host": "other.example" }), "headers: a name is not that of a header that may be set"),
        ("/headers", json!({ "A b": "c" }), "headers: a name"),
        ("/headers", json!({ "X-Token": "{token}" }), "headers: the only placeholder of a header is {key}"),
        ("/errors", json!({ "code": "code" }), "errors.code: \"code\""),
        (
            "/quote",
            json!({ "url": "https://other.example/{symbol}", "price": "/price", "date": "/date" }),
            "quote.url: the host must be that of bars.url",
        ),
        (
            "/quote",
            json!({ "url": "https://api.example/{symbol}", "price": "price", "date": "/date" }),
            "quote.price: \"price\"",
        ),
    ] {
        let message = message(pointer, value);
        assert!(
            message.contains(expected) || (expected == "calls_per_day" && message.contains("invalid value")),
            "{pointer}: {message}"
        );
    }
    assert!(message("/symbols", json!({ "../etc": "x" })).contains("the description of the JSON provider"));
}

#[test]
fn an_error_quotes_no_text_that_could_be_a_key() {
    let message = message("/headers", json!("Bearer SECRET, expected SECRET"));
    assert!(message.contains("expected a map at line 1 column") && !message.contains("SECRET"), "{message}");
}

#[test]
fn a_text_that_is_not_json_is_an_error_with_its_place() {
    let error = Configuration::read("{\n  \"currency\": }").unwrap_err().to_string();
    assert!(error.contains("line 2 column 15"), "{error}");
}

#[test]
fn an_error_of_a_url_does_not_contain_a_key_that_was_written_into_it() {
    let message = message("/bars/url", json!("https://api.example/{ticker}?token=canary"));
    assert!(!message.contains("canary"), "{message}");
}

#[test]
fn the_layout_follows_from_what_is_named() {
    let layout = |rows: Value, date: Value| {
        let mut document = document();
        let bars = document["bars"].as_object_mut().unwrap();
        for (member, value) in [("rows", rows), ("date", date)] {
            if value.is_null() {
                bars.remove(member)
            } else {
                bars.insert(member.to_owned(), value)
            };
        }
        Configuration::read(&document.to_string()).map(|read| read.bars.layout)
    };
    assert!(matches!(layout(json!(""), json!("/date")), Ok(Layout::Rows { .. })));
    assert!(matches!(layout(json!("/bars"), json!(null)), Ok(Layout::ByDate { .. })));
    assert!(matches!(layout(json!(null), json!("/t")), Ok(Layout::Columns { .. })));
    assert_eq!(layout(json!(null), json!(null)).unwrap_err(), ConfigurationError::Layout);
}

#[test]
fn symbols_are_written_as_the_provider_writes_them() {
    let written = |configuration: &Configuration, symbol: &str| configuration.written(&symbol.parse().unwrap());
    let plain = with("/years", json!(5)).unwrap();
    assert_eq!(written(&plain, "brk.b").as_deref(), Some("BRK.B"));
    for none in ["EURUSD=X", "XAU=OZT", "MY:HOUSE"] {
        assert_eq!(written(&plain, none), None, "{none}");
    }
    let mut mapped = document();
    mapped["suffixes"] = json!({ "": ".US", ".L": ".LSE" });
    mapped["symbols"] = json!({ "EURUSD=X": "EUR/USD", "brk.b": "BRK-B.US" });
    let mapped = Configuration::read(&mapped.to_string()).unwrap();
    for (symbol, theirs) in [
        ("AAPL", Some("AAPL.US")),
        ("VOD.L", Some("VOD.LSE")),
        ("SAP.DE", None),
        ("BRK.B", Some("BRK-B.US")),
        ("EURUSD=X", Some("EUR/USD")),
        ("GBPUSD=X", None),
    ] {
        assert_eq!(written(&mapped, symbol).as_deref(), theirs, "{symbol}");
    }
}

#[test]
fn a_plan_of_zero_calls_has_no_limit() {
    assert_eq!(with("/years", json!(5)).unwrap().plan(), ApiPlan { calls_a_day: None, calls_a_minute: None });
    let plan = with("/calls_per_minute", json!(8)).unwrap().plan();
    assert_eq!(plan, ApiPlan { calls_a_day: None, calls_a_minute: Some(8) });
}
