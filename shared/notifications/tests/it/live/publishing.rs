//! Publishing: who receives what, how often, and how fast.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::{StreamExt as _, stream};
use identity::sessions::SessionKind;
use notifications::live::{self, CustomerDelivery, Published};
use serde_json::json;
use store::{Table as _, keys};

use crate::live::world::{World, kinds, quote, symbol};

#[tokio::test]
async fn a_duplicate_or_late_event_is_recognized_by_its_seq() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL"]).await;
    let (first, second) = (world.store_quote("AAPL", 1).await, world.store_quote("AAPL", 2).await);
    for quotes in [vec![first.clone()], vec![second.clone()], vec![second], vec![first]] {
        live::publish(&world.platform.app, &quotes).await.unwrap();
    }
    let messages = world.sockets.take(&connection);
    let numbers: Vec<u64> = messages.iter().map(|quote| quote["seq"].as_u64().unwrap()).collect();
    // A client that ignores a `seq` that is not above the last one shows 1 and then 2, once each.
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
async fn a_connection_that_is_gone_is_deleted_with_its_subscriptions() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (gone, open) =
        (world.connect_and_subscribe(&ada, &["AAPL", "IBM"]).await, world.connect_and_subscribe(&ada, &["AAPL"]).await);
    world.sockets.disconnect(&gone);
    let published = live::publish(&world.platform.app, &[world.store_quote("AAPL", 1).await]).await.unwrap();
    assert_eq!(
        published,
        Published { quotes: 1, connections: 2, posted: 1, gone: 1, ended: 0, failed: 0, unreached: 0 }
    );
    assert_eq!(world.stored_keys("LIVE#").await, [keys::subscription(&symbol("AAPL"), &open)]);
    assert!(world.table.get(&keys::connection(&gone)).await.unwrap().is_none());
    assert!(world.table.get(&keys::connection_of(ada.id, &gone)).await.unwrap().is_none());
    // A connection that is found gone by the reply to its own message is deleted too.
    world.sockets.disconnect(&open);
    world.send(&open, &json!({ "action": "ping" })).await;
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn a_connection_that_does_not_accept_an_update_is_closed() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (failing, healthy) =
        (world.connect_and_subscribe(&ada, &["AAPL", "IBM"]).await, world.connect_and_subscribe(&ada, &["IBM"]).await);
    world.sockets.fail(&failing);
    let quotes = [world.store_quote("AAPL", 1).await, world.store_quote("IBM", 1).await];
    let published = live::publish(&world.platform.app, &quotes).await.unwrap();
    assert_eq!(
        published,
        Published { quotes: 2, connections: 2, posted: 1, gone: 0, ended: 0, failed: 1, unreached: 0 }
    );
    assert_eq!(kinds(&world.sockets.take(&healthy)), ["quote"]);
    assert!(world.sockets.is_closed(&failing) && !world.sockets.is_closed(&healthy));
    assert_eq!(world.stored_keys("LIVE#").await, [keys::subscription(&symbol("IBM"), &healthy)]);
    assert!(world.table.get(&keys::connection(&failing)).await.unwrap().is_none());
    // The same if it does not accept the reply to its own message.
    world.sockets.fail(&healthy);
    world.send(&healthy, &json!({ "action": "ping" })).await;
    assert!(world.sockets.is_closed(&healthy));
    world.assert_no_connection_is_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_connection_delays_no_other_and_costs_five_seconds_at_most() {
    let world = World::new();
    let mut connections = Vec::new();
    for name in ["ada", "ben", "cyd", "dan", "eve"] {
        let customer = world.customer(name).await;
        for _ in 0..20 {
            connections.push(world.connect_and_subscribe(&customer, &["AAPL", "IBM"]).await);
        }
    }
    let (slow, fast) = connections.split_at(3);
    for connection in slow {
        world.sockets.block(connection);
    }
    let quotes = [world.store_quote("AAPL", 1).await, world.store_quote("IBM", 1).await];
    let start = tokio::time::Instant::now();
    let published = live::publish(&world.platform.app, &quotes).await.unwrap();
    assert_eq!(
        published,
        Published { quotes: 2, connections: 100, posted: 194, gone: 0, ended: 0, failed: 3, unreached: 0 }
    );
    let elapsed = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(6)).contains(&elapsed), "{elapsed:?}");
    assert!(slow.iter().all(|connection| world.sockets.is_closed(connection)));
    for connection in fast {
        let times = world.sockets.times(connection);
        assert!(times.len() == 2 && times.iter().all(|at| *at - start < Duration::from_secs(1)), "{times:?}");
    }
}

