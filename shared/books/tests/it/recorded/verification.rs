//! What verification finds in recorded histories.

use books::wallets;
use domain::{Bar, Bars, Currency, PortfolioId};
use ledger::ActivityType;
use operations::verification::{Interrupted, verify_all};
use store::{Body, DeleteExpect, Expect, Item, Key, Write, keys};
use testing::people;
use testing::portfolios::{World, stock};

use super::{Recorded, acme, symbol, whole_history};

/// A registered customer on the market.
async fn registered() -> World {
    let mut world = World::new(acme(), Currency::USD).await;
    world.customer = people::register(&world.platform.app, people::person("ada")).await;
    world
}

/// What verification finds; the wallet must not be frozen.
async fn found(world: &World) -> Vec<String> {
    let report = verify_all(&world.platform, Interrupted::Abandon, None).await.unwrap();
    assert!(report.results.unverified.is_empty(), "{report:?}");
    let wallet = wallets::show(&world.platform.app, world.customer).await.unwrap();
    assert!(!wallet.frozen, "the books of the wallet are sound");
    report.results.unsound.into_iter().flat_map(|unsound| unsound.discrepancies).collect()
}

async fn item(world: &World, key: Key) -> Item {
    world.platform.app.table().get(&key).await.unwrap().unwrap()
}

async fn delete(world: &World, key: Key) {
    let version = item(world, key.clone()).await.version;
    let write = Write::Delete { key, expect: DeleteExpect::Version(version) };
    world.platform.app.table().transact(vec![write]).await.unwrap();
}

async fn overwrite(world: &World, key: Key, body: Body) {
    let expect = Expect::Version(item(world, key.clone()).await.version);
    world.platform.app.table().transact(vec![Write::Put { key, body, expires_at: None, expect }]).await.unwrap();
}

/// A history with a removed activity and one that was corrected.
async fn changed_history(world: &World) -> (PortfolioId, uuid::Uuid) {
    let portfolio = whole_history(world).await;
    let removed = portfolio.traded(ActivityType::Buy, "GONE", "2012-01-05", "1", "50", "0").await;
    portfolio.remove(removed).await;
    let corrected = portfolio.traded(ActivityType::Buy, "GONE", "2012-01-05", "1", "50", "0").await;
    portfolio.correct_price(corrected, "51").await;
    (portfolio.id, corrected)
}

#[tokio::test]
async fn a_history_that_was_changed_is_sound() {
    let world = registered().await;
    changed_history(&world).await;
    assert_eq!(found(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_missing_or_damaged_segment_is_named() {
    let world = registered().await;
    let (portfolio, _) = changed_history(&world).await;
    let key = keys::activities_segment(portfolio, 0);
    overwrite(&world, key.clone(), Body::Bytes(vec![1; 40])).await;
    let damaged = found(&world).await;
    assert!(damaged.len() == 1 && damaged[0].contains("cannot be read"), "{damaged:?}");
    delete(&world, key).await;
    let missing = found(&world).await;
    assert!(missing.len() == 1 && missing[0].ends_with("it names segments that are not stored"), "{missing:?}");
}

#[tokio::test]
async fn a_missing_version_is_named() {
    let world = registered().await;
    let (portfolio, corrected) = changed_history(&world).await;
    delete(&world, keys::activity_version(portfolio, corrected, 1)).await;
    assert_eq!(found(&world).await, [format!("activity {corrected} of {portfolio} has 0 earlier versions of 1")]);
}

#[tokio::test]
async fn activities_of_another_portfolio_are_named() {
    let world = registered().await;
    let (portfolio, _) = changed_history(&world).await;
    let other = Recorded::new(&world).await;
    let foreign = other.traded(ActivityType::Buy, "GONE", "2012-01-04", "1", "50", "0").await;
    // The head of the other portfolio names the generation of its own first segment, which is that of the segment here.
    let body = item(&world, keys::activities_segment(other.id, 0)).await.body;
    let alone = Recorded::new(&world).await;
    alone.traded(ActivityType::Buy, "GONE", "2012-01-04", "1", "50", "0").await;
    overwrite(&world, keys::activities_segment(alone.id, 0), body).await;
    let expected = format!("the history of {} has activity {foreign} twice, or from another portfolio", alone.id);
    assert_eq!(found(&world).await, [expected], "{portfolio} is sound");
}

#[tokio::test]
async fn a_removal_that_lacks_units_by_a_corrected_split_is_named() {
    let world = registered().await;
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    let sale = portfolio.traded(ActivityType::Sell, "ACME", "2012-01-06", "20", "60", "0").await;
    assert_eq!(found(&world).await, [""; 0]);
    let listed = world.market.bars(&symbol("ACME"));
    let unsplit = Bars::from_rows(listed.iter().map(|bar| Bar { split_ratio: 1.0, ..bar })).unwrap();
    world.market.list(stock("ACME", "USD", Some("Anvils")), unsplit);
    let expected = format!("split_conflict: activity {sale} of {} takes 20 units of ACME, of 10 held", portfolio.id);
    assert_eq!(found(&world).await, [expected]);
}
