//! Log lines as JSON on standard output, from where Lambda takes them to CloudWatch.

use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::Context;
use tracing::Span;
use tracing_subscriber::filter::LevelFilter;

use crate::configuration::Configuration;

/// Whether the next event is the first of this process.
static COLD: AtomicBool = AtomicBool::new(true);

/// Starts to log.
pub fn start(configuration: &Configuration) {
    let format = tracing_subscriber::fmt().json().with_current_span(true).with_span_list(false);
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
pub fn span(service: &str, context: &Context) -> Span {
    let cold_start = COLD.swap(false, Ordering::Relaxed);
    let trace_id = context.xray_trace_id.as_deref();
    tracing::info_span!("event", service, request_id = context.request_id, xray_trace_id = trace_id, cold_start)
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
