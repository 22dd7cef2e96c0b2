//! Pushes: to whom, how often, and how fast.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::{StreamExt as _, stream};
use identity::sessions::SessionKind;
use notifications::live::{self, Published, Told};
use serde_json::json;
use store::{Table as _, keys};

use crate::live::world::{World, kinds, quote, symbol};

#[tokio::test]
async fn an_event_that_comes_twice_or_late_shows_its_number() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL"]).await;
    let (first, second) = (world.store_quote("AAPL", 1).await, world.store_quote("AAPL", 2).await);
    for quotes in [vec![first.clone()], vec![second.clone()], vec![second], vec![first]] {
        live::publish(&world.platform.app, &quotes).await.unwrap();
    }
    let told = world.sockets.take(&connection);
    let numbers: Vec<u64> = told.iter().map(|quote| quote["seq"].as_u64().unwrap()).collect();
    // A client that ignores what is not above the last it has seen shows 1 and then 2, once each.
    assert_eq!(numbers, [1, 2, 2, 1]);
    let mut shown = Vec::new();
    for seq in numbers {
        if shown.last().is_none_or(|last| seq > *last) {
            shown.push(seq);
        }
    }
    assert_eq!(shown, [1, 2]);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_with_all_it_heard_of() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let (gone, there) = (world.listening(&ada, &["AAPL", "IBM"]).await, world.listening(&ada, &["AAPL"]).await);
    world.sockets.hang_up(&gone);
    let told = live::publish(&world.platform.app, &[world.store_quote("AAPL", 1).await]).await.unwrap();
    assert_eq!(told, Published { quotes: 1, connections: 2, posted: 1, gone: 1, ended: 0, failed: 0 });
    assert_eq!(world.left("LIVE#").await, [keys::subscription(&symbol("AAPL"), &there)]);
    assert!(world.table.get(&keys::connection(&gone)).await.unwrap().is_none());
    assert!(world.table.get(&keys::connection_of(ada.id, &gone)).await.unwrap().is_none());
    // Found dead by the answer to its own message, it goes as well.
    world.sockets.hang_up(&there);
    world.say(&there, &json!({ "action": "ping" })).await;
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn a_connection_that_does_not_take_an_update_is_ended_so_that_it_resumes_by_a_snapshot() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let (failing, well) = (world.listening(&ada, &["AAPL", "IBM"]).await, world.listening(&ada, &["IBM"]).await);
    world.sockets.fail(&failing);
    let quotes = [world.store_quote("AAPL", 1).await, world.store_quote("IBM", 1).await];
    let told = live::publish(&world.platform.app, &quotes).await.unwrap();
    assert_eq!(told, Published { quotes: 2, connections: 2, posted: 1, gone: 0, ended: 0, failed: 1 });
    assert_eq!(kinds(&world.sockets.take(&well)), ["quote"]);
    assert!(world.sockets.is_closed(&failing) && !world.sockets.is_closed(&well));
    assert_eq!(world.left("LIVE#").await, [keys::subscription(&symbol("IBM"), &well)]);
    assert!(world.table.get(&keys::connection(&failing)).await.unwrap().is_none());
    // The same where what it missed was the answer to its own message.
    world.sockets.fail(&well);
    world.say(&well, &json!({ "action": "ping" })).await;
    assert!(world.sockets.is_closed(&well));
    world.assert_no_connection_is_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_connection_holds_up_no_other_and_costs_five_seconds_however_much_it_is_told() {
    let world = World::new();
    let mut connections = Vec::new();
    for name in ["ada", "ben", "cyd", "dan", "eve"] {
        let someone = world.someone(name).await;
        for _ in 0..20 {
            connections.push(world.listening(&someone, &["AAPL", "IBM"]).await);
        }
    }
    let (slow, fast) = connections.split_at(3);
    for connection in slow {
        world.sockets.get_stuck(connection);
    }
    let quotes = [world.store_quote("AAPL", 1).await, world.store_quote("IBM", 1).await];
    let start = tokio::time::Instant::now();
    let told = live::publish(&world.platform.app, &quotes).await.unwrap();
    assert_eq!(told, Published { quotes: 2, connections: 100, posted: 194, gone: 0, ended: 0, failed: 3 });
    let took = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(6)).contains(&took), "{took:?}");
    assert!(slow.iter().all(|connection| world.sockets.is_closed(connection)));
    for connection in fast {
        let times = world.sockets.times(connection);
        assert!(times.len() == 2 && times.iter().all(|at| *at - start < Duration::from_secs(1)), "{times:?}");
    }
}

