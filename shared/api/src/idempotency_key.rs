//! The `Idempotency-Key` header.

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::problem::Problem;
use crate::problem_code::ProblemCode;

const HEADER: &str = "idempotency-key";
const MAX_KEY_LENGTH: usize = 255;
const MUST: &str = "must have 1 to 255 visible ASCII characters without a comma";

/// The optional key of a request: 1 to 255 visible ASCII characters without a comma, because repeated headers arrive as
/// one, joined by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// Reads the key from the headers, if any. Errors: an invalid key.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        let key = value.as_bytes();
        if values.next().is_some() || !is_key(key) {
            return Err(Problem::new(ProblemCode::InvalidIdempotencyKey, format!("The Idempotency-Key {MUST}.")));
        }
        Ok(Self(Some(String::from_utf8_lossy(key).into_owned())))
    }

    /// Parses a key in a parameter.
    pub fn parse(text: &str) -> Result<String, &'static str> {
        if is_key(text.as_bytes()) { Ok(text.to_owned()) } else { Err(MUST) }
    }

    /// The key of a request that moves money, which must have one.
    pub fn required(self) -> Result<String, Problem> {
        self.0.ok_or_else(|| {
            let detail = "A request that moves money needs an Idempotency-Key, so that it can be repeated safely.";
            Problem::new(ProblemCode::IdempotencyKeyRequired, detail)
        })
    }
}

fn is_key(key: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_graphic() && *byte != b',';
    !key.is_empty() && key.len() <= MAX_KEY_LENGTH && key.iter().all(is_allowed)
}

/// The layer that refuses a POST with an invalid key on every route, whether or not its handler uses the key.
pub(crate) async fn refuse_unusable(request: Request, next: Next) -> Response {
    let is_routed_post = request.method() == Method::POST && request.extensions().get::<MatchedPath>().is_some();
    match IdempotencyKey::of(request.headers()) {
        Err(problem) if is_routed_post => problem.into_response(),
        _ => next.run(request).await,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(values: &[&str]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        IdempotencyKey::of(&headers).map(|IdempotencyKey(key)| key).map_err(|problem| problem.code.as_str())
    }

    #[test]
    fn a_key_is_visible_ascii_without_a_comma_and_sent_once() {
        let longest = "k".repeat(MAX_KEY_LENGTH);
        assert_eq!(code(&[]), Ok(None));
        for good in ["k", "a:b;c.d/e~", &longest] {
            assert_eq!(code(&[good]), Ok(Some(good.to_owned())), "{good}");
        }
        for bad in [&["a,b"][..], &["a, b"], &[","], &["a b"], &[""], &[&format!("{longest}k")], &["a", "a"]] {
            assert_eq!(code(bad), Err("invalid_idempotency_key"), "{bad:?}");
        }
    }
}
