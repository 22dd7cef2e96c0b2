//! Traces: the spans that a running platform sends to a collector, before each response.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use testing::collector::{Collector, Received};

use crate::process::{Server, sextant};

const EMAIL: &str = "ada.lovelace@example.com";
const PASSWORD: &str = "correct horse battery";
const AMOUNT: &str = "12345.67";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A platform with these variables, whose log can be read.
fn server(home: &Path, variables: &[(&str, &str)]) -> Server {
    let mut command = sextant(home, &["serve", "--port", "0", "--no-schedules"]);
    Server::run(command.env("RUST_LOG", "info").envs(variables.iter().copied()).stderr(Stdio::piped()))
}

/// The log of a platform, which is stopped for that.
fn log_of(mut server: Server) -> String {
    let mut log = server.log();
    server.kill();
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    text
}

/// A client of a platform, and its token if it has signed in.
struct Person {
    client: Client,
    base: String,
    token: String,
}

impl Person {
    fn at(server: &Server) -> Self {
        Self { client: https::client().unwrap(), base: server.base.clone(), token: String::new() }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        // A client cannot choose a trace, or whether there is one.
        request = request.header("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body).header("idempotency-key", "key-of-ada");
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// Registers, signs in and deposits.
    async fn settle(mut self) -> Self {
        let name = json!({ "email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
        assert_eq!(self.call(Method::POST, "/customers", Some(name)).await.0, 201);
        let credentials = json!({ "email": EMAIL, "password": PASSWORD });
        let (status, session) = self.call(Method::POST, "/sessions", Some(credentials)).await;
        assert_eq!(status, 201);
        session["token"].as_str().unwrap().clone_into(&mut self.token);
        let deposit = json!({ "amount": AMOUNT, "currency": "USD" });
        assert_eq!(self.call(Method::POST, "/wallet/deposits", Some(deposit)).await.0, 201);
        self
    }

    async fn get(&self, path: &str) -> u16 {
        self.call(Method::GET, path, None).await.0
    }
}

/// The only span with this name and parent.
fn only<'a>(spans: &'a [Received], name: &str, parent: &str) -> &'a Received {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name && span.parent == parent).collect();
    let [span] = found.as_slice() else { panic!("{name} of {parent:?} in {spans:#?}") };
    span
}

#[tokio::test]
async fn a_request_is_one_trace_which_the_collector_has_before_the_client_has_the_response() {
    let home = tempfile::tempdir().unwrap();
    let (collector, url) = Collector::listen("127.0.0.1:0");
    let server = server(home.path(), &[(ENDPOINT, &url), ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a%20b")]);
    let ada = Person::at(&server).settle().await;
    let before = collector.spans().len();
    assert_eq!(ada.get("/wallet").await, 200);
    let spans = collector.spans().split_off(before);

    let gateway = only(&spans, "GET /wallet", "");
    let authorizer = only(&spans, "authorizer", &gateway.id);
    let function = only(&spans, "GET /wallet", &gateway.id);
    assert!(spans.iter().all(|span| span.trace_id == gateway.trace_id && !span.is_error), "{spans:#?}");
    assert_ne!(gateway.trace_id, "5759e988bd862e3fe1be46a994272793");
    for span in [gateway, function] {
        let of = |name: &str| span.attribute(name);
        let request = (of("http.request.method"), of("http.route"), of("http.response.status_code"));
        assert_eq!((span.kind, request), ("SPAN_KIND_SERVER", ("GET", "/wallet", "200")));
    }
    assert_eq!((function.attribute("faas.name"), function.attribute("faas.trigger")), ("wallet", "http"));
    assert_eq!((authorizer.attribute("faas.name"), authorizer.attribute("faas.trigger")), ("authorizer", "http"));
    assert_eq!(gateway.resource["service.name"], "sextant");
    for function in [authorizer, function] {
        let calls: Vec<_> = spans.iter().filter(|span| span.parent == function.id).collect();
        assert!(!calls.is_empty(), "{spans:#?}");
        for call in calls {
            let of = |name: &str| call.attribute(name);
            assert_eq!(
                (call.kind, of("db.system.name"), of("db.collection.name")),
                ("SPAN_KIND_CLIENT", "sqlite", "items")
            );
            assert!(["get", "get_many", "query", "put", "transact"].contains(&of("db.operation.name")), "{call:?}");
            assert_eq!(call.name, format!("{} items", of("db.operation.name")));
        }
    }
    for (head, _) in collector.requests() {
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf") && head.contains("x-team: a b"), "{head}");
    }
}

#[tokio::test]
async fn no_body_token_address_amount_or_id_is_sent_and_a_refusal_is_no_error() {
    let home = tempfile::tempdir().unwrap();
    let (collector, url) = Collector::listen("127.0.0.1:0");
    let server = server(home.path(), &[(ENDPOINT, &url)]);
    let ada = Person::at(&server).settle().await;
    let missing = "0190aaaa-0000-7000-8000-00000000cafe";
    assert_eq!(ada.get(&format!("/portfolios/{missing}?limit={AMOUNT}")).await, 422);
    assert_eq!(ada.get(&format!("/portfolios/{missing}")).await, 404);
    assert_eq!(Person::at(&server).get("/wallet").await, 401);
    let order = json!({ "symbol": "AAPL", "side": "buy", "quantity": "12.5" });
    ada.call(Method::POST, "/trades", Some(order)).await;
    let customer = ada.call(Method::GET, "/customers/me", None).await.1["id"].as_str().unwrap().to_owned();
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.attribute("http.route") == "/portfolios/{id}"), "{spans:#?}");
    assert!(spans.iter().all(|span| !span.is_error), "{spans:#?}");
    for (head, body) in collector.requests() {
        let sent = head + &String::from_utf8_lossy(&body);
        for private in
            [EMAIL, "example.com", PASSWORD, "Lovelace", AMOUNT, "12.5", "key-of-ada", missing, &ada.token, &customer]
        {
            assert!(!sent.contains(private), "{private} is in {sent}");
        }
    }
}

/// What a platform with these variables answers, and its log.
async fn answers(variables: &[(&str, &str)]) -> (Vec<u16>, String) {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path(), variables);
    let ada = Person::at(&server).settle().await;
    let mut statuses = Vec::new();
    for path in ["/wallet", "/health", "/portfolios", "/portfolios/no-id", "/nothing"] {
        statuses.push(ada.get(path).await);
    }
    (statuses, log_of(server))
}

#[tokio::test]
async fn a_collector_that_is_down_or_does_not_respond_changes_no_response_and_is_logged_once() {
    let (expected, log) = answers(&[]).await;
    assert_eq!(expected, [200, 200, 200, 404, 404]);
    assert!(!log.contains("collector"), "{log}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), down] {
        let (statuses, log) = answers(&[(ENDPOINT, &format!("http://{address}"))]).await;
        assert_eq!(statuses, expected);
        assert_eq!(log.matches("the collector does not accept spans").count(), 1, "{log}");
        assert!(!log.contains("ERROR"), "{log}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_logged_and_change_no_response() {
    let (statuses, log) = answers(&[(ENDPOINT, "not a URL")]).await;
    assert_eq!(statuses, [200, 200, 200, 404, 404]);
    assert_eq!(log.matches("no traces are sent").count(), 1, "{log}");
}

#[tokio::test]
async fn nothing_is_sent_unless_the_endpoint_is_set_and_the_other_variables_are_honoured() {
    let (collector, url) = Collector::listen("127.0.0.1:0");
    let traces = format!("{url}/v1/traces");
    let (statuses, _) = answers(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces), (ENDPOINT, "")]).await;
    assert_eq!((statuses.len(), collector.requests().len()), (5, 0));
    answers(&[(ENDPOINT, &url), ("OTEL_TRACES_SAMPLER", "always_off")]).await;
    assert_eq!(collector.requests().len(), 0);
    let named = [("OTEL_SERVICE_NAME", "own"), ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=dev")];
    answers(&[&[(ENDPOINT, url.as_str())], &named[..]].concat()).await;
    let resource = &collector.spans()[0].resource;
    assert_eq!((resource["service.name"].as_str(), resource["deployment.environment.name"].as_str()), ("own", "dev"));
}

#[tokio::test]
async fn a_call_to_a_provider_is_a_span_with_its_host_and_status_and_without_its_key() {
    let home = tempfile::tempdir().unwrap();
    let (collector, url) = Collector::listen("127.0.0.1:0");
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let provider_url = format!("http://{}", provider.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in provider.incoming().flatten() {
            let mut head = BufReader::new(&stream).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = stream.write_all(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let variables =
        [(ENDPOINT, url.as_str()), ("ALPHA_VANTAGE_API_KEY", "secret-key"), ("ALPHA_VANTAGE_URL", &provider_url)];
    let server = server(home.path(), &variables);
    let ada = Person::at(&server).settle().await;
    ada.get("/fetch-data/AAPL").await;
    let spans = collector.spans();
    let calls: Vec<_> = spans.iter().filter(|span| span.attribute("server.address") == "127.0.0.1").collect();
    let [call, ..] = calls.as_slice() else { panic!("{spans:#?}") };
    let of = |name: &str| call.attribute(name);
    assert_eq!((call.name.as_str(), call.kind, call.is_error), ("GET", "SPAN_KIND_CLIENT", true));
    assert_eq!((of("http.request.method"), of("http.response.status_code"), of("error.type")), ("GET", "500", "500"));
    let function = spans.iter().find(|span| span.id == call.parent).unwrap();
    assert_eq!((function.attribute("faas.name"), &function.trace_id), ("fetch-data", &call.trace_id));
    for (head, body) in collector.requests() {
        assert!(!(head + &String::from_utf8_lossy(&body)).contains("secret-key"));
    }
}
