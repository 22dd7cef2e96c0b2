//! A provider that a document describes, called over HTTP.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Day, Symbol};
use market::json_provider::{Configuration, ConfigurationError};
use market::{ApiPlan, History, JsonProvider, Note, Provider, ProviderError};
use serde_json::{Value, json};

use crate::budget::{SlidingDay, caller};
use crate::server::{Reply, Server};

const GUIDE: &str = include_str!("../../../../docs/prices.md");
const KEY: &str = "canary";

fn today() -> Day {
    "2026-01-09".parse().unwrap()
}

fn acme() -> Symbol {
    "ACME".parse().unwrap()
}

fn document() -> Value {
    let url = "https://api.example/v1/{symbol}/bars?from={from}&to={to}&token={key}";
    json!({
        "currency": "USD", "prices": "quoted", "years": 2,
        "headers": { "Authorization": "Token {key}" },
        "bars": { "url": url, "rows": "/values", "date": "/d", "open": "/c", "high": "/c", "low": "/c", "close": "/c" },
        "quote": { "url": "https://api.example/v1/quote?s={symbol}", "price": "/last", "date": "/d" },
    })
}

/// The time of all tests.
fn now() -> DateTime<Utc> {
    "2026-11-20T15:00:00Z".parse().unwrap()
}

fn open(document: &Value, base: &str, calls: usize) -> Result<JsonProvider, ConfigurationError> {
    let quota = Arc::new(SlidingDay::new(calls, Arc::new(now)));
    let configuration = Configuration::read(&document.to_string())?;
    JsonProvider::new(configuration, Some(KEY.into()), Some(base), quota, Arc::new(today))
}

async fn provider(replies: Vec<Reply>) -> (JsonProvider, Server) {
    let server = Server::start(replies).await;
    (open(&document(), &server.address(), 25).unwrap(), server)
}

async fn answered(reply: Reply) -> Result<History, ProviderError> {
    let (provider, _server) = provider(vec![reply]).await;
    provider.fetch_daily(&acme(), caller()).await
}

const BARS: &str = r#"{"values": [{"d": "2026-01-08", "c": "12"}, {"d": "2026-01-07", "c": 11.5}]}"#;

