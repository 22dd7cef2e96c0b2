//! Which quotes fire an alert.

use chrono::TimeDelta;
use domain::alert::{Condition, Direction, Percent, Repeat};
use domain::{Bar, Bars};
use market::Note;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, AlertState, EvaluationCounts, Firing};
use store::{documents, keys};
use testing::portfolios::stock;

use crate::alerts::world::{World, above, bar, day, gist, price, symbol};

#[tokio::test]
async fn an_alert_fires_at_the_first_quote_that_meets_its_condition() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    let quotes = [world.quote("AAPL", "11.9"), world.quote("AAPL", "12"), world.quote("IBM", "99")];
    assert_eq!(alerts::evaluate(&world.platform, &quotes).await.unwrap(), EvaluationCounts::default());
    world.clock.forward(TimeDelta::minutes(15));
    let quote = world.quote("AAPL", "12.01");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 1, delivered: 1, undelivered: 0 });
    let messages = world.sockets.take(&socket);
    assert_eq!(messages.len(), 1);
    assert_eq!(gist(&messages[0]), World::message_of(&alert, "12.01"));
    assert_eq!(messages[0]["as_of"], "2026-11-20T15:15:00.000Z");
    assert_eq!(messages[0]["fired_at"], "2026-11-20T15:15:00.000Z");
    assert_eq!((&messages[0]["currency"], messages[0].get("replay")), (&"USD".into(), None));
    let fired = alerts::find(&world.platform.app, ada, alert.id).await.unwrap();
    assert_eq!((fired.state, fired.last_fired_on), (AlertState::Fired, Some(day("2026-11-20"))));
    let history = world.history(ada, &alert).await;
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].price, history[0].market_day, history[0].delivered), (quote.price, quote.day, true));
    assert!(world.waiting("AAPL").await.is_empty(), "nothing waits any more");
}

#[tokio::test]
async fn alerts_that_fired_lately_are_listed_the_latest_first() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let (eve, _) = world.connect("eve").await;
    let mut expected = Vec::new();
    for level in ["13", "12"] {
        expected.insert(0, world.alert(ada, above(level), Repeat::Once).await.id);
    }
    world.alert(ada, above("99"), Repeat::Once).await;
    world.alert(eve, above("12"), Repeat::Once).await;
    let start = world.clock.now();
    // The one above 12 fires first.
    for price in ["12.5", "13.5"] {
        world.clock.forward(TimeDelta::minutes(1));
        alerts::evaluate(&world.platform, &[world.quote("AAPL", price)]).await.unwrap();
    }
    expected.reverse();
    let fired_since = async |minutes| {
        let since = start + TimeDelta::minutes(minutes);
        let fired = alerts::list_fired_since(&world.platform.app, ada, since).await.unwrap();
        fired.iter().map(|alert| alert.id).collect::<Vec<_>>()
    };
    assert_eq!(fired_since(0).await, expected);
    assert_eq!(fired_since(2).await, expected[..1], "an instant counts as within");
    assert!(fired_since(3).await.is_empty());
}

#[tokio::test]
async fn an_alert_fires_once_or_once_on_each_market_day() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let once = world.alert(ada, above("12"), Repeat::Once).await;
    let recurring = world.alert(ada, above("12"), Repeat::Recurring).await;
    let monday = |quote: LastQuote| LastQuote { day: day("2026-11-23"), ..quote };
    let mut fired = Vec::new();
    for quote in [
        world.quote("AAPL", "13"),
        world.quote("AAPL", "14"),
        world.quote("AAPL", "11"),
        world.quote("AAPL", "13"),
        monday(world.quote("AAPL", "11.5")),
        monday(world.quote("AAPL", "13")),
        monday(world.quote("AAPL", "15")),
    ] {
        fired.push(alerts::evaluate(&world.platform, &[quote]).await.unwrap().fired);
    }
    assert_eq!(fired, [2, 0, 0, 0, 0, 1, 0]);
    assert_eq!(world.sockets.take(&socket).len(), 3);
    assert_eq!(world.history(ada, &once).await.len(), 1);
    let days: Vec<_> = world.history(ada, &recurring).await.into_iter().map(|firing| firing.market_day).collect();
    assert_eq!(days, [day("2026-11-23"), day("2026-11-20")]);
    let stored = alerts::find(&world.platform.app, ada, recurring.id).await.unwrap();
    assert_eq!((stored.state, stored.last_fired_on), (AlertState::Active, Some(day("2026-11-23"))));
}

