//! Invoked by API Gateway's WebSocket API when a connection opens, sends a message, or closes.
//!
//! Messages to a client are pushed to the connection by its id, never returned as the response of a route, so that AWS and
//! the local gateway behave alike. The response has only a status; that of `$connect` decides whether the connection opens.

mod origin;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use market_data::MarketData;
use notifications::live;
use serde::Deserialize;
use serde_json::{Value, json};

/// The parts of the event that the function uses.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebSocketEvent {
    request_context: RequestContext,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
    #[serde(default)]
    query_string_parameters: Option<HashMap<String, String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    route_key: String,
    connection_id: String,
    #[serde(default)]
    domain_name: Option<String>,
}

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is not a WebSocket event.
    #[error("not a WebSocket event: {0}")]
    Event(#[from] serde_json::Error),
    /// The event has an unknown route.
    #[error("unknown route {0}")]
    Route(String),
}

/// Handles one event. Pages of `allowed_origins` (`https://app.example`) and of the host itself may connect, and so may
/// programs, which send no origin.
pub async fn handle(market: &MarketData, allowed_origins: &[String], event: Value) -> Result<Value, Failure> {
    let event: WebSocketEvent = serde_json::from_value(event)?;
    let status = match event.request_context.route_key.as_str() {
        "$connect" => connect(market, allowed_origins, &event).await,
        "$disconnect" => disconnect(market, &event.request_context.connection_id).await,
        "$default" => receive(market, &event).await,
        other => return Err(Failure::Route(other.to_owned())),
    };
    Ok(json!({ "statusCode": status }))
}

async fn connect(market: &MarketData, allowed_origins: &[String], event: &WebSocketEvent) -> u16 {
    let host = event.header("host").or(event.request_context.domain_name.as_deref());
    if !origin::may_connect(event.header("origin"), host, allowed_origins) {
        tracing::info!("refused a page of another origin");
        return 403;
    }
    let ticket = event.query_string_parameters.as_ref().and_then(|query| query.get("ticket"));
    let Some(ticket) = ticket else { return 403 };
    match live::connect(market, &event.request_context.connection_id, ticket).await {
        Ok(true) => 200,
        Ok(false) => 403,
        Err(error) => failed(&error),
    }
}

async fn disconnect(market: &MarketData, connection: &str) -> u16 {
    live::disconnect(&market.app, connection).await.map_or_else(|error| failed(&error), |()| 200)
}

async fn receive(market: &MarketData, event: &WebSocketEvent) -> u16 {
    let connection = &event.request_context.connection_id;
    live::receive(market, connection, &event.text()).await.map_or_else(|error| failed(&error), |()| 200)
}

/// Logs the error and returns the status for it.
fn failed(error: &app::ServiceError) -> u16 {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    if error.is_lost_race() {
        tracing::info!(%error, "every attempt to handle a live event lost a race for an item");
    } else {
        tracing::error!(%error, cause, "failed to handle a live event");
    }
    503
}

impl WebSocketEvent {
    /// The first header with this name, in any case.
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().flatten();
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The message. Bytes that are not valid text are replaced, so that the message is refused as malformed.
    fn text(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        if !self.is_base64_encoded {
            return body.to_owned();
        }
        String::from_utf8_lossy(&STANDARD.decode(body).unwrap_or_default()).into_owned()
    }
}