#[tokio::test]
async fn a_request_has_its_days_and_the_key_in_the_query_and_in_a_header() {
    let (provider, server) =
        provider(vec![Reply::json(BARS), Reply::json(r#"{"last": "12.25", "d": "2026-01-09"}"#)]).await;
    let history = provider.fetch_daily(&acme(), caller()).await.unwrap();
    assert_eq!((history.bars.close(), history.source), (&[11.5, 12.0][..], "json"));
    let quote = provider.fetch_quote(&acme(), caller()).await.unwrap();
    assert_eq!((quote.price.to_string().as_str(), quote.day), ("12.25", today()));
    assert_eq!(server.requests(), ["/v1/ACME/bars?from=2024-01-09&to=2026-01-09&token=canary", "/v1/quote?s=ACME"]);
    assert!(server.heads().iter().all(|head| head.to_ascii_lowercase().contains("authorization: token canary")));
    assert_eq!(provider.count_calls_left().await, Some(23), "each call is counted");
}

#[tokio::test]
async fn a_symbol_that_the_provider_cannot_have_costs_no_call() {
    let (provider, server) = provider(vec![Reply::json(BARS)]).await;
    for name in ["EURUSD=X", "MY:HOUSE", "XAU=G"] {
        let symbol = name.parse().unwrap();
        assert_eq!(provider.fetch_daily(&symbol, caller()).await, Err(ProviderError::UnknownSymbol), "{name}");
        assert_eq!(provider.fetch_quote(&symbol, caller()).await, Err(ProviderError::UnknownSymbol), "{name}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn without_a_quote_the_last_close_is_the_price() {
    let mut without = document();
    without.as_object_mut().unwrap().remove("quote");
    let server = Server::start(vec![Reply::json(BARS)]).await;
    let provider = open(&without, &server.address(), 25).unwrap();
    let quote = provider.fetch_quote(&acme(), caller()).await.unwrap();
    assert_eq!((quote.price.to_string().as_str(), quote.previous_close.unwrap().to_string().as_str()), ("12", "11.5"));
}

#[tokio::test]
async fn each_status_has_its_meaning_and_a_redirect_is_not_followed() {
    let elsewhere = Server::start(vec![Reply::json(BARS)]).await;
    for (reply, error) in [
        (Reply::status(404), ProviderError::UnknownSymbol),
        (Reply::status(401), ProviderError::KeyRefused),
        (Reply::status(403), ProviderError::KeyRefused),
        (
            Reply::status(429).header("Retry-After", "30"),
            ProviderError::RateLimited { retry_after: Duration::from_secs(30) },
        ),
        (Reply::status(302).header("Location", &elsewhere.address()), ProviderError::Unavailable { status: Some(302) }),
        (Reply::status(500), ProviderError::Unavailable { status: Some(500) }),
        (Reply::repeated(6 * 1024 * 1024, true), ProviderError::TooLarge),
    ] {
        assert_eq!(answered(reply).await, Err(error));
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn no_error_contains_the_key() {
    let echo = format!("{{\"values\": \"{KEY}\", \"error\": \"the key {KEY} is wrong\"}}");
    let mut texts = vec![answered(Reply::json(&echo)).await.unwrap_err().to_string()];
    let (provider, server) = provider(vec![Reply::json(&echo).closing_after(4)]).await;
    texts.push(provider.fetch_daily(&acme(), caller()).await.unwrap_err().to_string());
    texts.push(format!("{provider:?}"));
    let gone = server.stop().await;
    let provider = open(&document(), &gone, 25).unwrap();
    texts.push(provider.fetch_quote(&acme(), caller()).await.unwrap_err().to_string());
    assert!(texts.iter().all(|text| !text.contains(KEY)), "{texts:?}");
    assert!(texts[0].contains("bars.rows (/values)"), "{}", texts[0]);
}

#[tokio::test]
async fn a_key_that_is_missing_or_does_not_fit_into_a_header_is_refused_at_start() {
    let configuration = || Configuration::read(&document().to_string()).unwrap();
    let new = |key: Option<&str>, base| {
        let quota = Arc::new(SlidingDay::new(1, Arc::new(now)));
        JsonProvider::new(configuration(), key.map(Into::into), base, quota, Arc::new(today)).map(drop)
    };
    assert_eq!(new(None, None), Err(ConfigurationError::NoKey));
    assert_eq!(new(Some("two\nlines"), None), Err(ConfigurationError::HeaderValue));
    assert!(new(Some(KEY), Some("http://api.example/")).unwrap_err().to_string().contains("must be https"));
    assert_eq!(new(Some(KEY), None), Ok(()));
}

#[tokio::test]
async fn calls_reserved_for_others_are_not_made() {
    let server = Server::start(vec![Reply::json(BARS)]).await;
    let provider = open(&document(), &server.address(), 5).unwrap();
    let refused = provider.fetch_daily(&acme(), caller().reserving(5)).await;
    assert!(matches!(refused, Err(ProviderError::QuotaExhausted { .. })), "{refused:?}");
    assert!(server.requests().is_empty());
}

/// The JSON blocks of the guide that come after a heading.
fn shown(heading: &str) -> Vec<&'static str> {
    let (_, part) = GUIDE.split_once(&format!("#### {heading}\n")).unwrap();
    let part = part.split("\n## ").next().unwrap().split("\n#### ").next().unwrap();
    part.split("```json\n").skip(1).map(|block| block.split_once("\n```").unwrap().0).collect()
}

/// What the guide's description reads from the guide's response.
fn read_example(heading: &str, symbol: &str) -> (History, ApiPlan) {
    let [description, response] = shown(heading)[..] else { panic!("{heading}: a description and a response") };
    let configuration = Configuration::read(description).unwrap_or_else(|error| panic!("{heading}: {error}"));
    let plan = configuration.plan();
    let history =
        market::json_provider::read_daily(response.as_bytes(), configuration, &symbol.parse().unwrap(), today());
    (history.unwrap_or_else(|error| panic!("{heading}: {error}")), plan)
}

#[test]
fn the_examples_of_the_guide_read_the_responses_that_it_shows() {
    let (tiingo, plan) = read_example("Tiingo", "AAPL");
    assert_eq!(plan, ApiPlan { calls_a_day: Some(1_000), calls_a_minute: None });
    let split = tiingo.bars.get(1).unwrap();
    assert_eq!((split.date.to_string().as_str(), split.split_ratio, split.close), ("2020-08-31", 4.0, 129.04));
    assert_eq!((tiingo.bars.len(), tiingo.notes), (2, Vec::<Note>::new()));
    let (twelve_data, plan) = read_example("Twelve Data", "AAPL");
    assert_eq!(plan, ApiPlan { calls_a_day: Some(800), calls_a_minute: Some(8) });
    assert_eq!((twelve_data.bars.len(), twelve_data.currency.code()), (2, "USD"));
    assert_eq!(twelve_data.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded]);
}
