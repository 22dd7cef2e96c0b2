//! Stored responses: replayed byte for byte, found by an erasure even if they are incomplete, and erased with their
//! customer.

use std::path::Path;
use std::sync::{Arc, Mutex};

use accounts::{erasure, export};
use app::listing::{DayRange, ListOrder, PageRequest};
use app::{Channels, Created, Precondition, ServiceError};
use async_trait::async_trait;
use books::imports::{self, Duplicates, Format, ImportReport, ImportRequest};
use books::investments::{self, Purchase};
use domain::portfolio::{PortfolioName, PortfolioType};
use domain::{Currency, CustomerId, Money, PortfolioId, Price, Quantity};
use futures::future::join_all;
use market::Sample;
use market_data::MarketData;
use market_data::custom_instruments::{self, NewCustomInstrument, Valuation};
use objects::{FolderObjects, Link, LinkOptions, ObjectError, ObjectKey, Objects};
use research::backtests::{self, BacktestRequest, CLASSIC_BUY, CLASSIC_SELL, Fill, Rule, Strategy};
use research::stored_backtests::{self, BacktestFilter, NameChange};
use store::{Query, StoreError, Table, Version, Write};
use store_sqlite::SqliteTable;
use testing::people::{open_portfolio, opening, password, person, register};
use testing::{InterceptedTable, Interceptor, TestBed};
use tokio::sync::Notify;

/// A table in which one transaction with a given sort key fails once.
struct FailsOnce {
    inner: SqliteTable,
    at: Mutex<Option<&'static str>>,
}

#[async_trait]
impl Interceptor for FailsOnce {
    fn table(&self) -> &dyn Table {
        &self.inner
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let breaks = {
            let mut at = self.at.lock().unwrap();
            at.take_if(|prefix| writes.iter().any(|write| write.key().sk.starts_with(*prefix))).is_some()
        };
        if breaks { Err(StoreError::unavailable("injected")) } else { self.inner.transact(writes).await }
    }
}

/// What happens to an object that is put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Putting {
    Works,
    Fails,
    /// The process dies before the object is stored.
    NeverBegins,
    /// The process dies immediately after the object is stored.
    NeverReturns,
}

struct FaultyObjects {
    inner: Arc<FolderObjects>,
    putting: Mutex<Putting>,
    stuck: Notify,
}

