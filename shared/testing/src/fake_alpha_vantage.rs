//! Alpha Vantage as a server on this machine, which records its calls and their times.

#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc, reason = "each program uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Day;
use market::ApiPlan;
use market::alpha_vantage::{AlphaVantage, FREE_PLAN, Settings};
use market_data::provider_metadata_cache::ProviderMetadataCache;
use market_data::quota::DurableQuota;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::ManualClock;
use crate::exchange::World;

const PREMIUM: &str = r#"{"Information": "This is a premium endpoint"}"#;

/// A call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: DateTime<Utc>,
    pub function: String,
    pub symbol: String,
}

/// How the server responds.
#[derive(Default)]
pub struct Script {
    /// The last day of every series.
    pub last: Option<Day>,
    /// Whether whole histories need a paid plan.
    pub is_free_plan: bool,
    /// The symbols whose price fell to a quarter ten days ago.
    pub jump: BTreeSet<String>,
    /// The number of calls that fail before it works.
    pub failures: usize,
}

pub struct FakeAlphaVantage {
    address: String,
    calls: Arc<Mutex<Vec<Call>>>,
    pub script: Arc<Mutex<Script>>,
}

impl FakeAlphaVantage {
    pub async fn start(clock: &ManualClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let (calls, script) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::<Mutex<Script>>::default());
        let (recorded, responses, clock) = (calls.clone(), script.clone(), clock.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, recorded.clone(), responses.clone(), clock.clone()));
            }
        });
        Self { address, calls, script }
    }

    /// The provider in a process that has just started, with the usual limits.
    pub fn provider(&self, world: &World) -> AlphaVantage {
        self.provider_with(world, FREE_PLAN)
    }

    /// The same with the key of another plan.
    pub fn provider_with(&self, world: &World, plan: ApiPlan) -> AlphaVantage {
        let settings = Settings::with_base("key".into(), &self.address).unwrap().with_plan(plan);
        let quota = DurableQuota::alpha_vantage(world.table.clone(), world.clock.reader(), plan);
        let facts = ProviderMetadataCache::alpha_vantage(world.table.clone(), world.clock.reader());
        AlphaVantage::new(settings, Arc::new(quota), Arc::new(facts)).unwrap()
    }

    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// How often a function was called.
    #[must_use]
    pub fn times(&self, function: &str) -> usize {
        self.calls().iter().filter(|call| call.function == function).count()
    }

    /// The most calls within any 24 hours.
    #[must_use]
    pub fn most_in_a_day(&self) -> usize {
        self.most_in(TimeDelta::hours(24))
    }

    /// The most calls within any span of this length.
    #[must_use]
    pub fn most_in(&self, span: TimeDelta) -> usize {
        let calls = self.calls();
        let in_the_span_from =
            |start: DateTime<Utc>| calls.iter().filter(|call| start <= call.at && call.at - start < span).count();
        calls.iter().map(|call| in_the_span_from(call.at)).max().unwrap_or(0)
    }

    /// The shortest time between two calls.
    #[must_use]
    pub fn least_distance(&self) -> Option<TimeDelta> {
        let calls = self.calls();
        calls.windows(2).map(|pair| pair[1].at - pair[0].at).min()
    }
}

async fn answer(mut stream: TcpStream, calls: Arc<Mutex<Vec<Call>>>, script: Arc<Mutex<Script>>, clock: ManualClock) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let query = head.split([' ', '?']).nth(2).unwrap();
    let pairs: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let (function, symbol) = (pairs["function"], *pairs.get("symbol").or(pairs.get("keywords")).unwrap());
    calls.lock().unwrap().push(Call { at: clock.now(), function: function.to_owned(), symbol: symbol.to_owned() });
    let (status, body) = {
        let mut script = script.lock().unwrap();
        if script.failures > 0 {
            script.failures -= 1;
            (500, String::new())
        } else {
            (200, script.answer(function, symbol))
        }
    };
    let reply = format!("HTTP/1.1 {status} R\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(reply.as_bytes()).await;
}

impl Script {
    fn answer(&self, function: &str, symbol: &str) -> String {
        match function {
            "TIME_SERIES_DAILY_ADJUSTED" if self.is_free_plan => PREMIUM.to_owned(),
            "TIME_SERIES_DAILY_ADJUSTED" | "TIME_SERIES_DAILY" => self.series(symbol),
            "GLOBAL_QUOTE" => format!(
                r#"{{"Global Quote": {{"01. symbol": "{symbol}", "05. price": "10.01", "07. latest trading day": "{}"}}}}"#,
                self.last.unwrap()
            ),
            "SPLITS" | "DIVIDENDS" => format!(r#"{{"symbol": "{symbol}", "data": []}}"#),
            "SYMBOL_SEARCH" => format!(
                r#"{{"bestMatches": [{{"1. symbol": "{symbol}", "3. type": "Equity", "8. currency": "EUR"}}]}}"#
            ),
            other => unreachable!("unexpected request: {other}"),
        }
    }

    /// Forty days up to the last, each with its own close.
    fn series(&self, symbol: &str) -> String {
        let mut days = vec![self.last.unwrap()];
        while days.len() < 40 {
            let before = days.last().unwrap().plus_days(-1);
            days.push(domain::calendar::last_trading_day_on_or_before(before).unwrap());
        }
        let rows = days.iter().enumerate().map(|(back, date)| {
            let cents = date.days_since_epoch() % 7;
            let scale = if back > 9 && self.jump.contains(symbol) { 4.0 } else { 1.0 };
            let close = scale * (10.0 + f64::from(cents) / 100.0);
            let events = if self.is_free_plan {
                r#""5. volume": "10""#.to_owned()
            } else {
                format!(r#""5. adjusted close": "{close}", "6. volume": "10", "8. split coefficient": "1""#)
            };
            format!(
                r#""{date}": {{"1. open": "{close}", "2. high": "{close}", "3. low": "{close}", "4. close": "{close}", {events}}}"#
            )
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        format!(r#"{{"Meta Data": {{"2. Symbol": "{symbol}"}}, "Time Series (Daily)": {{{rows}}}}}"#)
    }
}
