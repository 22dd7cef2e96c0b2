//! Custom instruments that are removed or changed while another request comes to rely on them.

use std::sync::{Arc, Mutex};

use app::listing::PageRequest;
use app::{Precondition, ServiceError};
use async_trait::async_trait;
use books::activities::{self, NewActivity};
use books::investments::{self, InvestmentFilter, Purchase};
use chrono::TimeDelta;
use domain::portfolio::PortfolioType;
use domain::{Currency, CustomerId, InstrumentType, PortfolioId, Price, Quantity, Symbol};
use ledger::{ActivityFields, ActivityType};
use market::Sample;
use market_data::MarketData;
use market_data::custom_instruments::{self, CustomInstrumentChange, NewCustomInstrument, Valuation};
use store::{Query, StoreError, Table, Version, Write, keys};
use store_sqlite::SqliteTable;
use testing::people::{open_portfolio, opening};
use testing::{InterceptedTable, Interceptor, TestBed};
use uuid::Uuid;

const OWNER: CustomerId = CustomerId(Uuid::from_u128(1));

/// What another request does at the worst moment.
#[derive(Clone, Copy)]
enum Act {
    RecordsALot,
    StoresAValuation,
    RemovesTheInstrument,
    /// The process ends.
    Fails,
}

/// A table on which another request acts once, right before a write to a sort key with this prefix.
struct Rival {
    inner: Arc<SqliteTable>,
    act: Mutex<Option<(&'static str, Act)>>,
    platform: MarketData,
    portfolio: PortfolioId,
}

#[async_trait]
impl Interceptor for Rival {
    fn table(&self) -> &dyn Table {
        &*self.inner
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let is_due = |prefix: &str| writes.iter().any(|write| write.key().sk.starts_with(prefix));
        let act = self.act.lock().unwrap().take_if(|(prefix, _)| is_due(prefix));
        match act {
            None => {}
            Some((_, Act::Fails)) => return Err(StoreError::unavailable("injected")),
            Some((_, Act::RecordsALot)) => record(&self.platform, self.portfolio).await.unwrap(),
            Some((_, Act::StoresAValuation)) => value(&self.platform).await.unwrap(),
            Some((_, Act::RemovesTheInstrument)) => remove(&self.platform).await.unwrap(),
        }
        self.inner.transact(writes).await
    }
}

struct World {
    platform: MarketData,
    portfolio: PortfolioId,
    inner: Arc<SqliteTable>,
    test_bed: TestBed,
}

impl World {
    /// A custom instrument that nothing uses, and another request that acts before a write to `prefix`.
    async fn with_rival(prefix: &'static str, act: Act) -> Self {
        Self::new(prefix, act, false).await
    }

    /// The same with a valuation, of which a removal removes the head when the process ends.
    async fn whose_removal_is_cut_short() -> Self {
        Self::new("HEAD", Act::Fails, true).await
    }

    async fn new(prefix: &'static str, act: Act, valued: bool) -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let inner = Arc::new(test_bed.table());
        let undisturbed = test_bed.platform(inner.clone(), Arc::new(Sample::new()));
        let portfolio = open_portfolio(&undisturbed.app, OWNER, opening(PortfolioType::Other)).await;
        create(&undisturbed).await.unwrap();
        if valued {
            value(&undisturbed).await.unwrap();
        }
        let act = Mutex::new(Some((prefix, act)));
        let rival = Rival { inner: inner.clone(), act, platform: undisturbed, portfolio };
        let platform = test_bed.platform(Arc::new(InterceptedTable(rival)), Arc::new(Sample::new()));
        Self { platform, portfolio, inner, test_bed }
    }

    async fn lots(&self) -> usize {
        let (filter, page) = (InvestmentFilter::default(), PageRequest::newest(10));
        let listed = investments::list(&self.platform, OWNER, self.portfolio, &filter, &page).await;
        listed.unwrap().items.len()
    }

