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
use serde_json::json;
use store::{StoreError, Table, Version, Write, documents, keys};
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

    /// Sets the portfolio's counter to this many lots.
    async fn count(&self, lots: usize) {
        let key = keys::investment_count(self.portfolio);
        let version = self.table.get(&key).await.unwrap().map(|item| item.version);
        documents::put(&*self.table, key, &json!({ "count": lots }), version).await.unwrap();
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
        investments::remove(&self.platform.app, self.customer, self.portfolio, lot, &Precondition::Any).await.unwrap();
    }

    async fn lots(&self) -> usize {
        let file = imports::export(&self.platform.app, self.customer, self.portfolio, Format::Csv).await.unwrap();
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

#[tokio::test]
async fn an_interrupted_second_import_continues_without_a_corrected_row() {
    let world = World::new().await;
    let rows = (1..=200).map(|number| format!("IBM,{number},100,2010-01-04\n")).collect::<Vec<_>>().concat();
    let first = world.skip(&rows).await;
    world.correct(lot(&first, 1)).await;
    for row in 2..=200 {
        world.remove(lot(&first, row)).await;
    }
    world.table.left.store(1, Ordering::SeqCst);
    assert!(world.send(&rows, Duplicates::Skip).await.is_err());
    assert_eq!(world.lots().await, 81);
    world.table.left.store(usize::MAX, Ordering::SeqCst);
    let resumed = world.skip(&rows).await;
    assert_eq!(
        (resumed.items[0].status, resumed.items[0].same_as_investment),
        (RowStatus::Duplicate, Some(lot(&first, 1)))
    );
    assert_eq!((resumed.imported, world.lots().await), (199, 200));
}

#[tokio::test]
async fn an_import_stored_without_matching_lots_stays_as_it_ended() {
    let world = World::new().await;
    // Its second row repeats its first and was left out for that.
    let rows = format!("{ONE}{ONE}");
    let first = world.send(&rows, Duplicates::Import).await.unwrap();
    world.remove(lot(&first, 2)).await;
    let key = keys::import(world.portfolio, &first.sha256);
    let (stored, version) = documents::read::<serde_json::Value>(&*world.table, &key).await.unwrap().unwrap();
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
    world.count(MAX_INVESTMENTS - 1).await;
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

#[tokio::test]
async fn a_dry_run_of_an_interrupted_import_is_refused_without_room() {
    let world = World::new().await;
    let rows: Vec<String> = (1..=200).map(|number| format!("IBM,{number},100,2010-01-04\n")).collect();
    let rows = rows.concat();
    world.table.left.store(1, Ordering::SeqCst);
    assert!(world.send(&rows, Duplicates::Ask).await.is_err());
    world.table.left.store(usize::MAX, Ordering::SeqCst);
    for (lots, has_room) in [(MAX_INVESTMENTS - 120, true), (MAX_INVESTMENTS - 119, false)] {
        world.count(lots).await;
        let report = world.import(&rows, Duplicates::Ask, true).await;
        assert_eq!(
            report.as_ref().map(|report| (report.repeated, report.imported)).ok(),
            has_room.then_some((true, 200))
        );
    }
    assert!(matches!(world.send(&rows, Duplicates::Ask).await, Err(ServiceError::LimitReached { .. })));
    assert_eq!(world.lots().await, 80);
}
