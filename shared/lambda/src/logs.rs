//! Log lines as JSON on standard output, from where Lambda takes them to CloudWatch.

use lambda_http::{Context, Request, RequestExt as _};
use tracing::Span;
use tracing_subscriber::filter::LevelFilter;

use crate::configuration::Configuration;

/// The header in which API Gateway passes on the trace of a request. Lambda's own trace begins at the function.
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// Starts to log.
pub fn start(configuration: &Configuration) {
    let format = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // Fails only when something logs already; then there is no reason to take over.
    let _ = format.with_max_level(level(&configuration.log_level)).try_init();
}

/// Lambda's name of a level as ours; what is not one counts as INFO.
fn level(name: &str) -> LevelFilter {
    match name {
        // Lambda has a level above the most serious one of ours.
        "FATAL" => LevelFilter::ERROR,
        _ => name.parse().unwrap_or(LevelFilter::INFO),
    }
}

/// What all log lines of one event carry.
pub fn span(service: &str, context: &Context, cold_start: bool) -> Span {
    event_span(service, &context.request_id, context.xray_trace_id.as_deref(), cold_start)
}

/// What all log lines of one request carry.
pub fn request_span(service: &str, request: &Request, cold_start: bool) -> Span {
    let context = request.lambda_context();
    let given = request.headers().get(TRACE_HEADER).and_then(|value| value.to_str().ok());
    event_span(service, &context.request_id, given.or(context.xray_trace_id.as_deref()), cold_start)
}

fn event_span(service: &str, invocation_id: &str, trace_id: Option<&str>, cold_start: bool) -> Span {
    tracing::info_span!("event", service, invocation_id, trace_id, cold_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_of_lambda_has_one_of_ours() {
        let expected = [
            ("TRACE", LevelFilter::TRACE),
            ("DEBUG", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("WARN", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::ERROR),
            ("debug", LevelFilter::DEBUG),
            ("no level", LevelFilter::INFO),
        ];
        for (name, filter) in expected {
            assert_eq!(level(name), filter, "{name}");
        }
    }
}
