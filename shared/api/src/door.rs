//! The layers that close each function's router: who may call, request id, log line, headers, and problems for
//! unknown routes, wrong methods and bugs.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use services::App;
use tower_http::catch_panic::CatchPanicLayer;

use crate::policy;
use crate::problem::Problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The id under which a composition root received a request; without one the door makes an id.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Closes a function's router: every answer that leaves it has an id, safe headers and, where it
/// is a refusal, a problem body. Routes and methods that it does not have are refused.
pub fn close(app: App, router: Router) -> Router {
    let refusing = router
        .fallback(|| async { Problem::not_found("route_not_found", "no such route") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "the route has no such method")
        });
    finish_answers(app, refusing)
}

/// Like [`close`], for the function whose own fallback answers for every route that is not there.
pub fn finish_answers(app: App, router: Router) -> Router {
    router
        .layer(from_fn(policy::enforce))
        .layer(CatchPanicLayer::custom(answer_for_a_bug))
        .layer(from_fn_with_state(app, finish))
}

async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
    let id = given.unwrap_or_else(|| app.new_id().to_string());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let started = Instant::now();
    let mut response = next.run(request).await;
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

#[expect(clippy::needless_pass_by_value, reason = "the layer's trait hands the payload over")]
fn answer_for_a_bug(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let cause = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(cause, "panic");
    Problem::internal().into_response()
}
