//! HTTP responses and the checks that tests make on them.

use std::io::Read as _;

use chrono::DateTime;
use domain::instant;
use flate2::read::GzDecoder;
use serde_json::Value;

/// A target's response.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The request, for messages.
    pub(crate) request: String,
    /// The headers.
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The raw body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Checks that the response has this status.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        self
    }

    /// Checks that the response is a complete problem with this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect_status(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.request);
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{}: {problem}", answer.request);
        assert_eq!(problem["status"], status, "{}", answer.request);
        for part in ["type", "title", "detail", "request_id"] {
            assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "{}: {part}", answer.request);
        }
        problem
    }

    /// Whether the platform, or API Gateway before it, asks the client to retry.
    pub fn is_busy(&self) -> bool {
        let of_ours = self.header("content-type") == "application/problem+json";
        matches!(self.status, 429 | 502 | 503 | 504) || (self.status == 500 && !of_ours)
    }

    /// A header's value, or an empty text.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body without its `Content-Encoding`, if its client has not taken that off.
    pub fn decoded(&self) -> Vec<u8> {
        let mut decoded = Vec::new();
        match self.header("content-encoding").as_str() {
            "" => decoded.extend(&self.body),
            "gzip" => drop(GzDecoder::new(self.body.as_slice()).read_to_end(&mut decoded).unwrap()),
            other => panic!("{}: {other}", self.request),
        }
        decoded
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, in which every instant must have the standard form.
    #[track_caller]
    pub fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        let json = json.unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.text()));
        assert_written_alike(&json, &self.request);
        json
    }
}

/// Checks that every instant is written as RFC 3339 in UTC with milliseconds.
#[track_caller]
pub fn assert_written_alike(json: &Value, of: &str) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| assert_written_alike(item, of)),
        Value::Object(fields) => fields.values().for_each(|field| assert_written_alike(field, of)),
        Value::String(text) => {
            if let Ok(at) = DateTime::parse_from_rfc3339(text) {
                assert_eq!(*text, instant::text(at.to_utc()), "{of}");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
