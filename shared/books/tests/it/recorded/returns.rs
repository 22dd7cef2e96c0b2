//! Flows, returns and daily values of recorded portfolios, compared with the same trades made from the wallet.

use app::precondition::Precondition;
use books::activities::{self, ActivityChange};
use domain::calendar::next_trading_days;
use domain::{Currency, Day};
use ledger::{ActivityFields, ActivityType, Side};
use serde_json::{Value, json};
use testing::portfolios::{Market, SeededRandom, World, stock};

use super::{Recorded, acme, day, decimal, last_value, symbol, unnamed, whole_history, without_value};

#[tokio::test]
async fn flows_are_purchases_and_sales_before_tax_and_transfers_at_the_close() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    let charged = |units: &'static str, price: &'static str| {
        move |fields: &mut ActivityFields| {
            (fields.quantity, fields.unit_price) = (Some(decimal(units)), Some(decimal(price)));
            (fields.fee, fields.tax) = (decimal("1.5"), decimal("0.5"));
        }
    };
    portfolio.record(ActivityType::Buy, "ACME", day("2012-01-03"), charged("10", "99")).await;
    let came_in = |fields: &mut ActivityFields| {
        (fields.quantity, fields.unit_price) = (Some(decimal("2")), Some(decimal("7")));
    };
    portfolio.record(ActivityType::TransferIn, "ACME", day("2012-01-04"), came_in).await;
    portfolio.record(ActivityType::Sell, "ACME", day("2012-01-06"), charged("4", "61")).await;
    // On a Saturday: the close of Friday.
    portfolio.moved(ActivityType::TransferOut, "ACME", "2012-01-07", "1").await;
    portfolio.moved(ActivityType::Adjustment, "ACME", "2012-01-09", "-2").await;
    let performed = portfolio.performed().await;
    let flows = |on: &str| {
        let row = performed["series"].as_array().unwrap().iter().find(|row| row["date"] == on).unwrap();
        [row["inflow"].as_str().unwrap().to_owned(), row["outflow"].as_str().unwrap().to_owned()]
    };
    assert_eq!(flows("2012-01-03"), ["991.50", "0.00"]);
    assert_eq!(flows("2012-01-04"), ["220.00", "0.00"], "the close, whatever they had cost");
    assert_eq!(flows("2012-01-06"), ["0.00", "242.50"]);
    assert_eq!(flows("2012-01-07"), ["0.00", "60.00"]);
    assert_eq!(flows("2012-01-09"), ["0.00", "116.00"]);
    assert_eq!(portfolio.held().await["value"], *last_value(&performed));
    // The taxes of the purchase and of the sale, and the money that moved with them.
    let parts = &performed["attribution"];
    assert_eq!((&parts["taxes"], &parts["fees"], &parts["flows"]), (&json!("1.00"), &json!("3.00"), &json!("794.00")));
    let return_of = |figure: &str| performed["metrics"][figure].as_f64().unwrap();
    assert!(return_of("twr_after_tax") < return_of("twr") && return_of("xirr_after_tax") < return_of("xirr"));
    // The gain counts from what they had cost: 20 of 992.00 and 4 of 14.00, of which the oldest seven have left.
    assert_eq!(portfolio.held().await["cost"], "658.80");
}

#[tokio::test]
async fn a_transfer_does_not_change_the_return() {
    let market = acme();
    let world = World::new(market, Currency::USD).await;
    let (alone, moved) = (Recorded::new(&world).await, Recorded::new(&world).await);
    for portfolio in [&alone, &moved] {
        portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    }
    moved.moved(ActivityType::TransferOut, "ACME", "2012-01-06", "11").await;
    let unknown = |fields: &mut ActivityFields| {
        (fields.quantity, fields.cost_unknown) = (Some(decimal("1000")), true);
    };
    moved.record(ActivityType::TransferIn, "ACME", day("2012-01-09"), unknown).await;
    let twr = |answer: Value| answer["metrics"]["twr"].as_f64().unwrap();
    let (alone, moved) = (twr(alone.performed().await), twr(moved.performed().await));
    assert!((alone - 0.18).abs() < 1e-12 && (alone - moved).abs() < 1e-12, "{alone} {moved}");
}

