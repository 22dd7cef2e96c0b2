//! Traces of the deployed functions. `gateway/tests/it/traces.rs` has those on one machine.

use reqwest::Method;
use testing::collector::{Collector, Received};

use crate::target::{self, Target};

/// How many requests are made until both functions send spans. Each of them sends nothing for half a minute after the
/// collector was not there, which it is only during this test.
const MOST_REQUESTS: usize = 100_000;

const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";

async fn read_wallet(target: &Target, trace: &str) {
    target.send_with(Method::GET, "/wallet", &[("x-amzn-trace-id", trace)], "").await.expect_status(200);
}

/// The span of a function's invocation, if the collector has it.
fn of_function<'a>(spans: &'a [Received], function: &str) -> Option<&'a Received> {
    spans.iter().find(|span| span.attribute("faas.name") == function)
}

#[test]
fn on_aws_authorizer_and_function_send_spans_in_the_trace_of_the_event_before_the_response() {
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
            read_wallet(&ada, &format!("{ROOT};Sampled=1")).await;
            sent = collector.spans().split_off(before);
            sent.retain(|span| span.trace_id == "5759e988bd862e3fe1be46a994272793");
            if of_function(&sent, "authorizer").is_some() && of_function(&sent, "wallet").is_some() {
                break;
            }
        }
        let authorizer = of_function(&sent, "authorizer").unwrap_or_else(|| panic!("{sent:#?}"));
        let wallet = of_function(&sent, "wallet").unwrap_or_else(|| panic!("{sent:#?}"));
        for function in [authorizer, wallet] {
            assert_eq!((function.parent.as_str(), function.kind), ("53995c3f42cd8ad8", "SPAN_KIND_SERVER"));
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
        // What is not sampled is not sent, of both functions.
        let before = collector.spans().len();
        read_wallet(&ada, "Root=1-00000001-000000000000000000000001;Sampled=0").await;
        let after = collector.spans().split_off(before);
        assert!(after.iter().all(|span| !span.trace_id.starts_with("00000001")), "{after:#?}");
    });
}
