//! Invoked by API Gateway before every route that is not public: from a token to a caller.
//!
//! Speaks the authorizer's payload format 2.0 with simple responses. Nothing is cached, here or in API Gateway, so that
//! signing out, a new password, disabling and a change of role act on the very next request.

use std::collections::HashMap;

use app::{App, ServiceError};
use identity::authorization::authorize;
use serde::Deserialize;
use serde_json::{Value, json};

/// What stands before the token.
const SCHEME: &str = "bearer";

/// The part of the event that decides.
#[derive(Deserialize)]
struct AuthorizerEvent {
    #[serde(default)]
    headers: HashMap<String, String>,
}

/// Why an invocation failed; API Gateway answers 500 and lets nobody through.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is not an authorizer's.
    #[error("not an authorizer's event: {0}")]
    Event(#[from] serde_json::Error),
    /// The session could not be looked up.
    #[error("no verdict: {0}")]
    Lookup(#[from] ServiceError),
}

/// Whether the request may pass, and in whose name.
pub async fn handle(app: &App, event: Value) -> Result<Value, Failure> {
    let event: AuthorizerEvent = serde_json::from_value(event)?;
    let authorized = match event.headers.get("authorization").and_then(|header| bearer(header)) {
        Some(token) => authorize(app, token).await?,
        None => None,
    };
    Ok(match authorized {
        Some(authorized) => json!({ "isAuthorized": true, "context": api::caller::context(&authorized) }),
        None => json!({ "isAuthorized": false }),
    })
}

/// The token of a header `Bearer TOKEN` (RFC 6750, section 2.1); the scheme in any case.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}
