//! A collector of OpenTelemetry spans on this machine, for OTLP over http/protobuf.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test stops where its premises fail"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;

/// A span that the collector has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its name.
    pub name: String,
    /// The trace in hexadecimal digits.
    pub trace_id: String,
    /// The span in hexadecimal digits.
    pub id: String,
    /// The span that it belongs to, or nothing.
    pub parent: String,
    /// What it is, such as `SPAN_KIND_CLIENT`.
    pub kind: &'static str,
    /// Whether its status is an error.
    pub is_error: bool,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of the process that it comes from, as text.
    pub resource: BTreeMap<String, String>,
}

impl Received {
    /// An attribute, or nothing.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A request: the lines before its body in lower case, and the body.
type SentRequest = (String, Vec<u8>);

/// The collector. It accepts every request, until its process ends.
#[derive(Clone, Default)]
pub struct Collector {
    spans: Arc<Mutex<Vec<Received>>>,
    requests: Arc<Mutex<Vec<SentRequest>>>,
}

impl Collector {
    /// Listens at `address`, whose port may be 0, and returns its URL.
    #[must_use]
    pub fn listen(address: &str) -> (Self, String) {
        let listener = TcpListener::bind(address).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let receiving = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let receiving = receiving.clone();
                std::thread::spawn(move || receiving.receive(&stream));
            }
        });
        (collector, url)
    }

    /// The spans received so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Received> {
        self.spans.lock().unwrap().clone()
    }

    /// The requests received so far.
    #[must_use]
    pub fn requests(&self) -> Vec<SentRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Takes requests from a connection until the other side closes it.
    fn receive(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((head, body)) = read_request(&mut reader) {
            let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            self.requests.lock().unwrap().push((head, body));
            self.spans.lock().unwrap().extend(received(&request));
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
            let mut stream = stream;
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn received(request: &ExportTraceServiceRequest) -> Vec<Received> {
    let of_resource = |spans: &opentelemetry_proto::tonic::trace::v1::ResourceSpans| {
        let resource = attributes(&spans.resource.as_ref().unwrap().attributes);
        let spans = spans.scope_spans.iter().flat_map(|scope| &scope.spans);
        spans.map(|span| received_span(span, &resource)).collect::<Vec<_>>()
    };
    request.resource_spans.iter().flat_map(of_resource).collect()
}

fn received_span(span: &Span, resource: &BTreeMap<String, String>) -> Received {
    assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.events.is_empty(), "{span:?}");
    Received {
        name: span.name.clone(),
        trace_id: hexadecimal(&span.trace_id),
        id: hexadecimal(&span.span_id),
        parent: hexadecimal(&span.parent_span_id),
        kind: SpanKind::try_from(span.kind).unwrap().as_str_name(),
        is_error: span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32),
        attributes: attributes(&span.attributes),
        resource: resource.clone(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    pairs.iter().map(|pair| (pair.key.clone(), text(pair.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("an attribute is {other:?}"),
    }
}
