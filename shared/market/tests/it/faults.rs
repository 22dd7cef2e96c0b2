//! What a caller sees of each fault, for both HTTP providers.

use std::sync::Arc;
use std::time::Duration;

use market::http::{Limits, Quota as _};
use market::{CallBudget, Chain, History, OnBehalfOf, Provider, ProviderError, Sample, yahoo};

use crate::budget::{SlidingDay, caller, lasting};
use crate::scripted::{BOTH, GOOD, Which, faults, ibm, limits, noon};
use crate::server::{Reply, Server};

/// A result in the notation of the table.
fn seen(result: &Result<History, ProviderError>) -> String {
    match result {
        Ok(history) => {
            let bars = format!("{} bars", history.bars.len());
            history.notes.iter().fold(bars, |text, note| format!("{text}, {}", note.code()))
        }
        Err(ProviderError::UnknownSymbol) => "unknown symbol".to_owned(),
        Err(ProviderError::QuotaExhausted { until: Some(until) }) => format!("quota until {}", until.to_rfc3339()),
        Err(ProviderError::QuotaExhausted { until: None }) => "quota".to_owned(),
        Err(ProviderError::RateLimited { retry_after }) => format!("rate limited {} ms", retry_after.as_millis()),
        Err(ProviderError::KeyRefused) => "key refused".to_owned(),
        Err(ProviderError::NotGiven) => "not given".to_owned(),
        Err(ProviderError::TimedOut) => "timed out".to_owned(),
        Err(ProviderError::TooLarge) => "too large".to_owned(),
        Err(ProviderError::Malformed { .. }) => "malformed".to_owned(),
        Err(ProviderError::PriceTooSmall) => "price_too_small".to_owned(),
        Err(ProviderError::Unavailable { status: Some(status) }) => format!("unavailable {status}"),
        Err(ProviderError::Unavailable { status: None }) => "unavailable".to_owned(),
    }
}

#[tokio::test]
async fn each_fault_gives_the_expected_result() {
    let private = Server::start(vec![Reply::json("{}")]).await;
    for which in BOTH {
        for fault in faults(which, &private.address()) {
            let server = Server::start(fault.replies).await;
            let result = which.at(&server, limits()).fetch_daily(&ibm(), caller()).await;
            assert_eq!(seen(&result), fault.seen, "{which:?}, {}: {result:?}", fault.name);
            assert_eq!(server.requests().len(), fault.calls, "{which:?}, {}", fault.name);
            if let Ok(history) = result {
                let closes = history.bars.close();
                assert_eq!(closes[0].to_bits(), 200.83_f64.to_bits(), "{which:?}, {}", fault.name);
                assert!(closes.len() == 1 || closes[1].to_bits() == 202.91_f64.to_bits(), "{which:?}, {}", fault.name);
            }
        }
    }
    assert_eq!(private.requests(), Vec::<String>::new(), "no redirect is followed");
}

#[tokio::test]
async fn quotes_and_metadata_fail_in_the_same_ways() {
    for which in BOTH {
        for reply in [
            Reply::status(500),
            Reply::body(b"<html></html>".to_vec()),
            Reply::repeated(1 << 30, false),
            Reply::status(302).header("Location", "http://10.0.0.1/"),
        ] {
            let server = Server::start(vec![reply]).await;
            let provider = which.at(&server, limits());
            assert!(provider.fetch_quote(&ibm(), caller()).await.is_err());
            assert!(provider.fetch_instrument(&ibm(), caller()).await.is_err());
            assert!(provider.search("acme", caller()).await.is_err());
            assert_eq!(server.requests().len(), 3);
        }
    }
}

/// A quote response with `price` inserted unchanged.
fn quote_answer(which: Which, symbol: &str, price: &str) -> Reply {
    Reply::json(&match which {
        Which::AlphaVantage => format!(
            r#"{{"Global Quote": {{"01. symbol": "{symbol}", "05. price": {price}, "07. latest trading day": "2013-03-01"}}}}"#
        ),
        Which::Yahoo => format!(
            r#"{{"chart": {{"result": [{{"meta": {{"symbol": "{symbol}", "currency": "USD", "gmtoffset": -18000,
               "regularMarketTime": 1362171600, "regularMarketPrice": {price}}}, "indicators": {{"quote": [{{}}]}}}}],
               "error": null}}}}"#
        ),
    })
}

#[tokio::test]
async fn an_invalid_price_or_another_symbol_is_refused() {
    for which in BOTH {
        let sound = if which == Which::Yahoo { "202.91" } else { "\"202.91\"" };
        let bad = ["null", "NaN", "\"NaN\"", "0", "\"0.0000\"", "-1.5", "\"-1.5\"", "1e400", "\"\"", "[1]"];
        let answers = bad.map(|price| quote_answer(which, "IBM", price));
        for (place, reply) in answers.into_iter().chain([quote_answer(which, "AAPL", sound)]).enumerate() {
            let server = Server::start(vec![reply]).await;
            let quote = which.at(&server, limits()).fetch_quote(&ibm(), caller()).await;
            assert!(matches!(quote, Err(ProviderError::Malformed { .. })), "{which:?}, {place}: {quote:?}");
        }
        let server = Server::start(vec![quote_answer(which, "IBM", sound)]).await;
        let quote = which.at(&server, limits()).fetch_quote(&ibm(), caller()).await.unwrap();
        assert_eq!((quote.symbol, quote.price.to_string().as_str()), (ibm(), "202.91"), "{which:?}");
    }
}

