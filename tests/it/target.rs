//! The targets of the tests: the local gateway in this process, and the emulated AWS if it is running.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use app::customer_limits::CustomerLimits;
use app::source_limits::SourceLimits;
use gateway::listen::Listener;
use gateway::registry::{FUNCTIONS, Handler};
use gateway::{Platform, Prices, Server, Settings};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::live_client::Live;

mod differences;
mod emails;
mod requests;
mod state_machines;

/// The password of all test customers.
pub const PASSWORD: &str = "correct horse battery";

/// A running platform and one of its callers.
#[derive(Clone)]
pub struct Target {
    /// The name of the target, for messages.
    pub name: &'static str,
    base: String,
    live_url: String,
    token: Option<String>,
    client: Client,
    place: Place,
}

/// How to invoke functions without a route.
#[derive(Clone)]
enum Place {
    /// In this process, on the folder of the local platform.
    Local { home: PathBuf, platform: market_data::MarketData },
    /// On the emulated AWS: its address, the names of the functions by their names in the template, the name of the
    /// table, and the outputs of the stack.
    Emulated { endpoint: String, functions: Value, table: Value, outputs: Value },
}

/// Runs a check against every available target.
#[expect(clippy::needless_pass_by_value, reason = "every caller writes its check in place")]
pub fn each(check: impl AsyncFn(&Target)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        check(&LOCAL.signed_in(&LOCAL_TOKEN).await).await;
        match &*EMULATED {
            Some(emulated) => check(&emulated.signed_in(&EMULATED_TOKEN).await).await,
            None => eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set"),
        }
    });
}

/// Runs a check that chooses its own target.
pub fn run(check: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(check());
}

/// The application behind the functions, without a socket.
pub struct InProcess;

impl InProcess {
    /// Runs a check with an application on its own store.
    pub fn with(check: impl AsyncFnOnce(market_data::MarketData)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let home = tempfile::tempdir().unwrap();
        show_refused_access();
        runtime.block_on(async {
            let (platform, _) = Platform::open(&settings(home.path())).unwrap();
            platform.objects.set_base_url("http://127.0.0.1").unwrap();
            check(platform.market.clone()).await;
        });
    }
}

/// Prints which access a function lacks: the response is only a 500.
fn show_refused_access() {
    let refused = filter_fn(|metadata| metadata.target() == "app::restricted_table");
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(refused);
    // Every test calls this, and the first call counts.
    drop(tracing_subscriber::registry().with(lines).try_init());
}

/// A gateway that all tests of this process share.
static LOCAL: LazyLock<Target> = LazyLock::new(|| {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            show_refused_access();
            let home = tempfile::tempdir().unwrap();
            let server = Server::start(settings(home.path())).await.unwrap();
            let place = Place::Local { home: settings(home.path()).home, platform: server.platform().market.clone() };
            sender.send((server.address(), place)).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let (address, place) = receiver.recv().expect("the local gateway starts");
    Target::new("local", format!("http://{address}"), format!("ws://{address}/live"), place)
});

/// The customer shared by tests that do not need their own.
static LOCAL_TOKEN: OnceCell<String> = OnceCell::const_new();
static EMULATED_TOKEN: OnceCell<String> = OnceCell::const_new();

/// The settings of a local platform in this folder.
pub fn settings(folder: &Path) -> Settings {
    Settings {
        home: folder.join("home"),
        address: "127.0.0.1:0".parse().unwrap(),
        prices: Prices::Sample,
        template: None,
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        schedules: false,
        source_limits: SourceLimits::default().on_one_machine(),
        // As `aws/deploy.py` sets them: tests share a customer.
        customer_limits: CustomerLimits { reports: 0, imports: 0, backtests: 0, ..CustomerLimits::default() },
        replay: None,
        clock: Arc::new(now),
    }
}

#[expect(clippy::disallowed_methods, reason = "links expire by the wall clock, as with the emulated AWS")]
/// The wall clock.
pub fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// The API that `aws/deploy.py` deployed.
static EMULATED: LazyLock<Option<Target>> =
    LazyLock::new(|| Some(Target::deployed("emulated AWS", ADDRESSES.as_ref()?)));

/// The addresses that `aws/deploy.py` wrote.
static ADDRESSES: LazyLock<Option<Value>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "the test run sets where the emulated AWS is")]
    let file = std::env::var("SEXTANT_TEST_AWS").ok()?;
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    Some(serde_json::from_str(&text).unwrap())
});

