//! Importing a file again: a matched row stays matched while the lot exists, whatever was changed in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::{Precondition, ServiceError};
use async_trait::async_trait;
use books::imports::{self, Duplicates, Format, ImportReport, ImportRequest, RowStatus};
use books::investments::{self, InvestmentCorrection, MAX_INVESTMENTS};
use books::portfolios;
use domain::portfolio::PortfolioType;
use domain::{CustomerId, PortfolioId, Quantity};
use market::Sample;
use market_data::MarketData;
use serde_json::{Value, json};
use store::{DeleteExpect, StoreError, Table, Version, Write, documents, keys};
use store_sqlite::SqliteTable;
use testing::people::opening;
use testing::{InterceptedTable, Interceptor, TestBed};
use uuid::Uuid;

const ONE: &str = "IBM,1,100,2010-01-04\n";
const TWO: &str = "IBM,2,101,2010-01-05\n";
const THREE: &str = "IBM,4,102,2010-01-06\n";

/// A table that fails the transactions of imports after a number of them.
struct FailsAfter {
    table: SqliteTable,
    left: AtomicUsize,
}

#[async_trait]
impl Interceptor for FailsAfter {
    fn table(&self) -> &dyn Table {
        &self.table
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let is_import = writes.iter().any(|write| write.key().sk.starts_with("IMPORT#"));
        let one_less = |left: usize| left.checked_sub(1);
        if is_import && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            return Err(StoreError::unavailable("it broke here"));
        }
        self.table.transact(writes).await
    }
}

struct World {
    platform: MarketData,
    table: Arc<InterceptedTable<FailsAfter>>,
    customer: CustomerId,
    portfolio: PortfolioId,
    _test_bed: TestBed,
}

impl World {
    async fn new() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = FailsAfter { table: test_bed.table(), left: AtomicUsize::new(usize::MAX) };
        let table = Arc::new(InterceptedTable(table));
        let platform = test_bed.platform(table.clone(), Arc::new(Sample::new()));
        let customer = CustomerId(Uuid::from_u128(7));
        let portfolio =
            portfolios::open(&platform.app, customer, &opening(PortfolioType::Other), None).await.unwrap().value.id;
        Self { platform, table, customer, portfolio, _test_bed: test_bed }
    }

    async fn send(&self, rows: &str, duplicates: Duplicates) -> Result<ImportReport, ServiceError> {
        self.import(rows, duplicates, false).await
    }

    async fn import(&self, rows: &str, duplicates: Duplicates, dry_run: bool) -> Result<ImportReport, ServiceError> {
        let file = file(rows);
        let import = ImportRequest { file: file.as_bytes(), format: Format::Csv, duplicates, dry_run };
        Ok(imports::import(&self.platform, self.customer, self.portfolio, &import, None).await?.value)
    }

    /// Records this many lots.
    async fn fill(&self, lots: usize) {
        let rows = "IBM,3,100,2010-01-04\n".repeat(lots);
        assert_eq!(self.send(&rows, Duplicates::Import).await.unwrap().imported, lots);
    }

    /// Undoes an import but for its first rows, and stores these as an earlier version did, which wrote a file in several
    /// transactions.
    async fn leave_half_done(&self, report: &ImportReport, rows: usize) {
        let mut writes = Vec::new();
        for item in app::listing::read_all(&self.platform.app, keys::activities(self.portfolio)).await.unwrap() {
            writes.push(Write::Delete { key: item.key, expect: DeleteExpect::Any });
        }
        for row in 1..=rows {
            let (id, at) = (lot(report, row), "2026-11-20T12:00:00Z");
            let key = keys::investment(self.portfolio, id);
            let body = json!({
                "id": id, "portfolio_id": self.portfolio, "ticker_symbol": "IBM", "instrument_type": "stock",
                "quantity": row.to_string(), "purchase_price": "100", "purchase_date": "2010-01-04", "fee": "0",
                "currency": "USD", "created_at": at, "updated_at": at, "version": 1,
            });
            writes.push(Write::create(key.clone(), documents::body(&key, &body).unwrap()));
        }
        self.table.transact(writes).await.unwrap();
        let key = keys::import(self.portfolio, &report.sha256);
        let (mut progress, version) = documents::read::<Value>(&*self.table, &key).await.unwrap().unwrap();
        progress["done"] = json!(rows);
        documents::put(&*self.table, key, &progress, Some(version)).await.unwrap();
    }

    async fn skip(&self, rows: &str) -> ImportReport {
        self.send(rows, Duplicates::Skip).await.unwrap()
    }

    /// Changes a lot so that it differs from the row that it came from.
    async fn correct(&self, lot: Uuid) {
        let correction = InvestmentCorrection {
            quantity: Some(Quantity::parse("1000").unwrap()),
            ..InvestmentCorrection::default()
        };
        let Self { platform, customer, portfolio, .. } = self;
        investments::correct(platform, *customer, *portfolio, lot, &Precondition::Any, &correction).await.unwrap();
    }

    async fn remove(&self, lot: Uuid) {
        investments::remove(&self.platform, self.customer, self.portfolio, lot, &Precondition::Any).await.unwrap();
    }

    async fn lots(&self) -> usize {
        let file = imports::export(&self.platform, self.customer, self.portfolio, Format::Csv).await.unwrap();
        String::from_utf8(file).unwrap().lines().count() - 1
    }
}

