//! The spans of a request and of an invocation of a function.

use serde_json::Value;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::header::{TRACE_HEADER, TraceHeader};

/// The value of `error.type` for a failure that has no type.
pub(crate) const OTHER_ERROR: &str = "_OTHER";

/// An invocation of a function.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The name of the function.
    pub function: &'a str,
    /// The id of the invocation or of the request.
    pub id: &'a str,
    /// Whether it is the first of its process.
    pub cold_start: bool,
    /// The trace header, if there is one. What is not a valid one counts as none.
    pub trace: Option<&'a str>,
}

/// The span of an invocation. It ends when its last clone is dropped.
#[derive(Clone, Debug)]
pub struct FunctionSpan(Span);

impl FunctionSpan {
    /// The span of an HTTP request by its route key, such as `GET /alerts/{id}`.
    #[must_use]
    pub fn of_request(invocation: &Invocation<'_>, route_key: &str) -> Self {
        let (method, route) = method_and_route(route_key);
        let span = tracing::info_span!(
            parent: None,
            "request",
            otel.name = route_key,
            otel.kind = "server",
            otel.status_code = Empty,
            faas.name = invocation.function,
            faas.trigger = "http",
            faas.invocation_id = invocation.id,
            faas.coldstart = invocation.cold_start,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        adopt(&span, invocation.trace);
        Self(span)
    }

    /// The span of another event. The trace is that of the event's headers, if it has one, because Lambda's own begins at
    /// the function.
    #[must_use]
    pub fn of_event(invocation: &Invocation<'_>, event: &Value) -> Self {
        let span = tracing::info_span!(
            parent: None,
            "event",
            otel.name = invocation.function,
            otel.kind = "server",
            otel.status_code = Empty,
            faas.name = invocation.function,
            faas.trigger = trigger(event),
            faas.invocation_id = invocation.id,
            faas.coldstart = invocation.cold_start,
            error.type = Empty,
        );
        adopt(&span, header_of(event).or(invocation.trace));
        Self(span)
    }

    /// Runs the function in the span.
    pub async fn run<T>(&self, function: impl Future<Output = T>) -> T {
        function.instrument(self.0.clone()).await
    }

    /// Ends the span of a request with the status of its response.
    pub fn end_with_status(self, status: u16) {
        record_status(&self.0, status);
    }

    /// Ends the span of another event.
    pub fn end(self, succeeded: bool) {
        if !succeeded {
            record_failure(&self.0, OTHER_ERROR);
        }
    }
}

/// The span of a whole request on one machine, where there is no API Gateway.
#[derive(Debug)]
pub struct RequestSpan(Span);

impl RequestSpan {
    /// The span of a request by its route key, as the first of a trace.
    #[must_use]
    pub fn start(route_key: &str, trace: TraceHeader) -> Self {
        let (method, route) = method_and_route(route_key);
        let span = tracing::info_span!(
            parent: None,
            "gateway",
            otel.name = route_key,
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        adopt_header(&span, trace);
        Self(span)
    }

    /// The trace header for the functions of the request: with this span as parent if it is recorded.
    #[must_use]
    pub fn header(&self, trace: TraceHeader) -> TraceHeader {
        #[cfg(feature = "otlp")]
        return crate::otlp::header_of(&self.0).unwrap_or(trace);
        #[cfg(not(feature = "otlp"))]
        trace
    }

    /// Ends the span with the status of the response.
    pub fn end_with_status(self, status: u16) {
        record_status(&self.0, status);
    }
}

fn method_and_route(route_key: &str) -> (&str, &str) {
    route_key.split_once(' ').unwrap_or(("_OTHER", route_key))
}

fn record_status(span: &Span, status: u16) {
    span.record("http.response.status_code", i64::from(status));
    if status >= 500 {
        record_failure(span, &status.to_string());
    }
}

/// Marks a span as failed, with the type of the error.
pub(crate) fn record_failure(span: &Span, error_type: &str) {
    span.record("error.type", error_type);
    span.record("otel.status_code", "error");
}

/// What triggered an event that is not an HTTP request, in the words of the conventions.
fn trigger(event: &Value) -> &'static str {
    if event["headers"].is_object() || event["requestContext"].is_object() {
        "http"
    } else if event["detail-type"].is_string() {
        "pubsub"
    } else {
        "other"
    }
}

/// The trace header of an event from API Gateway, whose authorizer and WebSocket events write names of headers differently.
fn header_of(event: &Value) -> Option<&str> {
    let headers = event["headers"].as_object()?;
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(TRACE_HEADER)).and_then(|(_, value)| value.as_str())
}

/// Puts a span that was just made into the trace of a header.
fn adopt(span: &Span, header: Option<&str>) {
    if let Some(Ok(header)) = header.map(str::parse) {
        adopt_header(span, header);
    }
}

#[cfg_attr(not(feature = "otlp"), expect(unused_variables, reason = "without the feature there are no traces"))]
fn adopt_header(span: &Span, header: TraceHeader) {
    #[cfg(feature = "otlp")]
    crate::otlp::adopt(span, header);
}
