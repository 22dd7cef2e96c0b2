//! The stored history of a portfolio: recorded, corrected and removed, in segments that no reader sees half changed.

use app::ServiceError;
use app::listing::{ListOrder, PageRequest};
use app::precondition::Precondition;
use books::activities::{self, ActivityChange, ActivityFilter, ActivityRecord, NewActivity};
use books::portfolios::{self, Change};
use domain::portfolio::PortfolioState;
use domain::{Bar, Bars, Currency, CustomerId, Day, Symbol};
use ledger::{ActivityFields, ActivityType};
use market_data::MarketData;
use rust_decimal::Decimal;
use store::{Body, keys};
use testing::portfolios::{Market, SeededRandom, World, stock};
use uuid::Uuid;

const TODAY: &str = "2013-03-01";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

async fn world() -> World {
    let market = Market::new(day(TODAY));
    for name in ["ONE", "TWO"] {
        market.list(stock(name, "USD", None), Bars::default());
    }
    World::new(market, Currency::USD).await
}

fn given(kind: ActivityType, date: &str, units: &str) -> NewActivity {
    let fields = ActivityFields {
        symbol: Some(symbol("ONE")),
        quantity: Some(number(units)),
        unit_price: matches!(kind, ActivityType::Buy | ActivityType::Sell).then(|| number("10")),
        ..ActivityFields::new(kind)
    };
    NewActivity { date: day(date), time: None, fields, note: None, external_id: None }
}

async fn record(world: &World, new: &NewActivity) -> Result<ActivityRecord, ServiceError> {
    record_at(&world.platform, world, new).await
}

async fn record_at(market: &MarketData, world: &World, new: &NewActivity) -> Result<ActivityRecord, ServiceError> {
    let recorded = activities::record(market, world.customer, world.portfolio, new, None).await;
    recorded.map(|made| made.value)
}

async fn buy(world: &World, date: &str, units: &str) -> ActivityRecord {
    record(world, &given(ActivityType::Buy, date, units)).await.unwrap()
}

async fn correct(
    world: &World,
    activity: &ActivityRecord,
    change: &ActivityChange,
) -> Result<ActivityRecord, ServiceError> {
    let version = Precondition::OneOf(vec![activity.version]);
    activities::correct(&world.platform, world.customer, world.portfolio, activity.id, &version, change).await
}

async fn remove(world: &World, id: Uuid) -> Result<(), ServiceError> {
    activities::remove(&world.platform, world.customer, world.portfolio, id, &Precondition::None).await
}

async fn all(world: &World) -> Vec<ActivityRecord> {
    let page = PageRequest { limit: usize::MAX, order: ListOrder::Asc, cursor: None };
    let filter = ActivityFilter::default();
    activities::list(&world.platform, world.customer, world.portfolio, &filter, &page).await.unwrap().items
}

/// The stored sizes of the segments.
async fn segments(world: &World) -> Vec<usize> {
    let items = app::listing::read_all(&world.platform.app, keys::activities(world.portfolio)).await.unwrap();
    items.iter().filter(|item| matches!(item.body, Body::Bytes(_))).map(|item| item.body.len()).collect()
}

#[tokio::test]
async fn an_activity_is_recorded_corrected_and_removed_and_its_versions_stay() {
    let world = world().await;
    let bought = buy(&world, "2012-06-01", "10").await;
    assert_eq!((bought.amount, bought.version), (Some(number("100")), 1));
    let change = ActivityChange { unit_price: Some(Some(number("11"))), ..ActivityChange::default() };
    let corrected = correct(&world, &bought, &change).await.unwrap();
    assert_eq!((corrected.amount, corrected.version), (Some(number("110")), 2), "the amount follows the price");
    let stale = correct(&world, &bought, &change).await.unwrap_err();
    assert!(matches!(stale, ServiceError::PreconditionFailed { current: 2 }), "{stale:?}");
    let same = correct(&world, &corrected, &change).await.unwrap();
    assert_eq!(same.version, 2, "a change of nothing makes no version");
    assert_eq!(all(&world).await, std::slice::from_ref(&corrected));
    remove(&world, bought.id).await.unwrap();
    assert!(all(&world).await.is_empty());
    let versions =
        activities::list_versions(&world.platform, world.customer, world.portfolio, bought.id).await.unwrap();
    assert_eq!(versions, [corrected, bought]);
}

