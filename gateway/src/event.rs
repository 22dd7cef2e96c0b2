//! Converts an HTTP request to the event that API Gateway sends to a function (payload format 2.0).
//!
//! Functions see nothing else of a request, here as on AWS. So this does what API Gateway does: the path is decoded,
//! repeated headers are joined, cookies are separate, and a body that is not text is base64. The addresses of both ends
//! come from the connection, whatever the client claims.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, Version, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use traces::{TRACE_HEADER, TraceHeader};

/// The account id in events, a placeholder.
pub const ACCOUNT: &str = "000000000000";
/// The API id in events.
pub const API_ID: &str = "local";
/// Headers of the connection, which API Gateway does not pass on.
const HOP_BY_HOP: [&str; 8] =
    ["connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
/// Media types whose bodies API Gateway passes on as text.
const TEXT_TYPES: [&str; 3] = ["application/json", "application/javascript", "application/xml"];

/// An HTTP request, read whole.
#[derive(Debug)]
pub struct HttpRequest<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The path, decoded by [`decode_path`](crate::request_line::decode_path).
    pub path: &'a str,
    /// The query as it came, checked by [`check_query`](crate::request_line::check_query); empty for none.
    pub query: &'a str,
    /// HTTP/1.1 or 2.
    pub version: Version,
    /// The headers as they came.
    pub headers: &'a HeaderMap,
    /// The host it was sent to, port included; checked by the caller.
    pub host: &'a str,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// Whether the peer is a trusted proxy.
    pub behind_proxy: bool,
    /// The whole body, or nothing if it is larger than its route accepts.
    pub body: &'a [u8],
    /// The length of the body in bytes, from which the function sees that a body is too large.
    pub content_length: u64,
}

/// The information that API Gateway adds to a request.
#[derive(Debug)]
pub struct RequestContext<'a> {
    /// The matching route, in API Gateway's notation.
    pub route_key: String,
    /// The values of the route's variables.
    pub path_parameters: &'a BTreeMap<String, String>,
    /// The request id, for log lines.
    pub request_id: &'a str,
    /// The trace that the request belongs to. A client cannot choose it.
    pub trace: TraceHeader,
    /// When the request arrived.
    pub time: DateTime<Utc>,
    /// The authorizer's context: the caller, or why there is none; `None` on a public route.
    pub authorizer: Option<&'a HashMap<String, Value>>,
}

/// The event that API Gateway sends for `request`.
#[must_use]
pub fn http_event(request: &HttpRequest<'_>, context: &RequestContext<'_>) -> Value {
    let (body, is_base64_encoded) = body_of(request);
    let mut headers = headers_of(request);
    headers.insert(TRACE_HEADER.to_owned(), context.trace.to_string().into());
    let user_agent = headers.get(header::USER_AGENT.as_str()).cloned().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": context.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": request.host,
            "domainPrefix": request.host.split(['.', ':']).next().unwrap_or_default(),
            "http": {
                "method": request.method.as_str(),
                "path": request.path,
                "protocol": format!("{:?}", request.version),
                "sourceIp": request.peer.ip().to_string(),
                "userAgent": user_agent,
            },
            "requestId": context.request_id,
            "routeKey": context.route_key,
            "stage": "$default",
            "time": context.time.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": context.time.timestamp_millis(),
        },
        "isBase64Encoded": is_base64_encoded,
    });
    // API Gateway leaves out what a request does not have.
    if let Some(context) = context.authorizer {
        event["requestContext"]["authorizer"] = json!({ "lambda": context });
    }
    let cookies = cookies_of(request.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !request.query.is_empty() {
        event["queryStringParameters"] = query_parameters(request.query).into();
    }
    if !context.path_parameters.is_empty() {
        event["pathParameters"] = json!(context.path_parameters);
    }
    if let Some(body) = body {
        event["body"] = body.into();
    }
    event
}

/// The event that API Gateway sends to an authorizer (payload format 2.0, type REQUEST): the request without its body.
/// It has no `identitySource`, because the authorizer has no identity sources.
#[must_use]
pub fn authorizer_event(request: &Value) -> Value {
    let mut event = request.clone();
    if let Some(fields) = event.as_object_mut() {
        fields.remove("body");
        fields.remove("isBase64Encoded");
        let method = request["requestContext"]["http"]["method"].as_str().unwrap_or_default();
        let path = request["rawPath"].as_str().unwrap_or_default();
        let arn = format!("arn:aws:execute-api:us-east-1:{ACCOUNT}:{API_ID}/$default/{method}{path}");
        fields.insert("type".to_owned(), "REQUEST".into());
        fields.insert("routeArn".to_owned(), arn.into());
    }
    event
}

