//! The messages of a live connection, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use domain::Symbol;
use market_data::quote_record::LastQuote;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::MAX_SYMBOLS;

/// A message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Subscribe to these symbols; with `batch`, their new quotes of an event come in one message.
    Subscribe { symbols: BTreeSet<Symbol>, batch: bool },
    /// Unsubscribe from these symbols.
    Unsubscribe(BTreeSet<Symbol>),
    /// Keep the connection open.
    Ping,
}

/// An error to send to a client: a stable code, and a text for people.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LiveError {
    pub(super) code: &'static str,
    pub(super) detail: String,
}

/// A message of the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message<'a> {
    /// The prices of all symbols just subscribed to, and a code for each that has none.
    Snapshot { quotes: Vec<&'a LastQuote>, unavailable: &'a BTreeMap<Symbol, &'static str> },
    /// A new price. Several of them in one message are a [`super::outgoing::Text::Batch`].
    Quote(&'a LastQuote),
    /// The subscriptions to these symbols have ended.
    Unsubscribed { symbols: &'a BTreeSet<Symbol> },
    /// The reply to a ping.
    Pong,
    /// A message was refused, or the connection is about to be closed.
    Error { code: &'a str, detail: &'a str },
}

/// A message as received, before its fields are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    action: String,
    symbols: Option<Vec<String>>,
    batch: Option<bool>,
}

impl LiveError {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The error message as JSON.
    pub(super) fn text(&self) -> Result<String, ServiceError> {
        Message::Error { code: self.code, detail: &self.detail }.text()
    }
}

impl Message<'_> {
    /// The message as JSON.
    pub(super) fn text(&self) -> Result<String, ServiceError> {
        serde_json::to_string(self).map_err(|error| ServiceError::fault("message to JSON", error))
    }
}

impl Request {
    /// Parses a message. If anything is wrong with it, nothing of it has an effect.
    pub(super) fn parse(text: &str) -> Result<Self, LiveError> {
        // serde also reads a struct from a list of its fields, a form that is not documented.
        if !text.trim_start().starts_with('{') {
            return Err(match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => LiveError::new("invalid_message", "a message must be a JSON object"),
                Err(error) => LiveError::new("invalid_json", error.to_string()),
            });
        }
        let raw: Raw = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => LiveError::new("invalid_message", error.to_string()),
            _ => LiveError::new("invalid_json", error.to_string()),
        })?;
        match (raw.action.as_str(), raw.symbols, raw.batch) {
            ("ping", None, None) => Ok(Self::Ping),
            ("ping", ..) => Err(LiveError::new("invalid_message", "a ping must have no other field")),
            ("subscribe", symbols, batch) => {
                Ok(Self::Subscribe { symbols: parse_symbols(symbols)?, batch: batch.unwrap_or_default() })
            }
            ("unsubscribe", symbols, None) => Ok(Self::Unsubscribe(parse_symbols(symbols)?)),
            ("unsubscribe", ..) => Err(LiveError::new("invalid_message", "batch: only a subscription has it")),
            _ => Err(LiveError::new("unknown_action", "action must be subscribe, unsubscribe or ping")),
        }
    }
}

fn parse_symbols(symbols: Option<Vec<String>>) -> Result<BTreeSet<Symbol>, LiveError> {
    let symbols = symbols.unwrap_or_default();
    if symbols.is_empty() {
        return Err(LiveError::new("invalid_message", "symbols: must have at least one"));
    }
    if symbols.len() > MAX_SYMBOLS {
        return Err(too_many_symbols());
    }
    let parse = |(index, text): (usize, &String)| {
        text.parse().map_err(|error| LiveError::new("invalid_symbol", format!("symbols/{index}: {error}")))
    };
    symbols.iter().enumerate().map(parse).collect()
}

