//! Many live connections and one tick to all of them, without batches and with them: how many messages it takes, the time
//! until the last client has received all of its quotes, and the memory of the platform, which runs in its own process.
//!
//! This is a separate program because it is both processes. With `--serve` it is the platform: it prints its address,
//! publishes new prices of as many symbols as each line that it reads says, and stops at the end of the input.
//! `SEXTANT_SOAK_CLIENTS` sets the number of clients, and `SEXTANT_SOAK_SYMBOLS_A_CLIENT` how many symbols each
//! subscribes to. The connections of a customer have the same symbols, and other customers have others: 1,000 clients of
//! 100 symbols have 5,000 symbols together.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what fails here is a failed test, which prints what it measured"
)]

mod settings;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use app::bus::Event;
use futures::{SinkExt, StreamExt};
use gateway::{Server, open_files};
use market_data::quote_record::{MAX_QUOTES_AN_EVENT, QUOTES_REFRESHED};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const NAME: &str = "live_load::every_client_hears_every_tick_once";
/// Default number of clients.
const CLIENTS: usize = 50;
const CLIENTS_ASKED: &str = "SEXTANT_SOAK_CLIENTS";
/// Default number of symbols of a client.
const SYMBOLS: usize = 3;
const SYMBOLS_ASKED: &str = "SEXTANT_SOAK_SYMBOLS_A_CLIENT";
/// The argument of the platform's process.
const SERVE: &str = "--serve";
/// Connections that the platform lets one customer have.
const CONNECTIONS_OF_A_CUSTOMER: usize = notifications::live::MAX_CONNECTIONS;
/// Clients that connect at the same time.
const AT_ONCE: usize = 16;
const TICKS: u64 = 5;
/// Some twenty kilobytes are usual, and of few clients what the platform itself has taken meanwhile counts with them.
const MOST_KILOBYTES_A_CLIENT: u64 = 500;
/// How long anything may take that comes to an end at all.
const DEADLINE: Duration = Duration::from_mins(2);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    open_files::allow_all();
    if arguments.iter().any(|argument| argument == SERVE) {
        return serve();
    }
    // As the harness has it: words that are no options are parts of the names of the tests to run.
    let named: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_named = named.is_empty() || named.iter().any(|word| NAME.contains(word.as_str()));
    if arguments.iter().any(|argument| argument == "--list") || !is_named {
        return;
    }
    let (clients, symbols) = (asked(CLIENTS_ASKED).unwrap_or(CLIENTS), asked(SYMBOLS_ASKED).unwrap_or(SYMBOLS));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("\nrunning 1 test");
    for batch in [false, true] {
        runtime.block_on(load(Load { clients, symbols, batch }));
    }
    println!("test {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

/// The number in a variable of the environment.
#[expect(clippy::disallowed_methods, reason = "the caller of the tests sets their duration")]
fn asked(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|asked| asked.parse().unwrap())
}

/// The platform.
#[expect(clippy::disallowed_methods, reason = "this is a root, where the wall clock enters")]
fn serve() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let settings = settings::settings(home.path(), chrono::Utc::now);
    let server = runtime.block_on(Server::start(settings)).unwrap();
    println!("{}", server.address());
    for (line, seq) in std::io::stdin().lines().zip(1_u64..) {
        let symbols: Vec<usize> = (0..line.unwrap().parse().unwrap()).collect();
        for some in symbols.chunks(MAX_QUOTES_AN_EVENT) {
            runtime.block_on(server.platform().market.app.bus().publish(tick(some, seq))).unwrap();
        }
    }
    runtime.block_on(server.stop());
}

fn symbol(number: usize) -> String {
    format!("LOAD{number}")
}