#[tokio::test]
async fn a_session_that_falls_asleep_is_told_nothing_more() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let browser = world.signed_in(ada.id, &ada.email, SessionKind::Browser).await;
    let (idle, used) = (world.listening(&browser, &["AAPL"]).await, world.listening(&ada, &["AAPL"]).await);
    world.forward(TimeDelta::minutes(30));
    let told = live::publish(&world.platform.app, &[world.store_quote("AAPL", 1).await]).await.unwrap();
    assert_eq!((told.posted, told.ended), (1, 1));
    assert_eq!(kinds(&world.sockets.take(&used)), ["quote"]);
    assert_eq!(world.sockets.take(&idle)[0]["code"], "session_ended");
    assert!(world.sockets.is_closed(&idle));
    assert_eq!(world.left("LIVE#").await.len(), 1);
}

#[tokio::test]
async fn the_messages_of_a_connection_keep_the_session_of_a_browser_awake() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let browser = world.signed_in(ada.id, &ada.email, SessionKind::Browser).await;
    let connection = world.listening(&browser, &["AAPL"]).await;
    for _ in 0..12 {
        world.forward(TimeDelta::minutes(5));
        world.say(&connection, &json!({ "action": "ping" })).await;
        assert_eq!(kinds(&world.sockets.take(&connection)), ["pong"]);
    }
}

#[tokio::test]
async fn a_customers_news_reach_all_of_their_connections_and_nobody_elses() {
    let world = World::new();
    let (ada, ben) = (world.someone("ada").await, world.someone("ben").await);
    let own = [world.connected(&ada).await, world.connected(&ada).await, world.connected(&ada).await];
    let others = world.connected(&ben).await;
    world.sockets.hang_up(&own[2]);
    world.forward(TimeDelta::seconds(30));
    let news = json!({ "type": "alert", "id": 7 });
    assert_eq!(
        live::publish_to_customer(&world.platform.app, ada.id, &news).await.unwrap(),
        Told { reached: 2, failed: 0 }
    );
    assert_eq!(world.sockets.take(&own[0]), std::slice::from_ref(&news));
    assert_eq!(world.sockets.take(&own[1]), [news]);
    assert!(world.sockets.take(&others).is_empty());
    assert_eq!(
        live::publish_to_customer(&world.platform.app, ada.id, &json!({})).await.unwrap().reached,
        2,
        "the third is forgotten"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_reaches_a_thousand_subscribers() {
    const CUSTOMERS: usize = 50;
    let world = Arc::new(World::new());
    let mut connections = Vec::new();
    for number in 0..CUSTOMERS {
        let someone = world.someone(&format!("customer{number}")).await;
        let coming = (0..20).map(|_| {
            let (world, someone) = (world.clone(), someone.clone());
            async move { world.listening(&someone, &["AAPL"]).await }
        });
        connections.extend(stream::iter(coming).buffer_unordered(20).collect::<Vec<_>>().await);
    }
    let tick = world.store_quote("AAPL", 1).await;
    let told = live::publish(&world.platform.app, &[tick]).await.unwrap();
    assert_eq!((told.connections, told.posted), (1_000, 1_000));
    let at_once = world.sockets.most_at_once();
    assert!((32..=64).contains(&at_once), "in parallel, and bounded: {at_once}");
    for connection in &connections {
        assert_eq!(kinds(&world.sockets.take(connection)), ["quote"]);
    }
    let names: Vec<_> = (0..1_000).map(|number| quote(&format!("S{number}"), 1, world.now())).collect();
    assert_eq!(
        live::publish(&world.platform.app, &names).await.unwrap(),
        Published { quotes: 1_000, ..Published::default() }
    );
}
