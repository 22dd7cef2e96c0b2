//! Traces of the deployed functions. `gateway/tests/it/traces.rs` has those on one machine, and the spans of a request in one
//! trace: the emulated API Gateway gives the authorizer and the function a trace each.

use testing::collector::{Collector, Received};

use crate::target;

/// How many requests are made at most until both functions send spans. Each of them sends nothing for half a minute after
/// the collector was not there, which it is only during this test.
const MOST_REQUESTS: usize = 2_000;

/// The span of a function's invocation, if the collector has it.
fn of_function<'a>(spans: &'a [Received], function: &str) -> Option<&'a Received> {
    spans.iter().find(|span| span.attribute("faas.name") == function)
}

#[test]
fn on_aws_authorizer_and_function_send_their_spans_before_the_response() {
    let Some((target, collector_url)) = target::with_collector() else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        // Also without a collector every request is answered.
        let ada = target.newcomer().await;
        let (collector, _) = Collector::listen(collector_url.trim_start_matches("http://"));
        let mut sent = Vec::new();
        for _ in 0..MOST_REQUESTS {
            let before = collector.spans().len();
            ada.get("/wallet").await.expect_status(200);
            sent = collector.spans().split_off(before);
            if of_function(&sent, "authorizer").is_some() && of_function(&sent, "wallet").is_some() {
                break;
            }
        }
        let authorizer = of_function(&sent, "authorizer").unwrap_or_else(|| panic!("{sent:#?}"));
        let wallet = of_function(&sent, "wallet").unwrap_or_else(|| panic!("{sent:#?}"));
        for function in [authorizer, wallet] {
            assert_eq!(function.kind, "SPAN_KIND_SERVER");
            let resource = &function.resource;
            assert_eq!(
                (resource["cloud.provider"].as_str(), resource["deployment.environment.name"].as_str()),
                ("aws", "dev")
            );
            let calls: Vec<_> = sent.iter().filter(|span| span.parent == function.id).collect();
            assert!(!calls.is_empty(), "{sent:#?}");
            for call in calls {
                assert_eq!((call.kind, call.attribute("db.system.name")), ("SPAN_KIND_CLIENT", "aws.dynamodb"));
            }
        }
        let request = ["http.request.method", "http.route", "http.response.status_code", "faas.trigger"];
        assert_eq!(request.map(|name| wallet.attribute(name)), ["GET", "/wallet", "200", "http"]);
    });
}
