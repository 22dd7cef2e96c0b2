//! Settings, and which spans are of a trace.

use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::Layer;

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
