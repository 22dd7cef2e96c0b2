//! The header of a replayed response.

use std::convert::Infallible;

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};

/// Whether a request with an `Idempotency-Key` was sent before. Its stored response then has the header
/// `Idempotency-Replayed: true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed(pub bool);

impl Replayed {
    pub(crate) const HEADER: (HeaderName, HeaderValue) =
        (HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
}

impl IntoResponseParts for Replayed {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if self.0 {
            let (name, value) = Self::HEADER;
            parts.headers_mut().insert(name, value);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn only_a_replayed_response_has_the_header() {
        for (replayed, expected) in [(true, vec!["true"]), (false, vec![])] {
            let response = (StatusCode::CREATED, Replayed(replayed), "made").into_response();
            assert_eq!(response.status(), 201);
            assert_eq!(response.headers().get_all("idempotency-replayed").iter().collect::<Vec<_>>(), expected);
        }
    }
}