#[tokio::test]
async fn a_sale_without_units_is_refused_with_the_day_and_the_units_held() {
    let world = world().await;
    buy(&world, "2012-06-01", "10").await;
    for (date, units) in [("2012-05-31", "1"), ("2012-06-02", "10.000000000001")] {
        let refused = record(&world, &given(ActivityType::Sell, date, units)).await.unwrap_err();
        let ServiceError::RecordedUnitsMissing { day: on, held, needed, .. } = refused else { panic!("{refused:?}") };
        assert_eq!((on, needed.to_string().as_str()), (day(date), units));
        assert_eq!(held.to_string(), if date < "2012-06-01" { "0" } else { "10" });
    }
    assert_eq!(all(&world).await.len(), 1);
}

#[tokio::test]
async fn a_change_that_leaves_a_later_sale_without_units_is_refused_and_names_it() {
    let world = world().await;
    let bought = buy(&world, "2012-06-01", "10").await;
    let sold = record(&world, &given(ActivityType::Sell, "2012-07-02", "10")).await.unwrap();
    let fewer = ActivityChange { quantity: Some(number("9")), ..ActivityChange::default() };
    let later = ActivityChange { date: Some(day("2012-07-03")), ..ActivityChange::default() };
    let other = ActivityChange { symbol: Some(Some(symbol("TWO"))), ..ActivityChange::default() };
    let earlier_sale = record(&world, &given(ActivityType::TransferOut, "2012-06-04", "1")).await.map(|_| ());
    let changes = [
        correct(&world, &bought, &fewer).await.map(|_| ()),
        correct(&world, &bought, &later).await.map(|_| ()),
        correct(&world, &bought, &other).await.map(|_| ()),
        remove(&world, bought.id).await,
        earlier_sale,
    ];
    for refused in changes {
        let refused = refused.unwrap_err();
        let ServiceError::HistoryConflict { activity_id, day: on, .. } = refused else { panic!("{refused:?}") };
        assert_eq!((activity_id, on), (sold.id, day("2012-07-02")));
    }
    assert_eq!(all(&world).await, [bought, sold]);
}

#[tokio::test]
async fn of_two_sales_of_the_same_units_at_once_one_is_refused() {
    let world = world().await;
    buy(&world, "2012-06-01", "10").await;
    let sale = given(ActivityType::Sell, "2012-07-02", "6");
    let other = world.restarted();
    let (one, two) = tokio::join!(record(&world, &sale), record_at(&other, &world, &sale));
    let refused: Vec<ServiceError> = [one, two].into_iter().filter_map(Result::err).collect();
    // Made in the same millisecond, either of them can be the one that counts first.
    let is_refused =
        matches!(&refused[..], [ServiceError::RecordedUnitsMissing { .. } | ServiceError::HistoryConflict { .. }]);
    assert!(is_refused, "{refused:?}");
    assert_eq!(all(&world).await.len(), 2);
}

#[tokio::test]
async fn the_same_idempotency_key_records_once() {
    let world = world().await;
    let new = given(ActivityType::Buy, "2012-06-01", "10");
    let once = async |new: &NewActivity| {
        activities::record(&world.platform, world.customer, world.portfolio, new, Some("key")).await
    };
    let (first, again) = (once(&new).await.unwrap(), once(&new).await.unwrap());
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.value, again.value);
    let reused = once(&given(ActivityType::Buy, "2012-06-01", "11")).await;
    assert!(matches!(reused, Err(ServiceError::IdempotencyKeyReused)));
    assert_eq!(all(&world).await.len(), 1);
}

#[tokio::test]
async fn a_long_history_is_stored_in_segments_and_a_change_writes_one_of_them() {
    let world = world().await;
    let mut note = long_notes();
    let mut ids = Vec::new();
    for _ in 0..60 {
        let new = NewActivity { note: Some(note()), ..given(ActivityType::Buy, "2012-06-01", "1") };
        ids.push(record(&world, &new).await.unwrap().id);
    }
    let before = segments(&world).await;
    assert!(before.len() > 2, "{before:?}");
    assert_eq!(all(&world).await.iter().map(|activity| activity.id).collect::<Vec<_>>(), ids);

    let second = activities::find(&world.platform, world.customer, world.portfolio, ids[30]).await.unwrap();
    let change = ActivityChange { note: Some(None), ..ActivityChange::default() };
    correct(&world, &second, &change).await.unwrap();
    let after = segments(&world).await;
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert_eq!((changed, after.len()), (1, before.len()));
    for id in ids {
        remove(&world, id).await.unwrap();
    }
    assert!(segments(&world).await.is_empty() && all(&world).await.is_empty());
}

