//! A live exchange that behaves as a test says and records its calls, and a bus that records its events.

#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc, reason = "each program uses a part of it")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::Channels;
use app::bus::{Bus, Event, NotPublished};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Bar, Bars, Currency, CustomerId, Day, Instrument, Price, Symbol};
use market::{Basis, CallBudget, CallsLeft, History, MarketClock, Note, Provider, ProviderError, Quote};
use market_data::quote_record::{LastQuote, QuotesRefreshed};
use market_data::{MarketData, instruments, tracked_symbols};
use store::Table;
use uuid::Uuid;

use crate::InstantTable;
use crate::{CountingTable, ManualClock, TestBed};

/// What the exchange returns for one symbol.
#[derive(Clone)]
pub struct Listing {
    pub bars: Result<Bars, ProviderError>,
    pub quote: Result<Quote, ProviderError>,
}

/// A live provider of prices.
pub struct Exchange {
    listings: Mutex<BTreeMap<Symbol, Listing>>,
    calls: Mutex<Vec<String>>,
    /// Calls that are left, if they are counted.
    pub left: Mutex<Option<usize>>,
    /// The calls of a minute, if they are those of a minute and not of a day.
    pub a_minute: Mutex<Option<usize>>,
    /// Whether it accepts every call and never answers.
    pub hangs: AtomicBool,
    /// How long an answer takes.
    pub takes: Mutex<Duration>,
    /// What every search finds.
    pub found: Mutex<Result<Vec<Instrument>, ProviderError>>,
    /// The source of its bars, which is also the one that it recognises as its own.
    pub source: Mutex<&'static str>,
    pub compact: AtomicBool,
    /// The notes on every series.
    pub notes: Mutex<Vec<Note>>,
    /// The time that each call was given.
    pub given: Mutex<Vec<Duration>>,
    /// Whether a name takes a call.
    pub names_cost: AtomicBool,
    /// The error of every call, refused by its own count and without a call.
    pub refuses: Mutex<Option<ProviderError>>,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            listings: Mutex::default(),
            calls: Mutex::default(),
            left: Mutex::default(),
            a_minute: Mutex::default(),
            hangs: AtomicBool::new(false),
            takes: Mutex::default(),
            found: Mutex::new(Ok(Vec::new())),
            source: Mutex::new("exchange"),
            compact: AtomicBool::new(false),
            notes: Mutex::default(),
            given: Mutex::default(),
            names_cost: AtomicBool::new(false),
            refuses: Mutex::default(),
        }
    }
}

impl Exchange {
    /// Lists a symbol with these bars, and their last close as its quote.
    pub fn list(&self, name: &str, bars: Bars) {
        let quote = Quote::of_last_bar(&symbol(name), &self.history(bars.clone()));
        self.listings.lock().unwrap().insert(symbol(name), Listing { bars: Ok(bars), quote });
    }

    /// From now on this is the quote of a symbol.
    pub fn quote_at(&self, name: &str, quote: Result<Quote, ProviderError>) {
        let mut listings = self.listings.lock().unwrap();
        let fresh = Listing { bars: Err(ProviderError::TimedOut), quote: Err(ProviderError::TimedOut) };
        listings.entry(symbol(name)).or_insert(fresh).quote = quote;
    }

    /// From now on every request for a symbol fails.
    pub fn fail(&self, name: &str, error: ProviderError) {
        let listing = Listing { bars: Err(error.clone()), quote: Err(error) };
        self.listings.lock().unwrap().insert(symbol(name), listing);
    }

    /// The calls since the last time, sorted: concurrent calls have no order.
    pub fn sorted_calls(&self) -> Vec<String> {
        let mut calls = self.calls();
        calls.sort();
        calls
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn history(&self, bars: Bars) -> History {
        let compact = self.compact.load(Ordering::SeqCst).then_some(Note::CompactHistory);
        let notes = self.notes.lock().unwrap().iter().cloned().chain(compact).collect();
        History {
            source: *self.source.lock().unwrap(),
            bars,
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes,
            held_back: None,
        }
    }

    async fn record_call(&self, what: &str, name: &str) -> Result<(), ProviderError> {
        if let Some(refusal) = self.refuses.lock().unwrap().clone() {
            return Err(refusal);
        }
        self.calls.lock().unwrap().push(format!("{what} {name}"));
        if let Some(left) = self.left.lock().unwrap().as_mut() {
            *left = left.saturating_sub(1);
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let takes = *self.takes.lock().unwrap();
        if takes.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(takes).await;
        }
        Ok(())
    }

    /// After a provider has reported that the day's calls are used up, its count has none left.
    fn refused(&self, error: &ProviderError) {
        if let (ProviderError::QuotaExhausted { .. }, Some(left)) = (error, self.left.lock().unwrap().as_mut()) {
            *left = 0;
        }
    }

    fn listing(&self, symbol: &Symbol) -> Result<Listing, ProviderError> {
        self.listings.lock().unwrap().get(symbol).cloned().ok_or(ProviderError::UnknownSymbol)
    }
}

#[async_trait]
impl Provider for Exchange {
    fn source(&self) -> &'static str {
        *self.source.lock().unwrap()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        self.given.lock().unwrap().push(budget.time_for_an_answer());
        self.record_call("bars", symbol.as_str()).await?;
        Ok(self.history(self.listing(symbol)?.bars.inspect_err(|error| self.refused(error))?))
    }

    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        self.given.lock().unwrap().push(budget.time_for_an_answer());
        self.record_call("quote", symbol.as_str()).await?;
        self.listing(symbol)?.quote.inspect_err(|error| self.refused(error))
    }

    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        self.given.lock().unwrap().push(budget.time_for_an_answer());
        self.record_call("search", text).await?;
        self.found.lock().unwrap().clone()
    }

    async fn read_calls_left(&self) -> Option<CallsLeft> {
        let left = (*self.left.lock().unwrap())?;
        let a_minute = *self.a_minute.lock().unwrap();
        Some(match a_minute {
            Some(_) => CallsLeft { today: None, now: left, a_minute },
            None => CallsLeft::of_a_day(left),
        })
    }

    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        if self.names_cost.load(Ordering::SeqCst) {
            self.record_call("name", symbol.as_str()).await?;
        }
        Ok(Instrument { name: format!("{symbol} Incorporated"), ..Instrument::unlisted(symbol.clone()) })
    }
}

