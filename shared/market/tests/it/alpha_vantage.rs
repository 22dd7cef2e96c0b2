//! The provider against a local server that replays Alpha Vantage's responses.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{InstrumentType, Symbol};
use market::alpha_vantage::{AlphaVantage, Settings};
use market::http::Limits;
use market::{
    Basis, CallBudget, DropReason, DroppedRow, MarketClock, NoMemory, Note, OnBehalfOf, Provider, ProviderError,
};

use crate::budget::{SlidingDay, caller};
use crate::server::{Reply, Server};

/// A key that appears in no other text by chance.
const KEY: &str = "CANARYKEY42";

const PREMIUM: &str = r#"{"Information": "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly unlock all premium endpoints"}"#;
const SLOW_DOWN: &str = r#"{"Information": "Thank you! Please consider spreading out your free API requests more sparingly (1 request per second). You may subscribe to a premium plan to lift the free key rate limit (25 requests per day) for CANARYKEY42"}"#;
const DAY_USED_UP: &str = r#"{"Note": "We have detected your API key as CANARYKEY42 and our standard API rate limit is 25 requests per day. Please subscribe to any of the premium plans"}"#;
const BAD_SYMBOL: &str = r#"{"Error Message": "Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY. apikey was fine"}"#;
const INVALID_CALL: &str =
    r#"{"Error Message": "Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY."}"#;

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_362_139_200, 0).unwrap()
}

/// Short enough that no test waits, long enough for a busy machine.
fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        spacing: Duration::from_millis(1),
        backoff: Duration::from_millis(1),
        ..Limits::default()
    }
}

fn provider_with(server: &Server, limits: Limits, calls: usize) -> AlphaVantage {
    let mut settings = Settings::with_base(KEY.into(), &server.address()).unwrap();
    settings.limits = limits;
    AlphaVantage::new(settings, Arc::new(SlidingDay::new(calls, Arc::new(noon))), Arc::new(NoMemory)).unwrap()
}

fn provider(server: &Server) -> AlphaVantage {
    provider_with(server, limits(), 25)
}

fn ibm() -> Symbol {
    "IBM".parse().unwrap()
}

fn series(days: &[(&str, f64)], adjusted: bool) -> String {
    let day = |(date, close): &(&str, f64)| {
        let events = if adjusted {
            format!(
                r#""5. adjusted close": "{close}", "6. volume": "10", "7. dividend amount": "0.0000", "8. split coefficient": "1.0""#
            )
        } else {
            r#""5. volume": "10""#.to_owned()
        };
        format!(
            r#""{date}": {{"1. open": "{close}", "2. high": "{close}", "3. low": "{close}", "4. close": "{close}", {events}}}"#
        )
    };
    let days: Vec<String> = days.iter().map(day).collect();
    format!(
        r#"{{"Meta Data": {{"1. Information": "Daily", "2. Symbol": "IBM"}}, "Time Series (Daily)": {{{}}}}}"#,
        days.join(", ")
    )
}

fn adjusted() -> String {
    series(&[("2013-03-01", 202.91), ("2013-02-28", 200.83)], true)
}

/// The provider's result for one response.
async fn daily_of(reply: Reply) -> Result<market::History, ProviderError> {
    let server = Server::start(vec![reply]).await;
    provider(&server).fetch_daily(&ibm(), caller()).await
}

fn is_malformed<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Malformed { .. }))
}

#[tokio::test]
async fn a_whole_history_is_one_call() {
    let server = Server::start(vec![Reply::json(&adjusted())]).await;
    let provider = provider(&server);
    let history = provider.fetch_daily(&ibm(), caller()).await.unwrap();
    assert_eq!(history.bars.close(), [200.83, 202.91]);
    assert_eq!((history.basis, history.currency.code(), history.notes), (Basis::Quoted, "USD", vec![]));
    assert_eq!(
        server.requests(),
        ["/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=IBM&outputsize=full&apikey=CANARYKEY42"]
    );
    assert_eq!(
        (provider.source(), provider.clock(), provider.revision(&ibm())),
        ("alpha_vantage", MarketClock::Live, None)
    );
}

#[tokio::test]
async fn a_premium_refusal_leads_to_the_compact_series_and_is_remembered() {
    let compact = Reply::json(&series(&[("2013-03-01", 202.91), ("2013-02-28", 200.83)], false));
    let server = Server::start(vec![Reply::json(PREMIUM), compact.clone(), compact]).await;
    let provider = provider(&server);
    for _ in 0..2 {
        let history = provider.fetch_daily(&ibm(), caller()).await.unwrap();
        assert_eq!(history.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded, Note::CompactHistory]);
        assert_eq!(history.bars.adjusted_close(), [200.83, 202.91]);
    }
    let compact = "/query?function=TIME_SERIES_DAILY&symbol=IBM&outputsize=compact&apikey=CANARYKEY42";
    assert_eq!(server.requests()[1..], [compact, compact]);
}