impl FaultyObjects {
    /// Notifies the test, and does not return.
    async fn never(&self) {
        self.stuck.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Objects for FaultyObjects {
    async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, content_type: &str) -> Result<(), ObjectError> {
        let putting = *self.putting.lock().unwrap();
        if putting == Putting::Fails {
            return Err(ObjectError::Unavailable("not now".into()));
        }
        if putting == Putting::NeverBegins {
            self.never().await;
        }
        self.inner.put(key, bytes, content_type).await?;
        if putting == Putting::NeverReturns {
            self.never().await;
        }
        Ok(())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectError> {
        self.inner.get(key).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        self.inner.delete(key).await
    }

    async fn link(&self, key: &ObjectKey, options: LinkOptions) -> Result<Link, ObjectError> {
        self.inner.link(key, options).await
    }
}

struct World {
    platform: MarketData,
    table: Arc<InterceptedTable<FailsOnce>>,
    objects: Arc<FaultyObjects>,
    customer: CustomerId,
    portfolio: PortfolioId,
    test_bed: TestBed,
}

impl World {
    async fn new() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let inner = test_bed.objects.clone();
        let objects = Arc::new(FaultyObjects { inner, putting: Mutex::new(Putting::Works), stuck: Notify::new() });
        let table = Arc::new(InterceptedTable(FailsOnce { inner: test_bed.table(), at: Mutex::new(None) }));
        let provider = Arc::new(Sample::new());
        let platform = test_bed.platform_of(table.clone(), objects.clone(), provider, Channels::none());
        let customer = register(&platform.app, person("Ada")).await;
        let portfolio = open_portfolio(&platform.app, customer, opening(PortfolioType::Brokerage)).await;
        Self { platform, table, objects, customer, portfolio, test_bed }
    }

    fn putting(&self, putting: Putting) {
        *self.objects.putting.lock().unwrap() = putting;
    }

    /// A backtest of so many days that its response is stored as an object.
    async fn backtest(&self, key: &str) -> Result<backtests::RecordedBacktest, ServiceError> {
        let money = |text| Money::parse(text, Currency::USD).unwrap();
        let strategy = Strategy {
            initial_investment: money("10000"),
            buy: Rule::parse(CLASSIC_BUY).unwrap(),
            sell: Rule::parse(CLASSIC_SELL).unwrap(),
            fill: Fill::NextOpen,
            commission_percent: 0.0,
            commission_minimum: money("0"),
            slippage_percent: 0.0,
            fractional: false,
            risk_free_rate: 0.0,
        };
        let order = BacktestRequest { symbol: "IBM".parse().unwrap(), from: None, to: None, strategy };
        backtests::run(&self.platform, self.customer, &order, None, Some(key)).await
    }

    async fn listed(&self) -> usize {
        let page = PageRequest { limit: 10, order: ListOrder::Desc, cursor: None };
        let (days, filter) = (DayRange::default(), BacktestFilter::default());
        stored_backtests::list(&self.platform.app, self.customer, days, &filter, &page).await.unwrap().items.len()
    }

    /// Imports a file of `rows` rows with a warning each, so that a long report is a large response.
    async fn import(&self, rows: usize, key: Option<&str>) -> Result<Created<ImportReport>, ServiceError> {
        let rows: Vec<String> = (1..=rows).map(|number| format!("IBM,{number}.0000000000001,100,2010-01-04")).collect();
        let file = format!("ticker_symbol,quantity,purchase_price,purchase_date\n{}", rows.join("\n"));
        let import =
            ImportRequest { file: file.as_bytes(), format: Format::Csv, duplicates: Duplicates::Ask, dry_run: false };
        imports::import(&self.platform, self.customer, self.portfolio, &import, key).await
    }

    /// The number of objects of a kind, without the files of content types.
    fn objects(&self, kind: &str) -> usize {
        let count = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| !name.ends_with(".content-type")).count()
        };
        count(&self.test_bed.path().join(kind).join(self.customer.to_string()))
    }

    /// The records of an export.
    async fn exported(&self) -> serde_json::Value {
        export::export(&self.platform.app, self.customer).await.unwrap();
        let folder = self.test_bed.path().join("exports").join(self.customer.to_string());
        let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let file = files.find(|path| path.extension().is_some_and(|extension| extension == "json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&std::fs::read(file).unwrap()).unwrap()["records"].take()
    }

    async fn erase(&self) {
        erasure::erase(&self.platform.app, self.customer, password()).await.unwrap();
    }
}

#[tokio::test]
async fn a_response_without_a_record_after_a_crash_is_not_read_and_is_erased() {
    for (failure, stored) in [(Putting::NeverBegins, 0), (Putting::NeverReturns, 1)] {
        let world = World::new().await;
        world.putting(failure);
        // A dropped future stops where it waits, like a process that dies.
        tokio::select! {
            response = world.backtest("a") => panic!("{response:?}"),
            () = world.objects.stuck.notified() => {}
        }
        assert_eq!((world.objects("results"), world.listed().await), (stored, 0));
        world.putting(Putting::Works);
        let exported = world.exported().await;
        assert_eq!(exported.get("result").map_or(0, |results| results.as_array().unwrap().len()), stored);
        let again = world.backtest("a").await.unwrap();
        assert_eq!((again.replayed, world.objects("results"), world.listed().await), (false, stored + 1, 1));
        world.erase().await;
        assert_eq!((world.objects("results"), world.objects("exports")), (0, 0));
    }
}

#[tokio::test]
async fn a_response_whose_record_is_not_written_is_not_read_and_is_erased() {
    let world = World::new().await;
    *world.table.at.lock().unwrap() = Some("BACKTEST#");
    assert!(world.backtest("a").await.is_err());
    // Whether the record was written is not known then, so the object stays, with the item that names it.
    let own = store::keys::customer_items(world.customer);
    let own = world.table.query(&Query::forward(own.partition, own.range, 100)).await.unwrap().items;
    let named = own.iter().find_map(|item| item.key.sk.strip_prefix("RESULT#")).unwrap();
    let found = stored_backtests::find(&world.platform.app, world.customer, named.parse().unwrap()).await;
    assert!(matches!(found, Err(ServiceError::NotFound { .. })));
    assert_eq!((world.objects("results"), world.listed().await), (1, 0));
    world.erase().await;
    assert_eq!(world.objects("results"), 0);
}

#[tokio::test]
async fn a_removed_backtest_leaves_nothing_and_is_not_run_again_by_its_key() {
    let world = World::new().await;
    let made = world.backtest("a").await.unwrap();
    assert_eq!((world.objects("results"), world.listed().await), (1, 1));
    let remove = |precondition| stored_backtests::remove(&world.platform.app, world.customer, made.id, precondition);
    let (other, none) = (Precondition::OneOf(vec![7]), Precondition::None);
    let refused = remove(&other).await;
    assert!(matches!(refused, Err(ServiceError::PreconditionFailed { .. })));
    remove(&none).await.unwrap();
    assert_eq!((world.objects("results"), world.listed().await), (0, 0));
    let own = store::keys::customer_items(world.customer);
    let own = world.table.query(&Query::forward(own.partition, own.range, 100)).await.unwrap().items;
    assert!(own.iter().all(|item| !item.key.sk.contains(&made.id.to_string())), "{own:?}");
    for again in [remove(&none).await, world.backtest("a").await.map(drop)] {
        assert!(matches!(again, Err(ServiceError::NotFound { what: "backtest" })), "{again:?}");
    }
    assert!(!world.backtest("b").await.unwrap().replayed);
}

#[tokio::test]
async fn the_name_of_a_backtest_is_exported_and_erased_with_it() {
    let world = World::new().await;
    let made = world.backtest("a").await.unwrap();
    let name = || NameChange::Set(PortfolioName::parse("Steady").unwrap());
    let app = &world.platform.app;
    stored_backtests::rename(app, world.customer, made.id, &Precondition::Any, name()).await.unwrap();
    assert_eq!(world.exported().await["backtest"][0]["name"], "Steady");
    world.erase().await;
    let found = stored_backtests::find(app, world.customer, made.id).await;
    assert!(matches!(found, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn a_response_that_cannot_be_stored_leaves_nothing_and_does_not_use_its_key() {
    let world = World::new().await;
    world.putting(Putting::Fails);
    assert!(matches!(world.backtest("a").await, Err(ServiceError::Objects(_))));
    world.putting(Putting::Works);
    assert_eq!(world.exported().await.get("result"), None);
    let first = world.backtest("a").await.unwrap();
    let again = world.backtest("a").await.unwrap();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!((&first.json, first.id), (&again.json, again.id));
    assert!(first.json.len() > 100 * 1024, "{} bytes", first.json.len());
    assert_eq!(world.objects("results"), 1);
}

#[tokio::test]
async fn a_repeated_import_with_its_key_gets_the_first_response() {
    for rows in [3, 1_500] {
        let world = World::new().await;
        let first = world.import(rows, Some("a")).await.unwrap();
        assert!(!first.replayed && !first.value.repeated);
        let again = world.import(rows, Some("a")).await.unwrap();
        assert_eq!((again.replayed, &again.value), (true, &first.value));
        let without = world.import(rows, None).await.unwrap();
        assert_eq!((without.replayed, without.value.repeated), (false, true));
        let other = world.import(rows, Some("b")).await.unwrap();
        assert_eq!((other.replayed, other.value.repeated), (false, true));
        assert!(matches!(world.import(rows + 1, Some("a")).await, Err(ServiceError::IdempotencyKeyReused)));
        assert_eq!(world.objects("results"), if rows > 1_000 { 2 } else { 0 });
        let exported = world.exported().await["result"].to_string();
        assert!(
            ["false", "true"].iter().all(|value| exported.contains(&format!("\"repeated\":{value}"))),
            "{rows} rows"
        );
        world.erase().await;
        assert_eq!(world.objects("results"), 0);
    }
}

#[tokio::test]
async fn concurrent_copies_of_an_import_leave_one_response() {
    let world = World::new().await;
    let first = world.import(1_500, None).await.unwrap().value;
    let responses = join_all((0..6).map(|_| world.import(1_500, Some("a")))).await;
    let responses: Vec<_> = responses.into_iter().map(Result::unwrap).collect();
    assert_eq!(responses.iter().filter(|response| !response.replayed).count(), 1);
    assert!(responses.iter().all(|response| response.value.items == first.items));
    assert_eq!(world.objects("results"), 1);
}

#[tokio::test]
async fn a_replayed_lot_has_the_value_of_the_first_response() {
    let world = World::new().await;
    let symbol: domain::Symbol = "MY:HOUSE".parse().unwrap();
    let item = NewCustomInstrument {
        symbol: symbol.clone(),
        name: "House".to_owned(),
        currency: Currency::USD,
        instrument_type: domain::InstrumentType::Item,
    };
    custom_instruments::create(&world.platform.app, world.customer, &item, None).await.unwrap();
    let value = async |date: &str, price: &str| {
        let valuation = Valuation { date: date.parse().unwrap(), price: Price::parse(price).unwrap() };
        custom_instruments::value(&world.platform.app, world.customer, &symbol, &[valuation]).await.unwrap();
    };
    let purchase = Purchase {
        ticker_symbol: symbol.clone(),
        quantity: Quantity::parse("2").unwrap(),
        purchase_price: Price::parse("90").unwrap(),
        purchase_date: "2012-01-03".parse().unwrap(),
        fee: "1.5".parse().unwrap(),
        currency: None,
    };
    let record = async || {
        investments::record(&world.platform, world.customer, world.portfolio, &purchase, Some("lot")).await.unwrap()
    };
    value("2012-01-03", "100").await;
    let first = record().await;
    assert_eq!((first.replayed, first.value.value.as_deref()), (false, Some("200.00")));
    value("2012-01-04", "120").await;
    let again = record().await;
    assert_eq!((again.replayed, &again.value), (true, &first.value));
    let now = investments::find(&world.platform, world.customer, world.portfolio, first.value.id).await.unwrap();
    assert_eq!(now.value.as_deref(), Some("240.00"));
    // Also after the lot itself is removed.
    let anything = app::Precondition::Any;
    investments::remove(&world.platform, world.customer, world.portfolio, now.id, &anything).await.unwrap();
    assert_eq!(record().await.value, first.value);
}
