//! Many customers with the same books: one registers and trades, and the others are copies of all that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use books::trades::{self, RequestSize, Side, TradeRequest};
use books::wallets::{self, Transfer};
use domain::portfolio::PortfolioType;
use domain::{Currency, CustomerId, Money, PortfolioId, Quantity};
use market::Sample;
use market_data::MarketData;
use rust_decimal::Decimal;
use store::{Body, Item, Key, Query, Range, StoreError, Table, Write, keys, limits};
use testing::people::{open_portfolio, opening, person, register};
use testing::{InstantTable, InterceptedTable, Interceptor, TestBed};
use tokio::sync::Notify;
use uuid::Uuid;

/// The ledger entries of each customer: a deposit and two purchases.
pub const ENTRIES: u64 = 3;
/// No read is the one that hangs.
const NEVER: usize = usize::MAX;

/// A table that counts how often each wallet is replayed, and hangs at one of its reads if the test says so.
pub struct WatchedTable {
    table: InstantTable,
    replays: Mutex<BTreeMap<CustomerId, usize>>,
    /// The reads until it hangs.
    reads_left: AtomicUsize,
    /// It hangs.
    hung: Notify,
    /// The customer whose wallet is never read to the end.
    hangs_for: Mutex<Option<CustomerId>>,
}

#[async_trait]
impl Interceptor for WatchedTable {
    fn table(&self) -> &dyn Table {
        &self.table
    }

    async fn before_read(&self) {
        let left = self.reads_left.load(Ordering::SeqCst);
        if left == 0 {
            self.hung.notify_waiters();
            std::future::pending::<()>().await;
        }
        if left != NEVER {
            self.reads_left.fetch_sub(1, Ordering::SeqCst);
        }
    }

