//! The source address of a request, and the state of its rate limits.

use std::net::IpAddr;

use app::Platform;
use app::rate_limiter::RateLimitStatus;
use app::source_limits::SourceAddress;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address from which the gateway received a request: the event's `sourceIp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceIp(pub(crate) IpAddr);

/// The source address for rate limits; `None` if it is exempt or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub Option<SourceAddress>);

impl<P: Platform> FromRequestParts<P> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, platform: &P) -> Result<Self, Self::Rejection> {
        let Some(SourceIp(seen)) = parts.extensions.get().copied() else { return Ok(Self(None)) };
        let forwarded_for = forwarded_for(&parts.headers);
        Ok(Self(platform.app().source_limits().source(seen, forwarded_for.as_deref())))
    }
}

/// Every hop of every `X-Forwarded-For`. A client may send any bytes, which must not hide what a proxy adds.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// Adds the state of a rate limit to the response, as `RateLimit` and `RateLimit-Policy`
/// (draft-ietf-httpapi-ratelimit-headers-10).
pub fn with_rate_limit(result: Result<Response, Problem>, rate_limit: Option<RateLimitStatus>) -> Response {
    let mut response = result.into_response();
    if let Some(rate_limit) = rate_limit {
        let RateLimitStatus { quota, remaining, reset_seconds } = &rate_limit;
        let (name, window) = (quota.name, rate_limit.window().as_secs());
        insert(&mut response, RATE_LIMIT_POLICY, &format!("\"{name}\";q={};w={window}", quota.limit));
        insert(&mut response, RATE_LIMIT, &format!("\"{name}\";r={remaining};t={reset_seconds}"));
    }
    response
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    // The names of quotas are ASCII, so this always succeeds.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_from_a_client_do_not_hide_the_address_that_a_proxy_added() {
        for (lines, last) in [
            (&[&b"198.51.100.1"[..]][..], "198.51.100.1"),
            (&[b"\xff, 198.51.100.1"], "198.51.100.1"),
            (&["é,198.51.100.1".as_bytes()], "198.51.100.1"),
            (&[b"203.0.113.9, \xe9", b"198.51.100.1"], "198.51.100.1"),
            (&[b"203.0.113.9, 198.51.100.1\xe9"], "198.51.100.1\u{fffd}"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
            }
            let hops = forwarded_for(&headers).unwrap();
            assert_eq!(hops.rsplit(',').next().map(str::trim), Some(last), "{hops}");
        }
        assert_eq!(forwarded_for(&HeaderMap::new()), None);
    }
}