#[tokio::test]
async fn a_slow_response_ends_at_the_callers_deadline() {
    for which in BOTH {
        let whole = Reply::json(&which.series(&GOOD));
        for reply in [whole.clone().stalling_after(0), whole.stalling_after(100)] {
            let server = Server::start(vec![reply]).await;
            let provider = which.at(&server, limits());
            for time in [60, 30].map(Duration::from_millis) {
                // The server never completes the response.
                let ibm = ibm();
                let asked = tokio::time::timeout(Duration::from_secs(30), provider.fetch_daily(&ibm, lasting(time)));
                assert_eq!(asked.await.unwrap(), Err(ProviderError::TimedOut), "{which:?}, {time:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_more_of_a_gigabyte_is_read_than_the_limit() {
    for which in BOTH {
        let server = Server::start(vec![Reply::repeated(1 << 30, false)]).await;
        assert_eq!(which.at(&server, limits()).fetch_daily(&ibm(), caller()).await, Err(ProviderError::TooLarge));
        // Socket buffers may hold more than the limit.
        assert!(server.bytes_sent() < 64 << 20, "{} bytes", server.bytes_sent());
    }
}

#[tokio::test]
async fn five_failures_open_the_breaker_and_a_minute_later_one_call_probes() {
    for which in BOTH {
        let good = Reply::json(&which.series(&GOOD));
        let mut replies = vec![Reply::status(500); 5];
        replies.extend([Reply::status(500), good]);
        let server = Server::start(replies).await;
        let provider = which.at(&server, limits());
        let symbol = ibm();
        let ask = || provider.fetch_daily(&symbol, caller());
        for _ in 0..5 {
            assert_eq!(ask().await, Err(ProviderError::Unavailable { status: Some(500) }));
        }
        let open = Err(ProviderError::Unavailable { status: None });
        assert_eq!((ask().await, provider.count_calls_left().await), (open.clone(), Some(0)));
        assert_eq!(server.requests().len(), 5, "no call is made while the breaker is open");
        a_minute_passes().await;
        assert_eq!(provider.count_calls_left().await, Some(20), "no call is counted");
        assert_eq!(ask().await, Err(ProviderError::Unavailable { status: Some(500) }));
        assert_eq!(ask().await, open, "the probe failed");
        a_minute_passes().await;
        assert_eq!(ask().await.unwrap().bars.len(), 2);
        assert_eq!(server.requests().len(), 7);
    }
}

async fn a_minute_passes() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
}

#[tokio::test(start_paused = true)]
async fn a_hanging_first_source_is_skipped_after_five_callers() {
    for which in BOTH {
        let hangs = Server::start(vec![Reply::json("{}").stalling_after(0)]).await;
        let provider = which.at(&hangs, Limits { spacing: Duration::ZERO, ..Limits::default() });
        let chain = Chain::new(provider.clone(), vec![Arc::new(Sample::new())]);
        // A caller's time less the time until the call, so that its share is below the connect timeout.
        let time = Duration::from_millis(1_980);
        let mut waited = Vec::new();
        for _ in 0..7 {
            let start = tokio::time::Instant::now();
            assert_eq!(chain.fetch_quote(&ibm(), lasting(time)).await.unwrap().source, "sample");
            waited.push(start.elapsed().as_millis());
            assert_eq!(provider.count_calls_left().await == Some(0), waited.len() >= 5, "{which:?}, {waited:?}");
        }
        assert_eq!(waited, [990, 990, 990, 990, 990, 0, 0], "{which:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_for_less_than_half_a_second_is_not_a_failure() {
    let hangs = Server::start(vec![Reply::json("{}").stalling_after(0)]).await;
    let provider = Which::Yahoo.at(&hangs, Limits { spacing: Duration::ZERO, ..Limits::default() });
    for _ in 0..8 {
        let hurried = lasting(Duration::from_millis(490));
        assert_eq!(provider.fetch_quote(&ibm(), hurried).await, Err(ProviderError::TimedOut));
    }
    assert_eq!(provider.count_calls_left().await, Some(17));
}

#[tokio::test]
async fn neither_an_unknown_symbol_nor_a_quota_opens_the_breaker() {
    for (which, reply) in [
        (Which::AlphaVantage, Reply::json(r#"{"Error Message": "Invalid API call."}"#)),
        (Which::Yahoo, Reply::json(r#"{"chart": {"result": null, "error": {"code": "Not Found"}}}"#).with_status(404)),
        (Which::Yahoo, Reply::status(429)),
    ] {
        let server = Server::start(vec![reply]).await;
        let provider = which.at(&server, limits());
        for _ in 0..8 {
            assert!(provider.fetch_daily(&ibm(), caller()).await.is_err());
        }
        assert_eq!(server.requests().len(), 8);
    }
}

#[tokio::test]
async fn when_the_first_source_has_no_call_left_the_second_is_used() {
    let day_used_up = r#"{"Note": "our standard API rate limit is 25 requests per day"}"#;
    let first = Server::start(vec![Reply::json(day_used_up)]).await;
    let not_found = Reply::json(r#"{"chart": {"result": null, "error": {"code": "Not Found"}}}"#).with_status(404);
    let second = Server::start(vec![Reply::json(&Which::Yahoo.series(&GOOD)), not_found]).await;
    let chain = Chain::new(Which::AlphaVantage.at(&first, limits()), vec![Which::Yahoo.at(&second, limits())]);
    let history = chain.fetch_daily(&ibm(), CallBudget::of(OnBehalfOf::Schedule)).await.unwrap();
    assert_eq!((history.source, history.bars.len()), ("yahoo", 2));
    let refused = chain.fetch_daily(&ibm(), CallBudget::of(OnBehalfOf::Schedule)).await;
    assert!(matches!(refused, Err(ProviderError::QuotaExhausted { until: Some(_) })), "{refused:?}");
    assert_eq!(first.requests().len(), 1, "the day's calls are known to be used up");
    assert!(chain.gives("alpha_vantage") && chain.gives("yahoo"));
}

#[tokio::test]
async fn reserved_calls_of_a_source_are_not_used() {
    let first = Server::start(vec![Reply::json(&Which::AlphaVantage.series(&GOOD))]).await;
    let second = Server::start(vec![Reply::json(&Which::Yahoo.series(&GOOD))]).await;
    let chain = Chain::new(
        Which::AlphaVantage.at_with(&first, limits(), 10),
        vec![Which::Yahoo.at_with(&second, limits(), 2_000)],
    );
    let sparing = chain.fetch_daily(&ibm(), caller().reserving(10)).await.unwrap();
    assert_eq!((sparing.source, first.requests().len()), ("yahoo", 0));
    assert_eq!(chain.fetch_daily(&ibm(), caller()).await.unwrap().source, "alpha_vantage");
}

#[tokio::test]
async fn a_symbol_that_a_provider_cannot_have_costs_no_call() {
    let server = Server::start(vec![Reply::status(500)]).await;
    for (which, symbols) in [
        (Which::AlphaVantage, vec!["MY:HOUSE", "^GSPC", "GC=F", "XAU=LB", "EURXYZ=X"]),
        (Which::Yahoo, vec!["MY:HOUSE", "XAU=OZT", "WTI=BBL", "A=B"]),
    ] {
        let provider = which.at(&server, limits());
        for symbol in symbols {
            let symbol = symbol.parse().unwrap();
            assert_eq!(provider.fetch_daily(&symbol, caller()).await, Err(ProviderError::UnknownSymbol));
            assert_eq!(provider.fetch_quote(&symbol, caller()).await, Err(ProviderError::UnknownSymbol));
        }
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn yahoo_gets_the_requests_that_it_accepts() {
    let server = Server::start(vec![Reply::json(&Which::Yahoo.series(&GOOD))]).await;
    let budget = Arc::new(SlidingDay::new(2, Arc::new(noon)));
    let mut settings = yahoo::Settings::with_base(&server.address()).unwrap();
    settings.limits = limits();
    let yahoo = market::Yahoo::new(settings, budget.clone()).unwrap();
    yahoo.fetch_daily(&ibm(), caller()).await.unwrap();
    let quote = yahoo.fetch_quote(&ibm(), caller()).await.unwrap();
    assert_eq!((quote.price.to_string().as_str(), quote.source), ("202.91", "yahoo"));
    assert_eq!(
        server.requests(),
        [
            "/v8/finance/chart/IBM?range=10y&interval=1d&events=div%2Csplit",
            "/v8/finance/chart/IBM?range=1d&interval=1d&events=div%2Csplit"
        ]
    );
    assert_eq!(budget.count_left().await, Some(0));
    assert!(matches!(yahoo.search("ibm", caller()).await, Err(ProviderError::QuotaExhausted { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_source_without_calls_left_fails_without_waiting_for_a_slot() {
    let server = Server::start(vec![Reply::json(&Which::Yahoo.series(&GOOD))]).await;
    for which in BOTH {
        let hurried = Limits { spacing: Duration::from_mins(1), ..limits() };
        let provider = which.at_with(&server, hurried, 6);
        let start = tokio::time::Instant::now();
        // The other provider cannot read Yahoo's response, but has made its call.
        let _ = provider.fetch_quote(&ibm(), CallBudget::of(OnBehalfOf::Schedule)).await;
        let spent = provider.fetch_quote(&ibm(), CallBudget::of(OnBehalfOf::Schedule)).await;
        assert!(matches!(spent, Err(ProviderError::QuotaExhausted { until: Some(_) })), "{which:?}: {spent:?}");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!(provider.count_calls_left().await, Some(5), "the reserved calls are left");
        let paced = provider.fetch_quote(&ibm(), caller()).await;
        assert!(matches!(paced, Err(ProviderError::RateLimited { .. })), "{which:?}: {paced:?}");
    }
}
