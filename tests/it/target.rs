//! What the tests talk to: the local gateway in this process, and the emulated AWS where it is up.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use gateway::{Platform, Prices, Server, Settings};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;

/// A running platform.
#[derive(Debug)]
pub struct Target {
    /// Which one, for messages.
    pub name: &'static str,
    base: String,
    /// The template asks for signed requests.
    authorization: Option<String>,
    client: Client,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    request: String,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

/// Runs a check against every target there is.
#[expect(clippy::needless_pass_by_value, reason = "every caller writes its check in place")]
pub fn each(check: impl AsyncFn(&Target)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        check(&Target::new("local", LOCAL.clone())).await;
        match &*EMULATED {
            Some((base, authorization)) => {
                let signed =
                    Target { authorization: Some(authorization.clone()), ..Target::new("emulated AWS", base.clone()) };
                check(&signed).await;
            }
            None => eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set"),
        }
    });
}

/// The application behind the functions, without a socket in front of it.
pub struct App;

impl App {
    /// Runs a check with an application on a store of its own.
    pub fn with(check: impl AsyncFnOnce(services::App)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let home = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let (platform, _) = Platform::open(&settings(home.path())).unwrap();
            platform.objects.set_base_url("http://127.0.0.1").unwrap();
            check(platform.app.clone()).await;
        });
    }
}

/// Address of a gateway that all tests of this process share.
static LOCAL: LazyLock<String> = LazyLock::new(|| {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let home = tempfile::tempdir().unwrap();
            let server = Server::start(settings(home.path())).await.unwrap();
            sender.send(format!("http://{}", server.address())).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("the local gateway starts")
});

fn settings(folder: &Path) -> Settings {
    Settings {
        home: folder.join("home"),
        address: "127.0.0.1:0".parse().unwrap(),
        prices: Prices::Sample,
        template: None,
        allowed_hosts: Vec::new(),
        schedules: false,
        clock: Arc::new(now),
    }
}

#[expect(clippy::disallowed_methods, reason = "links expire by the wall clock, as with the emulated AWS")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// The API that `aws/deploy.py` deployed: its address, and what it takes for a signature.
static EMULATED: LazyLock<Option<(String, String)>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "the test run tells where the emulated AWS is")]
    let file = std::env::var("SEXTANT_TEST_AWS").ok()?;
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let addresses: Value = serde_json::from_str(&text).unwrap();
    let part = |name: &str| addresses[name].as_str().unwrap_or_else(|| panic!("{file} lacks {name}")).to_owned();
    Some((part("api_url").trim_end_matches('/').to_owned(), part("authorization")))
});

impl Target {
    fn new(name: &'static str, base: String) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { name, base, authorization: None, client }
    }

    /// A text that no other call of this run gives.
    pub fn unique(word: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{word}-{}-{count}", std::process::id())
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn call(&self, method: Method, path: &str) -> Answer {
        self.send(self.request(method, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn post_with_key(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.send(self.request(Method::POST, path).json(body).header("idempotency-key", key)).await
    }

    pub async fn post_raw(&self, path: &str, body: &str, content_type: &str) -> Answer {
        let request = self.request(Method::POST, path).body(body.to_owned());
        let request = if content_type.is_empty() { request } else { request.header(CONTENT_TYPE, content_type) };
        self.send(request).await
    }

    /// A merge patch of the object at this version; no `If-Match` where `version` is empty.
    pub async fn patch(&self, path: &str, body: &Value, version: &str) -> Answer {
        let request = self.request(Method::PATCH, path).header(CONTENT_TYPE, "application/merge-patch+json").json(body);
        let request = if version.is_empty() { request } else { request.header(IF_MATCH, version) };
        self.send(request).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).await
    }

    /// Follows a link as it was handed out, without any credential.
    pub async fn follow(&self, link: &str) -> Answer {
        self.send(self.client.get(link)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = format!("{}{path}", self.base);
        let url: Url = address.parse().unwrap();
        let request = self.client.request(method, url);
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let described = format!("{} {} on {}", request.method(), request.url(), self.name);
        let response = self.client.execute(request).await.unwrap_or_else(|error| panic!("{described}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap().to_vec();
        Answer { status, request: described, headers, body }
    }
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        self
    }

    /// The problem, which must have this status and code and all the parts that problems have.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect_status(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.request);
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{}: {problem}", answer.request);
        assert_eq!(problem["status"], status, "{}", answer.request);
        for part in ["type", "title", "detail", "request_id"] {
            assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "{}: {part}", answer.request);
        }
        problem
    }

    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.text()))
    }
}
