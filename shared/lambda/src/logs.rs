//! Log lines as JSON on standard output, from where Lambda takes them to CloudWatch.

use lambda_http::{Context, Request, RequestExt as _};
use tracing::Span;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::configuration::Configuration;

/// Starts to log, and to collect spans if a collector is configured. What is wrong with its settings is logged.
pub fn start(configuration: &Configuration) {
    let level = level(&configuration.log_level);
    let is_logged = filter_fn(move |metadata| *metadata.level() <= level && !traces::is_part_of_trace(metadata));
    let format = tracing_subscriber::fmt::layer().json().flatten_event(true);
    let lines = format.with_current_span(true).with_span_list(false);
    let lines = lines.with_filter(is_logged.with_max_level_hint(level));
    let subscriber = tracing_subscriber::registry().with(lines);
    let (spans, error) = match traces::layer(&configuration.traces) {
        Ok(spans) => (spans, None),
        Err(error) => (None, Some(error)),
    };
    // Fails only when something logs already; then there is no reason to take over.
    let _ = subscriber.with(spans).try_init();
    if let Some(error) = error {
        tracing::error!(%error, "no traces are sent");
    }
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
    event_span(service, &context.request_id, trace_of(request, &context), cold_start)
}

/// The trace of a request: that of API Gateway, because Lambda's own begins at the function. Of the header only the trace
/// counts, which is all that API Gateway adds: a client that sends one must not decide what is sampled.
pub fn trace_of<'a>(request: &'a Request, context: &'a Context) -> Option<&'a str> {
    let given = request.headers().get(traces::TRACE_HEADER).and_then(|value| value.to_str().ok());
    let root = given.and_then(|header| header.split(';').map(str::trim).find(|part| part.starts_with("Root=")));
    root.or(context.xray_trace_id.as_deref())
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
