//! Answers one HTTP request, as API Gateway and S3 do on AWS.

use std::net::SocketAddr;
use std::sync::Arc;

use api::Caller;
use api::policy::max_body_bytes;
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use objects::LinkError;
use traces::{RequestSpan, TraceHeader};

use crate::event::{self, HttpRequest, RequestContext};
use crate::host::HostError;
use crate::invoke::{self, Failure, Invocation};
use crate::live::handshake;
use crate::platform::{Mounted, Platform};
use crate::request_body::{Bodies, BodyLimit, Buffered};
use crate::request_line::{self, Malformed};
use crate::routes::{MatchedRoute, RouteKey};

/// The path of the gateway's only own route.
const OBJECTS: &str = "/_objects/";

/// Answers one request from `peer`, whose body is read with `bodies`.
pub async fn answer(
    platform: &Arc<Platform>,
    bodies: &Bodies,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Bytes> {
    let host = match platform.hosts.named(request.uri(), request.headers()) {
        Ok(host) => host,
        Err(HostError::Malformed) => return said(StatusCode::BAD_REQUEST, "Bad Request"),
        Err(HostError::NotOurs) => return misdirected(),
    };
    if let Some(live) = platform.live.as_ref().filter(|live| live.is_asked(&request)) {
        return handshake::answer(platform, live, peer, host, request).await;
    }
    let (parts, body) = request.into_parts();
    let mut unread = Some(body);
    if let Some(key) = parts.uri.path().strip_prefix(OBJECTS) {
        return match request_line::decode_path(parts.uri.path()) {
            Ok(_) => serve_object(platform, &parts, key).await,
            Err(Malformed) => said(StatusCode::BAD_REQUEST, "Bad Request"),
        };
    }
    let cors = platform.cors.as_ref();
    if let Some(preflight) = cors.and_then(|cors| cors.preflight(&parts.method, &parts.headers)) {
        return preflight;
    }
    let request_id = platform.market.app.new_id().to_string();
    // The log has the route and never the path, which may contain anything.
    let refused = |failure: Failure, route: Option<&RouteKey>| {
        let (method, route) = (&parts.method, route.map(ToString::to_string));
        tracing::info!(request_id, %method, route, ?failure, "refused");
        invoke::with_request_id(failure.response(), &request_id)
    };
    let mut response = match Chosen::of(platform, &parts) {
        Err(failure) => refused(failure, None),
        Ok(chosen) => {
            let sent = Sent { peer, parts: &parts, host: &host, unread: &mut unread, bodies };
            let trace = new_trace((platform.clock)());
            let span = RequestSpan::start(&chosen.taken.key.to_string(), trace);
            let forwarded = forward(platform, sent, &chosen, &request_id, span.header(trace)).await;
            let response = forwarded.unwrap_or_else(|failure| refused(failure, Some(chosen.taken.key)));
            span.end_with_status(response.status().as_u16());
            traces::flush().await;
            response
        }
    };
    if let Some(cors) = cors {
        cors.allow(&parts.headers, response.headers_mut());
    }
    if let Some(body) = unread.filter(|body| !body.is_end_stream()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        // A client that waits for a 100 gets the final response without one.
        if !parts.headers.contains_key(header::EXPECT) {
            bodies.drain(body);
        }
    }
    response
}

/// The matching route, and the request line as functions see it.
struct Chosen<'a> {
    path: String,
    query: &'a str,
    taken: MatchedRoute<'a, Mounted>,
}

impl<'a> Chosen<'a> {
    fn of(platform: &'a Platform, parts: &'a Parts) -> Result<Self, Failure> {
        let path = request_line::decode_path(parts.uri.path()).map_err(|Malformed| Failure::BadRequest)?;
        let query = parts.uri.query().unwrap_or_default();
        request_line::check_query(query).map_err(|Malformed| Failure::BadRequest)?;
        let taken = platform.routes.take(parts.method.as_str(), &path).ok_or(Failure::NotFound)?;
        Ok(Self { path, query, taken })
    }
}

/// A new trace, as API Gateway starts one for each request.
fn new_trace(now: DateTime<Utc>) -> TraceHeader {
    TraceHeader::start(u32::try_from(now.timestamp()).unwrap_or(u32::MAX), rand::random())
}

/// A client's request.
struct Sent<'a> {
    peer: SocketAddr,
    parts: &'a Parts,
    host: &'a str,
    /// Its body, until it has been read.
    unread: &'a mut Option<Incoming>,
    bodies: &'a Bodies,
}

async fn forward(
    platform: &Platform,
    sent: Sent<'_>,
    chosen: &Chosen<'_>,
    request_id: &str,
    trace: TraceHeader,
) -> Result<Response<Bytes>, Failure> {
    let Sent { peer, parts, host, unread, bodies } = sent;
    let Chosen { path, query, taken } = chosen;
    let request = HttpRequest {
        method: &parts.method,
        path,
        query,
        version: parts.version,
        headers: &parts.headers,
        host,
        peer,
        behind_proxy: platform.market.app.source_limits().trusts(peer.ip()),
        body: &[],
        content_length: 0,
    };
    let context = RequestContext {
        route_key: taken.key.to_string(),
        path_parameters: &taken.path_parameters,
        request_id,
        trace,
        time: (platform.clock)(),
        authorizer: None,
    };
    let function = taken.target;
    // Called before the body is read, so that requests without a caller use no memory.
    let authorized = match &platform.authorizer {
        Some(authorizer) if !function.public => {
            Some(authorizer.ask(&event::http_event(&request, &context), request_id).await?)
        }
        _ => None,
    };
    let max_bytes = max_body_bytes(&context.route_key);
    let refused = authorized.as_ref().is_some_and(|context| Caller::from_authorizer(context).is_err());
    // The function refuses such a request before anything reads its body.
    let body = if refused {
        Buffered::default()
    } else {
        bodies.read(unread, BodyLimit { max_bytes, public: function.public }).await?
    };
    let request = HttpRequest { body: &body, content_length: body.length, ..request };
    let context = RequestContext { authorizer: authorized.as_ref(), ..context };
    let event = event::http_event(&request, &context);
    let invocation = Invocation { function: &function.name, timeout: function.timeout, request_id };
    Ok(invoke::invoke_http(function.router.clone(), &event, &invocation).await)
}

/// Serves a signed link to any client.
async fn serve_object(platform: &Platform, parts: &Parts, key: &str) -> Response<Bytes> {
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
            tracing::error!(error = %anyhow::Error::from(error), "cannot read an object");
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
    // Both values were checked to be valid headers when they were stored or signed.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Downloads are not executed and not cached.
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
    said(StatusCode::MISDIRECTED_REQUEST, "The Host header names an unknown host; SEXTANT_HOSTS adds hosts")
}
