//! Creating, listing and removing alerts: limits, keys, pages, export and erasure.

use accounts::{erasure, export};
use app::ServiceError;
use app::listing::{DayRange, ListOrder, PageRequest};
use domain::CustomerId;
use domain::alert::Repeat;
use futures::future::join_all;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, AlertFilter, MAX_ACTIVE, NewAlert};
use notifications::watchlist;
use serde_json::Value;
use store::keys;
use testing::people::password;
use uuid::Uuid;

use crate::alerts::world::{World, above, day, symbol};

const ADA: CustomerId = CustomerId(Uuid::from_u128(7));

fn on(name: &str) -> NewAlert {
    NewAlert { symbol: symbol(name), condition: above("12"), repeat: Repeat::Once, email: false }
}

#[tokio::test]
async fn a_customer_has_at_most_a_hundred_active_alerts() {
    let world = World::new();
    for _ in 0..MAX_ACTIVE - 5 {
        world.alert(ADA, above("12"), Repeat::Recurring).await;
    }
    let new = on("IBM");
    let concurrent = join_all((0..10).map(|_| alerts::create(&world.platform, ADA, &new, None))).await;
    let (made, refused): (Vec<_>, Vec<_>) = concurrent.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 5);
    let is_limit = |error: &ServiceError| matches!(error, ServiceError::LimitReached { limit: MAX_ACTIVE, .. });
    assert!(refused.into_iter().all(|refused| is_limit(&refused.unwrap_err())));
    alerts::evaluate(&world.platform, &[world.quote("IBM", "13")]).await.unwrap();
    for _ in 0..5 {
        world.alert(ADA, above("12"), Repeat::Recurring).await;
    }
    assert!(is_limit(&alerts::create(&world.platform, ADA, &new, None).await.unwrap_err()));
    let newest = world.alerts(ADA).await[0].id;
    alerts::remove(&world.platform.app, ADA, newest).await.unwrap();
    // Removing an alert that has fired makes no room.
    let fired = made[0].as_ref().unwrap().value.id;
    alerts::remove(&world.platform.app, ADA, fired).await.unwrap();
    world.alert(ADA, above("12"), Repeat::Recurring).await;
    assert!(is_limit(&alerts::create(&world.platform, ADA, &new, None).await.unwrap_err()));
}

#[tokio::test]
async fn one_key_creates_one_alert_and_returns_it_as_created() {
    let world = World::new();
    let new = on("AAPL");
    let first = alerts::create(&world.platform, ADA, &new, Some("k")).await.unwrap();
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    let again = alerts::create(&world.platform, ADA, &new, Some("k")).await.unwrap();
    assert_eq!((again.value, again.replayed), (first.value.clone(), true));
    alerts::remove(&world.platform.app, ADA, first.value.id).await.unwrap();
    assert_eq!(alerts::create(&world.platform, ADA, &new, Some("k")).await.unwrap().value, first.value);
    let reused = alerts::create(&world.platform, ADA, &on("IBM"), Some("k")).await.unwrap_err();
    assert!(matches!(reused, ServiceError::IdempotencyKeyReused));
    let concurrent = join_all((0..10).map(|_| alerts::create(&world.platform, ADA, &new, Some("l")))).await;
    let ids: std::collections::BTreeSet<_> = concurrent.into_iter().map(|made| made.unwrap().value.id).collect();
    assert_eq!((ids.len(), world.alerts(ADA).await.len()), (1, 1));
}

#[tokio::test]
async fn an_alert_needs_a_listed_symbol_and_makes_it_tracked() {
    let world = World::new();
    let refused = alerts::create(&world.platform, ADA, &on("NOPE"), None).await.unwrap_err();
    assert!(matches!(refused, ServiceError::UnknownSymbol { .. }));
    let refused = alerts::create(&world.platform, ADA, &on("MY:HOUSE"), None).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Field { field: "symbol", .. }));
    alerts::create(&world.platform, ADA, &on("IBM"), None).await.unwrap();
    let listed = keys::registered_symbol(&symbol("IBM"));
    assert!(store::Table::get(world.table.inner(), &listed).await.unwrap().is_some());
}

#[tokio::test]
async fn lists_have_pages_and_the_history_outlives_its_alert() {
    let world = World::new();
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(world.alert(ADA, above("12"), Repeat::Recurring).await);
    }
    let list = async |customer, page: &PageRequest| {
        alerts::list(&world.platform.app, customer, &AlertFilter::default(), page).await
    };
    let first = list(ADA, &PageRequest::newest(2)).await.unwrap();
    assert_eq!(first.items, [made[2].clone(), made[1].clone()]);
    let second = PageRequest::newest(2).after(first.next);
    let rest = list(ADA, &second).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next), (&made[..1], None));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    let id = made[0].id;
    alerts::remove(&world.platform.app, ADA, id).await.unwrap();
    let gone = |result: Result<(), ServiceError>| matches!(result, Err(ServiceError::NotFound { what: "alert" }));
    assert!(gone(alerts::remove(&world.platform.app, ADA, id).await));
    assert!(gone(alerts::find(&world.platform.app, ADA, id).await.map(drop)));
    assert_eq!(world.history(ADA, &made[0]).await.len(), 1);
    // Another customer finds neither the alert nor its history, and cannot use its cursors.
    let other = CustomerId(Uuid::from_u128(8));
    assert!(gone(alerts::find(&world.platform.app, other, id).await.map(drop)));
    let (days, page) = (DayRange::default(), PageRequest::newest(10));
    assert!(gone(alerts::list_firings(&world.platform.app, other, id, days, &page).await.map(drop)));
    assert!(gone(alerts::remove(&world.platform.app, other, made[1].id).await));
    assert!(list(other, &second).await.is_err());
}

