//! The events that API Gateway sends to the function of a WebSocket API.
//!
//! They have the shape of payload format 1.0: headers and query twice, by their last value and by all of them.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};
use traces::TRACE_HEADER;

use crate::event::{API_ID, query_pairs, text_of};

/// A connection, as described in each of its events.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// The stage it is at.
    pub stage: String,
    /// The host that the client asked for, port included.
    pub host: String,
    /// Where the client is.
    pub source_ip: IpAddr,
    /// What the client says it is.
    pub user_agent: String,
    /// When it was made.
    pub connected_at: DateTime<Utc>,
}

/// When an event comes, and under which id it is logged.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The id.
    pub request_id: String,
    /// The time.
    pub time: DateTime<Utc>,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The status code of the close frame; 1005 where it had none, 1006 where there was no frame.
    pub code: u16,
    /// Its words.
    pub reason: String,
}

/// The event that asks whether to accept a connection.
#[must_use]
pub fn connect(connection: &Connection, moment: &Moment, headers: &HeaderMap, query: &str) -> Value {
    let mut event = context(connection, moment, "$connect", "CONNECT");
    let (single, multiple) = headers_of(connection, headers);
    event["headers"] = single.into();
    event["multiValueHeaders"] = multiple.into();
    if !query.is_empty() {
        let (single, multiple) = by_last_and_all(query_pairs(query));
        event["queryStringParameters"] = single.into();
        event["multiValueQueryStringParameters"] = multiple.into();
    }
    event
}

/// The event of a text message.
#[must_use]
pub fn text(connection: &Connection, moment: &Moment, text: &str) -> Value {
    let mut event = context(connection, moment, "$default", "MESSAGE");
    event["requestContext"]["messageId"] = moment.request_id.as_str().into();
    event["body"] = text.into();
    event
}

/// The event of a connection's end.
#[must_use]
pub fn disconnect(connection: &Connection, moment: &Moment, ending: &Ending) -> Value {
    let mut event = context(connection, moment, "$disconnect", "DISCONNECT");
    event["requestContext"]["disconnectStatusCode"] = ending.code.into();
    event["requestContext"]["disconnectReason"] = ending.reason.as_str().into();
    let headers = [("Host", connection.host.as_str()), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (single, multiple) = by_last_and_all(headers.into());
    event["headers"] = single.into();
    event["multiValueHeaders"] = multiple.into();
    event
}

/// The fields that all events have.
fn context(connection: &Connection, moment: &Moment, route: &str, kind: &str) -> Value {
    json!({
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": moment.request_id,
            "requestTime": moment.time.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "messageDirection": "IN",
            "stage": connection.stage,
            "connectedAt": connection.connected_at.timestamp_millis(),
            "requestTimeEpoch": moment.time.timestamp_millis(),
            "identity": { "sourceIp": connection.source_ip.to_string(), "userAgent": connection.user_agent },
            "requestId": moment.request_id,
            "domainName": connection.host,
            "connectionId": connection.id,
            "apiId": API_ID,
        },
        "isBase64Encoded": false,
    })
}