fn headers_of(request: &HttpRequest<'_>) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in request.headers.keys() {
        if HOP_BY_HOP.contains(&name.as_str()) || name == header::COOKIE {
            continue;
        }
        let values: Vec<String> = request.headers.get_all(name).iter().map(|value| text_of(value.as_bytes())).collect();
        joined.insert(name.as_str().to_owned(), values.join(",").into());
    }
    let scheme = scheme_of(request);
    let default_port = if scheme == "https" { "443" } else { "80" };
    let port = request.host.rsplit_once(':').map_or(default_port, |(_, port)| port);
    let forwarded_for = match joined.get("x-forwarded-for").and_then(Value::as_str) {
        Some(earlier) => format!("{earlier}, {}", request.peer.ip()),
        None => request.peer.ip().to_string(),
    };
    joined.insert("host".to_owned(), request.host.into());
    joined.insert("x-forwarded-for".to_owned(), forwarded_for.into());
    joined.insert("x-forwarded-port".to_owned(), port.into());
    joined.insert("x-forwarded-proto".to_owned(), scheme.into());
    joined.insert("content-length".to_owned(), request.content_length.to_string().into());
    joined
}

/// The scheme that the client used: `https` only if a trusted proxy says so, by the last of several headers.
fn scheme_of(request: &HttpRequest<'_>) -> &'static str {
    let said = request.headers.get_all("x-forwarded-proto").iter().next_back();
    let said = said.and_then(|value| value.as_bytes().rsplit(|byte| *byte == b',').next());
    let https = said.is_some_and(|scheme| scheme.trim_ascii().eq_ignore_ascii_case(b"https"));
    if request.behind_proxy && https { "https" } else { "http" }
}

fn cookies_of(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter().map(|value| text_of(value.as_bytes()));
    let cookies = lines.flat_map(|line| line.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>());
    cookies.filter(|cookie| !cookie.is_empty()).collect()
}

/// The parameters of a query in its order, decoded.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Parameters by name, the values of one that repeats joined by commas.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in query_pairs(query) {
        parameters.entry(name).or_default().push(value);
    }
    parameters.into_iter().map(|(name, values)| (name, values.join(",").into())).collect()
}

fn body_of(request: &HttpRequest<'_>) -> (Option<String>, bool) {
    if request.body.is_empty() {
        return (None, false);
    }
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    let is_text = media_type.starts_with("text/") || TEXT_TYPES.contains(&media_type.as_str());
    match std::str::from_utf8(request.body) {
        Ok(text) if is_text => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(request.body)), true),
    }
}

