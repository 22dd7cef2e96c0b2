//! Traces of requests as OpenTelemetry has them.
//!
//! Spans are made with the macros of the crate `tracing`. A span of a trace has the field `otel.kind`, which the
//! spans whose fields are on log lines do not have: [`is_part_of_trace`]. Its fields are the attributes of OpenTelemetry's semantic
//! conventions. They never hold a key of the table, a body, a token, an e-mail address or an amount.
//!
//! With the feature `otlp`, and if a collector is configured, [`layer`] collects the spans that end, and [`flush`] sends
//! them to the collector over OTLP (http/protobuf). Both composition roots call it before a response leaves, because Lambda
//! freezes the process afterwards. Otherwise no span is recorded, and the table is not wrapped.

#[cfg(feature = "otlp")]
mod collector;
mod function_span;
mod header;
#[cfg(feature = "otlp")]
mod otlp;
mod settings;
mod table;

use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;

pub use function_span::{FunctionSpan, Invocation, RequestSpan};
pub use header::{TRACE_HEADER, TraceHeader};
pub use settings::{BoxedLayer, Settings, TracesError, is_part_of_trace};
pub use table::{Database, trace_table};

/// The layer that collects the spans of traces, if a collector is configured. It is made once in a process.
pub fn layer<S>(settings: &Settings) -> Result<Option<BoxedLayer<S>>, TracesError>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let Some(endpoint) = &settings.endpoint else { return Ok(None) };
    #[cfg(feature = "otlp")]
    return otlp::layer(endpoint, settings).map(Some);
    #[cfg(not(feature = "otlp"))]
    {
        let _ = endpoint;
        Err(TracesError::NotBuiltIn)
    }
}

/// Sends the spans that have ended to the collector, and returns when it has accepted them, at the latest after
/// [`Settings::timeout`]. A failure is logged and loses the spans, and nothing is sent during the next half minute.
pub async fn flush() {
    #[cfg(feature = "otlp")]
    otlp::flush().await;
}