/// A placeholder signature for the emulated AWS, which uses its scope to select the service and does not check it.
pub fn signature(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20261120/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// The emulated AWS alone, and the address of its services.
pub fn emulated() -> Option<(Target, String)> {
    let addresses = ADDRESSES.as_ref()?;
    Some((EMULATED.clone()?, text_of(&addresses["endpoint"])))
}

/// The second stack on the emulated AWS alone.
pub fn second() -> Option<Target> {
    Some(Target::deployed("the second emulated stack", &ADDRESSES.as_ref()?["second"]))
}

/// The second stack on the emulated AWS, whose prices come from a provider on this machine, and the address on which
/// that provider must listen.
pub fn with_provider() -> Option<(Target, String)> {
    let addresses = &ADDRESSES.as_ref()?["second"];
    Some((Target::deployed("emulated AWS with a provider", addresses), text_of(&addresses["provider_url"])))
}

/// The second stack on the emulated AWS, and the address on which the collector of its spans must listen.
pub fn with_collector() -> Option<(Target, String)> {
    Some((second()?, text_of(&ADDRESSES.as_ref()?["second"]["collector_url"])))
}

/// The third stack on the emulated AWS, which one test has for itself: its name, and that of its table.
pub fn to_restore() -> Option<(Target, String, String)> {
    let addresses = &ADDRESSES.as_ref()?["third"];
    let target = Target::deployed("emulated AWS to restore", addresses);
    Some((target, text_of(&addresses["stack"]), text_of(&addresses["table"])))
}

fn text_of(address: &Value) -> String {
    address.as_str().expect("an address that aws/deploy.py wrote").to_owned()
}

fn client() -> Client {
    https::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Target {
    fn new(name: &'static str, base: String, live_url: String, place: Place) -> Self {
        Self { name, base, live_url, token: None, client: client(), place }
    }

    /// A stack on an emulated AWS, with its addresses as `aws/deploy.py` describes them.
    pub fn deployed(name: &'static str, addresses: &Value) -> Self {
        let part = |name: &str| addresses[name].clone();
        let (functions, table, outputs) = (part("functions"), part("table"), part("outputs"));
        let place = Place::Emulated { endpoint: text_of(&addresses["endpoint"]), functions, table, outputs };
        let base = text_of(&addresses["api_url"]).trim_end_matches('/').to_owned();
        Self::new(name, base, text_of(&addresses["live_url"]), place)
    }

    /// A separate platform on this machine, with its server so that it can be stopped.
    pub async fn serve(settings: Settings) -> (Server, Self) {
        let home = settings.home.clone();
        let server = Server::start(settings).await.unwrap();
        let (address, platform) = (server.address(), server.platform().market.clone());
        let place = Place::Local { home, platform };
        (
            server,
            Self::new("a separate local platform", format!("http://{address}"), format!("ws://{address}/live"), place),
        )
    }

    /// The caller's token; empty for a caller without one.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// The URL of live connections.
    pub fn live_url(&self) -> &str {
        &self.live_url
    }

    /// A live connection of this customer, with a new ticket.
    pub async fn live(&self) -> Live {
        let ticket = self.post("/live-tickets", &json!({})).await.expect_status(201).json();
        let url = format!("{}?ticket={}", self.live_url, ticket["ticket"].as_str().unwrap());
        Live::connect(&url).await.unwrap_or_else(|error| panic!("{} on {}: {error}", self.live_url, self.name))
    }

    /// A listener of this customer to these symbols.
    pub fn listener(&self, symbols: &[&str]) -> Listener {
        let symbols = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
        let token = self.token.clone().unwrap_or_default();
        Listener::new(&self.base, Some(&self.live_url), token.into(), symbols).unwrap()
    }

    /// The platform as the shared customer, with this test's own connections, since those of another test end with its
    /// runtime.
    async fn signed_in(&self, shared: &OnceCell<String>) -> Self {
        let fresh = Self { client: client(), ..self.clone() };
        let token = shared.get_or_init(async || fresh.newcomer().await.token.unwrap_or_default()).await;
        fresh.with_token(token)
    }

    /// The platform as a caller without a token.
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The platform as the caller with this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The platform as a newly registered customer.
    pub async fn newcomer(&self) -> Self {
        self.registered(&format!("{}@example.com", Self::unique("customer"))).await
    }

    /// The platform as a customer who registers with this address and [`PASSWORD`].
    pub async fn registered(&self, email: &str) -> Self {
        let anonymous = self.anonymous();
        let person = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
        anonymous.post("/customers", &person).await.expect_status(201);
        anonymous.sign_in(email, PASSWORD).await
    }

    /// The platform as the caller who signs in with these credentials.
    pub async fn sign_in(&self, email: &str, password: &str) -> Self {
        let credentials = json!({ "email": email, "password": password });
        let session = self.anonymous().post("/sessions", &credentials).await.expect_status(201).json();
        self.with_token(session["token"].as_str().unwrap())
    }

    /// The platform as a new customer with this role.
    pub async fn newcomer_as(&self, role: &str) -> Self {
        let email = format!("{}@example.com", Self::unique(role));
        self.registered(&email).await;
        self.operate(&json!({ "command": "set-role", "email": email, "role": role })).await;
        // A change of role has ended the session.
        self.sign_in(&email, PASSWORD).await
    }

    /// Runs an operator command.
    pub async fn operate(&self, command: &Value) -> Value {
        match &self.place {
            Place::Local { home, .. } => {
                let settings = Settings { home: home.clone(), ..settings(home) };
                gateway::operations::run(&settings, command.clone()).await.unwrap()
            }
            Place::Emulated { .. } => self.invoke("operator", command).await,
        }
    }

    /// Invokes a function with an event and returns its result.
    pub async fn invoke(&self, function: &str, event: &Value) -> Value {
        match &self.place {
            Place::Local { platform, .. } => {
                let registered = FUNCTIONS.iter().find(|registered| registered.name == function);
                let Some(Handler::Event { handle }) = registered.map(|registered| registered.handler) else {
                    panic!("{function} takes no events")
                };
                handle(platform.restricted_to(function), event.clone()).await.unwrap()
            }
            Place::Emulated { endpoint, .. } => {
                let name = self.deployed_name(function);
                let address = format!("{endpoint}/2015-03-31/functions/{name}/invocations");
                let request = self.client.post(address).header("authorization", signature("lambda"));
                let answer = self.send(request.json(event)).await.expect_status(200);
                assert_eq!(answer.header("x-amz-function-error"), "", "{function}: {}", answer.text());
                answer.json()
            }
        }
    }

    /// Makes the emulated scheduler invoke a function immediately, as its deployed schedule does.
    pub async fn run_scheduled_now(&self, function: &str) {
        let Place::Emulated { endpoint, .. } = &self.place else { panic!("one machine has no scheduler to be asked") };
        let name = self.deployed_name(function);
        let scope = signature("scheduler");
        let ask = |method, path: String| {
            self.client.request(method, format!("{endpoint}/schedules{path}")).header("authorization", &scope)
        };
        let listed = self.send(ask(Method::GET, String::new())).await.expect_status(200).json();
        let invokes = |schedule: &&Value| {
            schedule["Target"]["Arn"].as_str().is_some_and(|arn| arn.ends_with(&format!(":{name}")))
        };
        let deployed = listed["Schedules"].as_array().unwrap().iter().find(invokes).expect("a deployed schedule");
        let path = format!("/{}?groupName={}", text_of(&deployed["Name"]), text_of(&deployed["GroupName"]));
        let deployed = self.send(ask(Method::GET, path)).await.expect_status(200).json();
        let once = json!({
            "ScheduleExpression": format!("at({})", now().format("%Y-%m-%dT%H:%M:%S")), "Target": deployed["Target"],
            "FlexibleTimeWindow": { "Mode": "OFF" }, "ActionAfterCompletion": "DELETE",
        });
        self.send(ask(Method::POST, format!("/{}", Self::unique("once"))).json(&once)).await.expect_status(200);
    }

    /// The configuration with which a function was deployed.
    pub async fn configuration_of(&self, function: &str) -> Value {
        let Place::Emulated { endpoint, .. } = &self.place else { panic!("one machine has no configurations") };
        let path = format!("{endpoint}/2015-03-31/functions/{}/configuration", self.deployed_name(function));
        let request = self.client.get(path).header("authorization", signature("lambda"));
        self.send(request).await.expect_status(200).json()
    }

    /// The name of the event bus of the stack: that on which its refresh publishes.
    pub async fn event_bus(&self) -> String {
        let configuration = self.configuration_of("refresh-prices").await;
        text_of(&configuration["Environment"]["Variables"]["EVENT_BUS_NAME"])
    }

    /// Publishes an event on a bus of the emulated AWS, as the refresh does.
    pub async fn put_event(&self, bus: &str, detail_type: &str, detail: &Value) {
        let Place::Emulated { endpoint, .. } = &self.place else { panic!("one machine has no bus with a name") };
        let entry = json!({
            "EventBusName": bus, "Source": "sextant", "DetailType": detail_type, "Detail": detail.to_string(),
        });
        let request = self.client.post(endpoint).header("authorization", signature("events"));
        let request = request.header("x-amz-target", "AWSEvents.PutEvents");
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let request = request.body(json!({ "Entries": [entry] }).to_string());
        let put = self.send(request).await.expect_status(200).json();
        assert_eq!(put["FailedEntryCount"], 0, "{put}");
    }

    /// The name under which a function was deployed.
    fn deployed_name(&self, function: &str) -> String {
        let Place::Emulated { functions, .. } = &self.place else { return function.to_owned() };
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        text_of(&functions[&(function.split('-').map(capital).collect::<String>() + "Function")])
    }

    /// The number of concurrent clients: as requested on the local platform, and on the emulated AWS as many as the
    /// processes that this machine can start, since each client needs one.
    pub fn rivals(&self, count: usize) -> usize {
        match self.place {
            Place::Local { .. } => count,
            Place::Emulated { .. } => count.min(12),
        }
    }

    /// A unique text.
    pub fn unique(word: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{word}-{}-{count}", std::process::id())
    }
}