/// The headers of a handshake, those that concern two machines alone left out and those that are ours to say filled in.
fn headers_of(connection: &Connection, headers: &HeaderMap) -> (Map<String, Value>, Map<String, Value>) {
    let hop_by_hop = [header::CONNECTION, header::UPGRADE];
    let ours = ["host", TRACE_HEADER, "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];
    let theirs = headers.iter().filter(|(name, _)| !hop_by_hop.contains(name) && !ours.contains(&name.as_str()));
    let mut pairs: Vec<_> = theirs.map(|(name, value)| (spelled(name.as_str()), text_of(value.as_bytes()))).collect();
    let port = connection.host.rsplit_once(':').map_or("80", |(_, port)| port);
    for (name, value) in [
        ("Host", connection.host.clone()),
        ("X-Forwarded-For", connection.source_ip.to_string()),
        ("X-Forwarded-Port", port.to_owned()),
        ("X-Forwarded-Proto", "http".to_owned()),
    ] {
        pairs.push((name.to_owned(), value));
    }
    by_last_and_all(pairs)
}

/// A header's name as clients write it, which is how API Gateway hands it over: `Sec-WebSocket-Key`.
fn spelled(name: &str) -> String {
    let words = name.split('-').map(|word| match word {
        "websocket" => "WebSocket".to_owned(),
        // A word is empty where a name begins or ends with a hyphen or has two in a row.
        word => word.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(word.chars().skip(1)).collect(),
    });
    words.collect::<Vec<_>>().join("-")
}

/// Values by name: the last of each, and all of each.
fn by_last_and_all(pairs: Vec<(String, String)>) -> (Map<String, Value>, Map<String, Value>) {
    let (mut last, mut all) = (Map::new(), Map::new());
    for (name, value) in pairs {
        last.insert(name.clone(), value.clone().into());
        if let Value::Array(values) = all.entry(name).or_insert_with(|| json!([])) {
            values.push(value.into());
        }
    }
    (last, all)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn connection() -> Connection {
        Connection {
            id: "L0SM9cOFvHcCIhw=".to_owned(),
            stage: "live".to_owned(),
            host: "localhost:8080".to_owned(),
            source_ip: "127.0.0.1".parse().unwrap(),
            user_agent: "curl/8".to_owned(),
            connected_at: "2020-03-12T19:03:58.390Z".parse().unwrap(),
        }
    }

    fn moment() -> Moment {
        Moment { request_id: "r-1".to_owned(), time: "2020-03-12T19:04:00Z".parse().unwrap() }
    }

    fn request_context(kind: &str, route: &str) -> Value {
        json!({
            "routeKey": route, "eventType": kind, "extendedRequestId": "r-1",
            "requestTime": "12/Mar/2020:19:04:00 +0000", "messageDirection": "IN", "stage": "live",
            "connectedAt": 1_584_039_838_390_i64, "requestTimeEpoch": 1_584_039_840_000_i64,
            "identity": { "sourceIp": "127.0.0.1", "userAgent": "curl/8" }, "requestId": "r-1",
            "domainName": "localhost:8080", "connectionId": "L0SM9cOFvHcCIhw=", "apiId": "local",
        })
    }

    #[test]
    fn a_handshake_comes_with_its_headers_and_its_query_by_last_value_and_by_all() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "evil.example"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("origin", "http://localhost:5173"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-a", "1"),
            ("x-a", "2"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let expected = json!({
            "requestContext": request_context("CONNECT", "$connect"),
            "isBase64Encoded": false,
            "headers": {
                "Host": "localhost:8080", "Origin": "http://localhost:5173", "Sec-WebSocket-Version": "13", "X-A": "2",
                "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Port": "8080", "X-Forwarded-Proto": "http",
            },
            "multiValueHeaders": {
                "Host": ["localhost:8080"], "Origin": ["http://localhost:5173"], "Sec-WebSocket-Version": ["13"],
                "X-A": ["1", "2"], "X-Forwarded-For": ["127.0.0.1"], "X-Forwarded-Port": ["8080"],
                "X-Forwarded-Proto": ["http"],
            },
            "queryStringParameters": { "ticket": "a b", "x": "2" },
            "multiValueQueryStringParameters": { "ticket": ["a b"], "x": ["1", "2"] },
        });
        assert_eq!(connect(&connection(), &moment(), &headers, "ticket=a%20b&x=1&x=2"), expected);
        let bare = connect(&connection(), &moment(), &HeaderMap::new(), "");
        assert!(bare.get("queryStringParameters").is_none());
    }

    #[test]
    fn a_message_comes_with_its_text() {
        let said = text(&connection(), &moment(), "{\"action\":\"ping\"}");
        let mut context = request_context("MESSAGE", "$default");
        context["messageId"] = "r-1".into();
        let expected = json!({ "requestContext": context, "isBase64Encoded": false, "body": "{\"action\":\"ping\"}" });
        assert_eq!(said, expected);
    }

    #[test]
    fn names_of_headers_with_hyphens_anywhere_are_names() {
        for (name, expected) in
            [("x--a", "X--A"), ("a-", "A-"), ("-a", "-A"), ("-", "-"), ("x-websocket-", "X-WebSocket-")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("1"));
            let event = connect(&connection(), &moment(), &headers, "");
            assert_eq!(event["headers"][expected], "1", "{event}");
        }
    }

    #[test]
    fn an_end_comes_with_its_code_and_its_words() {
        let ending = Ending { code: 1001, reason: "Going away".to_owned() };
        let event = disconnect(&connection(), &moment(), &ending);
        let mut context = request_context("DISCONNECT", "$disconnect");
        context["disconnectStatusCode"] = 1001.into();
        context["disconnectReason"] = "Going away".into();
        assert_eq!(event["requestContext"], context);
        assert_eq!(event["headers"]["Host"], "localhost:8080");
    }
}
