//! The resources that callers without a token can use, measured in a separate process.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use reqwest::header::HeaderValue;
use reqwest::{Client, Response};
use serde_json::json;

use crate::process::Server;

const PASSWORD: &str = "correct horse battery";

async fn register(client: &Client, base: &str, email: &str, from: &str) -> Response {
    let person = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
    let request = client.post(format!("{base}/customers")).header("x-forwarded-for", from);
    request.json(&person).send().await.unwrap()
}

async fn sign_in(client: &Client, base: &str, email: &str, password: &str, from: impl AsRef<[u8]>) -> Response {
    let credentials = json!({ "email": email, "password": password });
    let from = HeaderValue::from_bytes(from.as_ref()).unwrap();
    let request = client.post(format!("{base}/sessions")).header("x-forwarded-for", from);
    request.json(&credentials).send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_sign_ins_at_twenty_five_in_parallel_leave_under_two_hundred_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = (Server::start(folder.path()), https::client().unwrap());
    assert_eq!(register(&client, &server.base, "ada@example.com", "").await.status(), 201);
    let sign_ins = stream::iter(0..200).map(|number| {
        let (client, base) = (client.clone(), server.base.clone());
        async move {
            let unknown = format!("stranger-{number}@example.com");
            let email = if number % 4 == 0 { "ada@example.com" } else { unknown.as_str() };
            sign_in(&client, &base, email, PASSWORD, "").await.status().as_u16()
        }
    });
    let mut statuses = BTreeMap::new();
    for status in sign_ins.buffer_unordered(25).collect::<Vec<_>>().await {
        *statuses.entry(status).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(201, 50), (401, 150)]));
    let kilobytes = server.kilobytes("VmRSS");
    assert!(kilobytes < 200_000, "{kilobytes} kB");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_source_address_has_its_own_limits() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        [("SEXTANT_TRUSTED_PROXY", "127.0.0.1"), ("SEXTANT_SIGN_IN_LIMIT", "3"), ("SEXTANT_REGISTRATION_LIMIT", "2")];
    let (server, client) = (Server::start_with(folder.path(), &settings), https::client().unwrap());
    let (base, stranger) = (server.base.as_str(), "198.51.100.1");
    for (number, status, left) in [(0, 201, "1"), (1, 201, "0"), (2, 429, "0")] {
        let answer = register(&client, base, &format!("ada{number}@example.com"), stranger).await;
        assert_eq!(answer.status(), status);
        assert_eq!(header(&answer, "ratelimit-policy"), "\"registration\";q=2;w=3600");
        assert!(header(&answer, "ratelimit").starts_with(&format!("\"registration\";r={left};t=")));
    }
    for left in ["2", "1", "0"] {
        let answer = sign_in(&client, base, "unknown@example.com", PASSWORD, stranger).await;
        assert_eq!(answer.status(), 401);
        assert!(header(&answer, "ratelimit").starts_with(&format!("\"sign-in\";r={left};t=")));
    }
    // Only the last address is trustworthy; the client sent the others.
    for from in [stranger.as_bytes(), b"203.0.113.9, 198.51.100.1", b"\xe9, 198.51.100.1", "é,198.51.100.1".as_bytes()]
    {
        let refused = sign_in(&client, base, "ada0@example.com", PASSWORD, from).await;
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "ratelimit-policy").as_str()),
            (429, "\"sign-in\";q=3;w=3600")
        );
        let seconds: u64 = header(&refused, "retry-after").parse().unwrap();
        assert!((1..=3_600).contains(&seconds), "{seconds}");
        let problem: serde_json::Value = refused.json().await.unwrap();
        assert_eq!(problem["code"], "rate_limited");
    }
    let elsewhere = sign_in(&client, base, "ada0@example.com", PASSWORD, "198.51.100.2").await;
    assert_eq!(
        (elsewhere.status().as_u16(), header(&elsewhere, "ratelimit").as_str()),
        (201, "\"sign-in\";r=3;t=3600")
    );
}

#[tokio::test]
async fn loopback_is_exempt_whatever_a_client_claims() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("SEXTANT_SIGN_IN_LIMIT", "1")];
    let (server, client) = (Server::start_with(folder.path(), &settings), https::client().unwrap());
    for _ in 0..3 {
        let answer = sign_in(&client, &server.base, "unknown@example.com", PASSWORD, "198.51.100.1").await;
        assert_eq!((answer.status().as_u16(), header(&answer, "ratelimit").as_str()), (401, ""));
    }
}