fn tick(symbols: &[usize], seq: u64) -> Event {
    let quote = |number: &usize| {
        json!({
            "symbol": symbol(*number), "price": format!("430.{:02}", seq % 100), "previous_close": "441.40",
            "currency": "USD", "day": "2013-03-01", "as_of": "2013-03-01T15:00:00Z", "source": "test", "seq": seq,
            "fetched_at": "2013-03-01T15:00:01Z",
        })
    };
    let quotes: Vec<Value> = symbols.iter().map(quote).collect();
    Event { detail_type: QUOTES_REFRESHED, detail: json!({ "quotes": quotes }) }
}

/// The process that is the platform.
struct Platform {
    child: Child,
    input: Option<ChildStdin>,
    address: SocketAddr,
}

impl Platform {
    fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let input = child.stdin.take();
        Self { child, input, address: line.trim().parse().unwrap() }
    }

    /// Publishes a new price of this many symbols.
    fn tick(&mut self, symbols: usize) {
        self.input.as_mut().unwrap().write_all(format!("{symbols}\n").as_bytes()).unwrap();
    }

    /// A figure of the process in kilobytes, such as `VmRSS`; 0 where the system does not say.
    fn kilobytes(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// Stops it as a person would, and waits until it has.
    fn stop(mut self) {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
    }
}

/// What is measured.
#[derive(Clone, Copy)]
struct Load {
    clients: usize,
    /// Symbols of a client.
    symbols: usize,
    batch: bool,
}

/// A client's record of a tick: its number, the messages that it took, and when all quotes were received.
type Heard = mpsc::UnboundedSender<(u64, usize, Instant)>;

async fn load(load: Load) {
    let Load { clients, symbols, batch } = load;
    let mut platform = Platform::start();
    let http = https::client().unwrap();
    let mut tokens = Vec::new();
    for customer in 0..clients.div_ceil(CONNECTIONS_OF_A_CUSTOMER) {
        tokens.push(registered(&http, platform.address, customer).await);
    }
    // Checking passwords has taken its memory by now, so that what comes is that of the connections.
    let idle = platform.kilobytes("VmRSS");
    let (heard, mut hears) = mpsc::unbounded_channel();
    let begun = Instant::now();
    let mut listening = connect(&http, platform.address, &tokens, load, &heard).await;
    drop(heard);
    let (connecting, connected) = (begun.elapsed(), platform.kilobytes("VmRSS"));
    let (mut slowest, published) = (Duration::ZERO, tokens.len() * symbols);
    for seq in 1..=TICKS {
        let ticked = Instant::now();
        platform.tick(published);
        let (mut first, mut last, mut messages) = (Duration::MAX, Duration::ZERO, 0);
        for _ in 0..clients {
            let heard = tokio::time::timeout(DEADLINE, hears.recv()).await.expect("in time").expect("a tick");
            let (number, taken, at) = heard;
            assert_eq!(number, seq, "a tick came twice, or out of order");
            messages += taken;
            first = first.min(at - ticked);
            last = last.max(at - ticked);
        }
        slowest = slowest.max(last);
        assert_eq!(messages, if batch { batches(load) } else { clients * symbols });
        println!(
            "tick {seq} of {published} quotes to {clients} clients in {messages} messages: the first has its {symbols} \
             after {first:.1?}, the last after {last:.1?}"
        );
    }
    let (rss, peak) = (platform.kilobytes("VmRSS"), platform.kilobytes("VmHWM"));
    let each = rss.saturating_sub(idle) / clients as u64;
    println!(
        "{clients} clients, {symbols} symbols each, batches: {batch}. They connected and subscribed in {connecting:.1?}; \
         the slowest tick took {slowest:.1?}; memory of the platform: {idle} kB before, {connected} kB connected, {rss} \
         kB after {TICKS} ticks ({each} kB a client), {peak} kB at most"
    );
    platform.stop();
    // Each client got the close frame of the stopping platform.
    while let Some(ended) = listening.join_next().await {
        assert_eq!(ended.unwrap(), Some(1001));
    }
    assert!(each < MOST_KILOBYTES_A_CLIENT, "a client takes {each} kB");
}