#[tokio::test]
async fn a_repeated_or_late_quote_fires_nothing() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let early = world.quote("AAPL", "99");
    let late = world.quote("AAPL", "11");
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    alerts::evaluate(&world.platform, std::slice::from_ref(&late)).await.unwrap();
    for quotes in [vec![early.clone()], vec![late.clone()], vec![late, early]] {
        assert_eq!(alerts::evaluate(&world.platform, &quotes).await.unwrap().fired, 0);
    }
    assert!(world.history(ada, &alert).await.is_empty());
    assert_eq!(alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap().fired, 1);
}

#[tokio::test]
async fn a_mark_above_every_stored_quote_silences_no_alert() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.alert(ada, above("99"), Repeat::Once).await;
    let foreign = LastQuote { seq: 5_000, ..world.quote("AAPL", "11") };
    alerts::evaluate(&world.platform, &[foreign]).await.unwrap();
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    let own = world.quote("AAPL", "13");
    documents::put(&*world.table, keys::quote(&own.symbol), &own, None).await.unwrap();
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&own)).await.unwrap();
    assert_eq!(fired.fired, 1);
    assert_eq!(world.history(ada, &alert).await[0].price, own.price);
    // The mark is now that of the own quote: an earlier one is late again.
    let earlier = LastQuote { seq: own.seq - 1, price: price("100"), ..own };
    assert_eq!(alerts::evaluate(&world.platform, &[earlier]).await.unwrap().fired, 0);
}

#[tokio::test]
async fn a_quote_requested_before_the_alert_was_created_does_not_fire_it() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let before = world.quote("AAPL", "99");
    world.clock.forward(TimeDelta::seconds(1));
    world.alert(ada, above("12"), Repeat::Once).await;
    assert_eq!(alerts::evaluate(&world.platform, &[before]).await.unwrap().fired, 0);
    assert_eq!(alerts::evaluate(&world.platform, &[world.quote("AAPL", "99")]).await.unwrap().fired, 1);
}

#[tokio::test]
async fn moves_and_crossings_are_evaluated_with_the_previous_close_and_the_bars() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let percent_move =
        |percent, direction| Condition::PercentMove { percent: Percent::parse(percent).unwrap(), direction };
    let crosses = |days: u16, direction| Condition::CrossesSma { window: days.try_into().unwrap(), direction };
    let down = world.alert(ada, percent_move("5", Direction::Down), Repeat::Recurring).await;
    let up = world.alert(ada, percent_move("5", Direction::Up), Repeat::Recurring).await;
    // The closes 11, 12, 11, 10 average 11, and the last one is below that. With the price x the average is (33 + x) / 4.
    let over = world.alert(ada, crosses(4, Direction::Up), Repeat::Recurring).await;
    let under = world.alert(ada, crosses(4, Direction::Down), Repeat::Recurring).await;
    let long = world.alert(ada, crosses(6, Direction::Either), Repeat::Recurring).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "10.49")]).await.unwrap();
    for alert in [&down, &up, &over, &under, &long] {
        assert!(world.history(ada, alert).await.is_empty(), "{:?}", alert.condition);
    }
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "10.5")]).await.unwrap();
    assert_eq!((world.history(ada, &up).await.len(), world.history(ada, &over).await.len()), (1, 0));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "11"), world.quote("AAPL", "11.01")]).await.unwrap();
    assert_eq!(world.history(ada, &over).await[0].price, price("11.01"));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "9.5")]).await.unwrap();
    assert_eq!(world.history(ada, &down).await.len(), 1);
    // The close was below its average the day before already, and there are no six bars.
    assert!(world.history(ada, &under).await.is_empty() && world.history(ada, &long).await.is_empty());
}

#[tokio::test]
async fn a_split_adjusts_the_threshold() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let (lower, upper) = (Condition::Below { price: price("9") }, above("11"));
    let below = world.alert(ada, lower, Repeat::Recurring).await;
    let above = world.alert(ada, upper, Repeat::Recurring).await;
    // Two for one on Friday; the quote is Monday's.
    let split = Bar { split_ratio: 2.0, ..bar(day("2026-11-20"), 5.0) };
    world.market.list(stock("AAPL", "USD", None), Bars::from_rows([bar(day("2026-11-19"), 10.0), split]).unwrap());
    world.market.move_to(day("2026-11-20"));
    let monday = |now: &str| {
        let previous_close = Some(price("5"));
        LastQuote { day: day("2026-11-23"), previous_close, ..world.quote("AAPL", now) }
    };
    assert_eq!(alerts::evaluate(&world.platform, &[monday("5.1")]).await.unwrap().fired, 0);
    assert_eq!(alerts::evaluate(&world.platform, &[monday("5.51")]).await.unwrap().fired, 1);
    assert_eq!(world.history(ada, &above).await.len(), 1);
    assert_eq!(alerts::evaluate(&world.platform, &[monday("4.49")]).await.unwrap().fired, 1);
    assert_eq!(world.history(ada, &below).await.len(), 1);
    // An alert that is created now is in the new units.
    let now = world.alert(ada, lower, Repeat::Once).await;
    alerts::evaluate(&world.platform, &[monday("8.9")]).await.unwrap();
    assert_eq!(world.history(ada, &now).await.len(), 1);
}

