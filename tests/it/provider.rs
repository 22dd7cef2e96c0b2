//! A local provider with Alpha Vantage's interface and prices that a test sets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use domain::{Day, calendar};
use market_data::exchange_hours::last_finished_session;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Trading days of a compact response.
const COMPACT_DAYS: usize = 100;

/// The provider, which listens while the test's runtime lives.
#[derive(Clone)]
pub struct LoopbackProvider(Arc<State>);

struct State {
    /// The last price of each symbol that it knows, in hundredths.
    cents: Mutex<BTreeMap<String, u64>>,
    calls: Mutex<Vec<String>>,
    /// The API keys that came with a request for a symbol.
    keys: Mutex<BTreeSet<(String, String)>>,
    now: Mutex<DateTime<Utc>>,
}

impl LoopbackProvider {
    /// Listens at `address`, whose port may be 0, and returns its URL. Its clock starts at `now`.
    pub async fn listen(address: &str, now: DateTime<Utc>) -> (Self, String) {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self(Arc::new(State {
            cents: Mutex::default(),
            calls: Mutex::default(),
            keys: Mutex::default(),
            now: Mutex::new(now),
        }));
        let answering = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answering.clone().answer(stream));
            }
        });
        (provider, url)
    }

    /// Sets the last price of a symbol, in hundredths.
    pub fn set(&self, symbol: &str, cents: u64) {
        self.0.cents.lock().unwrap().insert(symbol.to_owned(), cents);
    }

    /// Sets the time.
    pub fn set_now(&self, now: DateTime<Utc>) {
        *self.0.now.lock().unwrap() = now;
    }

    /// The functions that were called for a symbol, in order.
    pub fn calls(&self, symbol: &str) -> Vec<String> {
        let calls = self.0.calls.lock().unwrap();
        calls.iter().filter_map(|call| call.strip_suffix(&format!(" {symbol}"))).map(ToOwned::to_owned).collect()
    }

    /// The different API keys with which a symbol was requested, sorted.
    pub fn keys(&self, symbol: &str) -> Vec<String> {
        let keys = self.0.keys.lock().unwrap();
        keys.iter().filter(|(of, _)| of == symbol).map(|(_, key)| key.clone()).collect()
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(1..) => {}
                _ => return,
            }
            request.extend_from_slice(&buffer);
            // The rest of the buffer is blank and comes after the end that is searched for.
            buffer.fill(0);
        }
        let head = String::from_utf8_lossy(&request);
        let target = head.split(' ').nth(1).unwrap_or_default();
        let url: Url = format!("http://provider.test{target}").parse().unwrap();
        let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let body = self.say(&asked).to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        // The caller may have passed its deadline.
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    fn say(&self, asked: &BTreeMap<String, String>) -> Value {
        let of = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        let function = of("function");
        let symbol = if function == "SYMBOL_SEARCH" { of("keywords") } else { of("symbol") };
        self.0.calls.lock().unwrap().push(format!("{function} {symbol}"));
        self.0.keys.lock().unwrap().insert((symbol.to_owned(), of("apikey").to_owned()));
        let Some(cents) = self.0.cents.lock().unwrap().get(symbol).copied() else {
            return match function {
                "SYMBOL_SEARCH" => json!({ "bestMatches": [] }),
                "OVERVIEW" => json!({}),
                "GLOBAL_QUOTE" => json!({ "Global Quote": {} }),
                _ => json!({ "Error Message": "Invalid API call." }),
            };
        };
        let now = *self.0.now.lock().unwrap();
        match function {
            "TIME_SERIES_DAILY_ADJUSTED" => {
                json!({ "Information": "Thank you for using Alpha Vantage! This is a premium endpoint." })
            }
            "TIME_SERIES_DAILY" => json!({ "Time Series (Daily)": daily(last_finished_session(now), cents) }),
            "GLOBAL_QUOTE" => json!({ "Global Quote": {
                "01. symbol": symbol,
                "05. price": price(cents),
                "07. latest trading day": today(now).to_string(),
                "08. previous close": price(cents - 100),
            } }),
            "SYMBOL_SEARCH" => json!({ "bestMatches": [{
                "1. symbol": symbol, "2. name": "Loopback Industries", "3. type": "Equity", "4. region": "United States",
                "8. currency": "USD",
            }] }),
            "OVERVIEW" => json!({
                "Symbol": symbol, "AssetType": "Common Stock", "Name": "Loopback Industries", "Currency": "USD",
                "Exchange": "NYSE", "Sector": "TECHNOLOGY",
            }),
            _ => json!({ "Error Message": "This function does not exist." }),
        }
    }
}

/// The day of the last price: today if the exchange is open, otherwise the last session.
fn today(now: DateTime<Utc>) -> Day {
    let next = calendar::next_trading_days(last_finished_session(now), 1)[0];
    let local: Day = now.with_timezone(&chrono_tz::America::New_York).date_naive().try_into().unwrap();
    if next == local { next } else { last_finished_session(now) }
}

/// Bars up to `last`, a cent a day apart, the last of them at `cents`.
fn daily(last: Day, cents: u64) -> Value {
    let mut bars = serde_json::Map::new();
    let mut day = last;
    for age in 0..COMPACT_DAYS as u64 {
        let close = price(cents - age.min(cents / 2));
        let bar =
            json!({ "1. open": close, "2. high": close, "3. low": close, "4. close": close, "5. volume": "1000" });
        bars.insert(day.to_string(), bar);
        day = calendar::last_trading_day_on_or_before(day.plus_days(-1)).unwrap();
    }
    Value::Object(bars)
}

fn price(cents: u64) -> String {
    let mut text = String::new();
    write!(text, "{}.{:02}00", cents / 100, cents % 100).unwrap();
    text
}
