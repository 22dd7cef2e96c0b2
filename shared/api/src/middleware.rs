//! The layers of each function's router: access policy, request id, log line, headers, compression, and problems for
//! unknown routes, wrong methods and panics.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use app::{App, Platform};
use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use domain::CustomerId;
use store::keys::sha256_hex;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::caller::Caller;
use crate::compression::{compress, prefers_gzip};
use crate::problem::Problem;
use crate::problem_code::ProblemCode;
use crate::query::{self, KnownParameters};
use crate::{content_encoding, idempotency_key, limits, policy};

/// The largest response of a function, in bytes of the JSON string in which Lambda sends it. Lambda's limit is 6 MiB;
/// the rest is for status and headers.
const MAX_RESPONSE_BYTES: usize = (6 << 20) - (64 << 10);
/// The most bytes that a byte becomes in a JSON string: `\u0000`.
const MAX_ESCAPE_BYTES: usize = 6;

/// The length of a customer's pseudonym: 64 bits, so that no two customers share one by chance.
const PSEUDONYM_DIGITS: usize = 16;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The id of a request from the composition root; without it the middleware creates one.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Closes a function's routes: every response has a request id and security headers, and every error has a problem
/// body. Unknown routes, methods, query parameters and encodings of bodies are refused.
pub fn close<P: Platform>(platform: P, routes: OpenApiRouter<P>) -> Router {
    let (router, document) = routes.split_for_parts();
    let refusing = router
        .fallback(|| async { Problem::new(ProblemCode::RouteNotFound, "The route does not exist.") })
        .method_not_allowed_fallback(|| async {
            Problem::new(ProblemCode::MethodNotAllowed, "The route does not support this method.")
        });
    finish_responses(platform, refusing, &document)
}

/// Like [`close`], for the function whose own fallback handles unknown routes.
pub fn finish_responses<P: Platform>(platform: P, router: Router<P>, document: &OpenApi) -> Router {
    let app = platform.app().clone();
    let parameters = Arc::new(KnownParameters::of(document));
    router
        .with_state(platform)
        .layer(from_fn(content_encoding::refuse_unsupported))
        .layer(from_fn(idempotency_key::refuse_unusable))
        .layer(from_fn_with_state(parameters, query::refuse_unknown))
        // A panic of the handler is a 500 to the layer of the limits, so that it does not count.
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(from_fn_with_state(app.clone(), limits::enforce))
        .layer(from_fn(policy::enforce))
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(from_fn_with_state(app, finish))
}

async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
    let id = given.unwrap_or_else(|| app.new_id().to_string());
    let method = request.method().clone();
    let customer = Caller::of(request.extensions()).ok().map(|caller| pseudonym(caller.customer_id));
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let prefers_gzip = prefers_gzip(request.headers());
    let holds_secret = route.as_ref().is_some_and(|path| policy::responds_with_secret(&format!("{method} {path}")));
    let started = Instant::now();
    let mut response = with_problem_body(next.run(request).await, &id);
    if !holds_secret {
        response = with_problem_body(compress(response, prefers_gzip).await, &id);
    }
    let mut response = with_problem_body(refuse_oversized(response).await, &id);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    let status = response.status().as_u16();
    let code = response.extensions().get::<ProblemCode>().map(|code| code.as_str());
    let ms = started.elapsed().as_secs_f64() * 1e3;
    tracing::info!(request_id = id, %method, route, status, code, ms, customer, "answered");
    response
}

/// The name of a customer in log lines: the first sixteen hexadecimal digits of the SHA-256 of their id. Who knows the
/// id finds the lines; the lines do not lead to the customer.
fn pseudonym(customer: CustomerId) -> String {
    sha256_hex(&customer.to_string()).chars().take(PSEUDONYM_DIGITS).collect()
}

/// Writes the problem that a response stands for, if any, as its body.
fn with_problem_body(mut response: Response, request_id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response.extensions_mut().insert(problem.code);
        let body = problem.with_request_id(request_id).body();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    response
}

/// Replaces a response that exceeds Lambda's limit by a problem. Otherwise the client would get an error without
/// details.
async fn refuse_oversized(response: Response) -> Response {
    if response.body().size_hint().exact().is_some_and(|bytes| bytes < (MAX_RESPONSE_BYTES / MAX_ESCAPE_BYTES) as u64) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(%error, "the body of a response could not be read");
            return Problem::internal().into_response();
        }
    };
    let is_text = !parts.headers.contains_key(header::CONTENT_ENCODING);
    let sent = sent_bytes(&bytes, is_text);
    if sent > MAX_RESPONSE_BYTES {
        tracing::error!(sent, "a response exceeds the limit of Lambda");
        let detail = format!("The response has {sent} bytes, more than {MAX_RESPONSE_BYTES}. Request less at a time.");
        return Problem::new(ProblemCode::AnswerTooLarge, detail).into_response();
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// The bytes of a body in Lambda's JSON: text is escaped (RFC 8259, section 7), anything else, such as what is
/// compressed, is base64.
fn sent_bytes(body: &[u8], is_text: bool) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => MAX_ESCAPE_BYTES,
        _ => 1,
    };
    match std::str::from_utf8(body) {
        Ok(text) if is_text => text.bytes().map(escaped).sum(),
        Ok(_) | Err(_) => body.len().div_ceil(3) * 4,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "required by the layer's trait")]
fn panic_response(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let cause = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(cause, "panic");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn status_of(body: Vec<u8>) -> u16 {
        refuse_oversized(Response::new(Body::from(body))).await.status().as_u16()
    }

    #[tokio::test]
    async fn a_response_above_the_limit_of_lambda_is_a_problem() {
        assert_eq!(status_of(vec![b'x'; MAX_RESPONSE_BYTES]).await, 200);
        assert_eq!(status_of(vec![b'x'; MAX_RESPONSE_BYTES + 1]).await, 422);
        assert_eq!(status_of(vec![b'"'; MAX_RESPONSE_BYTES / 2]).await, 200);
        assert_eq!(status_of(vec![b'"'; MAX_RESPONSE_BYTES / 2 + 1]).await, 422);
        assert_eq!(status_of(vec![0xff; MAX_RESPONSE_BYTES / 4 * 3]).await, 200);
        assert_eq!(status_of(vec![0xff; MAX_RESPONSE_BYTES / 4 * 3 + 3]).await, 422);
        let refused = refuse_oversized(Response::new(Body::from(vec![b'x'; 7 << 20]))).await;
        assert_eq!(refused.extensions().get::<Problem>().unwrap().code.as_str(), "answer_too_large");
    }

    #[test]
    fn the_size_of_a_body_includes_escapes() {
        let text = "plain \"quoted\" back\\slash\n\r\t\u{1} é €";
        assert_eq!(sent_bytes(text.as_bytes(), true), serde_json::to_string(text).unwrap().len() - 2);
        assert_eq!(sent_bytes(b"abcd", false), 8, "in base64");
    }
}
