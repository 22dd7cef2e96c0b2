//! Answers one HTTP request: what API Gateway and S3 do between a client and the functions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use objects::LinkError;

use crate::event::{self, Circumstances, HttpRequest};
use crate::invoke::{self, Failure, Invocation};
use crate::live::handshake;
use crate::platform::Platform;

/// The largest body that API Gateway takes, in bytes.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Of a body that is too large, this much is still read, so that the client comes to read the refusal.
const MAX_DRAINED_BYTES: usize = 4 * MAX_BODY_BYTES;
/// A client that takes longer to send its body is not waited for: API Gateway waits 30 seconds for everything.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The path of the gateway's only route of its own.
const OBJECTS: &str = "/_objects/";

/// Answers one request from `peer`.
pub async fn answer(platform: &Arc<Platform>, peer: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
    let Some(host) = platform.hosts.named(request.uri(), request.headers()) else { return misdirected() };
    if let Some(live) = platform.live.as_ref().filter(|live| live.is_asked(&request)) {
        return handshake::answer(platform, live, peer, host, request).await;
    }
    let (parts, body) = request.into_parts();
    if let Some(key) = parts.uri.path().strip_prefix(OBJECTS) {
        return object(platform, &parts, key).await;
    }
    let request_id = platform.app.new_id().to_string();
    let answered = forward(platform, peer, &parts, &host, body, &request_id).await;
    answered.unwrap_or_else(|failure| {
        let (method, path) = (&parts.method, parts.uri.path());
        tracing::info!(request_id, %method, path, ?failure, "refused");
        invoke::with_request_id(failure.response(), &request_id)
    })
}

async fn forward(
    platform: &Platform,
    peer: SocketAddr,
    parts: &Parts,
    host: &str,
    body: Incoming,
    request_id: &str,
) -> Result<Response<Bytes>, Failure> {
    let path = event::decode_path(parts.uri.path()).map_err(|event::Malformed| Failure::BadRequest)?;
    let query = parts.uri.query().unwrap_or_default();
    event::check_query(query).map_err(|event::Malformed| Failure::BadRequest)?;
    let taken = platform.routes.take(parts.method.as_str(), &path).ok_or(Failure::NotFound)?;
    let request = HttpRequest {
        method: &parts.method,
        path: &path,
        query,
        version: parts.version,
        headers: &parts.headers,
        host,
        peer,
        body: &[],
    };
    let circumstances = Circumstances {
        route_key: taken.key.to_string(),
        path_parameters: &taken.path_parameters,
        request_id,
        time: (platform.clock)(),
        authorizer: None,
    };
    let function = taken.target;
    // Read first, whoever sends it: a client that is refused while it still sends would not read the refusal.
    let body = tokio::time::timeout(BODY_TIMEOUT, read(body)).await.map_err(|_| Failure::TooSlow)?;
    let context = match &platform.authorizer {
        Some(authorizer) if !function.public => {
            Some(authorizer.ask(&event::http_event(&request, &circumstances), request_id).await?)
        }
        _ => None,
    };
    let body = body?;
    let request = HttpRequest { body: &body, ..request };
    let circumstances = Circumstances { authorizer: context.as_ref(), ..circumstances };
    let event = event::http_event(&request, &circumstances);
    let invocation = Invocation { function: &function.name, timeout: function.timeout, request_id };
    Ok(invoke::invoke_http(function.router.clone(), &event, &invocation).await)
}

async fn read(mut body: Incoming) -> Result<Bytes, Failure> {
    let announced = body.size_hint().lower();
    if announced > MAX_DRAINED_BYTES as u64 {
        return Err(Failure::TooLarge);
    }
    let mut bytes = Vec::with_capacity(announced.min(MAX_BODY_BYTES as u64) as usize);
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        // The client has gone, or what it sends is no HTTP: whatever is answered, nobody reads it.
        let Ok(data) = frame.map_err(|_| Failure::BadRequest)?.into_data() else { continue };
        seen += data.len();
        if seen > MAX_DRAINED_BYTES {
            break;
        }
        if seen <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if seen > MAX_BODY_BYTES { Err(Failure::TooLarge) } else { Ok(bytes.into()) }
}

/// Answers a signed link, whoever presents it.
async fn object(platform: &Platform, parts: &Parts, key: &str) -> Response<Bytes> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let query = parts.uri.query().unwrap_or_default();
    let served = match platform.objects.verify(key, query, (platform.clock)()).await {
        Ok(served) => served,
        Err(LinkError::Forbidden) => return said(StatusCode::FORBIDDEN, "Forbidden"),
        Err(LinkError::Gone) => return said(StatusCode::NOT_FOUND, "Not Found"),
        Err(error) => {
            tracing::error!(key, error = %anyhow::Error::from(error), "an object cannot be read");
            return said(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        }
    };
    let mut response = Response::new(Bytes::from(served.bytes));
    let headers = response.headers_mut();
    insert(headers, header::CONTENT_TYPE, &served.content_type);
    insert(headers, header::CONTENT_DISPOSITION, &served.content_disposition);
    harden(headers);
    response
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Both values were held to what a header can carry when they were stored or signed.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// What is downloaded here runs nowhere and stays in no cache.
fn harden(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
}

fn said(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(serde_json::json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    harden(response.headers_mut());
    response
}

fn misdirected() -> Response<Bytes> {
    said(
        StatusCode::MISDIRECTED_REQUEST,
        "The Host header names no host that is answered for; allow it with --allow-host",
    )
}
