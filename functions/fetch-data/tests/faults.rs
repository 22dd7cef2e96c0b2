//! What a client gets for each failure of a live source, with and without stored bars. The table in
//! `shared/market/tests/it/scripted.rs` maps server faults to failures.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use api::Caller;
use api::policy::ChosenRoute;
use axum::body::{Body, to_bytes};
use axum::http::header::RETRY_AFTER;
use axum::http::{Request, StatusCode};
use axum::{Extension, Router};
use domain::CustomerId;
use domain::customer::Role;
use market::ProviderError;
use serde_json::Value;
use testing::TestBed;
use testing::exchange::{Exchange, bars_through};
use tower::ServiceExt as _;
use uuid::Uuid;

/// The evening on which the stored bars are current, and the next one.
const EVENINGS: [&str; 2] = ["2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"];

/// The response: status, code of a refusal, seconds until the client should retry, and whether bars are stale.
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

/// Calls the function on a source that fails like this from the second evening on, with or without a call on the first
/// one.
async fn on_a_source_that_fails(error: ProviderError, asked_before: bool) -> Seen {
    let (test_bed, exchange) = (TestBed::at(EVENINGS[0]), Arc::new(Exchange::default()));
    exchange.list("ACME", bars_through("2026-11-19", 1, 10.5));
    let platform = test_bed.platform(Arc::new(test_bed.table()), exchange.clone());
    let caller = Caller { customer_id: CustomerId(Uuid::from_u128(7)), role: Role::Client, session: String::new() };
    let route = ChosenRoute { route_key: "GET /fetch-data/{symbol}".to_owned(), path: "/fetch-data/ACME".to_owned() };
    let router = fetch_data::router(platform).layer(Extension(caller)).layer(Extension(route));
    if asked_before {
        assert_eq!(get(&router).await, served(false));
    }
    test_bed.clock.set(EVENINGS[1]);
    exchange.fail("ACME", error);
    get(&router).await
}

#[tokio::test]
async fn a_failing_source_gives_stale_bars_or_a_retry_after() {
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
