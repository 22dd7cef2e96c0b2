//! Traces of requests as OpenTelemetry has them.
//!
//! Spans are made with the macros of the crate `tracing`. A span of a trace has the field `otel.kind`, which tells it from
//! the spans whose fields are on log lines: [`is_part_of_trace`]. Its fields are the attributes of OpenTelemetry's semantic
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
mod table;

use std::time::Duration;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

pub use function_span::{FunctionSpan, Invocation, RequestSpan};
pub use header::TraceHeader;
pub use table::{Database, trace_table};

/// The header in which API Gateway passes on the trace of a request.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

/// The field that spans of a trace have, and spans of log lines do not.
const KIND: &str = "otel.kind";

/// The collector of the spans, and who sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: the base URL of the collector. Without it nothing is collected or sent, whatever
    /// else is set. Other variables of the standard are read by the SDK.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`: the time that the collector has to accept the spans of a response. More than a second
    /// counts as a second, which is also the default.
    pub timeout: Option<Duration>,
    /// The name of the service, if `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have none.
    pub service: String,
}

impl Settings {
    /// Reads the variables of the standard from the environment that `set` looks up, without those that are empty.
    pub fn read(service: impl Into<String>, set: impl Fn(&'static str) -> Option<String>) -> Self {
        let timeout = set("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|milliseconds| milliseconds.parse().ok());
        Self {
            endpoint: set("OTEL_EXPORTER_OTLP_ENDPOINT"),
            timeout: timeout.map(Duration::from_millis),
            service: service.into(),
        }
    }
}

/// Why no spans are sent although a collector is configured.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The program was built without the feature.
    #[error(
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but this program was built without OpenTelemetry (make build OTEL=on)"
    )]
    NotBuiltIn,
    /// The SDK refuses a variable of the environment.
    #[error("the settings of OpenTelemetry cannot be used: {0}")]
    Settings(String),
}

/// Whether a span is one of a trace, and not one of log lines.
#[must_use]
pub fn is_part_of_trace(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field(KIND).is_some()
}

/// A layer of a subscriber.
pub type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

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

/// Whether spans are collected.
fn are_collected() -> bool {
    #[cfg(feature = "otlp")]
    return otlp::is_started();
    #[cfg(not(feature = "otlp"))]
    false
}

/// Whether this code runs in a span that is collected.
fn is_in_trace() -> bool {
    #[cfg(feature = "otlp")]
    return otlp::is_in_trace();
    #[cfg(not(feature = "otlp"))]
    false
}
