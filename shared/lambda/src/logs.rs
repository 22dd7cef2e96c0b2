//! Log lines as JSON on standard output, from where Lambda takes them to CloudWatch.

use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::Context;
use tracing::Span;
use tracing_subscriber::EnvFilter;

use crate::configuration::Configuration;

/// Whether the next event is the first of this process.
static COLD: AtomicBool = AtomicBool::new(true);

/// Starts to log.
pub fn start(configuration: &Configuration) {
    let level = configuration.log_level.to_ascii_lowercase();
    let format = tracing_subscriber::fmt().json().with_current_span(true).with_span_list(false);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    // Fails only when something logs already; then there is no reason to take over.
    let _ = format.with_env_filter(filter).try_init();
}

/// What all log lines of one event carry.
pub fn span(service: &str, context: &Context) -> Span {
    let cold_start = COLD.swap(false, Ordering::Relaxed);
    let trace_id = context.xray_trace_id.as_deref();
    tracing::info_span!("event", service, request_id = context.request_id, xray_trace_id = trace_id, cold_start)
}
