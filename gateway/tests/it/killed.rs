//! Repeatedly kills the platform under load: acknowledged calls are recorded once, others are recorded once after they
//! are sent again, and the books balance.

#![expect(clippy::print_stdout, reason = "what it counted is worth reading")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use domain::CustomerId;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use store::{Body, Table as _, Write, keys};
use store_sqlite::SqliteTable;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::process::{Server, sextant};

/// Kills where nothing else is asked for.
const ROUNDS: usize = 20;
/// How many kills are asked for.
const ROUNDS_ASKED: &str = "SEXTANT_SOAK_ROUNDS";
/// Kills that the same data goes through before the next begin anew, so that verifying does not take ever longer.
const ROUNDS_OF_A_HOME: usize = 10;
pub const CUSTOMERS: usize = 3;
/// Clients of each customer, which all use the one wallet at the same time.
pub const CLIENTS: usize = 4;
/// How often a call is sent that is answered with a 503 each time.
const MOST_TRIES: usize = 10_000;
/// After this a test that hangs is given up.
pub const GIVEN_UP: Duration = Duration::from_mins(10);

/// Runs `sextant verify`, and gives how it ended and what it found.
pub fn verify(home: &Path) -> (bool, Value) {
    let Output { status, stdout, .. } = sextant(home, &["verify"]).output().unwrap();
    (status.success(), serde_json::from_slice(&stdout).unwrap())
}

/// A customer with a wallet and a portfolio.
#[derive(Clone)]
pub struct Customer {
    pub id: String,
    pub token: String,
    pub trades: String,
}

/// A command and its result.
#[derive(Clone)]
pub struct Call {
    customer: usize,
    key: String,
    path: String,
    body: Value,
    /// Status and body, where they came.
    answer: Option<(u16, Value)>,
}

/// What was called and answered over all rounds.
#[derive(Default)]
struct Totals {
    calls: usize,
    acknowledged: usize,
    cut_off: usize,
}

/// What came: status, whether it came before, and the body. Nothing where the connection ended first.
pub async fn answer(request: RequestBuilder) -> Option<(u16, bool, Value)> {
    let response = request.send().await.ok()?;
    let (status, replayed) = (response.status().as_u16(), response.headers().contains_key("idempotency-replayed"));
    Some((status, replayed, response.json().await.ok()?))
}

pub async fn made(request: RequestBuilder) -> Value {
    let (status, _, body) = answer(request).await.expect("an answer");
    assert_eq!(status, 201, "{body}");
    body
}

async fn customer(client: &Client, base: &str, number: usize) -> Customer {
    let (email, password) = (format!("customer-{number}@example.com"), "correct horse battery");
    let person = json!({ "email": email, "password": password, "first_name": "Ada", "last_name": "Lovelace" });
    let id = made(client.post(format!("{base}/customers")).json(&person)).await["id"].as_str().unwrap().to_owned();
    let credentials = json!({ "email": email, "password": password });
    let session = made(client.post(format!("{base}/sessions")).json(&credentials)).await;
    let token = session["token"].as_str().unwrap().to_owned();
    let portfolio = json!({ "name": "Under fire", "type": "brokerage" });
    let portfolio = made(client.post(format!("{base}/portfolios")).bearer_auth(&token).json(&portfolio)).await;
    Customer { id, token, trades: format!("/portfolios/{}/trades", portfolio["id"].as_str().unwrap()) }
}

/// The command of this number: cash comes and goes, and units too; some of it is refused.
fn command(customer: &Customer, number: usize) -> (String, Value) {
    let trade = |side, symbol, size: (&str, &str)| {
        let mut order = json!({ "side": side, "symbol": symbol, "fee": "0.99" });
        order[size.0] = json!(size.1);
        (customer.trades.clone(), order)
    };
    match number % 7 {
        0 => ("/wallet/deposits".to_owned(), json!({ "amount": "700.10" })),
        1 => trade("buy", "AAPL", ("amount", "100")),
        2 => trade("buy", "MSFT", ("quantity", "3.5")),
        3 => trade("sell", "AAPL", ("quantity", "0.11")),
        4 => ("/wallet/withdrawals".to_owned(), json!({ "amount": "12.34" })),
        5 => trade("sell", "MSFT", ("quantity", "1.25")),
        _ => trade("buy", "AAPL", ("quantity", "0.5")),
    }
}

/// Sends a call until it is decided; nothing if the connection ends first. A response with `Retry-After` is retried.
async fn decided(client: &Client, base: &str, token: &str, call: &Call) -> Option<(u16, bool, Value)> {
    for _ in 0..MOST_TRIES {
        let request = client.post(format!("{base}{}", call.path)).bearer_auth(token);
        match answer(request.header("idempotency-key", &call.key).json(&call.body)).await? {
            (503, _, _) => {}
            (status @ (201 | 409), replayed, body) => return Some((status, replayed, body)),
            (status, _, body) => panic!("{status} {body} to {} {}", call.path, call.body),
        }
    }
    panic!("{} is not decided", call.path);
}

