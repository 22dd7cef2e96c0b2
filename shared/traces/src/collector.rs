//! Sends ended spans to the collector.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::Context;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::time::Instant;

/// Most spans that are kept for the next flush; more are lost.
const MAX_SPANS: usize = 4_096;
/// How long nothing is sent after a failure, so that a collector that is down does not delay every response.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a connection without requests is kept: shorter than what collectors and load balancers keep one, so that none is
/// used that the other side has closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The largest response of a collector that is read, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// Spans that have ended and are not sent yet.
#[derive(Clone, Debug, Default)]
pub struct EndedSpans(Arc<Mutex<Vec<SpanData>>>);

impl EndedSpans {
    fn take(&self) -> Vec<SpanData> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SpanProcessor for EndedSpans {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MAX_SPANS {
            spans.push(span);
        }
    }

    /// Spans are sent by [`Collector::flush`] alone.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The collector, and whether it accepts spans.
pub struct Collector {
    spans: EndedSpans,
    timeout: Duration,
    /// Locked while spans are sent: those that end meanwhile are sent together.
    sender: tokio::sync::Mutex<Sender>,
}

struct Sender {
    exporter: SpanExporter,
    outage: Option<Outage>,
}

/// The collector does not accept spans.
#[derive(Clone, Copy, Debug)]
struct Outage {
    /// When it is tried again.
    until: Instant,
    /// The number of spans lost so far.
    lost: usize,
}

impl Collector {
    pub fn new(spans: EndedSpans, exporter: SpanExporter, timeout: Duration) -> Self {
        Self { spans, timeout, sender: tokio::sync::Mutex::new(Sender { exporter, outage: None }) }
    }

    /// Sends the spans that have ended. It waits for those that are being sent, because they may be of the same response.
    pub async fn flush(&self) {
        let mut sender = self.sender.lock().await;
        let spans = self.spans.take();
        if !spans.is_empty() {
            sender.send(spans, self.timeout).await;
        }
    }
}

impl Sender {
    async fn send(&mut self, spans: Vec<SpanData>, timeout: Duration) {
        let (count, lost) = (spans.len(), self.outage.map_or(0, |outage| outage.lost));
        if self.outage.is_some_and(|outage| Instant::now() < outage.until) {
            self.outage = self.outage.map(|outage| Outage { lost: lost + count, ..outage });
            return;
        }
        let sent = tokio::time::timeout(timeout, self.exporter.export(spans)).await;
        let failure = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it does not respond in time".to_owned()),
        };
        match (failure, self.outage) {
            (None, None) => {}
            (None, Some(_)) => {
                tracing::info!(lost, "the collector accepts spans again");
                self.outage = None;
            }
            (Some(error), outage) => {
                if outage.is_none() {
                    tracing::warn!(error, "the collector does not accept spans");
                }
                self.outage = Some(Outage { until: Instant::now() + PAUSE, lost: lost + count });
            }
        }
    }
}

/// The HTTP client of the exporter.
#[derive(Debug)]
pub struct Client(reqwest::Client);

impl Client {
    pub fn new(endpoint: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        let builder = https::client_builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .timeout(timeout);
        let is_encrypted = endpoint.trim_start().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        // Certificates take long to load, and a collector beside the function needs none.
        let builder = if is_encrypted { builder } else { builder.tls_certs_only([]) };
        Ok(Self(builder.build()?))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.0.execute(request).await?;
        let (status, headers) = (answer.status(), mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err("the collector's response is too large".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
