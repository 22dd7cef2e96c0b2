//! Requests from pages of other origins. The tests run on platforms of their own, because allowed origins are a setting.

use gateway::Settings;
use gateway::invoke::{Invocation, invoke_http};
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::target::{InProcess, Target, run, settings};
use crate::tidy::root;

const APP: &str = "https://app.example";

async fn preflight(target: &Target, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,idempotency-key"),
    ];
    target.send_with(Method::OPTIONS, path, &headers, "").await
}

fn cors_headers(answer: &Answer) -> Vec<&str> {
    answer.headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("access-control-")).collect()
}

#[test]
fn without_allowed_origins_a_preflight_is_a_wrong_method_and_no_response_has_a_cors_header() {
    run(async || {
        let home = tempfile::tempdir().unwrap();
        let (server, target) = Target::serve(settings(home.path())).await;
        for (path, allowed) in
            [("/wallet/deposits", "POST"), ("/portfolios/17", "GET, PATCH, DELETE"), ("/health", "GET, HEAD")]
        {
            let refused = preflight(&target, path, APP).await;
            assert_eq!(refused.header("allow"), allowed, "{path}");
            assert!(cors_headers(&refused).is_empty(), "{path}");
            refused.expect_problem(405, "method_not_allowed");
        }
        let read = target.send_with(Method::GET, "/health", &[("origin", APP)], "").await.expect_status(200);
        assert!(cors_headers(&read).is_empty() && !read.header("vary").contains("origin"));
        server.stop().await;
    });
}

#[test]
fn a_page_of_an_allowed_origin_may_call_the_api_and_read_its_responses() {
    run(async || {
        let home = tempfile::tempdir().unwrap();
        let allowed_origins = vec![APP.to_owned()];
        let (server, target) = Target::serve(Settings { allowed_origins, ..settings(home.path()) }).await;
        for path in ["/wallet/deposits", "/health", "/nope"] {
            let granted = preflight(&target, path, APP).await.expect_status(204);
            assert!(granted.bytes().is_empty());
            assert_eq!(granted.header("access-control-allow-origin"), APP);
            assert_eq!(granted.header("access-control-allow-methods"), "DELETE,GET,HEAD,PATCH,POST,PUT");
            let headers = granted.header("access-control-allow-headers").to_lowercase();
            for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
                assert!(headers.split(',').any(|allowed| allowed == name), "{headers}");
            }
            assert_eq!(granted.header("access-control-max-age"), "7200");
            let refused = preflight(&target, path, "https://evil.example").await.expect_status(204);
            assert!(cors_headers(&refused).is_empty());
        }
        // What a function responds, what the gateway refuses itself, and what no route has.
        let read =
            async |method, path: &str, origin: &str| target.send_with(method, path, &[("origin", origin)], "").await;
        for (method, path) in [
            (Method::GET, "/openapi.json"),
            (Method::GET, "/wallet"),
            (Method::GET, "/nope"),
            (Method::OPTIONS, "/wallet"),
        ] {
            let readable = read(method.clone(), path, APP).await;
            assert_eq!(readable.header("access-control-allow-origin"), APP, "{path}");
            let exposed = readable.header("access-control-expose-headers");
            for name in ["ETag", "Location", "Retry-After", "Idempotency-Replayed", "RateLimit", "X-Request-Id"] {
                assert!(exposed.split(',').any(|header| header == name), "{exposed}");
            }
            let unreadable = read(method, path, "https://evil.example").await;
            assert!(cors_headers(&unreadable).is_empty(), "{path}");
            for answer in [readable, unreadable] {
                let varies = answer.headers.get_all("vary").iter().any(|value| value == "origin");
                assert!(varies, "a cache keeps the response for one origin: {path}");
            }
        }
        server.stop().await;
    });
}

/// API Gateway passes a preflight on to the `$default` route, and a browser needs a success.
#[test]
fn behind_api_gateway_the_default_route_answers_a_preflight_only_if_origins_are_allowed() {
    InProcess::with(async |platform| {
        let event = std::fs::read(root().join("events/health/refused-options.json")).unwrap();
        let event: Value = serde_json::from_slice(&event).unwrap();
        let status = async |origins: &[String], change: &dyn Fn(&mut Value)| {
            let mut event = event.clone();
            change(&mut event);
            let router = health::router_for_origins(platform.clone(), origins);
            let timeout = std::time::Duration::from_mins(1);
            let invocation = Invocation { function: "health", timeout, request_id: "preflight" };
            invoke_http(router, &event, &invocation).await.status().as_u16()
        };
        let at = |path: &'static str| move |event: &mut Value| event["rawPath"] = json!(path);
        let origins = [APP.to_owned()];
        assert_eq!(status(&[], &|_| {}).await, 405);
        for (path, expected) in [("/wallet", 204), ("/health", 204), ("/portfolios/17/trades", 204), ("/nope", 404)] {
            assert_eq!(status(&origins, &at(path)).await, expected, "{path}");
        }
        let other_than_a_preflight = |event: &mut Value| {
            event["headers"].as_object_mut().unwrap().remove("access-control-request-method");
        };
        assert_eq!(status(&origins, &other_than_a_preflight).await, 405);
    });
}
