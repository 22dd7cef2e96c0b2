//! A market that tests move by hand, books written as trades leave them, and tables that count and hide.

#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc, reason = "each program uses a part of it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use books::portfolios::NewPortfolio;
use domain::portfolio::PortfolioType;
use domain::{Bars, Currency, CustomerId, Day, Instrument, Money, PortfolioId, Price, Quantity, Symbol, split};
use ledger::trade::{buy, sell};
use ledger::wallet::deposit;
use ledger::{LotMethod, OrderSize, Position, Side, Stamp, Trade, TradeOrder, TradeTerms, Wallet};
use market::{Basis, CallBudget, History, MarketClock, Note, Provider, ProviderError};
use market_data::MarketData;
use rust_decimal::Decimal;
use store::{Expect, Item, Key, Page, Query, StoreError, Table, Version, Write, documents, keys};
use store_sqlite::SqliteTable;
use uuid::Uuid;

use crate::people::{open_portfolio, opening};
use crate::{ManualClock, TestBed};

/// A provider whose clock and prices a test sets.
pub struct Market(Mutex<Prices>);

struct Prices {
    today: Day,
    /// Counts corrections, so that a reader asks again.
    edition: u32,
    listed: BTreeMap<Symbol, (Instrument, Bars)>,
    /// The notes on every series.
    notes: Vec<Note>,
}

impl Market {
    #[must_use]
    pub fn new(today: Day) -> Self {
        Self(Mutex::new(Prices { today, edition: 0, listed: BTreeMap::new(), notes: Vec::new() }))
    }

    pub fn list(&self, instrument: Instrument, bars: Bars) {
        let mut prices = self.0.lock().unwrap();
        prices.edition += 1;
        prices.listed.insert(instrument.symbol.clone(), (instrument, bars));
    }

    pub fn say(&self, notes: &[Note]) {
        let mut prices = self.0.lock().unwrap();
        prices.edition += 1;
        prices.notes = notes.to_vec();
    }

    pub fn move_to(&self, today: Day) {
        self.0.lock().unwrap().today = today;
    }

    pub fn today(&self) -> Day {
        self.0.lock().unwrap().today
    }

    pub fn bars(&self, symbol: &Symbol) -> Bars {
        self.0.lock().unwrap().listed[symbol].1.clone()
    }
}

#[async_trait]
impl Provider for Market {
    fn source(&self) -> &'static str {
        "made by hand"
    }

    fn clock(&self) -> MarketClock {
        MarketClock::StandsAt(self.today())
    }

    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        let prices = self.0.lock().unwrap();
        Some(format!("{} {}", prices.today, prices.edition))
    }

    async fn fetch_daily(&self, symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        let prices = self.0.lock().unwrap();
        let (instrument, bars) = prices.listed.get(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let bars = bars.slice(0, bars.count_through(prices.today));
        Ok(History {
            source: self.source(),
            bars,
            basis: Basis::Quoted,
            currency: instrument.currency,
            notes: prices.notes.clone(),
            held_back: None,
        })
    }

    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        let prices = self.0.lock().unwrap();
        prices.listed.get(symbol).map(|(instrument, _)| instrument.clone()).ok_or(ProviderError::UnknownSymbol)
    }
}

/// A table that counts the items that it returns by kind, the beginning of their sort keys, and that can hide all
/// stored daily values.
pub struct CountingByKind {
    pub table: Arc<SqliteTable>,
    read: Mutex<BTreeMap<String, usize>>,
    without_series: bool,
}

impl CountingByKind {
    #[must_use]
    pub fn new(table: Arc<SqliteTable>) -> Self {
        Self { table, read: Mutex::default(), without_series: false }
    }

    #[must_use]
    pub fn without_series(table: Arc<SqliteTable>) -> Self {
        Self { without_series: true, ..Self::new(table) }
    }