/// The strong law: the same trades, made from the wallet and recorded as activities in another order, have the same
/// lots, gains, values and returns, by every lot method and as of every day.
#[tokio::test]
async fn the_same_trades_recorded_or_made_from_the_wallet_have_the_same_figures() {
    for seed in 0..6 {
        let mut numbers = SeededRandom(seed);
        let days = next_trading_days(day("2011-11-01"), 120);
        let market = Market::new(days[119]);
        for (name, currency) in [("ONE", "USD"), ("TWO", "USD"), ("EURO", "EUR"), ("EURUSD=X", "USD")] {
            market.list(stock(name, currency, Some(name)), numbers.random_walk(&days));
        }
        let mut world = World::new(market, Currency::USD).await;
        let mut made: Vec<(Side, &str, &str, Day)> = Vec::new();
        for at in (0..119).step_by(4) {
            let name = ["ONE", "TWO", "EURO"][numbers.below(3)];
            let units = ["1", "2.5", "1.00000007"][numbers.below(3)];
            let sells = numbers.below(3) == 0 && world.units_of(&symbol(name), days[at]) > decimal("3");
            let side = if sells { Side::Sell } else { Side::Buy };
            world.trade(side, &symbol(name), units, days[at]).await;
            made.push((side, name, units, days[at]));
        }
        let wallet = Recorded { world: &world, id: world.portfolio };
        let recorded = [Recorded::new(&world).await, Recorded::new(&world).await];
        for portfolio in &recorded {
            // Purchases in any order, then sales in any order.
            for at in (1..made.len()).rev() {
                made.swap(at, numbers.below(at + 1));
            }
            made.sort_by_key(|(side, ..)| *side == Side::Sell);
            for &(side, name, units, on) in &made {
                let bars = world.market.bars(&symbol(name));
                let close = bars.close()[bars.count_through(on) - 1].to_string();
                let kind = if side == Side::Buy { ActivityType::Buy } else { ActivityType::Sell };
                portfolio.traded(kind, name, &on.to_string(), units, &close, "1.25").await;
            }
        }
        let methods = ["fifo", "lifo", "hifo", "average"].map(|name| serde_json::from_value(name.into()).unwrap());
        for method in [None].into_iter().chain(methods.map(Some)) {
            for as_of in [None, Some(days[20]), Some(days[77])].map(|day| day.map(|day| day.to_string())) {
                let expected = unnamed(wallet.held_as(as_of.as_deref(), method).await);
                for portfolio in &recorded {
                    let found = unnamed(portfolio.held_as(as_of.as_deref(), method).await);
                    assert_eq!(found, expected, "seed {seed}, {as_of:?}, {method:?}");
                }
            }
        }
        let expected = unnamed(wallet.performed().await);
        assert!(expected["metrics"]["twr"].is_number() && without_value(&expected).is_empty(), "{expected}");
        for portfolio in &recorded {
            assert_eq!(unnamed(portfolio.performed().await), expected, "seed {seed}");
        }
    }
}

/// Whatever is recorded, corrected and removed, for whatever day: stored values equal those of a reader that stores
/// none, and end with the value of the holdings.
#[tokio::test]
async fn a_changed_history_leaves_no_stale_value() {
    for seed in 0..8 {
        let mut numbers = SeededRandom(seed);
        let days = next_trading_days(day("2011-11-01"), 120);
        let market = Market::new(days[60]);
        for (name, currency) in [("ONE", "USD"), ("TWO", "USD"), ("EURO", "EUR"), ("EURUSD=X", "USD")] {
            market.list(stock(name, currency, Some(name)), numbers.random_walk(&days));
        }
        let world = World::new(market, Currency::USD).await;
        let portfolio = Recorded::new(&world).await;
        for name in ["ONE", "TWO", "EURO"] {
            portfolio.traded(ActivityType::Buy, name, &days[0].to_string(), "1000", "99.5", "1").await;
        }
        let (mut at, mut removable) = (60, Vec::new());
        for step in 0..24 {
            let name = ["ONE", "TWO", "EURO"][numbers.below(3)];
            let on = days[numbers.below(days.len())].plus_days(i32::try_from(numbers.below(3)).unwrap()).to_string();
            match numbers.below(8) {
                0 => {
                    at = (at + 1 + numbers.below(12)).min(days.len() - 1);
                    world.market.move_to(days[at]);
                }
                1 => removable.push(portfolio.traded(ActivityType::Sell, name, &on, "1.5", "88.8", "1").await),
                2 => removable.push(portfolio.moved(ActivityType::TransferOut, name, &on, "0.7").await),
                3 => removable.push(portfolio.moved(ActivityType::Adjustment, name, &on, "-0.3").await),
                4 => removable.push(portfolio.split(name, &on, ["3/2", "3", "5/4"][numbers.below(3)]).await),
                5 => {
                    let unknown = |fields: &mut ActivityFields| {
                        (fields.quantity, fields.cost_unknown) = (Some(decimal("2")), true);
                    };
                    portfolio.record(ActivityType::TransferIn, name, day(&on), unknown).await;
                }
                6 if !removable.is_empty() => {
                    portfolio.remove(removable.swap_remove(numbers.below(removable.len()))).await;
                }
                _ => drop(portfolio.traded(ActivityType::Buy, name, &on, "2.5", "99.99", "1.1").await),
            }
            let kept = portfolio.performed().await;
            assert_eq!(kept, portfolio.performed_on(&world.forgetful(), None).await, "seed {seed}, step {step}");
            assert_eq!(*last_value(&kept), portfolio.held().await["value"], "seed {seed}, step {step}");
            assert_eq!(without_value(&kept), [&json!(null); 0], "seed {seed}, step {step}");
        }
    }
}

#[tokio::test]
async fn a_correction_of_an_earlier_day_changes_the_stored_values() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = whole_history(&world).await;
    let before = portfolio.performed().await;
    let later = portfolio.traded(ActivityType::Buy, "ACME", "2012-01-04", "1", "110", "0").await;
    let (platform, customer) = (&world.platform, world.customer);
    let change = ActivityChange { quantity: Some(decimal("2")), ..ActivityChange::default() };
    let at = Precondition::OneOf(vec![1]);
    activities::correct(platform, customer, portfolio.id, later, &at, &change).await.unwrap();
    let after = portfolio.performed().await;
    assert_eq!((last_value(&before), last_value(&after)), (&json!("1888.00"), &json!("2124.00")));
    portfolio.remove(later).await;
    assert_eq!(portfolio.performed().await, before);
}
