//! Portfolios and imports on a failing store, and with concurrent trades at the worst moment.

use std::sync::{Arc, Mutex};

use app::{Precondition, ServiceError};
use async_trait::async_trait;
use books::imports::{self, Duplicates, Format, ImportRequest};
use books::performance;
use books::portfolios::{self, Change};
use domain::portfolio::{LotMethod, PortfolioState, PortfolioType};
use domain::{Currency, CustomerId, Money, PortfolioId, Price, Quantity};
use ledger::trade::{buy, sell};
use ledger::wallet::deposit;
use ledger::{OrderSize, Position, Stamp, TradeOrder, TradeTerms, Wallet};
use market::Sample;
use market_data::MarketData;
use store::fault::{Fault, Faulty, Plan};
use store::{Body, Clock, Query, StoreError, Table, Version, Write, keys};
use store_sqlite::SqliteTable;
use testing::people::{open_portfolio, opening};
use testing::{InterceptedTable, Interceptor, TestBed};
use uuid::Uuid;

const OWNER: CustomerId = CustomerId(Uuid::from_u128(1));

const NOW: &str = "2026-11-20T12:00:00Z";

fn clock() -> Clock {
    Arc::new(|| NOW.parse().unwrap())
}

fn app_on(table: Arc<dyn Table>) -> (MarketData, TestBed) {
    let test_bed = TestBed::at(NOW);
    (test_bed.platform(table, Arc::new(Sample::new())), test_bed)
}

async fn opened(platform: &MarketData) -> PortfolioId {
    open_portfolio(&platform.app, OWNER, opening(PortfolioType::Brokerage)).await
}

async fn close(platform: &MarketData, id: PortfolioId) -> Result<domain::Portfolio, ServiceError> {
    let change = Change { state: Some(PortfolioState::Closed), ..Change::default() };
    portfolios::change(platform, OWNER, id, &Precondition::Any, &change).await
}

/// What is left after five units were bought and `sold` of them sold: the wallet's head, the purchase, the position.
fn traded(id: PortfolioId, sold: &str) -> Vec<Write> {
    let day = "2013-03-01".parse().unwrap();
    let stamp = |number| Stamp { entry_id: Uuid::from_u128(number), market_day: day, created_at: clock()() };
    let terms = |number| TradeTerms {
        trade_id: Uuid::from_u128(number),
        stamp: stamp(number),
        price: Price::parse("200").unwrap(),
        quote_as_of: clock()(),
        splits: &[],
        lot_method: LotMethod::Fifo,
    };
    let order = |quantity: &str| TradeOrder {
        size: OrderSize::Quantity(Quantity::parse(quantity).unwrap()),
        fee: Money::parse("0", Currency::USD).unwrap(),
        lots: Vec::new(),
    };
    let cash = Money::parse("1000", Currency::USD).unwrap();
    let wallet = deposit(&Wallet::new(OWNER), cash, &stamp(1)).unwrap().wallet;
    let nothing = Position::new(id.0, "IBM".parse().unwrap(), Currency::USD).unwrap();
    let bought = buy(&wallet, &nothing, &order("5"), &terms(2)).unwrap();
    let after = match sold {
        "0" => bought.clone(),
        sold => sell(&bought.wallet, &bought.position, &order(sold), &terms(3)).unwrap(),
    };
    let json = |text: String| Body::Json(text);
    let (trade, position) = (keys::trade(id, bought.trade.id), keys::position(id, &after.position.symbol));
    vec![
        Write::create(keys::wallet_head(OWNER), json(serde_json::to_string(&after.wallet).unwrap())),
        Write::create(trade, json(serde_json::to_string(&bought.trade).unwrap())),
        Write::create(position, json(serde_json::to_string(&after.position.head()).unwrap())),
    ]
}

/// A table in which another request trades right after a portfolio is first read, or writes right before its daily
/// values are stored.
struct RivalWrites {
    inner: SqliteTable,
    meanwhile: Mutex<Vec<Write>>,
    before_series: Mutex<Vec<Write>>,
}

#[async_trait]
impl Interceptor for RivalWrites {
    fn table(&self) -> &dyn Table {
        &self.inner
    }

