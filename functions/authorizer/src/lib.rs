//! The authorizer: API Gateway invokes it before every route that is not public, to find the caller by the token.
//!
//! It allows every request, and its context has the caller or why there is none: HTTP APIs cannot respond to a request
//! that an authorizer refuses with a problem, so the middleware of the function does. It uses payload format 2.0 with
//! simple responses. Neither it nor API Gateway caches anything, so that signing out, a new password, disabling and a
//! change of role take effect on the next request.

use std::collections::HashMap;

use app::{App, ServiceError};
use identity::authorization::{Refusal, authorize};
use serde::Deserialize;
use serde_json::{Value, json};

/// The authentication scheme before the token.
const SCHEME: &str = "bearer";

/// The part of the event that is used.
#[derive(Deserialize)]
struct AuthorizerEvent {
    #[serde(default)]
    headers: HashMap<String, String>,
}

/// Why an invocation failed; API Gateway then responds with 500.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is not an authorizer event.
    #[error("not an authorizer event: {0}")]
    Event(#[from] serde_json::Error),
    /// The session could not be looked up.
    #[error("the session could not be looked up: {0}")]
    Lookup(#[from] ServiceError),
}

/// Finds the caller of the request, and returns the caller or the refusal as context.
pub async fn handle(app: &App, event: Value) -> Result<Value, Failure> {
    let event: AuthorizerEvent = serde_json::from_value(event)?;
    let outcome = match event.headers.get("authorization").and_then(|header| bearer(header)) {
        Some(token) => authorize(app, token).await?,
        None => Err(Refusal::NoToken),
    };
    Ok(json!({ "isAuthorized": true, "context": api::caller::context(outcome.as_ref().map_err(|refusal| *refusal)) }))
}

/// The token of a header `Bearer TOKEN` (RFC 6750, section 2.1); the scheme in any case. A header of another scheme has no
/// token.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}