/// A header's bytes as text: UTF-8, or else the Latin-1 of the oldest HTTP.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn event(headers: &[(&'static str, &[u8])], query: &str, body: &[u8]) -> Value {
        event_of(headers, query, body, false)
    }

    fn event_of(headers: &[(&'static str, &[u8])], query: &str, body: &[u8], behind_proxy: bool) -> Value {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let request = HttpRequest {
            method: &Method::POST,
            path: "/things/a b",
            query,
            version: Version::HTTP_11,
            headers: &map,
            host: "localhost:8080",
            peer: "127.0.0.1:5000".parse().unwrap(),
            behind_proxy,
            body,
            content_length: body.len() as u64,
        };
        let context = RequestContext {
            route_key: "POST /things/{id}".to_owned(),
            path_parameters: &BTreeMap::from([("id".to_owned(), "a b".to_owned())]),
            request_id: "r-1",
            trace: TraceHeader::start(0x5e6a_8a7e, 1 << 32),
            time: "2020-03-12T19:03:58.390Z".parse().unwrap(),
            authorizer: Some(&HashMap::from([("customer_id".to_owned(), "c-1".into())])),
        };
        http_event(&request, &context)
    }

    #[test]
    fn an_event_has_the_shape_of_payload_format_two() {
        let event = event(
            &[("content-type", b"application/json"), ("user-agent", b"curl/8"), ("x-a", b"1"), ("x-a", b"2")],
            "a=1&b=x%20y&a=2&c",
            b"{}",
        );
        let expected = json!({
            "version": "2.0",
            "routeKey": "POST /things/{id}",
            "rawPath": "/things/a b",
            "rawQueryString": "a=1&b=x%20y&a=2&c",
            "headers": {
                "content-length": "2", "content-type": "application/json", "host": "localhost:8080",
                "user-agent": "curl/8", "x-a": "1,2",
                "x-amzn-trace-id": "Root=1-5e6a8a7e-000000000000000000000001", "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "8080",
                "x-forwarded-proto": "http",
            },
            "queryStringParameters": { "a": "1,2", "b": "x y", "c": "" },
            "pathParameters": { "id": "a b" },
            "requestContext": {
                "accountId": "000000000000", "apiId": "local", "authorizer": { "lambda": { "customer_id": "c-1" } },
                "domainName": "localhost:8080", "domainPrefix": "localhost",
                "http": { "method": "POST", "path": "/things/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "curl/8" },
                "requestId": "r-1", "routeKey": "POST /things/{id}", "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_584_039_838_390_i64,
            },
            "body": "{}",
            "isBase64Encoded": false,
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn an_authorizer_is_asked_with_the_request_but_for_its_body() {
        let asked = authorizer_event(&event(&[("authorization", b"Bearer t")], "", b"{}"));
        assert_eq!(asked["type"], "REQUEST");
        assert_eq!(asked["headers"]["authorization"], "Bearer t");
        assert_eq!(asked["routeArn"], "arn:aws:execute-api:us-east-1:000000000000:local/$default/POST/things/a b");
        assert!(asked.get("body").is_none() && asked.get("isBase64Encoded").is_none());
    }

    #[test]
    fn what_a_request_does_not_have_is_left_out() {
        let event = event(&[], "", b"");
        for absent in ["cookies", "queryStringParameters", "body"] {
            assert!(event.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn cookies_stand_apart_from_the_headers() {
        let event = event(&[("cookie", b"a=1; b=2"), ("cookie", b"c=3")], "", b"");
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        assert!(event["headers"].get("cookie").is_none());
    }

    #[test]
    fn the_client_cannot_speak_for_the_gateway() {
        let event = event(
            &[
                ("x-forwarded-proto", b"https"),
                ("x-forwarded-for", b"1.2.3.4"),
                ("host", b"evil"),
                ("x-amzn-trace-id", b"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"),
                ("transfer-encoding", b"chunked"),
                ("content-length", b"99"),
            ],
            "",
            b"ab",
        );
        assert_eq!(event["headers"]["x-forwarded-proto"], "http");
        assert_eq!(event["headers"]["x-forwarded-for"], "1.2.3.4, 127.0.0.1");
        assert_eq!(event["headers"]["host"], "localhost:8080");
        assert_eq!(event["headers"]["x-amzn-trace-id"], "Root=1-5e6a8a7e-000000000000000000000001");
        assert_eq!(event["headers"]["content-length"], "2");
        assert!(event["headers"].get("transfer-encoding").is_none());
        assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    }

    #[test]
    fn the_scheme_is_believed_of_a_named_proxy_alone() {
        type Case<'a> = (&'a [(&'static str, &'a [u8])], bool, &'a str);
        let cases: [Case<'_>; 6] = [
            (&[("x-forwarded-proto", b"https")], true, "https"),
            (&[("x-forwarded-proto", b"https")], false, "http"),
            (&[("x-forwarded-proto", b"https, http")], true, "http"),
            (&[("x-forwarded-proto", b"http"), ("x-forwarded-proto", b"HTTPS")], true, "https"),
            (&[("x-forwarded-proto", b"javascript")], true, "http"),
            (&[], true, "http"),
        ];
        for (headers, behind_proxy, expected) in cases {
            let event = event_of(headers, "", b"", behind_proxy);
            assert_eq!(event["headers"]["x-forwarded-proto"], expected, "{headers:?} {behind_proxy}");
        }
    }

    #[test]
    fn only_text_that_is_text_goes_unencoded() {
        for (content_type, body, sent, encoded) in [
            (&b"text/csv; charset=utf-8"[..], &b"a,b"[..], "a,b", false),
            (b"APPLICATION/JSON", b"{}", "{}", false),
            (b"application/json", b"\xff\xfe", "//4=", true),
            (b"application/octet-stream", b"a,b", "YSxi", true),
            (b"", b"a,b", "YSxi", true),
        ] {
            let event = event(&[("content-type", content_type)], "", body);
            assert_eq!(
                (&event["body"], &event["isBase64Encoded"]),
                (&json!(sent), &json!(encoded)),
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn a_header_that_is_not_utf_8_is_read_as_latin_1() {
        assert_eq!(event(&[("x-a", b"caf\xe9")], "", b"")["headers"]["x-a"], "café");
        assert_eq!(event(&[("x-a", "café".as_bytes())], "", b"")["headers"]["x-a"], "café");
    }
}