fn file(rows: &str) -> String {
    format!("ticker_symbol,quantity,purchase_price,purchase_date\n{rows}")
}

fn lot(report: &ImportReport, row: usize) -> Uuid {
    report.items[row - 1].investment_id.unwrap()
}

fn statuses(report: &ImportReport) -> Vec<RowStatus> {
    report.items.iter().map(|item| item.status).collect()
}

#[tokio::test]
async fn a_corrected_lot_still_matches_its_row() {
    let world = World::new().await;
    let answering = lot(&world.skip(ONE).await, 1);
    let grown = format!("{ONE}{TWO}");
    let first = world.skip(&grown).await;
    assert_eq!(statuses(&first), [RowStatus::Duplicate, RowStatus::Imported]);
    world.correct(answering).await;
    for duplicates in [Duplicates::Skip, Duplicates::Ask, Duplicates::Import] {
        let again = world.send(&grown, duplicates).await.unwrap();
        assert_eq!((again.repeated, &again.items), (true, &first.items), "{duplicates:?}");
    }
    assert_eq!(world.lots().await, 2);
    // Once it is gone, nothing matches the row, and the row is imported.
    world.remove(answering).await;
    let anew = world.skip(&grown).await;
    assert_eq!((anew.repeated, statuses(&anew)), (false, vec![RowStatus::Imported, RowStatus::Duplicate]));
    assert_eq!(world.lots().await, 2);
}

#[tokio::test]
async fn a_file_imported_again_next_to_a_corrected_lot_is_recognized() {
    let world = World::new().await;
    let rows = format!("{ONE}{TWO}{THREE}");
    let first = world.skip(&rows).await;
    world.correct(lot(&first, 1)).await;
    world.remove(lot(&first, 2)).await;
    let anew = world.skip(&rows).await;
    assert_eq!(statuses(&anew), [RowStatus::Duplicate, RowStatus::Imported, RowStatus::Duplicate]);
    for _ in 0..2 {
        let again = world.skip(&rows).await;
        assert_eq!((again.repeated, &again.items), (true, &anew.items));
    }
    assert_eq!(world.lots().await, 3);
}

fn two_hundred() -> String {
    let rows: Vec<String> = (1..=200).map(|number| format!("IBM,{number},100,2010-01-04\n")).collect();
    rows.concat()
}

#[tokio::test]
async fn an_import_that_breaks_imports_nothing_and_everything_when_it_is_sent_again() {
    let world = World::new().await;
    let (rows, left) = (two_hundred(), &world.table.0.left);
    left.store(0, Ordering::SeqCst);
    assert!(world.send(&rows, Duplicates::Ask).await.is_err());
    assert_eq!(world.lots().await, 0);
    left.store(usize::MAX, Ordering::SeqCst);
    let report = world.send(&rows, Duplicates::Ask).await.unwrap();
    assert_eq!((report.imported, report.repeated, world.lots().await), (200, false, 200));
    assert!(world.send(&rows, Duplicates::Ask).await.unwrap().repeated);
}