/// Notes as long as they may be, of letters of a large alphabet, which hardly compress.
fn long_notes() -> impl FnMut() -> String {
    let mut random = SeededRandom(7);
    move || (0..500).map(|_| char::from_u32(0x4e00 + u32::try_from(random.below(20_000)).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_segment_that_long_notes_make_too_large_is_split() {
    let world = world().await;
    let mut note = long_notes();
    let mut recorded = Vec::new();
    for _ in 0..40 {
        recorded.push(buy(&world, "2012-06-01", "1").await);
    }
    assert_eq!(segments(&world).await.len(), 1);
    for activity in &recorded {
        let change = ActivityChange { note: Some(Some(note())), ..ActivityChange::default() };
        correct(&world, activity, &change).await.unwrap();
    }
    let sizes = segments(&world).await;
    assert!(sizes.len() > 1 && sizes.iter().all(|&size| size < 40 << 10), "{sizes:?}");
    let ids = |activities: &[ActivityRecord]| activities.iter().map(|activity| activity.id).collect::<Vec<_>>();
    assert_eq!(ids(&all(&world).await), ids(&recorded), "in the order of recording");
}

#[tokio::test]
async fn a_list_goes_on_where_it_stopped_though_an_activity_came_in_between() {
    let world = world().await;
    for date in ["2012-06-01", "2012-06-04", "2012-06-05", "2012-06-06"] {
        buy(&world, date, "1").await;
    }
    let page = async |order, cursor| {
        let request = PageRequest { limit: 2, order, cursor };
        let filter = ActivityFilter { symbol: Some(symbol("ONE")), ..ActivityFilter::default() };
        activities::list(&world.platform, world.customer, world.portfolio, &filter, &request).await
    };
    let dates = |items: &[ActivityRecord]| items.iter().map(|one| one.date.to_string()).collect::<Vec<_>>();
    let first = page(ListOrder::Desc, None).await.unwrap();
    assert_eq!(dates(&first.items), ["2012-06-06", "2012-06-05"]);
    buy(&world, "2012-06-07", "1").await;
    buy(&world, "2012-06-02", "1").await;
    let second = page(ListOrder::Desc, first.next.clone()).await.unwrap();
    assert_eq!(dates(&second.items), ["2012-06-04", "2012-06-02"]);
    let last = page(ListOrder::Desc, second.next).await.unwrap();
    assert_eq!((dates(&last.items), last.next), (vec!["2012-06-01".to_owned()], None));
    let foreign = page(ListOrder::Asc, first.next).await;
    assert!(matches!(foreign, Err(ServiceError::Store(store::StoreError::ForeignCursor))), "the other order");
}

#[tokio::test]
async fn a_closed_portfolio_and_that_of_another_customer_take_no_activity() {
    let world = world().await;
    let new = given(ActivityType::Buy, "2012-06-01", "10");
    let stranger = CustomerId(Uuid::from_u128(99));
    let foreign = activities::record(&world.platform, stranger, world.portfolio, &new, None).await;
    assert!(matches!(foreign, Err(ServiceError::NotFound { what: "portfolio" })));
    let close = Change { state: Some(PortfolioState::Closed), ..Change::default() };
    let any = Precondition::Any;
    portfolios::change(&world.platform, world.customer, world.portfolio, &any, &close).await.unwrap();
    assert!(matches!(record(&world, &new).await, Err(ServiceError::PortfolioClosed)));
}

#[tokio::test]
async fn a_sale_that_a_late_split_leaves_without_units_does_not_stand_in_the_way_of_other_changes() {
    let world = world().await;
    buy(&world, "2012-06-01", "10").await;
    record(&world, &given(ActivityType::Sell, "2012-07-02", "10")).await.unwrap();
    // A split in between that becomes known later: one unit was held when ten were sold.
    let bars = (0..60).map(|at| Bar {
        split_ratio: if at == 40 { 0.1 } else { 1.0 },
        ..testing::exchange::bar(day("2012-05-01").plus_days(at), 10.0)
    });
    world.market.list(stock("ONE", "USD", None), Bars::from_rows(bars).unwrap());
    testing::load(&world.platform, &symbol("ONE")).await.unwrap();
    buy(&world, "2012-08-01", "1").await;
    let refused = record(&world, &given(ActivityType::Sell, "2012-08-02", "2")).await.unwrap_err();
    assert!(matches!(refused, ServiceError::RecordedUnitsMissing { .. }), "{refused:?}");
}