#[tokio::test]
async fn a_jump_in_the_compact_series_is_looked_up() {
    let days = [("2013-03-04", 51.5), ("2013-03-01", 51.0), ("2013-02-28", 200.0)];
    let server = Server::start(vec![
        Reply::json(PREMIUM),
        Reply::json(&series(&days, false)),
        Reply::json(r#"{"symbol": "IBM", "data": [{"effective_date": "2013-03-01", "split_factor": "4.0000"}]}"#),
        Reply::json(r#"{"symbol": "IBM", "data": [{"ex_dividend_date": "2013-03-04", "amount": "0.5"}]}"#),
    ])
    .await;
    let history = provider(&server).fetch_daily(&ibm(), caller()).await.unwrap();
    assert_eq!(history.bars.split_ratio(), [1.0, 4.0, 1.0]);
    assert_eq!(history.bars.dividend(), [0.0, 0.0, 0.5]);
    assert_eq!(history.notes, [Note::CompactHistory]);
}

/// How often a function was called.
fn times(server: &Server, function: &str) -> usize {
    let asks = format!("function={function}&");
    server.requests().iter().filter(|request| request.contains(&asks)).count()
}

#[tokio::test]
async fn of_concurrent_requests_one_determines_what_the_plan_covers() {
    let compact = Reply::json(&series(&[("2013-03-01", 202.91), ("2013-02-28", 200.83)], false));
    let server = Server::start(vec![Reply::json(PREMIUM), compact]).await;
    let provider = Arc::new(provider(&server));
    let asks = (0..8).map(|_| {
        let provider = provider.clone();
        async move { provider.fetch_daily(&ibm(), caller()).await }
    });
    let answers = asks.collect::<tokio::task::JoinSet<_>>().join_all().await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|history| history.bars.len() == 2)), "{answers:?}");
    assert_eq!((times(&server, "TIME_SERIES_DAILY_ADJUSTED"), times(&server, "TIME_SERIES_DAILY")), (1, 8));
    assert_eq!(provider.count_calls_left().await, Some(16));
}

#[tokio::test]
async fn each_jump_is_looked_up_once() {
    let days = [("2013-03-05", 26.0), ("2013-03-04", 51.5), ("2013-03-01", 51.0), ("2013-02-28", 200.0)];
    let split = r#"{"symbol": "IBM", "data": [{"effective_date": "2013-03-01", "split_factor": "4.0"}]}"#;
    let dividend = r#"{"symbol": "IBM", "data": [{"ex_dividend_date": "2013-03-04", "amount": "0.5"}]}"#;
    let compact = |days: &[(&str, f64)]| Reply::json(&series(days, false));
    let server = Server::start(vec![
        Reply::json(PREMIUM),
        compact(&days[2..]),
        Reply::json(split),
        Reply::status(500),
        // Only the lookup that failed is repeated.
        compact(&days[2..]),
        Reply::json(dividend),
        compact(&days[2..]),
        compact(&days[1..]),
        compact(&days),
        Reply::json(split),
        Reply::json(dividend),
    ])
    .await;
    let provider = provider(&server);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let history = provider.fetch_daily(&ibm(), caller()).await.unwrap();
        assert_eq!(history.bars.split_ratio()[..2], [1.0, 4.0]);
        let dividends_unknown = history.notes.contains(&Note::DividendsNotIncluded);
        seen.push((times(&server, "SPLITS"), times(&server, "DIVIDENDS"), dividends_unknown));
    }
    // Whether a later day paid a dividend is unknown.
    assert_eq!(seen, [(1, 1, true), (1, 2, false), (1, 2, false), (1, 2, true), (2, 3, false)]);
}

#[tokio::test]
async fn a_jump_that_cannot_be_looked_up_is_served_with_notes() {
    let days = [("2013-03-04", 51.5), ("2013-03-01", 51.0), ("2013-02-28", 200.0)];
    let replies = vec![Reply::json(PREMIUM), Reply::json(&series(&days, false)), Reply::json("{}"), Reply::status(500)];
    let server = Server::start(replies).await;
    let history = provider(&server).fetch_daily(&ibm(), caller()).await.unwrap();
    assert_eq!(history.bars.len(), 3);
    assert!(matches!(
        history.notes[..],
        [Note::UnexplainedMove { .. }, Note::SplitsUnknown, Note::DividendsNotIncluded, Note::CompactHistory]
    ));
}

