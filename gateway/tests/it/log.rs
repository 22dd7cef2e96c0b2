//! The log of a running platform: one line for each request, and nothing in it that is private.

use std::io::Read as _;
use std::process::Stdio;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::process::{Server, sextant};

const EMAIL: &str = "ada.lovelace@example.com";
const PASSWORD: &str = "correct horse battery";
const AMOUNT: &str = "12345.67";

/// A client of the platform that has signed in.
struct Person {
    client: Client,
    base: String,
    token: String,
}

impl Person {
    /// Registers and signs in.
    async fn at(base: &str) -> (Self, String) {
        let client = https::client().unwrap();
        let name = json!({ "email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
        let send = async |path: &str, body: &Value| -> Value {
            let sent = client.post(format!("{base}{path}")).json(body).send().await.unwrap();
            sent.error_for_status().unwrap().json().await.unwrap()
        };
        let id = send("/customers", &name).await["id"].as_str().unwrap().to_owned();
        let session = send("/sessions", &json!({ "email": EMAIL, "password": PASSWORD })).await;
        let token = session["token"].as_str().unwrap().to_owned();
        (Self { client, base: base.to_owned(), token }, id)
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    async fn deposit(&self, key: &str, amount: &str) -> u16 {
        let body = json!({ "amount": amount, "currency": "USD" });
        let request = self.call(Method::POST, "/wallet/deposits").header("idempotency-key", key);
        request.json(&body).send().await.unwrap().status().as_u16()
    }
}

/// The lines about responses, as (method, route, status, code, whether the customer is named).
fn answered(log: &[Value]) -> Vec<(&str, &str, u64, &str, bool)> {
    let lines = log.iter().filter(|line| line["message"] == "answered");
    lines
        .map(|line| {
            let of = |field: &str| line[field].as_str().unwrap_or_default();
            assert!(line["ms"].as_f64().unwrap() >= 0.0 && !of("request_id").is_empty(), "{line}");
            let named = line["customer"].as_str().is_some_and(|customer| customer.len() == 16);
            (of("method"), of("route"), line["status"].as_u64().unwrap(), of("code"), named)
        })
        .collect()
}

#[tokio::test]
async fn each_request_is_one_line_without_body_token_address_amount_or_id() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = sextant(folder.path(), &["serve", "--port", "0", "--no-schedules", "--log-format", "json"]);
    let mut server = Server::run(command.env("RUST_LOG", "info").stderr(Stdio::piped()));
    let mut log = server.log();
    let (ada, id) = Person::at(&server.base).await;
    assert_eq!(ada.deposit("key-of-ada", AMOUNT).await, 201);
    assert_eq!(ada.deposit("other-key", "-12345.67").await, 422);
    assert_eq!(ada.call(Method::GET, "/wallet").send().await.unwrap().status(), 200);
    assert_eq!(https::client().unwrap().get(format!("{}/wallet", server.base)).send().await.unwrap().status(), 401);
    assert_eq!(ada.call(Method::GET, "/nowhere/12345.67").send().await.unwrap().status(), 404);
    let token = ada.token.clone();
    server.kill();
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        answered(&lines),
        [
            ("POST", "/customers", 201, "", false),
            ("POST", "/sessions", 201, "", false),
            ("POST", "/wallet/deposits", 201, "", true),
            ("POST", "/wallet/deposits", 422, "invalid_fields", true),
            ("GET", "/wallet", 200, "", true),
            ("GET", "/wallet", 401, "unauthenticated", false),
            ("GET", "", 404, "route_not_found", false),
        ],
        "{text}"
    );
    for private in [EMAIL, "example.com", PASSWORD, "Lovelace", AMOUNT, "key-of-ada", &token, &id] {
        assert!(!text.contains(private), "{private} is in {text}");
    }
}