/// A bus that records its events, and accepts none while it is shut.
#[derive(Default)]
pub struct RecordingBus {
    heard: Mutex<Vec<Vec<LastQuote>>>,
    pub shut: AtomicBool,
}

impl RecordingBus {
    /// The quotes of each event since the last time.
    pub fn events(&self) -> Vec<Vec<LastQuote>> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// Symbol and number of every quote since the last time, by symbol.
    pub fn quotes(&self) -> Vec<(String, u64)> {
        let mut quotes: Vec<_> =
            self.events().into_iter().flatten().map(|quote| (quote.symbol.to_string(), quote.seq)).collect();
        quotes.sort();
        quotes
    }
}

#[async_trait]
impl Bus for RecordingBus {
    async fn publish(&self, event: Event) -> Result<(), NotPublished> {
        if self.shut.load(Ordering::SeqCst) {
            return Err(NotPublished("shut".to_owned()));
        }
        assert_eq!(event.detail_type, "quotes.refreshed");
        assert!(event.detail.to_string().len() <= app::bus::MAX_EVENT_BYTES);
        let detail: QuotesRefreshed = serde_json::from_value(event.detail).unwrap();
        self.heard.lock().unwrap().push(detail.quotes);
        Ok(())
    }
}

/// A platform on the exchange.
pub struct World {
    pub platform: MarketData,
    pub exchange: Arc<Exchange>,
    pub bus: Arc<RecordingBus>,
    pub clock: ManualClock,
    pub table: Arc<CountingTable>,
    pub customer: CustomerId,
    /// How many symbols are watched, each by another customer.
    watchers: AtomicUsize,
    test_bed: TestBed,
}

impl World {
    /// A world at this time.
    #[must_use]
    pub fn at(instant: &str) -> Self {
        let test_bed = TestBed::at(instant);
        let table = Arc::new(CountingTable::new(Arc::new(InstantTable(Arc::new(test_bed.table())))));
        let (exchange, bus) = (Arc::new(Exchange::default()), Arc::new(RecordingBus::default()));
        let platform = platform(&test_bed, table.clone(), exchange.clone(), &bus);
        let clock = test_bed.clock.clone();
        let (customer, watchers) = (CustomerId(Uuid::from_u128(7)), AtomicUsize::default());
        Self { platform, exchange, bus, clock, table, customer, watchers, test_bed }
    }

    /// Another process on the same store.
    pub fn restarted(&self) -> MarketData {
        self.on(self.table.clone(), self.exchange.clone())
    }

    /// A process on another table or provider.
    pub fn on(&self, table: Arc<dyn Table>, provider: Arc<dyn Provider>) -> MarketData {
        platform(&self.test_bed, table, provider, &self.bus)
    }

    /// Lists a symbol and has it tracked by a watcher, another one for each symbol.
    pub async fn track(&self, name: &str, bars: Bars) {
        self.exchange.list(name, bars);
        let watcher = CustomerId(Uuid::from_u128(1_000 + self.watchers.fetch_add(1, Ordering::Relaxed) as u128));
        let (market, symbol) = (&self.platform, symbol(name));
        instruments::load(market, watcher, &symbol, market.budget_for(watcher)).await.unwrap();
        tracked_symbols::track(&market.app, &symbol).await.unwrap();
        market.app.table().transact(vec![tracked_symbols::watches(watcher, &symbol)]).await.unwrap();
    }
}

fn platform(
    test_bed: &TestBed,
    table: Arc<dyn Table>,
    provider: Arc<dyn Provider>,
    bus: &Arc<RecordingBus>,
) -> MarketData {
    test_bed.platform_with(table, provider, Channels { bus: bus.clone(), ..Channels::none() })
}

#[must_use]
pub fn time(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

#[must_use]
pub fn symbol(name: &str) -> Symbol {
    name.parse().unwrap()
}

#[must_use]
pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[must_use]
pub fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

#[must_use]
pub fn bar(date: Day, close: f64) -> Bar {
    Bar {
        date,
        open: close,
        high: close,
        low: close,
        close,
        volume: 100.0,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    }
}

/// Bars of trading days up to `last`, with this last close; each earlier close is a cent lower.
#[must_use]
pub fn bars_through(last: &str, count: usize, close: f64) -> Bars {
    let mut days = vec![day(last)];
    while days.len() < count {
        let before = days.last().unwrap().plus_days(-1);
        days.push(domain::calendar::last_trading_day_on_or_before(before).unwrap());
    }
    let closes = (0..count).rev().map(|back| close - back as f64 / 100.0);
    Bars::from_rows(days.into_iter().rev().zip(closes).map(|(day, close)| bar(day, close))).unwrap()
}

/// A quote of the exchange.
pub fn quote(name: &str, text: &str, of: &str, as_of: Option<&str>) -> Quote {
    Quote {
        symbol: symbol(name),
        price: price(text),
        previous_close: None,
        currency: Currency::USD,
        day: day(of),
        as_of: as_of.map(time),
        source: "exchange",
    }
}