    async fn is_there(&self) -> bool {
        custom_instruments::find(&self.platform.app, OWNER, &house()).await.is_ok()
    }
}

fn house() -> Symbol {
    "MY:HOUSE".parse().unwrap()
}

async fn create(platform: &MarketData) -> Result<(), ServiceError> {
    let item = NewCustomInstrument {
        symbol: house(),
        name: "House".to_owned(),
        currency: Currency::USD,
        instrument_type: InstrumentType::Item,
    };
    custom_instruments::create(&platform.app, OWNER, &item, None).await.map(drop)
}

async fn record(platform: &MarketData, portfolio: PortfolioId) -> Result<(), ServiceError> {
    let purchase = Purchase {
        ticker_symbol: house(),
        quantity: Quantity::parse("1").unwrap(),
        purchase_price: Price::parse("90").unwrap(),
        purchase_date: "2012-01-03".parse().unwrap(),
        fee: "0".parse().unwrap(),
        currency: None,
    };
    investments::record(platform, OWNER, portfolio, &purchase, None).await.map(drop)
}

async fn value(platform: &MarketData) -> Result<(), ServiceError> {
    let valuation = Valuation { date: "2012-01-03".parse().unwrap(), price: Price::parse("100").unwrap() };
    custom_instruments::value(&platform.app, OWNER, &house(), &[valuation]).await.map(drop)
}

async fn remove(platform: &MarketData) -> Result<(), ServiceError> {
    custom_instruments::remove(&platform.app, OWNER, &house(), &Precondition::None).await
}

async fn move_to_francs(platform: &MarketData) -> Result<Currency, ServiceError> {
    let francs = CustomInstrumentChange { currency: Some("CHF".parse().unwrap()), ..CustomInstrumentChange::default() };
    let changed = custom_instruments::change(&platform.app, OWNER, &house(), &Precondition::Any, &francs).await;
    changed.map(|changed| changed.instrument.currency)
}

#[tokio::test]
async fn a_lot_of_an_instrument_that_is_removed_meanwhile_is_not_recorded() {
    let world = World::with_rival("ACTIVITIES#", Act::RemovesTheInstrument).await;
    let recorded = record(&world.platform, world.portfolio).await;
    assert!(matches!(recorded, Err(ServiceError::UnknownSymbol { .. })), "{recorded:?}");
    assert_eq!((world.lots().await, world.is_there().await), (0, false));
}

#[tokio::test]
async fn an_instrument_of_which_a_lot_is_recorded_meanwhile_is_not_removed() {
    let world = World::with_rival("ITEM#", Act::RecordsALot).await;
    let removed = remove(&world.platform).await;
    assert!(matches!(removed, Err(ServiceError::InstrumentInUse { .. })), "{removed:?}");
    assert_eq!((world.lots().await, world.is_there().await), (1, true));
}

#[tokio::test]
async fn an_instrument_that_is_used_meanwhile_keeps_its_currency() {
    for act in [Act::RecordsALot, Act::StoresAValuation] {
        let world = World::with_rival("ITEM#", act).await;
        let moved = move_to_francs(&world.platform).await;
        assert!(matches!(moved, Err(ServiceError::InstrumentInUse { .. })), "{moved:?}");
        let kept = custom_instruments::find(&world.platform.app, OWNER, &house()).await.unwrap();
        assert_eq!(kept.currency, Currency::USD);
    }
}

#[tokio::test]
async fn a_removal_that_is_cut_short_is_continued_by_the_next_one() {
    let world = World::whose_removal_is_cut_short().await;
    remove(&world.platform).await.unwrap_err();
    // Meanwhile nothing can come to rely on it.
    assert!(!world.is_there().await);
    let recorded = record(&world.platform, world.portfolio).await;
    assert!(matches!(recorded, Err(ServiceError::UnknownSymbol { .. })), "{recorded:?}");
    assert!(matches!(create(&world.platform).await, Err(ServiceError::SymbolTaken { .. })));
    remove(&world.platform).await.unwrap();
    let bars = Query::forward(keys::own_bars(OWNER, &house()), store::Range::All, 10);
    assert!(world.inner.query(&bars).await.unwrap().items.is_empty());
    create(&world.platform).await.unwrap();
    assert_eq!(move_to_francs(&world.platform).await.unwrap().to_string(), "CHF");
}

#[tokio::test]
async fn the_lock_of_a_removal_that_is_cut_short_expires() {
    let world = World::whose_removal_is_cut_short().await;
    remove(&world.platform).await.unwrap_err();
    assert!(!world.is_there().await);
    world.test_bed.clock.forward(TimeDelta::minutes(2));
    assert!(world.is_there().await);
    record(&world.platform, world.portfolio).await.unwrap();
}

#[tokio::test]
async fn an_instrument_that_was_sold_stays_as_long_as_an_activity_names_it() {
    let test_bed = TestBed::at("2026-11-20T12:00:00Z");
    let platform = test_bed.platform(Arc::new(test_bed.table()), Arc::new(Sample::new()));
    let portfolio = open_portfolio(&platform.app, OWNER, opening(PortfolioType::Other)).await;
    create(&platform).await.unwrap();
    record(&platform, portfolio).await.unwrap();
    let fields = ActivityFields {
        symbol: Some(house()),
        quantity: "1".parse().ok(),
        unit_price: "95".parse().ok(),
        ..ActivityFields::new(ActivityType::Sell)
    };
    let date = "2012-01-04".parse().unwrap();
    let sale = NewActivity { date, time: None, fields, note: None, external_id: None };
    let sold = activities::record(&platform, OWNER, portfolio, &sale, None).await.unwrap().value;
    let refused = remove(&platform).await;
    assert!(matches!(refused, Err(ServiceError::InstrumentInUse { .. })), "{refused:?}");
    activities::remove(&platform, OWNER, portfolio, sold.id, &Precondition::None).await.unwrap();
    let (filter, page) = (InvestmentFilter::default(), PageRequest::newest(10));
    let lot = investments::list(&platform, OWNER, portfolio, &filter, &page).await.unwrap().items.remove(0);
    investments::remove(&platform, OWNER, portfolio, lot.id, &Precondition::None).await.unwrap();
    remove(&platform).await.unwrap();
}