    async fn after_query(&self, _query: &Query) -> Result<(), StoreError> {
        let writes = std::mem::take(&mut *self.meanwhile.lock().unwrap());
        if !writes.is_empty() {
            self.inner.transact(writes).await?;
        }
        Ok(())
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        if writes.iter().any(|write| write.key().sk.starts_with("SERIES#")) {
            let before = std::mem::take(&mut *self.before_series.lock().unwrap());
            if !before.is_empty() {
                self.inner.transact(before).await?;
            }
        }
        self.inner.transact(writes).await
    }
}

async fn with_rival_writes() -> (Arc<InterceptedTable<RivalWrites>>, MarketData, PortfolioId, TestBed) {
    let inner = SqliteTable::in_memory(clock()).unwrap();
    let rival = RivalWrites { inner, meanwhile: Mutex::default(), before_series: Mutex::default() };
    let table = Arc::new(InterceptedTable(rival));
    let (platform, folder) = app_on(table.clone());
    let id = opened(&platform).await;
    *table.meanwhile.lock().unwrap() = traded(id, "0");
    (table, platform, id, folder)
}

#[tokio::test]
async fn a_concurrent_trade_prevents_closing_a_portfolio() {
    let (_table, platform, id, _folder) = with_rival_writes().await;
    assert!(matches!(close(&platform, id).await, Err(ServiceError::PortfolioNotEmpty { .. })));
    assert_eq!(portfolios::find(&platform.app, OWNER, id).await.unwrap().state, PortfolioState::Open);
}

#[tokio::test]
async fn a_concurrent_trade_prevents_removing_a_portfolio() {
    let (_table, platform, id, _folder) = with_rival_writes().await;
    let removed = portfolios::remove(&platform.app, OWNER, id, &Precondition::None).await;
    assert!(matches!(removed, Err(ServiceError::PortfolioHasTrades)));
    assert!(portfolios::find(&platform.app, OWNER, id).await.is_ok());
}

#[tokio::test]
async fn a_sold_out_portfolio_can_be_closed_but_not_removed() {
    let table = Arc::new(SqliteTable::in_memory(clock()).unwrap());
    let (platform, _folder) = app_on(table.clone());
    let id = opened(&platform).await;
    table.transact(traded(id, "5")).await.unwrap();
    assert_eq!(close(&platform, id).await.unwrap().state, PortfolioState::Closed);
    let removed = portfolios::remove(&platform.app, OWNER, id, &Precondition::None).await;
    assert!(matches!(removed, Err(ServiceError::PortfolioHasTrades)));
}

#[tokio::test]
async fn a_portfolio_of_another_customer_is_not_found() {
    let (platform, _folder) = app_on(Arc::new(SqliteTable::in_memory(clock()).unwrap()));
    let id = opened(&platform).await;
    let other = CustomerId(Uuid::from_u128(2));
    assert!(matches!(portfolios::find(&platform.app, other, id).await, Err(ServiceError::NotFound { .. })));
    let removed = portfolios::remove(&platform.app, other, id, &Precondition::None).await;
    assert!(matches!(removed, Err(ServiceError::NotFound { .. })));
    assert!(portfolios::find(&platform.app, OWNER, id).await.is_ok());
}

#[tokio::test]
async fn the_limit_of_portfolios_holds_after_removals() {
    let (platform, _folder) = app_on(Arc::new(SqliteTable::in_memory(clock()).unwrap()));
    let first = opened(&platform).await;
    for _ in 1..portfolios::MAX_PORTFOLIOS {
        opened(&platform).await;
    }
    let opening = opening(PortfolioType::Other);
    let refused = portfolios::open(&platform.app, OWNER, &opening, None).await;
    assert!(matches!(refused, Err(ServiceError::LimitReached { limit: 100, .. })));
    portfolios::remove(&platform.app, OWNER, first, &Precondition::None).await.unwrap();
    assert!(portfolios::open(&platform.app, OWNER, &opening, None).await.is_ok());
}

