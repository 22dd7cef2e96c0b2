//! Lots that were stored before there were activities, on a real store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::Precondition;
use app::listing::{self, ListOrder, PageRequest};
use async_trait::async_trait;
use books::imports::{self, Duplicates, Format, ImportRequest};
use books::investments::{self, InvestmentCorrection, InvestmentFilter, InvestmentNow, Purchase};
use books::{holdings, portfolios};
use domain::portfolio::PortfolioType;
use domain::{CustomerId, PortfolioId, Price, Quantity};
use market::Sample;
use market_data::MarketData;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::{StoreError, Table, Version, Write, documents, keys};
use store_sqlite::SqliteTable;
use testing::people::opening;
use testing::{InterceptedTable, Interceptor, TestBed};
use uuid::Uuid;

const LOTS: usize = 1_000;

/// A table that, on request, fails when old lots are removed.
struct KeepsOldLots {
    table: SqliteTable,
    fails: AtomicBool,
}

#[async_trait]
impl Interceptor for KeepsOldLots {
    fn table(&self) -> &dyn Table {
        &self.table
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let removes = writes.iter().any(|write| write.key().sk.starts_with("INVESTMENT#"));
        if removes && self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("the process ended here"));
        }
        self.table.transact(writes).await
    }
}

struct World {
    platform: MarketData,
    table: Arc<InterceptedTable<KeepsOldLots>>,
    customer: CustomerId,
    portfolio: PortfolioId,
    _test_bed: TestBed,
}

/// The id of an old lot.
fn old(number: usize) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000 + number as u64, &[7; 10]).into_uuid()
}

impl World {
    /// A portfolio with [`LOTS`] lots of IBM, of 1, 2, 3 … units, as earlier versions stored them.
    async fn with_old_lots() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = KeepsOldLots { table: test_bed.table(), fails: AtomicBool::new(false) };
        let table = Arc::new(InterceptedTable(table));
        let platform = test_bed.platform(table.clone(), Arc::new(Sample::new()));
        let customer = CustomerId(Uuid::from_u128(7));
        let portfolio =
            portfolios::open(&platform.app, customer, &opening(PortfolioType::Other), None).await.unwrap().value.id;
        let at = "2025-11-20T12:00:00Z";
        let stored = (1..=LOTS).map(|number| {
            let key = keys::investment(portfolio, old(number));
            let body = json!({
                "id": old(number), "portfolio_id": portfolio, "ticker_symbol": "IBM", "instrument_type": "stock",
                "quantity": number.to_string(), "purchase_price": "100", "purchase_date": "2010-01-04", "fee": "1.5",
                "currency": "USD", "created_at": at, "updated_at": at, "version": 3,
            });
            Write::create(key.clone(), documents::body(&key, &body).unwrap())
        });
        let count = keys::investment_count(portfolio);
        let count = Write::create(count.clone(), documents::body(&count, &json!({ "count": LOTS })).unwrap());
        for writes in stored.chain([count]).collect::<Vec<_>>().chunks(100) {
            table.transact(writes.to_vec()).await.unwrap();
        }
        Self { platform, table, customer, portfolio, _test_bed: test_bed }
    }

    async fn list(&self) -> Vec<InvestmentNow> {
        let filter = InvestmentFilter::default();
        let mut page = PageRequest { limit: 200, order: ListOrder::Asc, cursor: None };
        let mut all = Vec::new();
        loop {
            let read = investments::list(&self.platform, self.customer, self.portfolio, &filter, &page).await.unwrap();
            all.extend(read.items);
            match read.next {
                Some(next) => page = page.after(Some(next)),
                None => return all,
            }
        }
    }

    async fn record(&self, units: &str) -> Uuid {
        let purchase = Purchase {
            ticker_symbol: "IBM".parse().unwrap(),
            quantity: Quantity::parse(units).unwrap(),
            purchase_price: Price::parse("100").unwrap(),
            purchase_date: "2010-01-05".parse().unwrap(),
            fee: Decimal::ZERO,
            currency: None,
        };
        let Self { platform, customer, portfolio, .. } = self;
        investments::record(platform, *customer, *portfolio, &purchase, None).await.unwrap().value.id
    }

    async fn correct(&self, lot: Uuid, units: &str) -> InvestmentNow {
        let quantity = Some(Quantity::parse(units).unwrap());
        let change = InvestmentCorrection { quantity, ..InvestmentCorrection::default() };
        let version = Precondition::OneOf(vec![3]);
        let Self { platform, customer, portfolio, .. } = self;
        investments::correct(platform, *customer, *portfolio, lot, &version, &change).await.unwrap()
    }

    async fn units(&self) -> String {
        let held = holdings::compute(&self.platform, self.customer, self.portfolio).await.unwrap();
        serde_json::to_value(held).unwrap()["items"][0]["quantity"].as_str().unwrap().to_owned()
    }

    /// The old items that are left: lots, and the counter.
    async fn old_items(&self) -> (usize, bool) {
        let lots = listing::read_all(&self.platform.app, keys::investments(self.portfolio)).await.unwrap();
        (lots.len(), self.table.get(&keys::investment_count(self.portfolio)).await.unwrap().is_some())
    }

    /// Whether the head says that old items may be left.
    async fn says_that_some_are_left(&self) -> bool {
        let head = documents::read::<Value>(&*self.table, &keys::activities_head(self.portfolio)).await.unwrap();
        head.unwrap().0.get("investments_left").is_some()
    }
}