    async fn after_query(&self, query: &Query) -> Result<(), StoreError> {
        let Some(id) = query.partition.strip_prefix("WALLET#") else { return Ok(()) };
        let customer = CustomerId(id.parse().unwrap());
        if query.range == keys::wallet_entries(customer).range {
            *self.replays.lock().unwrap().entry(customer).or_default() += 1;
        }
        if *self.hangs_for.lock().unwrap() == Some(customer) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Customers, and the platform that has them.
pub struct Crowd {
    pub market: MarketData,
    pub table: Arc<InterceptedTable<WatchedTable>>,
    pub customers: BTreeSet<CustomerId>,
    original: CustomerId,
    portfolio: PortfolioId,
    items: Vec<Item>,
    pub test_bed: TestBed,
}

impl Crowd {
    /// One customer.
    pub async fn of_one() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let watched = WatchedTable {
            table: InstantTable(Arc::new(test_bed.table())),
            replays: Mutex::default(),
            reads_left: AtomicUsize::new(NEVER),
            hung: Notify::new(),
            hangs_for: Mutex::default(),
        };
        let table = Arc::new(InterceptedTable(watched));
        let market = test_bed.platform(table.clone(), Arc::new(Sample::new()));
        let original = register(&market.app, person("Ada")).await;
        let portfolio = open_portfolio(&market.app, original, opening(PortfolioType::Brokerage)).await;
        invest(&market, original, portfolio).await;
        let items = items_of(&table.table, original, portfolio).await;
        let customers = BTreeSet::from([original]);
        Self { market, table, customers, original, portfolio, items, test_bed }
    }

    /// This many customers, spread over all shards.
    pub async fn of(number: u128) -> Self {
        let mut crowd = Self::of_one().await;
        for number in 1..number {
            crowd.add(CustomerId(Uuid::from_u128((7 << 76) | (number << 80)))).await;
        }
        crowd
    }

    /// This many customers, all but the first in one shard.
    pub async fn of_one_shard(number: usize) -> Self {
        let mut crowd = Self::of_one().await;
        let ids = (1..u128::MAX).map(|number| CustomerId(Uuid::from_u128((7 << 76) | (number << 80))));
        let in_shard = ids.filter(|id| keys::customer_index_item(*id).pk == keys::customer_index_shard(0).partition);
        for id in in_shard.take(number - 1) {
            crowd.add(id).await;
        }
        crowd
    }

    /// Adds a copy of the first customer.
    pub async fn add(&mut self, id: CustomerId) {
        let portfolio = Uuid::from_u128(!id.0.as_u128());
        let renamed = |text: &str| {
            let text = text.replace(&self.original.to_string(), &id.to_string());
            text.replace(&self.portfolio.0.to_string(), &portfolio.to_string())
        };
        let index = keys::customer_index_item(self.original);
        let copied = |item: &Item| {
            let Body::Json(text) = &item.body else { panic!("{} holds bytes", item.key) };
            let key = Key::new(renamed(&item.key.pk), renamed(&item.key.sk));
            let key = if item.key == index { keys::customer_index_item(id) } else { key };
            Write::create(key, Body::Json(renamed(text)))
        };
        self.table.transact(self.items.iter().map(copied).collect()).await.unwrap();
        self.customers.insert(id);
    }

    /// Raises the first deposit of a customer, or lowers it again.
    pub async fn rewrite_deposit(&self, customer: CustomerId, from: &str, to: &str) {
        let item = self.table.get(&keys::wallet_entry(customer, 1)).await.unwrap().unwrap();
        let Body::Json(text) = item.body else { panic!("{} holds bytes", item.key) };
        assert!(text.contains(from), "{text}");
        let write = Write::update(item.key, Body::Json(text.replacen(from, to, 1)), item.version);
        self.table.transact(vec![write]).await.unwrap();
    }

    /// From now on this customer's wallet is never read to the end.
    pub fn hang_for(&self, customer: CustomerId) {
        *self.table.hangs_for.lock().unwrap() = Some(customer);
    }

    pub async fn is_frozen(&self, customer: CustomerId) -> bool {
        wallets::show(&self.market.app, customer).await.unwrap().frozen
    }

    /// How often each wallet was replayed since the last call.
    pub fn take_replays(&self) -> BTreeMap<CustomerId, usize> {
        std::mem::take(&mut self.table.replays.lock().unwrap())
    }

    /// Runs `work` and kills it at the read of this number, or lets it end before. Returns whether it was killed.
    pub async fn kill_at<T: Send + 'static>(
        &self,
        read: usize,
        work: impl Future<Output = T> + Send + 'static,
    ) -> bool {
        self.table.reads_left.store(read, Ordering::SeqCst);
        let mut task = tokio::spawn(work);
        let killed = tokio::select! {
            ended = &mut task => { ended.unwrap(); false }
            () = self.table.hung.notified() => true,
        };
        if killed {
            task.abort();
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
        self.table.reads_left.store(NEVER, Ordering::SeqCst);
        killed
    }
}

/// A deposit and two purchases on the prices of the sample.
async fn invest(market: &MarketData, customer: CustomerId, portfolio: PortfolioId) {
    let deposit = Money::new(Decimal::new(1_000_000, 2), Currency::USD).unwrap();
    wallets::transfer(market, customer, Transfer::Deposit, deposit, Some("deposit")).await.unwrap();
    for symbol in ["AAPL", "MSFT"] {
        let order = TradeRequest {
            side: Side::Buy,
            symbol: symbol.parse().unwrap(),
            size: RequestSize::Quantity(Quantity::parse("3").unwrap()),
            fee: Decimal::ONE,
            lots: Vec::new(),
            expected_price: None,
        };
        trades::execute(market, customer, portfolio, &order, Some(symbol)).await.unwrap();
    }
}

/// All items of a customer and the portfolio, and the entry in the list of customers.
async fn items_of(table: &dyn Table, customer: CustomerId, portfolio: PortfolioId) -> Vec<Item> {
    let partitions = BTreeSet::from([
        keys::profile(customer).pk,
        keys::customer_items(customer).partition,
        keys::wallet_head(customer).pk,
        keys::trades(portfolio).partition,
    ]);
    let mut items = vec![table.get(&keys::customer_index_item(customer)).await.unwrap().unwrap()];
    for partition in partitions {
        let query = Query::forward(partition, Range::All, limits::MAX_PAGE_ITEMS);
        items.extend(table.query(&query).await.unwrap().items);
    }
    items
}
