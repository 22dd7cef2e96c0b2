//! The gain over the capital that was invested, by lots of both books.

use app::precondition::Precondition;
use books::portfolios::{self, Change};
use domain::{Currency, LotMethod};
use ledger::{ActivityType, Side};
use serde_json::Value;
use testing::portfolios::World;

use super::{Recorded, acme, day, symbol};

fn near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

/// Ten at 100.00 and ten at 110.00, a split two for one, and twenty of the new ones sold at 60.00.
async fn half_sold(world: &World) -> Recorded<'_> {
    let portfolio = Recorded::new(world).await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-04", "10", "110", "0").await;
    portfolio.traded(ActivityType::Sell, "ACME", "2012-01-06", "20", "60", "0").await;
    portfolio
}

#[tokio::test]
async fn a_changed_lot_method_changes_the_capital_of_recorded_lots() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = half_sold(&world).await;
    let gain = 280.0;
    let first_in_first_out = (1000.0 + 2.0 * 2100.0 + 4.0 * 1100.0) / 7.0;
    let found = portfolio.performed().await;
    near(&found["metrics"]["return_on_invested"], gain / first_in_first_out);
    near(&found["metrics"]["simple_return"], gain / 2100.0);
    let last_in_first_out = (1000.0 + 2.0 * 2100.0 + 4.0 * 1000.0) / 7.0;
    let change = Change { lot_method: Some(LotMethod::Lifo), ..Change::default() };
    let (platform, at) = (&world.platform, Precondition::OneOf(vec![1]));
    portfolios::change(platform, world.customer, portfolio.id, &at, &change).await.unwrap();
    let changed = portfolio.performed().await;
    near(&changed["metrics"]["return_on_invested"], gain / last_in_first_out);
    assert_eq!(changed["metrics"]["twr"], found["metrics"]["twr"]);
}

#[tokio::test]
async fn a_sale_from_the_wallet_takes_the_capital_of_the_lots_that_it_sold() {
    let mut world = World::new(acme(), Currency::USD).await;
    world.market.move_to(day("2012-01-03"));
    world.trade(Side::Buy, &symbol("ACME"), "10", day("2012-01-03")).await;
    world.market.move_to(day("2012-01-04"));
    world.trade(Side::Buy, &symbol("ACME"), "10", day("2012-01-04")).await;
    world.market.move_to(day("2012-01-06"));
    let wallet = Recorded { world: &world, id: world.portfolio };
    let before = wallet.performed().await;
    near(&before["metrics"]["return_on_invested_gross"], 300.0 / ((1000.0 + 2.0 * 2100.0) / 3.0));
    world.trade(Side::Sell, &symbol("ACME"), "20", day("2012-01-06")).await;
    for today in ["2012-01-06", "2012-01-09", "2012-01-10"] {
        world.market.move_to(day(today));
        let wallet = Recorded { world: &world, id: world.portfolio };
        let kept = wallet.performed().await;
        assert_eq!(kept, wallet.performed_on(&world.forgetful(), None).await, "{today}");
    }
    let wallet = Recorded { world: &world, id: world.portfolio };
    let mean = (1000.0 + 2.0 * 2100.0 + 4.0 * 1100.0) / 7.0;
    near(&wallet.performed().await["metrics"]["return_on_invested_gross"], 280.0 / mean);
}