#[tokio::test]
async fn old_lots_are_listed_and_packed_by_the_first_change_without_a_loss_or_a_double() {
    let world = World::with_old_lots().await;
    let before = world.list().await;
    assert_eq!(before.iter().map(|lot| lot.id).collect::<Vec<_>>(), (1..=LOTS).map(old).collect::<Vec<_>>());
    assert_eq!((before[1].quantity.to_string(), before[1].cost.as_deref()), ("2".to_owned(), Some("201.50")));
    assert_eq!((world.units().await, world.old_items().await), ("500500".to_owned(), (LOTS, true)));
    assert_eq!(world.correct(old(5), "50").await.version, 4);
    assert_eq!(world.old_items().await, (0, false));
    assert!(!world.says_that_some_are_left().await);
    let made = world.record("7").await;
    let file =
        "ticker_symbol,quantity,purchase_price,purchase_date,fee\nIBM,9,100,2010-01-04,1.5\nIBM,9,1,2010-01-04,0\n";
    let request =
        ImportRequest { file: file.as_bytes(), format: Format::Csv, duplicates: Duplicates::Skip, dry_run: false };
    let report = imports::import(&world.platform, world.customer, world.portfolio, &request, None).await.unwrap();
    assert_eq!((report.value.imported, report.value.duplicates), (1, 1), "an old lot answers for its row");
    let after = world.list().await;
    let ids: BTreeSet<Uuid> = after.iter().map(|lot| lot.id).collect();
    assert_eq!((after.len(), ids.len()), (LOTS + 2, LOTS + 2));
    assert!((1..=LOTS).all(|number| ids.contains(&old(number))) && ids.contains(&made));
    assert_eq!(world.units().await, "500561", "45 more by the correction, 7 recorded, 9 imported");
}

#[tokio::test]
async fn a_packing_that_is_cut_short_changes_no_answer_and_is_finished_by_the_next_change() {
    let world = World::with_old_lots().await;
    world.table.0.fails.store(true, Ordering::SeqCst);
    world.record("7").await;
    assert_eq!((world.old_items().await, world.says_that_some_are_left().await), ((LOTS, true), true));
    assert_eq!((world.list().await.len(), world.units().await), (LOTS + 1, "500507".to_owned()));
    let gone = world.list().await.remove(0).id;
    investments::remove(&world.platform, world.customer, world.portfolio, gone, &Precondition::None).await.unwrap();
    assert_eq!(world.units().await, "500506", "a lot that is removed does not come back from its old item");
    world.table.0.fails.store(false, Ordering::SeqCst);
    world.correct(old(5), "50").await;
    assert_eq!((world.old_items().await, world.says_that_some_are_left().await), ((0, false), false));
    assert_eq!((world.list().await.len(), world.units().await), (LOTS, "500551".to_owned()));
}