    /// Items of each kind since the last call.
    pub fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.read.lock().unwrap())
    }

    fn count<'a>(&self, items: impl IntoIterator<Item = &'a Item>) {
        let mut read = self.read.lock().unwrap();
        for item in items {
            *read.entry(item.key.sk.split('#').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
}

fn is_series(key: &Key) -> bool {
    key.sk.starts_with("SERIES#")
}

#[async_trait]
impl Table for CountingByKind {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let item = self.table.get(key).await?;
        self.count(&item);
        Ok(item)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let items = self.table.get_many(keys).await?;
        self.count(items.iter().flatten());
        Ok(items)
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let mut page = self.table.query(query).await?;
        if self.without_series {
            page.items.retain(|item| !is_series(&item.key));
        }
        self.count(&page.items);
        Ok(page)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        if self.without_series && writes.iter().any(|write| is_series(write.key())) {
            return Err(StoreError::Conflict { write: 0 });
        }
        self.table.transact(writes).await
    }
}

/// A customer with a portfolio on a market.
pub struct World {
    pub platform: MarketData,
    pub watched: Arc<CountingByKind>,
    pub market: Arc<Market>,
    pub clock: ManualClock,
    pub customer: CustomerId,
    pub portfolio: PortfolioId,
    /// The lot method of trades.
    pub lot_method: LotMethod,
    wallet: Wallet,
    positions: BTreeMap<Symbol, Position>,
    test_bed: TestBed,
}

impl World {
    pub async fn new(market: Market, base: Currency) -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = Arc::new(test_bed.table());
        Self::on(table, market, base, test_bed).await
    }

    pub async fn on(table: Arc<SqliteTable>, market: Market, base: Currency, test_bed: TestBed) -> Self {
        let (watched, market) = (Arc::new(CountingByKind::new(table)), Arc::new(market));
        let (platform, clock) = (test_bed.platform(watched.clone(), market.clone()), test_bed.clock.clone());
        let customer = CustomerId(Uuid::from_u128(7));
        let opening = NewPortfolio { base_currency: base, ..opening(PortfolioType::Brokerage) };
        let portfolio = open_portfolio(&platform.app, customer, opening).await;
        let mut wallet = Wallet::new(customer);
        for currency in ["USD", "EUR"] {
            let stamp = Stamp { entry_id: Uuid::nil(), market_day: Day::FIRST, created_at: clock.now() };
            let much = Money::parse("900000000000", currency.parse().unwrap()).unwrap();
            wallet = deposit(&wallet, much, &stamp).unwrap().wallet;
        }
        let positions = BTreeMap::new();
        let lot_method = LotMethod::Fifo;
        Self { platform, watched, market, clock, customer, portfolio, lot_method, wallet, positions, test_bed }
    }

    /// A new process on the same store that finds no stored daily values.
    #[must_use]
    pub fn forgetful(&self) -> MarketData {
        let watched = Arc::new(CountingByKind::without_series(self.watched.table.clone()));
        self.test_bed.platform(watched, self.market.clone())
    }

    /// A new process on the same store.
    #[must_use]
    pub fn restarted(&self) -> MarketData {
        self.test_bed.platform(self.watched.clone(), self.market.clone())
    }

    /// Decides a trade at a day's close; nothing is stored yet.
    pub fn decide(&mut self, side: Side, symbol: &Symbol, units: Decimal, id: Uuid, day: Day) -> Trade {
        let (currency, bars) = {
            let prices = self.market.0.lock().unwrap();
            let (instrument, bars) = &prices.listed[symbol];
            (instrument.currency, bars.clone())
        };
        let close = bars.close()[bars.count_through(day) - 1];
        let splits = split::splits_of(&bars).unwrap();
        let quantity = OrderSize::Quantity(Quantity::new(units).unwrap());
        let order = TradeOrder { size: quantity, fee: Money::parse("1.25", currency).unwrap(), lots: Vec::new() };
        let created_at = self.clock.now();
        let terms = TradeTerms {
            trade_id: id,
            stamp: Stamp { entry_id: id, market_day: day, created_at },
            price: Price::from_bar(close).unwrap(),
            quote_as_of: created_at,
            splits: &splits,
            lot_method: self.lot_method,
        };
        let fresh = || Position::new(self.portfolio.0, symbol.clone(), currency).unwrap();
        let position = self.positions.get(symbol).cloned().unwrap_or_else(fresh);
        let booked = match side {
            Side::Buy => buy(&self.wallet, &position, &order, &terms),
            Side::Sell => sell(&self.wallet, &position, &order, &terms),
        };
        let booked = booked.unwrap();
        self.wallet = booked.wallet;
        self.positions.insert(symbol.clone(), booked.position);
        booked.trade
    }

    pub fn units_of(&self, symbol: &Symbol, day: Day) -> Decimal {
        let splits = split::splits_of(&self.market.bars(symbol)).unwrap();
        let held = self.positions.get(symbol).map(|position| position.units_on(day, &splits).unwrap());
        held.map(Quantity::units).unwrap_or_default()
    }

    /// Stores trades and the resulting positions.
    pub async fn store(&self, trades: &[Trade]) {
        for trades in trades.chunks(100) {
            let write = |trade: &Trade| {
                let key = keys::trade(self.portfolio, trade.id);
                Write::create(key.clone(), documents::body(&key, trade).unwrap())
            };
            self.watched.table.transact(trades.iter().map(write).collect()).await.unwrap();
        }
        let symbols: std::collections::BTreeSet<&Symbol> = trades.iter().map(|trade| &trade.symbol).collect();
        for symbol in symbols {
            let position = &self.positions[symbol];
            self.put(keys::position(self.portfolio, symbol), &position.head()).await;
            let nothing = Position::new(self.portfolio.0, symbol.clone(), position.currency).unwrap();
            for older in position.older_lots_changed_since(&nothing) {
                self.put(keys::older_lots(self.portfolio, symbol, older.item), &older).await;
            }
        }
    }

    /// Makes a trade at a day's close and stores it.
    pub async fn trade(&mut self, side: Side, symbol: &Symbol, units: &str, day: Day) {
        let id = self.platform.app.new_id();
        let trade = self.decide(side, symbol, units.parse().unwrap(), id, day);
        self.store(&[trade]).await;
    }

    async fn put<T: serde::Serialize>(&self, key: Key, value: &T) {
        let version = self.watched.table.get(&key).await.unwrap().map(|item| item.version);
        let body = documents::body(&key, value).unwrap();
        let put = Write::Put { key, body, expires_at: None, expect: Expect::from(version) };
        self.watched.table.transact(vec![put]).await.unwrap();
    }
}