#[tokio::test]
async fn the_history_of_a_span_of_days_is_read_by_its_keys_and_exists_without_firings_in_it() {
    let world = World::new();
    let alert = world.alert(ADA, above("12"), Repeat::Recurring).await;
    for on in ["2026-11-18", "2026-11-19", "2026-11-20"] {
        let quote = LastQuote { day: day(on), ..world.quote("AAPL", "13") };
        alerts::evaluate(&world.platform, &[quote]).await.unwrap();
    }
    alerts::remove(&world.platform.app, ADA, alert.id).await.unwrap();
    let read = async |from: Option<&str>, to: Option<&str>, order| {
        let days = DayRange { from: from.map(day), to: to.map(day) };
        let page = PageRequest { order, ..PageRequest::newest(10) };
        let read = alerts::list_firings(&world.platform.app, ADA, alert.id, days, &page).await.unwrap();
        read.items.into_iter().map(|firing| firing.market_day.to_string()).collect::<Vec<_>>()
    };
    let (asc, desc) = (ListOrder::Asc, ListOrder::Desc);
    assert_eq!(read(None, None, asc).await, ["2026-11-18", "2026-11-19", "2026-11-20"]);
    assert_eq!(read(Some("2026-11-19"), None, desc).await, ["2026-11-20", "2026-11-19"]);
    assert_eq!(read(None, Some("2026-11-18"), desc).await, ["2026-11-18"]);
    assert_eq!(read(Some("2026-11-21"), None, desc).await, [] as [&str; 0], "the removed alert has fired");
}

#[tokio::test]
async fn a_removed_alert_does_not_fire() {
    let world = World::new();
    let alert = world.alert(ADA, above("12"), Repeat::Recurring).await;
    alerts::remove(&world.platform.app, ADA, alert.id).await.unwrap();
    assert!(world.waiting("AAPL").await.is_empty());
    assert_eq!(alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap().fired, 0);
}

#[tokio::test]
async fn an_export_contains_and_an_erasure_removes_all_of_it() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    watchlist::put(&world.platform, ada, &symbol("IBM")).await.unwrap();
    let with_email = NewAlert { email: true, repeat: Repeat::Recurring, ..on("AAPL") };
    alerts::create(&world.platform, ada, &with_email, None).await.unwrap();
    world.alert(ada, above("12"), Repeat::Once).await;
    world.emails.set_failing(true);
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    world.emails.set_failing(false);
    assert_eq!(world.waiting("AAPL").await.len(), 2, "an alert, and a pending delivery");

    world.plant_email_subscription(ada).await;
    export::export(&world.platform.app, ada).await.unwrap();
    let records = exported(&world, ada).await;
    let count = |kind: &str| records[kind].as_array().map_or(0, Vec::len);
    assert_eq!((count("watch"), count("alert"), count("firing"), count("mail")), (1, 2, 2, 1), "{records}");

    let erase = || erasure::erase(&world.platform.app, ada, password());
    world.emails.set_failing(true);
    erase().await.unwrap();
    assert!(world.waiting("AAPL").await.is_empty());
    assert_eq!(kinds_of(&world, ada).await, ["MAIL"], "a topic that cannot be deleted yet stays recorded");
    world.emails.set_failing(false);
    world.clock.forward(chrono::TimeDelta::hours(2));
    assert!(erasure::sweep(&world.platform.app, ada).await.unwrap());
    assert!(kinds_of(&world, ada).await.is_empty());
    assert_eq!(world.emails.topics(), 0);
    assert_eq!(alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap().fired, 0);
}

/// The records of the customer's newest export.
async fn exported(world: &World, customer: CustomerId) -> Value {
    let exports = keys::exports(customer);
    let query = store::Query::backward(exports.partition, exports.range, 1);
    let item = store::Table::query(world.table.inner(), &query).await.unwrap().items.remove(0);
    let record: Value = store::documents::parse(&item).unwrap();
    let object = record["object"].as_str().unwrap().parse().unwrap();
    let bytes = world.platform.app.objects().get(&object).await.unwrap().unwrap();
    let export: Value = serde_json::from_slice(&bytes).unwrap();
    export["records"].clone()
}

/// The kinds of the items that are left of a customer.
async fn kinds_of(world: &World, customer: CustomerId) -> Vec<String> {
    let own = keys::customer_items(customer);
    let query = store::Query::forward(own.partition, own.range, 1_000);
    let items = store::Table::query(world.table.inner(), &query).await.unwrap().items;
    items.into_iter().map(|item| item.key.sk.split('#').next().unwrap().to_owned()).collect()
}
