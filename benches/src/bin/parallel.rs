//! Load test of the local gateway with 32 concurrent clients, over HTTP and on a file: `parallel WORK SEXTANT
//! [SECONDS]` starts the program SEXTANT on an empty folder and loads it. With `buys`, each client buys for a separate
//! wallet; with `portfolios`, they read one of a hundred portfolios of ten investments. Client and server share the
//! machine.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use benches::sampling::print_line;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CLIENTS: usize = 32;
/// Portfolios of one customer, and the investments of each.
const PORTFOLIOS: usize = 100;
const INVESTMENTS: usize = 10;
const SECONDS: u64 = 10;
/// The unit in which the kernel counts CPU time, on every architecture that Linux runs on.
const TICKS_A_SECOND: u64 = 100;

/// The server process, killed when this value is dropped.
struct Server {
    child: Child,
    base: String,
    _home: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Server {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args(["serve", "--port", "0", "--no-schedules", "--home"]).arg(home.path());
        let mut child = command.env("RUST_LOG", "warn").stdout(Stdio::piped()).spawn().context("sextant")?;
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut greeting)?;
        let base = greeting.split_whitespace().last().unwrap_or_default().to_owned();
        Ok(Self { child, base, _home: home })
    }

    /// CPU time used so far, user and system.
    fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses can contain spaces; user and system time are the 12th and 13th field after it.
        let (_, after) = stat.rsplit_once(')').context("no name")?;
        let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
    }
}

/// A signed-in customer.
#[derive(Clone)]
struct Customer {
    client: Client,
    base: Arc<str>,
    token: String,
}

impl Customer {
    async fn register(base: &Arc<str>, number: usize) -> anyhow::Result<Self> {
        let mut customer = Self { client: https::client()?, base: base.clone(), token: String::new() };
        let credentials =
            json!({ "email": format!("bench-{number}@example.com"), "password": "a password of the bench" });
        let mut person = credentials.clone();
        (person["first_name"], person["last_name"]) = ("Bench".into(), "Mark".into());
        customer.post("/customers", &person, "").await?;
        let session = customer.post("/sessions", &credentials, "").await?;
        session["token"].as_str().context("no token")?.clone_into(&mut customer.token);
        Ok(customer)
    }

    async fn post(&self, path: &str, body: &Value, key: &str) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        self.send(if key.is_empty() { request } else { request.header("idempotency-key", key) }).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.client.get(format!("{}{path}", self.base))).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        let answer = request.send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body)?)
    }

    async fn open_portfolio(&self) -> anyhow::Result<String> {
        let portfolio = self.post("/portfolios", &json!({ "name": "Bench", "type": "brokerage" }), "").await?;
        Ok(format!("/portfolios/{}", portfolio["id"].as_str().context("no id")?))
    }
}

/// The work of one client: a customer, and the path that it calls.
struct Work {
    customer: Customer,
    paths: Vec<String>,
    buys: bool,
}

impl Work {
    /// Calls until the time is up; returns the duration of each call.
    async fn run(self, until: Instant) -> anyhow::Result<Vec<Duration>> {
        let order = json!({ "side": "buy", "symbol": "AAPL", "quantity": "0.001" });
        let mut took = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            let path = &self.paths[took.len() % self.paths.len()];
            if self.buys {
                self.customer.post(path, &order, &took.len().to_string()).await?;
            } else {
                let page = self.customer.get(path).await?;
                let items = page["items"].as_array().map(Vec::len);
                ensure!(items == Some(INVESTMENTS), "{items:?} investments");
            }
            took.push(begun.elapsed());
        }
        Ok(took)
    }
}

/// Clients with 1,000,000 in the wallet and a portfolio each.
async fn buyers(base: &Arc<str>) -> anyhow::Result<Vec<Work>> {
    let mut works = Vec::new();
    for number in 0..CLIENTS {
        let customer = Customer::register(base, number).await?;
        customer.post("/wallet/deposits", &json!({ "amount": "1000000" }), "first").await?;
        let paths = vec![format!("{}/trades", customer.open_portfolio().await?)];
        works.push(Work { customer, paths, buys: true });
    }
    Ok(works)
}

/// Clients of one customer, each starting with a different portfolio.
async fn readers(base: &Arc<str>) -> anyhow::Result<Vec<Work>> {
    let customer = Customer::register(base, 0).await?;
    let mut paths = Vec::new();
    for _ in 0..PORTFOLIOS {
        let list = format!("{}/investments", customer.open_portfolio().await?);
        for number in 0..INVESTMENTS {
            let symbol = ["AAPL", "FB", "GOOG", "IBM", "MSFT"][number % 5];
            let lot = json!({ "ticker_symbol": symbol, "quantity": number + 1, "purchase_price": 100, "purchase_date": "2013-01-04" });
            customer.post(&list, &lot, "").await?;
        }
        paths.push(list);
    }
    let works = (0..CLIENTS).map(|client| {
        let mut paths = paths.clone();
        paths.rotate_left(client * PORTFOLIOS / CLIENTS);
        let client = https::client()?;
        Ok(Work { customer: Customer { client, ..customer.clone() }, paths, buys: false })
    });
    works.collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, program, rest @ ..] = arguments.as_slice() else { bail!("usage: parallel WORK SEXTANT [SECONDS]") };
    let seconds = rest.first().map_or(Ok(SECONDS), |seconds| seconds.parse())?;
    let server = Server::start(Path::new(program))?;
    let base: Arc<str> = server.base.as_str().into();
    let works = match work.as_str() {
        "buys" => buyers(&base).await?,
        "portfolios" => readers(&base).await?,
        other => bail!("unknown work {other}"),
    };
    let (begun, cpu) = (Instant::now(), server.cpu_time()?);
    let until = begun + Duration::from_secs(seconds);
    let clients: JoinSet<_> = works.into_iter().map(|work| work.run(until)).collect();
    let mut took = Vec::new();
    for client in clients.join_all().await {
        took.extend(client?);
    }
    let (elapsed, cpu) = (begun.elapsed(), server.cpu_time()?.saturating_sub(cpu));
    took.sort_unstable();
    ensure!(!took.is_empty(), "no call succeeded");
    let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    print_line(&json!({
        "work": work,
        "clients": CLIENTS,
        "calls": took.len(),
        "calls_a_second": took.len() as f64 / elapsed.as_secs_f64(),
        "server_cpu_us": cpu.as_secs_f64() * 1e6 / took.len() as f64,
        "p50_ms": ms(0.5),
        "p99_ms": ms(0.99),
    }))?;
    Ok(())
}