#[tokio::test]
async fn a_call_that_came_too_fast_is_retried_after_a_pause() {
    let server = Server::start(vec![Reply::json(SLOW_DOWN), Reply::status(429), Reply::json(&adjusted())]).await;
    assert_eq!(provider(&server).fetch_daily(&ibm(), caller()).await.unwrap().bars.len(), 2);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn retries_end_with_the_attempts_or_the_deadline() {
    let server = Server::start(vec![Reply::json(SLOW_DOWN)]).await;
    let slow = Err(ProviderError::RateLimited { retry_after: Duration::from_millis(1) });
    assert_eq!(provider(&server).fetch_daily(&ibm(), caller()).await, slow);
    assert_eq!(server.requests().len(), 3);

    let server = Server::start(vec![Reply::status(429).header("Retry-After", "60")]).await;
    let slow = Err(ProviderError::RateLimited { retry_after: Duration::from_mins(1) });
    assert_eq!(provider(&server).fetch_daily(&ibm(), caller()).await, slow);
    assert_eq!(server.requests().len(), 1, "a minute exceeds the caller's deadline");
}

#[tokio::test]
async fn the_daily_quota_stops_every_call_until_a_day_has_passed() {
    let server = Server::start(vec![Reply::json(DAY_USED_UP), Reply::json(&adjusted())]).await;
    let provider = provider(&server);
    let tomorrow = Err(ProviderError::QuotaExhausted { until: Some(noon() + chrono::TimeDelta::hours(24)) });
    for _ in 0..2 {
        assert_eq!(provider.fetch_daily(&ibm(), caller()).await, tomorrow);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn every_attempt_counts_and_no_call_exceeds_the_quota() {
    let server = Server::start(vec![Reply::json(SLOW_DOWN), Reply::json(SLOW_DOWN), Reply::json(&adjusted())]).await;
    let provider = provider_with(&server, limits(), 2);
    let exhausted = provider.fetch_daily(&ibm(), caller()).await;
    assert!(matches!(exhausted, Err(ProviderError::QuotaExhausted { until: Some(_) })));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn calls_of_one_process_are_spaced() {
    let server = Server::start(vec![Reply::json(&adjusted())]).await;
    // A caller waits only for a slot before its deadline. The spacing itself is tested with the pacer.
    let provider = provider_with(&server, Limits { spacing: Duration::from_millis(40), ..limits() }, 25);
    for _ in 0..2 {
        provider.fetch_daily(&ibm(), caller()).await.unwrap();
    }
    let hurried = Limits { spacing: Duration::from_mins(1), ..limits() };
    let provider = provider_with(&server, hurried, 25);
    provider.fetch_daily(&ibm(), caller()).await.unwrap();
    let refused = provider.fetch_daily(&ibm(), caller()).await;
    assert!(matches!(refused, Err(ProviderError::RateLimited { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_unknown_symbol_and_a_refused_key_are_final() {
    assert_eq!(daily_of(Reply::json(INVALID_CALL)).await, Err(ProviderError::UnknownSymbol));
    assert_eq!(daily_of(Reply::json(BAD_SYMBOL)).await, Err(ProviderError::KeyRefused));
    assert_eq!(daily_of(Reply::status(403)).await, Err(ProviderError::KeyRefused));
    let server = Server::start(vec![]).await;
    let custom_instrument = provider(&server).fetch_daily(&"MY:HOUSE".parse().unwrap(), caller()).await;
    assert_eq!(custom_instrument, Err(ProviderError::UnknownSymbol));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn unexpected_json_is_malformed() {
    let whole = adjusted();
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<html><h1>Bad gateway</h1></html>",
        &whole[..whole.len() / 2],
        &whole.replace("IBM", "AAPL"),
        r#"{"Information": "Something new for CANARYKEY42"}"#,
    ] {
        let answer = daily_of(Reply::json(body)).await;
        assert!(is_malformed(&answer), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn rows_are_checked_sorted_and_deduplicated() {
    let days = [
        ("2013-02-27", 202.0),
        ("2013-03-01", 202.91),
        ("2013-02-28", -1.0),
        ("2013-02-26", 0.0),
        ("2013-02-27", 202.0),
    ];
    let history = daily_of(Reply::json(&series(&days, true).replace("\"-1\"", "null"))).await.unwrap();
    assert_eq!(history.bars.close(), [202.0, 202.91]);
    let dropped = ["2013-02-26", "2013-02-28"]
        .map(|date| DroppedRow { date: date.parse().unwrap(), reason: DropReason::NotAPrice });
    let note = Note::RowsDropped { count: 2, reasons: vec![DropReason::NotAPrice], rows: dropped.to_vec() };
    assert_eq!(history.notes, [note]);
}

#[tokio::test]
async fn a_newest_bar_that_jumps_is_held_back() {
    let history = daily_of(Reply::json(&series(&[("2013-03-01", 20.3), ("2013-02-28", 200.0)], true))).await.unwrap();
    assert_eq!(history.bars.close(), [200.0]);
    assert!(matches!(history.notes[..], [Note::NewestBarHeldBack { .. }]));
}

#[tokio::test]
async fn server_errors_and_redirects_are_errors() {
    for status in [500, 503, 404, 301] {
        let reply = Reply::status(status).header("Location", "http://127.0.0.1:1/elsewhere");
        assert_eq!(daily_of(reply).await, Err(ProviderError::Unavailable { status: Some(status) }));
    }
    let unused = Server::start(vec![]).await.stop().await;
    let mut settings = Settings::with_base(KEY.into(), &unused).unwrap();
    settings.limits = limits();
    let provider =
        AlphaVantage::new(settings, Arc::new(SlidingDay::new(25, Arc::new(noon))), Arc::new(NoMemory)).unwrap();
    let answer = provider.fetch_daily(&ibm(), caller()).await;
    assert_eq!(answer, Err(ProviderError::Unavailable { status: None }));
}

#[tokio::test]
async fn a_body_is_cut_off_at_the_limit() {
    let huge = vec![b' '; 6 * 1024 * 1024];
    assert_eq!(daily_of(Reply::body(huge.clone())).await, Err(ProviderError::TooLarge));
    assert_eq!(daily_of(Reply::body(huge.clone()).without_length()).await, Err(ProviderError::TooLarge));
    let bomb = Reply::gzip(&vec![b' '; 12 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    assert_eq!(daily_of(bomb).await, Err(ProviderError::TooLarge));
}

#[tokio::test]
async fn a_compressed_response_is_read_and_a_broken_one_refused() {
    assert_eq!(daily_of(Reply::gzip(adjusted().as_bytes())).await.unwrap().bars.len(), 2);
    let broken = Reply::body(b"no gzip".to_vec()).header("Content-Encoding", "gzip");
    assert_eq!(daily_of(broken).await, Err(ProviderError::Unavailable { status: None }));
}

#[tokio::test]
async fn a_truncated_response_is_an_error() {
    let cut_off = Reply::json(&adjusted()).closing_after(100);
    assert_eq!(daily_of(cut_off).await, Err(ProviderError::Unavailable { status: None }));
}

#[tokio::test]
async fn metadata_come_from_the_overview_or_a_search_and_are_fetched_once() {
    let server = Server::start(vec![
        Reply::json("{}"),
        Reply::json(
            r#"{"bestMatches": [{"1. symbol": "SPY", "2. name": "SPDR", "3. type": "ETF", "8. currency": "USD"}]}"#,
        ),
    ])
    .await;
    let provider = provider(&server);
    for _ in 0..2 {
        let spy = provider.fetch_instrument(&"SPY".parse().unwrap(), caller()).await.unwrap();
        assert_eq!((spy.name.as_str(), spy.instrument_type), ("SPDR", InstrumentType::Etf));
    }
    assert_eq!(
        server.requests(),
        [
            "/query?function=OVERVIEW&symbol=SPY&apikey=CANARYKEY42",
            "/query?function=SYMBOL_SEARCH&keywords=SPY&apikey=CANARYKEY42"
        ]
    );
}

#[tokio::test]
async fn a_foreign_symbol_has_its_currency_and_hundredths_are_converted() {
    for (code, currency, close) in [("EUR", "EUR", 202.91), ("GBX", "GBP", 2.0291)] {
        let found = r#"{"bestMatches": [{"1. symbol": "MBG.DEX", "2. name": "Mercedes", "8. currency": "EUR"}]}"#;
        let found = Reply::json(&found.replace("EUR", code));
        let server = Server::start(vec![found, Reply::json(&adjusted().replace("IBM", "MBG.DEX"))]).await;
        let history = provider(&server)
            .fetch_daily(&"MBG.DEX".parse().unwrap(), CallBudget::of(OnBehalfOf::Schedule))
            .await
            .unwrap();
        assert_eq!((history.currency.code(), history.bars.close().last()), (currency, Some(&close)));
    }
}

#[tokio::test]
async fn a_quote_is_one_call() {
    let body = r#"{"Global Quote": {"01. symbol": "IBM", "05. price": "202.91", "07. latest trading day": "2013-03-01", "08. previous close": "200.83"}}"#;
    let server = Server::start(vec![Reply::json(body), Reply::json(r#"{"Global Quote": {}}"#)]).await;
    let provider = provider(&server);
    let price = async || provider.fetch_quote(&ibm(), caller()).await.map(|quote| quote.price.to_string());
    assert_eq!((price().await, price().await), (Ok("202.91".to_owned()), Err(ProviderError::UnknownSymbol)));
}
