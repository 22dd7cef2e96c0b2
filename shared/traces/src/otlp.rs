//! OpenTelemetry's SDK behind the spans.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, Key, Value};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider, SpanExporter as _};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::collector::{Client, Collector, EndedSpans};
use crate::header::TraceHeader;
use crate::settings::{BoxedLayer, Settings, TracesError, is_part_of_trace};

/// The longest time that a response waits for the collector.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The instrumentation scope of all spans.
const SCOPE: &str = "sextant";
/// The start of the service name that the SDK makes up if none is configured.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// The collector of this process.
static COLLECTOR: OnceLock<Collector> = OnceLock::new();

thread_local! {
    /// The trace of the span that this thread is about to start, if it has no parent.
    static NEXT_TRACE: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Gives a span without a parent the trace of its event. The SDK has no other way to choose it.
#[derive(Debug, Default)]
struct EventTraces(RandomIdGenerator);

impl IdGenerator for EventTraces {
    fn new_trace_id(&self) -> TraceId {
        NEXT_TRACE.take().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

pub fn layer<S>(endpoint: &str, settings: &Settings) -> Result<BoxedLayer<S>, TracesError>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let refused = |error: &dyn std::error::Error| TracesError::Settings(error.to_string());
    let timeout = settings.timeout.unwrap_or(TIMEOUT).min(TIMEOUT);
    let client = Client::new(endpoint, timeout).map_err(|error| refused(&error))?;
    let address = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_http_client(client);
    let exporter = exporter.with_endpoint(address);
    // Without pauses between attempts: the exporter would block the thread.
    let mut exporter = exporter.with_retry_policy(RetryPolicy::disabled()).build().map_err(|error| refused(&error))?;
    let resource = resource(&settings.service);
    exporter.set_resource(&resource);
    let spans = EndedSpans::default();
    let provider = SdkTracerProvider::builder()
        .with_id_generator(EventTraces::default())
        .with_resource(resource)
        .with_span_processor(spans.clone())
        .build();
    // A second layer of a process would not be flushed.
    let _ = COLLECTOR.set(Collector::new(spans, exporter, timeout));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SCOPE))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    Ok(layer.with_filter(filter_fn(is_part_of_trace)).boxed())
}

/// What the SDK reads from the environment, with the service's name if that has none.
fn resource(service: &str) -> Resource {
    let found = Resource::builder().build();
    let name = found.get_ref(&Key::from_static_str("service.name")).map(Value::as_str);
    if name.is_some_and(|name| !name.starts_with(UNKNOWN_SERVICE)) {
        return found;
    }
    Resource::builder().with_service_name(service.to_owned()).build()
}

pub fn is_started() -> bool {
    COLLECTOR.get().is_some()
}

pub fn is_in_trace() -> bool {
    Context::map_current(|context| context.span().span_context().is_sampled())
}

pub async fn flush() {
    if let Some(collector) = COLLECTOR.get() {
        collector.flush().await;
    }
}

/// Puts a span that has not started yet into a trace, and starts it if it has no parent. Fails only if the span is not
/// collected.
pub fn adopt(span: &Span, header: TraceHeader) {
    let TraceHeader { trace_id, parent, is_sampled } = header;
    let trace_id = TraceId::from(trace_id);
    match parent {
        // Neither this span nor those in it are collected.
        _ if is_sampled == Some(false) => {
            let _ = span.set_parent(Context::new().with_telemetry_suppressed());
        }
        Some(parent) => {
            let parent = SpanId::from(parent);
            let parent = SpanContext::new(trace_id, parent, TraceFlags::SAMPLED, true, TraceState::NONE);
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        None => {
            NEXT_TRACE.set(Some(trace_id));
            drop(span.context());
            NEXT_TRACE.set(None);
        }
    }
}

/// The header that passes a span on, if it is collected.
pub fn header_of(span: &Span) -> Option<TraceHeader> {
    let context = span.context();
    let started = context.span();
    let started = started.span_context();
    started.is_valid().then(|| TraceHeader {
        trace_id: u128::from_be_bytes(started.trace_id().to_bytes()),
        parent: Some(u64::from_be_bytes(started.span_id().to_bytes())),
        is_sampled: Some(started.is_sampled()),
    })
}
