//! Where a request comes from, and what is left of the limits that hold for that address.

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

/// The address that the gateway saw a request come from: the event's `sourceIp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceIp(pub(crate) IpAddr);

/// The address that a request counts for; none where it is exempt, or where no gateway has said where it comes from.
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

/// Every hop of every `X-Forwarded-For`. A client may send any bytes in it, which must not hide what a proxy adds to them.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// An answer with what is left of a limit, as `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)
/// say it.
pub fn with_rate_limit(answer: Result<Response, Problem>, rate_limit: Option<RateLimitStatus>) -> Response {
    let mut response = answer.into_response();
    if let Some(rate_limit) = rate_limit {
        let RateLimitStatus { quota, remaining, reset_seconds } = &rate_limit;
        let (name, window) = (quota.name, rate_limit.window().as_secs());
        insert(&mut response, RATE_LIMIT_POLICY, &format!("\"{name}\";q={};w={window}", quota.limit));
        insert(&mut response, RATE_LIMIT, &format!("\"{name}\";r={remaining};t={reset_seconds}"));
    }
    response
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    // Names of quotas are ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_of_a_client_hides_the_address_that_a_proxy_added() {
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
