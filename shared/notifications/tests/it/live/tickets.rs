//! Who is let in.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::join_all;
use identity::sessions::SessionKind;
use notifications::live::{self, LIFETIME, MAX_CONNECTIONS};
use store::{Table as _, keys};

use crate::live::world::{World, kinds};

impl World {
    async fn ticket(&self, someone: &crate::live::world::SignedInCustomer) -> String {
        live::issue_ticket(&self.platform.app, someone.id, &someone.session).await.unwrap().ticket
    }

    async fn opens(&self, ticket: &str) -> bool {
        live::connect(&self.platform, &self.new_connection_id(), ticket).await.unwrap()
    }
}

#[tokio::test]
async fn a_ticket_works_once_and_is_kept_only_as_its_hash() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let ticket = world.ticket(&ada).await;
    assert_eq!(ticket.len(), 64, "256 bits in hex");
    let kept = world.left("TICKET#").await;
    assert_eq!(kept, [keys::live_ticket(&keys::sha256_hex(&ticket))]);
    assert!(world.opens(&ticket).await);
    assert!(!world.opens(&ticket).await);
    assert!(world.left("TICKET#").await.is_empty());
}

#[tokio::test]
async fn a_ticket_works_for_a_minute() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let (used, late) = (world.ticket(&ada).await, world.ticket(&ada).await);
    world.forward(TimeDelta::seconds(59));
    assert!(world.opens(&used).await);
    world.forward(TimeDelta::seconds(1));
    assert!(!world.opens(&late).await);
}

#[tokio::test]
async fn a_ticket_is_worth_no_more_than_the_session_that_asked_for_it() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let other = world.signed_in(ada.id, &ada.email, SessionKind::Api).await;
    let (of_ended, of_standing) = (world.ticket(&ada).await, world.ticket(&other).await);
    accounts::sign_out::end_session(&world.platform.app, ada.id, &ada.session).await.unwrap();
    assert!(!world.opens(&of_ended).await);
    assert!(world.opens(&of_standing).await);
    let ended_everywhere = world.ticket(&other).await;
    accounts::sign_out::end_all(&world.platform.app, ada.id).await.unwrap();
    assert!(!world.opens(&ended_everywhere).await);
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn what_is_no_ticket_lets_nobody_in() {
    let world = World::new();
    let ada = world.someone("ada").await;
    for nonsense in ["", "x", &"g".repeat(64), &"a".repeat(64), &"a".repeat(100_000), &ada.token, &ada.session, "ä\0\n"]
    {
        assert!(!world.opens(nonsense).await);
    }
    assert!(world.left("CONNECTION#").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_use_one_ticket_at_the_same_time_one_gets_in() {
    let world = Arc::new(World::new());
    let ada = world.someone("ada").await;
    let ticket = Arc::new(world.ticket(&ada).await);
    let tries = (0..50).map(|_| {
        let (world, ticket) = (world.clone(), ticket.clone());
        tokio::spawn(async move { world.opens(&ticket).await })
    });
    let opened = join_all(tries).await.into_iter().filter(|opened| *opened.as_ref().unwrap()).count();
    assert_eq!(opened, 1);
    assert_eq!(world.left("CONNECTION#").await.len(), 2, "one connection and its index item");
}

#[tokio::test]
async fn beyond_twenty_connections_the_oldest_gives_way() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let mut connections = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        connections.push(world.listening(&ada, &["AAPL"]).await);
        world.forward(TimeDelta::seconds(1));
    }
    assert!(connections.iter().all(|connection| !world.sockets.is_closed(connection)));
    world.listening(&ada, &["AAPL"]).await;
    let told = world.sockets.take(&connections[0]);
    assert_eq!(told[0]["code"], "too_many_connections");
    assert!(world.sockets.is_closed(&connections[0]));
    assert!(connections[1..].iter().all(|connection| !world.sockets.is_closed(connection)));
    assert_eq!(world.left("LIVE#").await.len(), MAX_CONNECTIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_who_come_at_once_no_more_than_twenty_stay() {
    let world = Arc::new(World::new());
    let ada = world.someone("ada").await;
    let comers = (0..30).map(|_| {
        let (world, ada) = (world.clone(), ada.clone());
        tokio::spawn(async move {
            let id = world.new_connection_id();
            let ticket = live::issue_ticket(&world.platform.app, ada.id, &ada.session).await.unwrap().ticket;
            live::connect(&world.platform, &id, &ticket).await.unwrap().then_some(id)
        })
    });
    let came: Vec<String> = join_all(comers).await.into_iter().filter_map(Result::unwrap).collect();
    let open = came.iter().filter(|connection| !world.sockets.is_closed(connection)).count();
    assert!((1..=MAX_CONNECTIONS).contains(&open), "{open}");
    assert_eq!(world.left("CONNECTION#").await.len(), 2 * open);
}

#[tokio::test]
async fn all_that_is_kept_of_a_connection_counts_as_absent_after_130_minutes() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL", "IBM"]).await;
    world.forward(LIFETIME - TimeDelta::seconds(1));
    assert_eq!(world.left("LIVE#").await.len(), 2);
    world.say(&connection, &serde_json::json!({ "action": "ping" })).await;
    assert_eq!(kinds(&world.sockets.take(&connection)), ["pong"]);
    world.forward(TimeDelta::seconds(1));
    world.assert_no_connection_is_left().await;
    let quote = world.store_quote("AAPL", 1).await;
    assert_eq!(live::publish(&world.platform.app, &[quote]).await.unwrap().connections, 0);
    // What it says after that is answered with the advice to come again.
    world.say(&connection, &serde_json::json!({ "action": "ping" })).await;
    assert_eq!(world.sockets.take(&connection)[0]["code"], "not_connected");
    assert!(world.sockets.is_closed(&connection));
}

#[tokio::test]
async fn a_connection_that_ends_by_itself_leaves_nothing() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL", "IBM"]).await;
    let other = world.listening(&ada, &["AAPL"]).await;
    live::disconnect(&world.platform.app, &connection).await.unwrap();
    live::disconnect(&world.platform.app, &connection).await.unwrap();
    live::disconnect(&world.platform.app, "never there").await.unwrap();
    assert_eq!(world.left("LIVE#").await, [keys::subscription(&crate::live::world::symbol("AAPL"), &other)]);
    assert!(world.table.get(&keys::connection_of(ada.id, &connection)).await.unwrap().is_none());
}
