//! Spans that the layer sends to a collector. One test, because the layer belongs to the whole process.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where its premises fail")]

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::DateTime;
use serde_json::{Value, json};
use store::{Body, Key, StoreError, Table, Write};
use store_sqlite::SqliteTable;
use testing::collector::{Collector, Received};
use traces::{Database, FunctionSpan, Invocation, Settings, trace_table};
use tracing_subscriber::layer::SubscriberExt as _;

const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
const TRACE_ID: &str = "5759e988bd862e3fe1be46a994272793";
const SECRET: &str = "ada@example.com";

fn invocation(trace: Option<&str>) -> Invocation<'_> {
    Invocation { function: "watch", id: "i-1", cold_start: true, trace }
}

/// Creates an item twice in a span, and sends the spans.
async fn create_twice(table: &dyn Table, span: FunctionSpan, key: &str, status: u16) {
    let key = Key::new(format!("{SECRET}{key}"), "-");
    let create = || table.transact(vec![Write::create(key.clone(), Body::Json(format!("{SECRET:?}")))]);
    span.run(create()).await.unwrap();
    assert!(matches!(span.run(create()).await, Err(StoreError::Conflict { .. })));
    span.end_with_status(status);
    traces::flush().await;
}

/// The span without a collected parent, after checks of the calls in it.
fn function_of<'a>(spans: &'a [Received], case: &str) -> &'a Received {
    let [first, second, function] = spans else { panic!("{case}: {spans:#?}") };
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!((traces.len(), &first.parent, &second.parent), (1, &function.id, &function.id), "{spans:#?}");
    for (call, error_type) in [(first, ""), (second, "conflict")] {
        let of = |name: &str| call.attribute(name);
        assert_eq!((call.name.as_str(), call.kind, call.is_error), ("put items", "SPAN_KIND_CLIENT", false));
        assert_eq!((of("db.system.name"), of("db.operation.name"), of("error.type")), ("sqlite", "put", error_type));
    }
    function
}

#[tokio::test]
async fn a_span_is_in_the_trace_of_its_event_unless_that_is_not_sampled() {
    let (collector, url) = Collector::listen("127.0.0.1:0");
    let variable = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| url.clone());
    let layer = traces::layer(&Settings::read("sextant-watch", variable)).unwrap();
    let _subscribed = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let table = SqliteTable::in_memory(Arc::new(|| DateTime::UNIX_EPOCH)).unwrap();
    let table = trace_table(table, || Database { system: "sqlite", table: "items".to_owned() });
    let parent = "53995c3f42cd8ad8";
    let (with_parent, unsampled) = (format!("{ROOT};Parent={parent};Sampled=1"), format!("{ROOT};Sampled=0"));
    // (header, status, expected parent)
    let cases = [
        (Some(ROOT), 200, ""),
        (Some(with_parent.as_str()), 503, parent),
        (Some("no header"), 404, ""),
        (None, 200, ""),
        (Some(unsampled.as_str()), 200, "not sent"),
    ];
    for (number, (header, status, expected)) in cases.into_iter().enumerate() {
        let before = collector.spans().len();
        let span = FunctionSpan::of_request(&invocation(header), "GET /alerts/{id}");
        create_twice(&*table, span, &number.to_string(), status).await;
        let spans = collector.spans().split_off(before);
        if expected == "not sent" {
            assert!(spans.is_empty(), "{spans:#?}");
            continue;
        }
        let function = function_of(&spans, &format!("{header:?}"));
        assert_eq!((function.name.as_str(), function.parent.as_str()), ("GET /alerts/{id}", expected), "{header:?}");
        assert_eq!(
            function.trace_id == TRACE_ID,
            header.is_some_and(|header| header.starts_with("Root")),
            "{header:?}"
        );
        let failed = if status == 503 { "503" } else { "" };
        assert_eq!((function.is_error, function.attribute("error.type")), (!failed.is_empty(), failed));
        assert_eq!(function.resource["service.name"], "sextant-watch");
    }
    assert_events_are_spans(&collector).await;
    // A call outside of an invocation is no trace of its own.
    let before = collector.spans().len();
    table.get(&Key::new(SECRET, "-")).await.unwrap();
    traces::flush().await;
    assert_eq!(collector.spans().len(), before);
    for (_, body) in collector.requests() {
        assert!(!String::from_utf8_lossy(&body).contains(SECRET));
    }
}

async fn assert_events_are_spans(collector: &Collector) {
    let of_headers = json!({ "headers": { "X-Amzn-Trace-Id": ROOT } });
    for (event, trigger, succeeded) in [
        (of_headers, "http", true),
        (json!({ "detail-type": "quotes.refreshed" }), "pubsub", false),
        (Value::Null, "other", true),
    ] {
        // Lambda's own trace begins at the function; the one of the event takes precedence.
        let own = "Root=1-00000001-000000000000000000000001";
        FunctionSpan::of_event(&invocation(Some(own)), &event).end(succeeded);
        traces::flush().await;
        let span = collector.spans().pop().unwrap();
        let of = |name: &str| span.attribute(name);
        assert_eq!((span.name.as_str(), of("faas.trigger"), of("faas.coldstart")), ("watch", trigger, "true"));
        assert_eq!((span.is_error, of("error.type")), (!succeeded, if succeeded { "" } else { "_OTHER" }));
        let expected = if trigger == "http" { TRACE_ID } else { "00000001000000000000000000000001" };
        assert_eq!(span.trace_id, expected);
    }
}