/// Numbers from a seed, the same on every machine (Knuth's MMIX constants).
pub struct SeededRandom(pub u64);

impl SeededRandom {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// A random walk of prices on these days, in ten-thousandths, with occasional dividends, and a split when the price
    /// has become high.
    pub fn random_walk(&mut self, days: &[Day]) -> Bars {
        let mut price = 100.0_f64;
        let bar = |&date: &Day| {
            let step: f64 = (0..4).map(|_| self.below(2_000) as f64 / 1_000.0 - 1.0).sum();
            price *= (0.000_3 + 0.015 * step).exp();
            let close = (price * 1e4).round() / 1e4;
            let dividend = if self.below(63) == 0 { 0.25 } else { 0.0 };
            let split_ratio = if price > 90.0 && self.below(100) == 0 { 2.0 } else { 1.0 };
            price /= split_ratio;
            let close = if split_ratio > 1.0 { (close / split_ratio * 1e4).round() / 1e4 } else { close };
            domain::Bar {
                date,
                open: close,
                high: close,
                low: close,
                close,
                volume: 1e6,
                adjusted_close: close,
                split_ratio,
                dividend,
            }
        };
        Bars::from_rows(days.iter().map(bar)).unwrap()
    }
}

pub fn stock(symbol: &str, currency: &str, sector: Option<&str>) -> Instrument {
    Instrument {
        currency: currency.parse().unwrap(),
        sector: sector.map(str::to_owned),
        ..Instrument::unlisted(symbol.parse().unwrap())
    }
}