/// One client's calls, one after the other, until the platform is gone.
pub async fn load(
    base: String,
    customers: Arc<Vec<Customer>>,
    client: usize,
    round: usize,
    answered: watch::Sender<usize>,
) -> Vec<Call> {
    let http = https::client().unwrap();
    let customer = client % CUSTOMERS;
    let mut calls = Vec::new();
    for number in 0.. {
        let (path, body) = command(&customers[customer], number + client);
        let mut call = Call { customer, key: format!("{round}-{client}-{number}"), path, body, answer: None };
        let decision = decided(&http, &base, &customers[customer].token, &call).await;
        call.answer = decision.map(|(status, _, body)| (status, body));
        let gone = call.answer.is_none();
        calls.push(call);
        if gone {
            break;
        }
        answered.send_modify(|count| *count += 1);
    }
    calls
}

/// The status and body of a call by its key; nothing if it has no outcome.
async fn found(client: &Client, base: &str, token: &str, call: &Call) -> Option<(u16, Value)> {
    let request = client.get(format!("{base}/operations?idempotency_key={}", call.key)).bearer_auth(token);
    match answer(request).await.expect("an answer") {
        (200, _, outcome) => {
            assert_eq!((&outcome["method"], &outcome["path"]), (&json!("POST"), &json!(call.path)));
            Some((u16::try_from(outcome["status"].as_u64().unwrap()).unwrap(), outcome["body"].clone()))
        }
        (404, _, _) => None,
        (status, _, body) => panic!("{status} {body} to the lookup of {}", call.key),
    }
}

/// Sends every call again: what was answered is answered the same, and what was not is decided now, and stays so.
async fn sent_again(base: &str, customers: &[Customer], calls: &mut [Call]) {
    let http = https::client().unwrap();
    for call in calls {
        let token = &customers[call.customer].token;
        if call.answer.is_none() {
            let found = found(&http, base, token, call).await;
            let (status, replayed, body) = decided(&http, base, token, call).await.expect("an answer");
            // What the lookup found is what the repeated call gets, and what it did not find was not done.
            assert_eq!(found.is_some(), replayed, "{}", call.key);
            if let Some((found_status, found)) = found {
                assert_eq!(found_status, status, "{}", call.key);
                assert!(status != 201 || found == body, "{} {found} became {body}", call.key);
            }
            call.answer = Some((status, body));
        }
        let (status, replayed, body) = decided(&http, base, token, call).await.expect("an answer");
        let (first_status, first) = call.answer.as_ref().expect("it was decided");
        assert_eq!((status, replayed), (*first_status, true), "{} {first} became {body}", call.key);
        if status == 201 {
            assert_eq!(body, *first, "{}", call.key);
        } else {
            assert_eq!(body["code"], first["code"], "{}", call.key);
        }
    }
}

/// Every item of a list, newest first.
pub async fn listed(client: &Client, base: &str, token: &str, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = client.get(format!("{base}{path}?limit=200{cursor}")).bearer_auth(token);
        let (status, _, page) = answer(request).await.expect("an answer");
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn cents(amount: &Value) -> i64 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}

/// One entry, and one trade where it is one, for each call that was answered with 201, and no other; the balance is
/// their sum. Gives the number of entries.
async fn look(base: &str, place: usize, customer: &Customer, calls: &[Call]) -> usize {
    let client = https::client().unwrap();
    let entries = listed(&client, base, &customer.token, "/wallet/entries").await;
    let trades = listed(&client, base, &customer.token, &customer.trades).await;
    let acknowledged = calls.iter().filter(|call| call.customer == place).filter_map(|call| call.answer.as_ref());
    let acknowledged: Vec<&Value> = acknowledged.filter(|(status, _)| *status == 201).map(|(_, body)| body).collect();
    let mark = |value: &Value| value.as_str().unwrap().to_owned();
    let expected: BTreeSet<String> = acknowledged.iter().map(|body| mark(&body["id"])).collect();
    assert_eq!(expected.len(), acknowledged.len(), "two calls were given one result");
    let booked =
        entries.iter().map(|entry| if entry["trade_id"].is_null() { &entry["id"] } else { &entry["trade_id"] });
    assert_eq!(booked.map(mark).collect::<BTreeSet<_>>(), expected);
    assert_eq!(entries.len(), expected.len());
    let traded: BTreeSet<String> = trades.iter().map(|trade| mark(&trade["id"])).collect();
    assert!(traded.is_subset(&expected));
    assert_eq!(traded.len(), entries.iter().filter(|entry| !entry["trade_id"].is_null()).count());
    let mut balance = 0;
    for (entry, seq) in entries.iter().rev().zip(1..) {
        balance += cents(&entry["amount"]);
        assert_eq!((entry["seq"].as_i64().unwrap(), cents(&entry["balance"])), (seq, balance), "{entry}");
        assert!(balance >= 0, "{entry}");
    }
    entries.len()
}