/// The error if a connection would subscribe to too many symbols.
pub(super) fn too_many_symbols() -> LiveError {
    LiveError::new(
        "too_many_symbols",
        format!("a connection can subscribe to at most {MAX_SYMBOLS} symbols; unsubscribe from others first"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Request::parse(text).unwrap_err().code
    }

    #[test]
    fn symbols_are_parsed_in_upper_case_and_without_duplicates() {
        let symbols = |text: &str| text.split(' ').map(|symbol| symbol.parse().unwrap()).collect::<BTreeSet<Symbol>>();
        let request = Request::parse(r#"{"action": "subscribe", "symbols": ["aapl", "IBM", "AAPL"]}"#);
        assert_eq!(request, Ok(Request::Subscribe { symbols: symbols("AAPL IBM"), batch: false }));
        for batch in [true, false] {
            let request = Request::parse(&format!(r#"{{"action": "subscribe", "symbols": ["A"], "batch": {batch}}}"#));
            assert_eq!(request, Ok(Request::Subscribe { symbols: symbols("A"), batch }));
        }
        let request = Request::parse(r#"{"symbols": ["EURUSD=X"], "action": "unsubscribe"}"#);
        assert_eq!(request, Ok(Request::Unsubscribe(symbols("EURUSD=X"))));
        assert_eq!(Request::parse(r#"{"action": "ping"}"#), Ok(Request::Ping));
    }

    #[test]
    fn every_malformed_message_has_its_error_code() {
        for (text, expected) in [
            ("", "invalid_json"),
            ("hello", "invalid_json"),
            (r#"{"action": "ping""#, "invalid_json"),
            (r#"{"action": "ping"} {}"#, "invalid_json"),
            ("[]", "invalid_message"),
            (r#"["ping", null]"#, "invalid_message"),
            ("7", "invalid_message"),
            ("{}", "invalid_message"),
            (r#"{"action": 7}"#, "invalid_message"),
            (r#"{"action": "ping", "symbols": ["A"]}"#, "invalid_message"),
            (r#"{"action": "ping", "action": "ping"}"#, "invalid_message"),
            (r#"{"action": "ping", "token": "x"}"#, "invalid_message"),
            (r#"{"action": "ping", "batch": true}"#, "invalid_message"),
            (r#"{"action": "unsubscribe", "symbols": ["A"], "batch": true}"#, "invalid_message"),
            (r#"{"action": "subscribe", "symbols": ["A"], "batch": "true"}"#, "invalid_message"),
            (r#"{"action": "subscribe"}"#, "invalid_message"),
            (r#"{"action": "subscribe", "symbols": []}"#, "invalid_message"),
            (r#"{"action": "subscribe", "symbols": "A"}"#, "invalid_message"),
            (r#"{"action": "subscribe", "symbols": [7]}"#, "invalid_message"),
            (r#"{"action": "subscribe", "symbols": ["A B"]}"#, "invalid_symbol"),
            (r#"{"action": "subscribe", "symbols": [""]}"#, "invalid_symbol"),
            (r#"{"action": "buy", "symbols": ["A"]}"#, "unknown_action"),
            (r#"{"action": "SUBSCRIBE", "symbols": ["A"]}"#, "unknown_action"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
        let many = serde_json::json!({ "action": "subscribe", "symbols": vec!["A"; MAX_SYMBOLS + 1] });
        assert_eq!(code(&many.to_string()), "too_many_symbols");
        // Nested deeper than any parser's stack.
        assert_eq!(code(&"[".repeat(30_000)), "invalid_json");
        assert_eq!(code(&format!(r#"{{"action": {}"#, "[".repeat(30_000))), "invalid_message");
    }

    #[test]
    fn an_invalid_symbol_is_reported_with_its_position() {
        let error = Request::parse(r#"{"action": "subscribe", "symbols": ["A", "B/C"]}"#).unwrap_err();
        assert_eq!(error.detail, "symbols/1: must not have '/' at position 2");
        let expected = r#"{"type":"error","code":"a","detail":"b \"c\""}"#;
        assert_eq!(LiveError::new("a", "b \"c\"").text().unwrap(), expected);
    }
}