/// The stored years of a portfolio's daily values, and whether there is a state that makes them readable.
async fn kept_years(table: &SqliteTable, id: PortfolioId) -> (usize, bool) {
    let list = keys::series(id);
    let kept = table.query(&Query::forward(list.partition, list.range, 100)).await.unwrap().items;
    let state = keys::series_state(id);
    (kept.iter().filter(|item| item.key != state).count(), kept.iter().any(|item| item.key == state))
}

#[tokio::test]
async fn no_stale_year_of_a_changed_portfolio_is_stored() {
    // Nine years take two transactions; the first also asserts the portfolio and the state as they were read.
    let (table, platform, id, _folder) = with_rival_writes().await;
    table.meanwhile.lock().unwrap().clear();
    let csv = "ticker_symbol,quantity,purchase_price,purchase_date\nIBM,1,100,2005-01-04";
    import(&platform, id, csv).await.unwrap();
    let span = performance::PerformanceSpan::default();
    let portfolio = table.inner.get(&keys::portfolio(OWNER, id)).await.unwrap().unwrap();
    let moved = Write::update(portfolio.key.clone(), portfolio.body.clone(), portfolio.version);
    let somebodys = Write::create(keys::series_state(id), Body::Json("{}".to_owned()));
    for (meanwhile, left) in [(moved, (0, false)), (somebodys, (0, true))] {
        *table.before_series.lock().unwrap() = vec![meanwhile];
        let answered = performance::compute(&platform, OWNER, id, &span).await.unwrap();
        assert!(answered.series.unwrap().len() > 2_000);
        assert_eq!(kept_years(&table.inner, id).await, left);
    }
    performance::compute(&platform, OWNER, id, &span).await.unwrap();
    assert_eq!(kept_years(&table.inner, id).await, (9, true));
}

fn file(rows: usize) -> String {
    let rows: Vec<String> = (1..=rows).map(|number| format!("IBM,{number},100,2010-01-04")).collect();
    format!("ticker_symbol,quantity,purchase_price,purchase_date\n{}", rows.join("\n"))
}

async fn import(platform: &MarketData, id: PortfolioId, file: &str) -> Result<imports::ImportReport, ServiceError> {
    let request =
        ImportRequest { file: file.as_bytes(), format: Format::Csv, duplicates: Duplicates::Ask, dry_run: false };
    imports::import(platform, OWNER, id, &request, None).await.map(|made| made.value)
}

async fn lines(platform: &MarketData, id: PortfolioId) -> usize {
    let csv = imports::export(platform, OWNER, id, Format::Csv).await.unwrap();
    String::from_utf8(csv).unwrap().lines().count() - 1
}

#[tokio::test]
async fn an_interrupted_import_is_whole_when_the_file_is_sent_again() {
    let table = Arc::new(Faulty::new(SqliteTable::in_memory(clock()).unwrap(), Plan::quiet()));
    let (platform, _folder) = app_on(table.clone());
    let id = opened(&platform).await;
    // The two entries that track the symbol, then a broken connection, and of the next import a lost response.
    table.plan_writes(Plan::scripted([None, None, Some(Fault::ErrorBefore), Some(Fault::ErrorAfter)]));
    let file = file(200);
    for rows in [0, 200] {
        assert!(matches!(import(&platform, id, &file).await, Err(ServiceError::Store(_))));
        assert_eq!(lines(&platform, id).await, rows);
    }
    let report = import(&platform, id, &file).await.unwrap();
    assert_eq!((report.imported, report.duplicates, lines(&platform, id).await), (200, 0, 200));
    assert!(import(&platform, id, &file).await.unwrap().repeated);
}

#[tokio::test]
async fn every_row_is_imported_once_despite_failures() {
    for seed in 0..20 {
        let table = Arc::new(Faulty::new(SqliteTable::in_memory(clock()).unwrap(), Plan::quiet()));
        let (platform, _folder) = app_on(table.clone());
        let id = opened(&platform).await;
        table.plan_writes(Plan::seeded(seed, 0.4));
        let file = file(500);
        let mut sent = 0;
        while import(&platform, id, &file).await.is_err() {
            sent += 1;
            assert!(sent < 100, "seed {seed}");
        }
        assert_eq!(lines(&platform, id).await, 500, "seed {seed}");
    }
}