#[tokio::test]
async fn a_firing_of_a_replay_is_marked() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    let quote = LastQuote { replay: true, day: day("2004-01-02"), ..world.quote("AAPL", "21") };
    alerts::evaluate(&world.platform, &[quote]).await.unwrap();
    assert_eq!(world.sockets.take(&socket)[0]["replay"], true);
    let firing = &world.history(ada, &alert).await[0];
    assert!(firing.replay);
    assert_eq!(serde_json::to_value(firing).unwrap()["replay"], true);
}

#[tokio::test]
async fn a_hundred_alerts_that_fire_once_do_not_conflict_over_the_counter() {
    let world = World::new();
    let customers: Vec<_> = (1..=2).map(|number| domain::CustomerId(uuid::Uuid::from_u128(number))).collect();
    for customer in &customers {
        for _ in 0..100 {
            world.alert(*customer, above("12"), Repeat::Once).await;
        }
    }
    let fired = alerts::evaluate(&world.raced, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 200, delivered: 200, undelivered: 0 });
    assert_eq!(world.racing_table.lost(), 0);
    for customer in &customers {
        world.alert(*customer, above("99"), Repeat::Once).await;
    }
}

#[tokio::test]
async fn alerts_on_several_pages_and_symbols_all_fire() {
    let world = World::new();
    let customers: Vec<_> = (1..=7).map(|number| domain::CustomerId(uuid::Uuid::from_u128(number))).collect();
    for customer in &customers {
        for _ in 0..100 {
            world.alert(*customer, above("12"), Repeat::Recurring).await;
        }
    }
    let on_ibm = alerts::NewAlert { symbol: symbol("IBM"), condition: above("1"), repeat: Repeat::Once, email: false };
    let eighth = domain::CustomerId(uuid::Uuid::from_u128(8));
    alerts::create(&world.platform, eighth, &on_ibm, None).await.unwrap();
    let quotes = [world.quote("AAPL", "13"), world.quote("IBM", "13"), world.quote("MSFT", "13")];
    let fired = alerts::evaluate(&world.platform, &quotes).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 701, delivered: 701, undelivered: 0 });
    assert_eq!(
        alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap(),
        EvaluationCounts::default()
    );
}

#[tokio::test]
async fn the_history_has_the_warnings_about_the_prices_of_a_firing() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let crosses = |days: u16| Condition::CrossesSma { window: days.try_into().unwrap(), direction: Direction::Up };
    let percent = Percent::parse("5").unwrap();
    let conditions =
        [above("10.9"), Condition::PercentMove { percent, direction: Direction::Up }, crosses(2), crosses(4)];
    let mut made = Vec::new();
    for condition in conditions {
        made.push(world.alert(ada, condition, Repeat::Once).await);
    }
    let impossible = |date: &str| Note::ImpossibleBar { date: day(date) };
    let moved = Note::UnexplainedMove { date: day("2026-11-18"), fraction: 0.6 };
    world.market.say(&[Note::SplitsUnknown, impossible("2026-11-13"), impossible("2026-11-16"), moved]);
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "11.01")]).await.unwrap();
    let mut codes_of_alerts = Vec::new();
    for alert in &made {
        let firing = &world.history(ada, alert).await[0];
        let codes: Vec<_> = firing.warnings.iter().map(|warning| warning.code.clone()).collect();
        codes_of_alerts.push(codes.join(" "));
        let mut stored = serde_json::to_value(firing).unwrap();
        stored.as_object_mut().unwrap().remove("warnings");
        let before: Firing = serde_json::from_value(stored).unwrap();
        assert!(before.warnings.is_empty(), "a firing that was stored without warnings can be read");
    }
    let expected = [
        "splits_unknown",
        "splits_unknown",
        "splits_unknown unexplained_move",
        "splits_unknown impossible_bar unexplained_move",
    ];
    assert_eq!(
        codes_of_alerts, expected,
        "a threshold looks at its own day, a move at one day before, an average at its whole window"
    );
}
