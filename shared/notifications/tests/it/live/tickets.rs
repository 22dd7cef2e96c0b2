//! Tickets, and the limit of connections.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::join_all;
use identity::sessions::SessionKind;
use notifications::live::{self, LIFETIME, MAX_CONNECTIONS};
use store::{Table as _, keys};

use crate::live::world::{SignedInCustomer, World, kinds, symbol};

impl World {
    async fn ticket(&self, customer: &SignedInCustomer) -> String {
        live::issue_ticket(&self.platform.app, customer.id, &customer.session).await.unwrap().ticket
    }

    async fn opens(&self, ticket: &str) -> bool {
        live::connect(&self.platform, &self.new_connection_id(), ticket).await.unwrap()
    }
}

#[tokio::test]
async fn a_ticket_works_once_and_is_stored_only_as_its_hash() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let ticket = world.ticket(&ada).await;
    assert_eq!(ticket.len(), 64, "256 bits in hex");
    let stored = world.stored_keys("TICKET#").await;
    assert_eq!(stored, [keys::live_ticket(&keys::sha256_hex(&ticket))]);
    assert!(world.opens(&ticket).await);
    assert!(!world.opens(&ticket).await);
    assert!(world.stored_keys("TICKET#").await.is_empty());
}

#[tokio::test]
async fn a_ticket_works_for_a_minute() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (used, late) = (world.ticket(&ada).await, world.ticket(&ada).await);
    world.forward(TimeDelta::seconds(59));
    assert!(world.opens(&used).await);
    world.forward(TimeDelta::seconds(1));
    assert!(!world.opens(&late).await);
}

#[tokio::test]
async fn a_ticket_is_invalid_once_its_session_has_ended() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let other = world.sign_in_again(ada.id, &ada.email, SessionKind::Api).await;
    let (of_ended, of_active) = (world.ticket(&ada).await, world.ticket(&other).await);
    accounts::sign_out::end_session(&world.platform.app, ada.id, &ada.session).await.unwrap();
    assert!(!world.opens(&of_ended).await);
    assert!(world.opens(&of_active).await);
    let ended_everywhere = world.ticket(&other).await;
    accounts::sign_out::end_all(&world.platform.app, ada.id).await.unwrap();
    assert!(!world.opens(&ended_everywhere).await);
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn anything_but_a_ticket_is_refused() {
    let world = World::new();
    let ada = world.customer("ada").await;
    for text in ["", "x", &"g".repeat(64), &"a".repeat(64), &"a".repeat(100_000), &ada.token, &ada.session, "ä\0\n"] {
        assert!(!world.opens(text).await);
    }
    assert!(world.stored_keys("CONNECTION#").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_concurrent_uses_of_a_ticket_one_succeeds() {
    let world = Arc::new(World::new());
    let ada = world.customer("ada").await;
    let ticket = Arc::new(world.ticket(&ada).await);
    let attempts = (0..50).map(|_| {
        let (world, ticket) = (world.clone(), ticket.clone());
        tokio::spawn(async move { world.opens(&ticket).await })
    });
    let opened = join_all(attempts).await.into_iter().filter(|opened| *opened.as_ref().unwrap()).count();
    assert_eq!(opened, 1);
    assert_eq!(world.stored_keys("CONNECTION#").await.len(), 2, "one connection and its index item");
}

#[tokio::test]
async fn the_21st_connection_closes_the_oldest() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let mut connections = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        connections.push(world.connect_and_subscribe(&ada, &["AAPL"]).await);
        world.forward(TimeDelta::seconds(1));
    }
    assert!(connections.iter().all(|connection| !world.sockets.is_closed(connection)));
    world.connect_and_subscribe(&ada, &["AAPL"]).await;
    let messages = world.sockets.take(&connections[0]);
    assert_eq!(messages[0]["code"], "too_many_connections");
    assert!(world.sockets.is_closed(&connections[0]));
    assert!(connections[1..].iter().all(|connection| !world.sockets.is_closed(connection)));
    assert_eq!(world.stored_keys("LIVE#").await.len(), MAX_CONNECTIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_concurrent_connections_at_most_twenty_stay_open() {
    let world = Arc::new(World::new());
    let ada = world.customer("ada").await;
    let attempts = (0..30).map(|_| {
        let (world, ada) = (world.clone(), ada.clone());
        tokio::spawn(async move {
            let id = world.new_connection_id();
            let ticket = live::issue_ticket(&world.platform.app, ada.id, &ada.session).await.unwrap().ticket;
            live::connect(&world.platform, &id, &ticket).await.unwrap().then_some(id)
        })
    });
    let opened: Vec<String> = join_all(attempts).await.into_iter().filter_map(Result::unwrap).collect();
    let open = opened.iter().filter(|connection| !world.sockets.is_closed(connection)).count();
    assert!((1..=MAX_CONNECTIONS).contains(&open), "{open}");
    assert_eq!(world.stored_keys("CONNECTION#").await.len(), 2 * open);
}

#[tokio::test]
async fn all_items_of_a_connection_expire_after_130_minutes() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL", "IBM"]).await;
    world.forward(LIFETIME - TimeDelta::seconds(1));
    assert_eq!(world.stored_keys("LIVE#").await.len(), 2);
    world.send(&connection, &serde_json::json!({ "action": "ping" })).await;
    assert_eq!(kinds(&world.sockets.take(&connection)), ["pong"]);
    world.forward(TimeDelta::seconds(1));
    world.assert_no_connection_is_left().await;
    let quote = world.store_quote("AAPL", 1).await;
    assert_eq!(live::publish(&world.platform.app, &[quote]).await.unwrap().connections, 0);
    // A later message is answered with an error, and the client connects again.
    world.send(&connection, &serde_json::json!({ "action": "ping" })).await;
    assert_eq!(world.sockets.take(&connection)[0]["code"], "not_connected");
    assert!(world.sockets.is_closed(&connection));
}

#[tokio::test]
async fn a_disconnected_client_leaves_no_items() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL", "IBM"]).await;
    let other = world.connect_and_subscribe(&ada, &["AAPL"]).await;
    live::disconnect(&world.platform.app, &connection).await.unwrap();
    live::disconnect(&world.platform.app, &connection).await.unwrap();
    live::disconnect(&world.platform.app, "never there").await.unwrap();
    assert_eq!(world.stored_keys("LIVE#").await, [keys::subscription(&symbol("AAPL"), &other)]);
    assert!(world.table.get(&keys::connection_of(ada.id, &connection)).await.unwrap().is_none());
}
