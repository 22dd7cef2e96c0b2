//! What a caller sees of each failure of a live source, with stored bars and without. Which fault of a server is which
//! failure, the table of `shared/market/tests/scripted` says.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::Caller;
use api::policy::Chosen;
use app::{App, Channels, Parts};
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::header::RETRY_AFTER;
use axum::http::{Request, StatusCode};
use axum::{Extension, Router};
use chrono::{DateTime, Utc};
use domain::customer::Role;
use domain::{Bar, Bars, Currency, CustomerId, Instrument, Symbol};
use market::{Basis, CallBudget, History, MarketClock, Provider, ProviderError};
use market_data::MarketData;
use objects::FolderObjects;
use serde_json::Value;
use store_sqlite::SqliteTable;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The evening on which the stored bars are current, and the next one.
const EVENINGS: [&str; 2] = ["2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"];

/// A live source that gives one bar until it is to fail.
#[derive(Default)]
struct Source(Mutex<Option<ProviderError>>);

#[async_trait]
impl Provider for Source {
    fn source(&self) -> &'static str {
        "source"
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        None
    }

    async fn daily(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        if let Some(error) = self.0.lock().unwrap().clone() {
            return Err(error);
        }
        let (date, price) = ("2026-11-19".parse().unwrap(), 10.5);
        let (open, high, low, close, adjusted_close) = (price, price, price, price, price);
        let bar = Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio: 1.0, dividend: 0.0 };
        let bars = Bars::from_rows([bar]).unwrap();
        Ok(History {
            source: "source",
            bars,
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes: Vec::new(),
            held_back: None,
        })
    }

    async fn instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Ok(Instrument::unlisted(symbol.clone()))
    }
}

/// What a caller gets: the status, the code of a refusal, after how many seconds to come back, and whether bars are stale.
#[derive(Debug, PartialEq)]
struct Seen {
    status: StatusCode,
    code: Option<String>,
    retry_after: Option<u64>,
    stale: Option<bool>,
}

fn refused(status: u16, code: &str, retry_after: Option<u64>) -> Seen {
    Seen { status: StatusCode::from_u16(status).unwrap(), code: Some(code.to_owned()), retry_after, stale: None }
}

fn served(stale: bool) -> Seen {
    Seen { status: StatusCode::OK, code: None, retry_after: None, stale: Some(stale) }
}

async fn get(router: &Router) -> Seen {
    let request = Request::get("/fetch-data/ACME").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().parse().unwrap());
    let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap();
    Seen { status, code: body["code"].as_str().map(str::to_owned), retry_after, stale: body["stale"].as_bool() }
}

/// The function on a source that fails like this from the second evening on; asked on the first one too, or not.
async fn on_a_source_that_fails(error: ProviderError, asked_before: bool) -> Seen {
    let now = Arc::new(Mutex::new(EVENINGS[0].parse::<DateTime<Utc>>().unwrap()));
    let reader = now.clone();
    let clock: store::Clock = Arc::new(move || *reader.lock().unwrap());
    let table = Arc::new(SqliteTable::in_memory(clock.clone()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let objects = Arc::new(FolderObjects::open(folder.path(), [7; 32], clock.clone()).unwrap());
    let channels = Channels::none();
    let source = Arc::new(Source::default());
    let platform = MarketData::new(App::new(Parts { table, objects, clock, channels }), source.clone());
    let caller = Caller { customer_id: CustomerId(Uuid::from_u128(7)), role: Role::Client, session: String::new() };
    let route = Chosen { route_key: "GET /fetch-data/{symbol}".to_owned(), path: "/fetch-data/ACME".to_owned() };
    let router = fetch_data::router(platform).layer(Extension(caller)).layer(Extension(route));
    if asked_before {
        assert_eq!(get(&router).await, served(false));
    }
    *now.lock().unwrap() = EVENINGS[1].parse().unwrap();
    *source.0.lock().unwrap() = Some(error);
    get(&router).await
}

#[tokio::test]
async fn stored_bars_are_served_as_stale_whatever_fails_and_without_any_the_caller_learns_when_to_come_back() {
    let until = Some("2026-11-21T23:00:00Z".parse().unwrap());
    let down = ProviderError::Unavailable { status: Some(500) };
    let table = [
        (ProviderError::UnknownSymbol, refused(404, "unknown_symbol", None)),
        (ProviderError::QuotaExhausted { until }, refused(503, "provider_quota_exhausted", Some(3_600))),
        (ProviderError::QuotaExhausted { until: None }, refused(503, "provider_quota_exhausted", Some(3_600))),
        (
            ProviderError::RateLimited { retry_after: Duration::from_mins(1) },
            refused(503, "provider_unavailable", Some(60)),
        ),
        (
            ProviderError::RateLimited { retry_after: Duration::from_millis(1) },
            refused(503, "provider_unavailable", Some(1)),
        ),
        (ProviderError::TimedOut, refused(503, "provider_unavailable", Some(5))),
        (down, refused(503, "provider_unavailable", Some(5))),
        (ProviderError::Unavailable { status: None }, refused(503, "provider_unavailable", Some(5))),
        (ProviderError::KeyRefused, refused(503, "provider_unusable", Some(300))),
        (ProviderError::TooLarge, refused(503, "provider_unusable", Some(300))),
        (ProviderError::Malformed { what: "nonsense".to_owned() }, refused(503, "provider_unusable", Some(300))),
        (ProviderError::NotGiven, refused(500, "internal", None)),
    ];
    for (error, without_bars) in table {
        assert_eq!(on_a_source_that_fails(error.clone(), false).await, without_bars, "{error}");
        assert_eq!(on_a_source_that_fails(error.clone(), true).await, served(true), "{error}");
    }
}