/// Loads the platform, kills it, starts it again and looks.
async fn round(home: &Path, customers: &Arc<Vec<Customer>>, before: &mut Vec<Call>, round: usize, totals: &mut Totals) {
    let server = Server::start(home);
    let (answered, mut count) = watch::channel(0);
    let clients = (0..CUSTOMERS * CLIENTS)
        .map(|client| load(server.base.clone(), customers.clone(), client, round, answered.clone()));
    let clients: JoinSet<Vec<Call>> = clients.collect();
    // Each round at another place, the first before much was answered.
    let last = 3 + round * 29 % 120;
    let reached = timeout(GIVEN_UP, count.wait_for(|count| *count >= last)).await;
    reached.expect("so many calls are answered").expect("clients are calling");
    server.kill();
    let mut calls: Vec<Call> = clients.join_all().await.into_iter().flatten().collect();
    totals.calls += calls.len();
    totals.acknowledged += calls.iter().filter(|call| call.answer.is_some()).count();
    totals.cut_off += calls.iter().filter(|call| call.answer.is_none()).count();

    let server = Server::start(home);
    sent_again(&server.base, customers, &mut calls).await;
    before.extend(calls);
    let mut entries = 0;
    for (place, customer) in customers.iter().enumerate() {
        entries += look(&server.base, place, customer, before).await;
    }
    let (sound, report) = verify(home);
    assert!(sound, "{report}");
    assert_eq!((&report["unsound"], &report["entries"]), (&json!([]), &json!(entries)), "{report}");
    server.kill();
}

pub async fn begin(home: &Path) -> Arc<Vec<Customer>> {
    let server = Server::start(home);
    let client = https::client().unwrap();
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        customers.push(customer(&client, &server.base, number).await);
    }
    server.kill();
    Arc::new(customers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_calls_survive_a_kill_once_and_the_books_balance() {
    #[expect(clippy::disallowed_methods, reason = "the caller of the tests sets their duration")]
    let rounds = std::env::var(ROUNDS_ASKED).ok().map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let mut totals = Totals::default();
    let mut numbers = 0..rounds;
    while !numbers.is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let customers = begin(folder.path()).await;
        let mut calls = Vec::new();
        for number in numbers.by_ref().take(ROUNDS_OF_A_HOME) {
            round(folder.path(), &customers, &mut calls, number, &mut totals).await;
        }
    }
    let Totals { calls, acknowledged, cut_off } = totals;
    assert!(acknowledged > rounds && cut_off > rounds, "{acknowledged} answered, {cut_off} cut off");
    println!("{rounds} kills: {calls} calls, {acknowledged} answered, {cut_off} cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_books_are_detected_and_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let customers = begin(folder.path()).await;
    let server = Server::start(folder.path());
    let client = https::client().unwrap();
    let deposit = |base: &str, customer: &Customer, key: &str| {
        let request = client.post(format!("{base}/wallet/deposits")).bearer_auth(&customer.token);
        request.header("idempotency-key", key).json(&json!({ "amount": "100" }))
    };
    for customer in customers.iter() {
        made(deposit(&server.base, customer, "first")).await;
    }
    server.kill();
    assert!(verify(folder.path()).0);
    alter(folder.path(), &customers[0]).await;
    let (sound, report) = verify(folder.path());
    assert!(!sound, "{report}");
    assert_eq!(report["unsound"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["unsound"][0]["customer_id"], json!(customers[0].id), "{report}");

    let server = Server::start(folder.path());
    let (status, _, problem) = answer(deposit(&server.base, &customers[0], "second")).await.unwrap();
    assert_eq!((status, &problem["code"]), (423, &json!("wallet_frozen")), "{problem}");
    made(deposit(&server.base, &customers[1], "second")).await;
    server.kill();
}

/// Makes the customer's first deposit one of a hundred times as much.
pub async fn alter(home: &Path, customer: &Customer) {
    let clock = Arc::new(|| "2026-11-20T12:00:00Z".parse().unwrap());
    let table = SqliteTable::open(&home.join("sextant.sqlite"), clock).unwrap();
    let key = keys::wallet_entry(CustomerId(customer.id.parse().unwrap()), 1);
    let item = table.get(&key).await.unwrap().unwrap();
    let Body::Json(text) = item.body else { panic!("an entry of bytes") };
    let altered = text.replace("100.00", "10000.00");
    assert_ne!(altered, text);
    table.transact(vec![Write::update(key, Body::Json(altered), item.version)]).await.unwrap();
}
