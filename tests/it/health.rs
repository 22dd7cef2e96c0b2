use reqwest::Method;
use serde_json::json;

use crate::target::{Target, each};

#[test]
fn health_names_version_store_and_source() {
    each(async |target: &Target| {
        let health = target.get("/health").await.expect_status(200).json();
        assert_eq!((&health["status"], &health["store"]), (&json!("ok"), &json!("ok")));
        assert!(health.get("last_refresh").is_some() && health.get("last_verification").is_some());
        assert_eq!((&health["source"], &health["market_day"]), (&json!("sample"), &json!("2013-03-01")));
    });
}

#[test]
fn the_api_document_is_served() {
    each(async |target: &Target| {
        let document = target.get("/openapi.json").await.expect_status(200).json();
        assert_eq!(document["openapi"], "3.1.0");
        assert!(document["paths"]["/fetch-data/{symbol}"]["get"].is_object());
    });
}

#[test]
fn an_unknown_route_is_a_problem() {
    each(async |target: &Target| {
        for path in ["/nope", "/fetch-data", "/fetch-data/AAPL/more", "/_objects"] {
            target.get(path).await.expect_problem(404, "route_not_found");
        }
    });
}

#[test]
fn a_wrong_method_is_refused_with_the_allowed_methods() {
    each(async |target: &Target| {
        let cases = [
            (Method::POST, "/fetch-data/AAPL", "GET"),
            (Method::DELETE, "/backtest", "GET, POST"),
            (Method::PUT, "/backtest/17", "GET, PATCH, DELETE"),
            (Method::PATCH, "/predict/AAPL", "GET"),
            (Method::POST, "/report/AAPL/chart.svg", "GET"),
        ];
        for (method, path, allowed) in cases {
            let answer = target.call(method, path).await;
            assert_eq!(answer.header("allow"), allowed, "{path}");
            answer.expect_problem(405, "method_not_allowed");
        }
    });
}
