//! Runs a function on an event as Lambda does, and turns its result into an HTTP response as API Gateway does.
//!
//! The event passes as JSON through `lambda_http`'s own conversions in both directions, so that a router sees exactly
//! what it sees on AWS. That code trusts API Gateway and may panic on a client's input, so it runs in its own task: a
//! panic is answered like any other failure of a function.

use std::time::{Duration, Instant};

use api::admission::with_event_context;
use axum::Router;
use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent};
use objects::run_with_links_to;
use reqwest::Url;
use serde_json::{Map, Value};
use tower::{Service, ServiceExt};
use traces::{FunctionSpan, TRACE_HEADER};

/// The largest response that Lambda accepts from a function, in bytes of its JSON, according to Lambda's error message.
pub const MAX_ANSWER_BYTES: usize = 6_291_556;
const APIGW_REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// Failures that API Gateway answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request is not well formed.
    BadRequest,
    /// No route matches.
    NotFound,
    /// The body is larger than API Gateway accepts.
    TooLarge,
    /// The body arrives too slowly.
    TooSlow,
    /// The bodies of other requests use all the memory for bodies.
    Overloaded,
    /// The function failed, or its response is invalid.
    Function,
    /// The function exceeded its timeout.
    Timeout,
}

impl Failure {
    /// API Gateway's own response.
    #[must_use]
    pub fn response(self) -> Response<Bytes> {
        let (status, message) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
            Self::Function => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::Overloaded | Self::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Bytes::from(format!(r#"{{"message":"{message}"}}"#)));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Self::Overloaded {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The parameters of an invocation.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// The function's name, for the log.
    pub function: &'a str,
    /// The function's timeout.
    pub timeout: Duration,
    /// The id of the request.
    pub request_id: &'a str,
}

/// Runs the function behind `router` on `event` and returns the response that API Gateway would send.
pub async fn invoke_http(router: Router, event: &Value, invocation: &Invocation<'_>) -> Response<Bytes> {
    let started = Instant::now();
    let span = span_of(event, invocation);
    let answered = run(router, event, invocation, &span).await;
    let response = answered.unwrap_or_else(Failure::response);
    span.end_with_status(response.status().as_u16());
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_secs_f64() * 1e3);
    tracing::debug!(function = invocation.function, request_id = invocation.request_id, status, ms, "invoked");
    with_request_id(response, invocation.request_id)
}

/// Adds the id that API Gateway sends with every response.
pub fn with_request_id(mut response: Response<Bytes>, request_id: &str) -> Response<Bytes> {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(APIGW_REQUEST_ID, id);
    }
    response
}

/// The span of the function, in the trace of the event.
fn span_of(event: &Value, invocation: &Invocation<'_>) -> FunctionSpan {
    let (function, id) = (invocation.function, invocation.request_id);
    let traced = traces::Invocation { function, id, cold_start: false, trace: event["headers"][TRACE_HEADER].as_str() };
    FunctionSpan::of_request(&traced, event["routeKey"].as_str().unwrap_or_default())
}

async fn run(
    router: Router,
    event: &Value,
    invocation: &Invocation<'_>,
    span: &FunctionSpan,
) -> Result<Response<Bytes>, Failure> {
    let Invocation { function, request_id, .. } = *invocation;
    let (span, event_text) = (span.clone(), event.to_string());
    let call = async move { span.run(call(router, event_text)).await };
    let mut task = match asked_at(event) {
        Some(base_url) => tokio::spawn(run_with_links_to(base_url, call)),
        None => tokio::spawn(call),
    };
    let finished = tokio::time::timeout(invocation.timeout, &mut task).await;
    let answer = match finished {
        Ok(Ok(Ok(answer))) => answer,
        Ok(Ok(Err(error))) => {
            tracing::error!(function, request_id, error, "the function failed");
            return Err(Failure::Function);
        }
        Ok(Err(panic)) => {
            tracing::error!(function, request_id, error = %panic, "the function panicked");
            return Err(Failure::Function);
        }
        Err(_) => {
            task.abort();
            tracing::error!(function, request_id, timeout_s = invocation.timeout.as_secs(), "the function timed out");
            return Err(Failure::Timeout);
        }
    };
    let is_head = event["requestContext"]["http"]["method"] == "HEAD";
    response_of(answer, is_head).map_err(|reason| {
        tracing::error!(function, request_id, reason, "the function's response is invalid");
        Failure::Function
    })
}

/// The base URL of the request, with which the client can reach this machine again.
fn asked_at(event: &Value) -> Option<Url> {
    let header = |name: &str| event["headers"][name].as_str();
    Url::parse(&format!("{}://{}", header("x-forwarded-proto")?, header("host")?)).ok()
}

/// Event in, response out, both as the JSON between API Gateway and Lambda.
async fn call(router: Router, event: String) -> Result<Value, String> {
    let request: LambdaRequest = serde_json::from_str(&event).map_err(|error| error.to_string())?;
    let service = tower::service_fn(move |request| router.clone().oneshot(with_event_context(request)));
    let event = LambdaEvent::new(request, lambda_http::Context::default());
    let answering = Adapter::from(service).call(event);
    let answer = answering.await.map_err(|error| error.to_string())?;
    let json = serde_json::to_vec(&answer).map_err(|error| error.to_string())?;
    if json.len() > MAX_ANSWER_BYTES {
        return Err(format!("a response of {} bytes is larger than Lambda accepts", json.len()));
    }
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

fn response_of(answer: Value, is_head: bool) -> Result<Response<Bytes>, &'static str> {
    let Value::Object(mut answer) = answer else { return Err("it is not an object") };
    let status = answer.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).ok_or("it has no status code")?;
    let body = match answer.remove("body") {
        Some(Value::String(body)) => body,
        _ => String::new(),
    };
    let body = if answer.get("isBase64Encoded") == Some(&Value::Bool(true)) {
        Bytes::from(STANDARD.decode(body).map_err(|_| "its body is not base64")?)
    } else {
        Bytes::from(body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = answer.get("headers").and_then(Value::as_object);
    copy_headers(headers, response.headers_mut(), is_head)?;
    for cookie in answer.get("cookies").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let cookie = HeaderValue::from_str(cookie).map_err(|_| "a cookie is not a valid header value")?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn copy_headers(
    from: Option<&Map<String, Value>>,
    to: &mut http::HeaderMap,
    is_head: bool,
) -> Result<(), &'static str> {
    for (name, value) in from.into_iter().flatten() {
        let name: HeaderName = name.parse().map_err(|_| "a header's name is invalid")?;
        // The length is computed for the connection, as API Gateway does. That of a response to HEAD is the length of
        // the body that it leaves out.
        if name == header::CONTENT_LENGTH && !is_head {
            continue;
        }
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        to.insert(name, value.ok_or("a header's value is invalid")?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::{AppendHeaders, IntoResponse};
    use axum::routing::{any, get};
    use serde_json::json;

    use api::Caller;
    use api::middleware::RequestId;

    use super::*;

    fn event(path: &str, query: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": { "host": "localhost:8080", "x-forwarded-proto": "http" },
            "requestContext": {
                "http": { "method": "GET", "path": path }, "requestId": "r-1", "stage": "$default",
                "authorizer": { "lambda": {
                    "customer_id": "0190aaaa-0000-7000-8000-000000000009", "role": "client", "session": "ab12",
                } },
            },
            "isBase64Encoded": false,
        })
    }

    async fn answer(router: Router, event: &Value) -> Response<Bytes> {
        let invocation = Invocation { function: "test", timeout: Duration::from_millis(200), request_id: "r-1" };
        invoke_http(router, event, &invocation).await
    }

    fn message(response: &Response<Bytes>) -> &str {
        std::str::from_utf8(response.body()).unwrap()
    }

    #[tokio::test]
    async fn a_handler_sees_the_caller_the_id_the_path_and_the_query() {
        let router = Router::new().route(
            "/a/{b}",
            get(|request: axum::extract::Request| async move {
                let caller = request.extensions().get::<Caller>().is_some();
                let RequestId(id) = request.extensions().get::<RequestId>().unwrap().clone();
                format!("{caller} {id} {}", request.uri().path_and_query().unwrap())
            }),
        );
        let response = answer(router, &event("/a/x y", "c=1&c=2")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(message(&response), "true r-1 /a/x%20y?c=1&c=2");
        assert_eq!(response.headers()[APIGW_REQUEST_ID], "r-1");
    }

    #[tokio::test]
    async fn text_bytes_and_cookies_come_back_as_they_left() {
        let text = get(|| async { ([("content-type", "application/problem+json")], "{\"a\": \"é\"}") });
        let bytes = get(|| async { ([("content-type", "application/pdf")], vec![0_u8, 255, 254]) });
        let cookies = get(|| async {
            AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-a", "1"), ("x-a", "2")]).into_response()
        });
        let router = Router::new().route("/text", text).route("/bytes", bytes).route("/cookies", cookies);
        assert_eq!(message(&answer(router.clone(), &event("/text", "")).await), "{\"a\": \"é\"}");
        assert_eq!(answer(router.clone(), &event("/bytes", "")).await.body().as_ref(), [0, 255, 254]);
        let response = answer(router, &event("/cookies", "")).await;
        let sent: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(sent, ["a=1", "b=2"]);
        // A function's answer has one value per header on AWS, so it has one here.
        assert_eq!(response.headers().get_all("x-a").iter().count(), 1);
    }

    #[tokio::test]
    async fn a_panic_of_the_function_is_a_500() {
        let router = Router::new().fallback(any(|| async {
            assert!(std::hint::black_box(false), "a bug");
        }));
        let response = answer(router, &event("/", "")).await;
        assert_eq!((response.status().as_u16(), message(&response)), (500, r#"{"message":"Internal Server Error"}"#));
    }

    #[tokio::test]
    async fn a_panic_of_the_conversion_is_a_500() {
        // The gateway refuses such a query before; this is what would happen if it did not.
        let response = answer(Router::new(), &event("/", "a=\"<")).await;
        assert_eq!((response.status().as_u16(), message(&response)), (500, r#"{"message":"Internal Server Error"}"#));
        let mut event = event("/", "");
        event["headers"]["host"] = "no host".into();
        assert_eq!(answer(Router::new(), &event).await.status(), 500);
    }

    #[tokio::test]
    async fn what_is_no_event_is_a_500() {
        assert_eq!(answer(Router::new(), &json!({"version": "2.0"})).await.status(), 500);
    }

    #[tokio::test]
    async fn a_function_over_its_time_is_a_503() {
        let router = Router::new().fallback(any(std::future::pending::<()>));
        let response = answer(router, &event("/", "")).await;
        assert_eq!((response.status().as_u16(), message(&response)), (503, r#"{"message":"Service Unavailable"}"#));
    }

    #[tokio::test]
    async fn an_answer_that_lambda_would_not_take_is_a_500() {
        let router = Router::new()
            .route("/large", get(|| async { "x".repeat(MAX_ANSWER_BYTES) }))
            .route("/quotes", get(|| async { "\"".repeat(MAX_ANSWER_BYTES / 2) }))
            .route("/fits", get(|| async { "\"".repeat(MAX_ANSWER_BYTES / 2 - 500) }))
            .route("/header", get(|| async { ([("x-a", HeaderValue::from_bytes(b"\xff").unwrap())], Body::empty()) }));
        assert_eq!(answer(router.clone(), &event("/large", "")).await.status(), 500);
        assert_eq!(answer(router.clone(), &event("/quotes", "")).await.status(), 500);
        assert_eq!(answer(router.clone(), &event("/fits", "")).await.status(), 200);
        assert_eq!(answer(router, &event("/header", "")).await.status(), 500);
    }
}