#[tokio::test]
async fn an_idle_session_receives_nothing_more() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let browser = world.sign_in_again(ada.id, &ada.email, SessionKind::Browser).await;
    let (idle, used) =
        (world.connect_and_subscribe(&browser, &["AAPL"]).await, world.connect_and_subscribe(&ada, &["AAPL"]).await);
    world.forward(TimeDelta::minutes(30));
    let published = live::publish(&world.platform.app, &[world.store_quote("AAPL", 1).await]).await.unwrap();
    assert_eq!((published.posted, published.ended), (1, 1));
    assert_eq!(kinds(&world.sockets.take(&used)), ["quote"]);
    assert_eq!(world.sockets.take(&idle)[0]["code"], "session_ended");
    assert!(world.sockets.is_closed(&idle));
    assert_eq!(world.stored_keys("LIVE#").await.len(), 1);
}

#[tokio::test]
async fn messages_of_a_connection_keep_a_browser_session_active() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let browser = world.sign_in_again(ada.id, &ada.email, SessionKind::Browser).await;
    let connection = world.connect_and_subscribe(&browser, &["AAPL"]).await;
    for _ in 0..12 {
        world.forward(TimeDelta::minutes(5));
        world.send(&connection, &json!({ "action": "ping" })).await;
        assert_eq!(kinds(&world.sockets.take(&connection)), ["pong"]);
    }
}

#[tokio::test]
async fn a_message_to_a_customer_reaches_all_of_their_connections_and_no_others() {
    let world = World::new();
    let (ada, ben) = (world.customer("ada").await, world.customer("ben").await);
    let own = [world.connect(&ada).await, world.connect(&ada).await, world.connect(&ada).await];
    let others = world.connect(&ben).await;
    world.sockets.disconnect(&own[2]);
    world.forward(TimeDelta::seconds(30));
    let message = json!({ "type": "alert", "id": 7 });
    assert_eq!(
        live::publish_to_customer(&world.platform.app, ada.id, &message).await.unwrap(),
        CustomerDelivery { reached: 2, failed: 0 }
    );
    assert_eq!(world.sockets.take(&own[0]), std::slice::from_ref(&message));
    assert_eq!(world.sockets.take(&own[1]), [message]);
    assert!(world.sockets.take(&others).is_empty());
    assert_eq!(
        live::publish_to_customer(&world.platform.app, ada.id, &json!({})).await.unwrap().reached,
        2,
        "the third was deleted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_reaches_a_thousand_subscribers() {
    const CUSTOMERS: usize = 50;
    let world = Arc::new(World::new());
    let mut connections = Vec::new();
    for number in 0..CUSTOMERS {
        let customer = world.customer(&format!("customer{number}")).await;
        let opening = (0..20).map(|_| {
            let (world, customer) = (world.clone(), customer.clone());
            async move { world.connect_and_subscribe(&customer, &["AAPL"]).await }
        });
        connections.extend(stream::iter(opening).buffer_unordered(20).collect::<Vec<_>>().await);
    }
    let first = world.store_quote("AAPL", 1).await;
    let published = live::publish(&world.platform.app, &[first]).await.unwrap();
    assert_eq!((published.connections, published.posted), (1_000, 1_000));
    let concurrent = world.sockets.most_concurrent();
    assert!((32..=64).contains(&concurrent), "in parallel, and bounded: {concurrent}");
    for connection in &connections {
        assert_eq!(kinds(&world.sockets.take(connection)), ["quote"]);
    }
    let names: Vec<_> = (0..1_000).map(|number| quote(&format!("S{number}"), 1, world.now())).collect();
    assert_eq!(
        live::publish(&world.platform.app, &names).await.unwrap(),
        Published { quotes: 1_000, ..Published::default() }
    );
}
