//! The layers that close each function's router: who may call, request id, log line, headers, and problems for
//! unknown routes, wrong methods and bugs.

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
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Problem;
use crate::problem_code::ProblemCode;
use crate::query::{self, KnownParameters};
use crate::{idempotency_key, policy};

/// The largest answer of a function, in bytes of the JSON string that Lambda sends it in. Lambda takes 6 MiB, of which this
/// leaves some to status and headers.
const MAX_RESPONSE_BYTES: usize = (6 << 20) - (64 << 10);
/// What a byte becomes at most in a JSON string: `\u0000`.
const MAX_ESCAPE_BYTES: usize = 6;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The id under which a composition root received a request; without one the door makes an id.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Closes a function's routes: every answer that leaves them has an id, safe headers and, where it
/// is a refusal, a problem body. Routes, methods and query parameters that they do not have are refused.
pub fn close<P: Platform>(platform: P, routes: OpenApiRouter<P>) -> Router {
    let (router, document) = routes.split_for_parts();
    let refusing = router
        .fallback(|| async { Problem::new(ProblemCode::RouteNotFound, "no such route") })
        .method_not_allowed_fallback(|| async {
            Problem::new(ProblemCode::MethodNotAllowed, "the route has no such method")
        });
    finish_responses(platform, refusing, &document)
}

/// Like [`close`], for the function whose own fallback answers for every route that is not there.
pub fn finish_responses<P: Platform>(platform: P, router: Router<P>, document: &OpenApi) -> Router {
    let app = platform.app().clone();
    let parameters = Arc::new(KnownParameters::of(document));
    router
        .with_state(platform)
        .layer(from_fn(idempotency_key::refuse_unusable))
        .layer(from_fn_with_state(parameters, query::refuse_unknown))
        .layer(from_fn(policy::enforce))
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(from_fn_with_state(app, finish))
}

async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
    let id = given.unwrap_or_else(|| app.new_id().to_string());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let started = Instant::now();
    let mut response = refuse_oversized(next.run(request).await).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let body = problem.identified(&id).body();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    let status = response.status().as_u16();
    let ms = started.elapsed().as_secs_f64() * 1e3;
    tracing::info!(request_id = id, %method, route, status, ms, "answered");
    response
}

/// The answer, or the refusal of one that Lambda would not take, which the caller would see as a failure without a word.
async fn refuse_oversized(response: Response) -> Response {
    if response.body().size_hint().exact().is_some_and(|bytes| bytes < (MAX_RESPONSE_BYTES / MAX_ESCAPE_BYTES) as u64) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(%error, "an answer broke off");
            return Problem::internal().into_response();
        }
    };
    let sent = sent_bytes(&bytes);
    if sent > MAX_RESPONSE_BYTES {
        tracing::error!(sent, "an answer is larger than Lambda takes");
        let detail = format!("the answer has {sent} bytes, more than {MAX_RESPONSE_BYTES}; ask for less at a time");
        return Problem::new(ProblemCode::AnswerTooLarge, detail).into_response();
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// How many bytes a body has in the JSON of Lambda: text is escaped (RFC 8259, section 7), all else is base64.
fn sent_bytes(body: &[u8]) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => MAX_ESCAPE_BYTES,
        _ => 1,
    };
    match std::str::from_utf8(body) {
        Ok(text) => text.bytes().map(escaped).sum(),
        Err(_) => body.len().div_ceil(3) * 4,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's trait hands the payload over")]
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
    async fn an_answer_that_lambda_would_not_take_is_a_refusal_that_says_so() {
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
    fn a_body_is_counted_as_it_is_escaped() {
        let text = "plain \"quoted\" back\\slash\n\r\t\u{1} é €";
        assert_eq!(sent_bytes(text.as_bytes()), serde_json::to_string(text).unwrap().len() - 2);
    }
}
