//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::problem::Problem;

const HEADER: &str = "idempotency-key";
const MAX_KEY_LENGTH: usize = 255;

/// Name of the header that marks an answer given before.
pub const REPLAYED_HEADER: &str = "idempotency-replayed";

/// The key of a request, where it has one: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// The key among these headers, if there is one; a problem where it cannot be used.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let key = value.as_bytes();
        let visible = key.iter().all(u8::is_ascii_graphic);
        if key.is_empty() || key.len() > MAX_KEY_LENGTH || !visible {
            let detail = format!("an Idempotency-Key has 1 to {MAX_KEY_LENGTH} visible ASCII characters");
            return Err(Problem::bad_request("invalid_idempotency_key", detail));
        }
        Ok(Self(Some(String::from_utf8_lossy(key).into_owned())))
    }

    /// The key of a request that moves money, which must have one.
    pub fn required(self) -> Result<String, Problem> {
        self.0.ok_or_else(|| {
            let detail = "a request that moves money has an Idempotency-Key, so that it can safely be sent again";
            Problem::bad_request("idempotency_key_required", detail)
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}