/// The messages of a tick with batches: one for each event that has symbols of the client.
fn batches(load: Load) -> usize {
    let events = |client: usize| {
        let first = client / CONNECTIONS_OF_A_CUSTOMER * load.symbols;
        (first + load.symbols - 1) / MAX_QUOTES_AN_EVENT - first / MAX_QUOTES_AN_EVENT + 1
    };
    (0..load.clients).map(events).sum()
}

/// Connects the clients; each runs until its connection is closed, and gives the code that it was closed with.
async fn connect(
    http: &Client,
    address: SocketAddr,
    tokens: &[String],
    load: Load,
    heard: &Heard,
) -> JoinSet<Option<u16>> {
    let mut listening = JoinSet::new();
    for (customer, token) in tokens.iter().enumerate() {
        let of_this_customer = CONNECTIONS_OF_A_CUSTOMER.min(load.clients - customer * CONNECTIONS_OF_A_CUSTOMER);
        let symbols: Vec<String> = (0..load.symbols).map(|number| symbol(customer * load.symbols + number)).collect();
        let subscribe = json!({ "action": "subscribe", "symbols": symbols, "batch": load.batch }).to_string();
        let sockets = futures::stream::iter(0..of_this_customer).map(|_| subscribed(http, address, token, &subscribe));
        let mut sockets = sockets.buffer_unordered(AT_ONCE);
        while let Some(socket) = sockets.next().await {
            listening.spawn(listen(socket, symbols.clone(), heard.clone()));
        }
    }
    listening
}

async fn registered(http: &Client, address: SocketAddr, number: usize) -> String {
    let (email, password) = (format!("customer-{number}@example.com"), "correct horse battery");
    let person = json!({ "email": email, "password": password, "first_name": "Ada", "last_name": "Lovelace" });
    made(http.post(format!("http://{address}/customers")).json(&person)).await;
    let credentials = json!({ "email": email, "password": password });
    let session = made(http.post(format!("http://{address}/sessions")).json(&credentials)).await;
    session["token"].as_str().unwrap().to_owned()
}

async fn made(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

/// A connection that has subscribed and received its snapshot.
async fn subscribed(http: &Client, address: SocketAddr, token: &str, subscribe: &str) -> WebSocketStream<TcpStream> {
    let request = http.post(format!("http://{address}/live-tickets")).bearer_auth(token).json(&json!({}));
    let ticket = made(request).await;
    let url = format!("ws://{address}/live?ticket={}", ticket["ticket"].as_str().unwrap());
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    socket.send(Message::text(subscribe.to_owned())).await.unwrap();
    // The snapshot comes before the connection is listed; what is sent after it is answered after it is.
    socket.send(Message::text(json!({ "action": "ping" }).to_string())).await.unwrap();
    for expected in ["snapshot", "pong"] {
        let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["type"], expected, "{answer}");
    }
    socket
}

async fn listen(mut socket: WebSocketStream<TcpStream>, symbols: Vec<String>, heard: Heard) -> Option<u16> {
    let all: BTreeSet<String> = symbols.into_iter().collect();
    let (mut tick, mut messages, mut missing) = (1, 0, all.clone());
    loop {
        match socket.next().await?.unwrap() {
            Message::Text(text) => {
                let at = Instant::now();
                let mut message: Value = serde_json::from_str(&text).unwrap();
                messages += 1;
                let quotes = match message["items"].take() {
                    Value::Array(items) => items,
                    _ => vec![message],
                };
                for quote in quotes {
                    assert_eq!(quote["seq"], tick, "{quote}");
                    assert!(missing.remove(quote["symbol"].as_str().unwrap()), "twice, or of another: {quote}");
                }
                if missing.is_empty() {
                    heard.send((tick, messages, at)).unwrap();
                    (tick, messages, missing) = (tick + 1, 0, all.clone());
                }
            }
            Message::Close(frame) => return frame.map(|frame| frame.code.into()),
            _ => {}
        }
    }
}