#[tokio::test]
async fn an_import_that_an_earlier_version_left_half_done_is_continued() {
    let world = World::new().await;
    let rows = two_hundred();
    let whole = world.send(&rows, Duplicates::Ask).await.unwrap();
    world.leave_half_done(&whole, 80).await;
    assert_eq!(world.lots().await, 80);
    let dry = world.import(&rows, Duplicates::Ask, true).await.unwrap();
    assert_eq!((dry.repeated, dry.imported), (true, 200));
    let resumed = world.send(&rows, Duplicates::Ask).await.unwrap();
    assert_eq!(resumed.items, whole.items, "each row is the lot that it was to be");
    assert_eq!(world.lots().await, 200);
    assert!(world.send(&rows, Duplicates::Ask).await.unwrap().repeated);
    let stored = app::listing::read_all(&world.platform.app, keys::investments(world.portfolio)).await.unwrap();
    assert!(stored.is_empty(), "they are activities now");
}

#[tokio::test]
async fn a_file_of_twenty_thousand_rows_is_one_transaction() {
    let world = World::new().await;
    let row = |number: usize| {
        let (units, price) = (number * 7_919 % 99_991, number * 104_729 % 999_983);
        format!("IBM,{units}.{price:06}1,{price}.{units:05}1,20{:02}-0{}-04\n", number % 13, number % 9 + 1)
    };
    let rows: String = (1..=MAX_INVESTMENTS).map(row).collect();
    world.table.0.left.store(1, Ordering::SeqCst);
    assert_eq!(world.send(&rows, Duplicates::Ask).await.unwrap().imported, MAX_INVESTMENTS);
    let again = world.send(&rows, Duplicates::Ask).await.unwrap();
    assert!(again.repeated && again.imported == MAX_INVESTMENTS);
    assert_eq!(world.lots().await, MAX_INVESTMENTS);
}

#[tokio::test]
async fn an_import_stored_without_matching_lots_stays_as_it_ended() {
    let world = World::new().await;
    // Its second row repeats its first and was left out for that.
    let rows = format!("{ONE}{ONE}");
    let first = world.send(&rows, Duplicates::Import).await.unwrap();
    world.remove(lot(&first, 2)).await;
    let key = keys::import(world.portfolio, &first.sha256);
    let (stored, version) = documents::read::<Value>(&*world.table, &key).await.unwrap().unwrap();
    let old = json!({ "started_at": stored["started_at"], "skipped": [2], "done": 1 });
    documents::put(&*world.table, key, &old, Some(version)).await.unwrap();
    for duplicates in [Duplicates::Ask, Duplicates::Skip, Duplicates::Import] {
        let again = world.send(&rows, duplicates).await.unwrap();
        assert_eq!((again.repeated, statuses(&again)), (true, vec![RowStatus::Imported, RowStatus::Duplicate]));
        assert_eq!(lot(&again, 1), lot(&first, 1));
    }
    assert_eq!(world.lots().await, 1);
}

#[tokio::test]
async fn a_dry_run_is_refused_at_the_limit_of_lots_like_the_import() {
    let world = World::new().await;
    world.fill(MAX_INVESTMENTS - 1).await;
    for dry_run in [true, false] {
        let refused = world.import(&format!("{ONE}{TWO}"), Duplicates::Ask, dry_run).await;
        let is_full = matches!(refused, Err(ServiceError::LimitReached { limit: MAX_INVESTMENTS, .. }));
        assert!(is_full, "dry run {dry_run}: {refused:?}");
    }
    // Errors in rows are reported for each, and come before the limit.
    let report = world.import(&format!("{ONE}{TWO}IBM,x,1,2010-01-04\n"), Duplicates::Ask, true).await.unwrap();
    assert_eq!(statuses(&report), [RowStatus::WouldImport, RowStatus::WouldImport, RowStatus::Invalid]);
    assert_eq!(world.import(ONE, Duplicates::Ask, true).await.unwrap().imported, 1);
    assert_eq!(world.send(ONE, Duplicates::Ask).await.unwrap().imported, 1);
    // Rows that are left out need no room.
    let report = world.import(ONE, Duplicates::Ask, true).await.unwrap();
    assert_eq!((report.repeated, statuses(&report)), (true, vec![RowStatus::Imported]));
    let other_file = format!("{ONE}\n");
    let report = world.import(&other_file, Duplicates::Skip, true).await.unwrap();
    assert_eq!(statuses(&report), [RowStatus::Duplicate]);
    let refused = world.import(&other_file, Duplicates::Import, true).await;
    assert!(matches!(refused, Err(ServiceError::LimitReached { .. })), "{refused:?}");
}
