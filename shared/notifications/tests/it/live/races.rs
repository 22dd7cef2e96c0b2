//! Races: a concurrent change happens between any two steps of an operation.

use chrono::TimeDelta;
use market_data::{MarketData, quote_store};
use notifications::live;
use serde_json::{Value, json};
use store::fault::{Fault, Plan};
use store::{documents, keys};

use crate::live::steps::Action;
use crate::live::world::{World, kinds, symbol};

/// The `seq` that a client shows if it follows the rule: the snapshot first, then every quote with a higher `seq`.
fn shown(messages: &[Value]) -> Option<u64> {
    let mut shown = None;
    for (index, message) in messages.iter().enumerate() {
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                assert_eq!(index, 0, "the snapshot comes first");
                shown = message["quotes"].get(0).and_then(|quote| quote["seq"].as_u64());
            }
            other => {
                assert!(index > 0, "an update without a snapshot");
                let quote = if other == "quotes" { &message["items"][0] } else { message };
                shown = shown.max(Some(quote["seq"].as_u64().unwrap()));
            }
        }
    }
    shown
}

fn publishing(platform: MarketData, name: String) -> Action {
    Box::pin(async move {
        let quotes: Vec<_> =
            quote_store::read_many(&platform.app, &[symbol(&name)]).await.unwrap().into_values().collect();
        live::publish(&platform.app, &quotes).await.unwrap();
    })
}

/// Sends a subscription, and counts its steps.
async fn subscribe(world: &World, connection: &str, name: &str, batch: bool) {
    let message = json!({ "action": "subscribe", "symbols": [name], "batch": batch }).to_string();
    live::receive(&world.stepped, connection, &message).await.unwrap();
}

#[tokio::test]
async fn a_quote_stored_and_published_at_any_steps_of_a_subscription_is_not_lost() {
    let world = std::sync::Arc::new(World::new());
    let ada = world.customer("ada").await;
    let undisturbed = world.connect(&ada).await;
    world.steps.plan(Vec::new());
    subscribe(&world, &undisturbed, "S", false).await;
    let steps = world.steps.finish().await;
    let moments =
        (0..=steps).flat_map(|stored_at| (stored_at..=steps).map(move |published_at| (stored_at, published_at)));
    let races = moments.flat_map(|(stored_at, published_at)| {
        [(0, false), (1, false), (0, true), (1, true)].map(|(before, batch)| (stored_at, published_at, before, batch))
    });
    let races: Vec<(usize, usize, u64, bool)> = races.collect();
    assert!(steps > 12 && races.len() > 360, "{steps} steps, {} races", races.len());
    for (number, (stored_at, published_at, before, batch)) in races.into_iter().enumerate() {
        let name = format!("S{number}");
        // It is tracked already, so that the limit of new symbols does not apply.
        let listed = keys::registered_symbol(&symbol(&name));
        documents::put_new(&*world.table, listed, &symbol(&name), None).await.unwrap();
        let connection = world.connect(&ada).await;
        if before == 1 {
            world.store_quote(&name, 1).await;
        }
        let (storing, named) = (world.clone(), name.clone());
        let store: Action = Box::pin(async move { drop(storing.store_quote(&named, before + 1).await) });
        let publish = publishing(world.platform.clone(), name.clone());
        world.steps.plan(vec![(stored_at, store), (published_at, publish)]);
        subscribe(&world, &connection, &name, batch).await;
        world.steps.finish().await;
        let messages = world.sockets.take(&connection);
        assert_eq!(
            shown(&messages),
            Some(before + 1),
            "stored at {stored_at}, published at {published_at}: {messages:?}"
        );
        assert!(!kinds(&messages).contains(&if batch { "quote" } else { "quotes" }), "{messages:?}");
        live::disconnect(&world.platform.app, &connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_that_ends_at_any_step_of_connecting_leaves_no_connection() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (mut step, mut steps, mut unclosed) = (0, 1, Vec::new());
    while step <= steps {
        let customer = world.sign_in_again(ada.id, &ada.email, identity::sessions::SessionKind::Api).await;
        let ticket = live::issue_ticket(&world.platform.app, ada.id, &customer.session).await.unwrap().ticket;
        let platform = world.platform.clone();
        let end: Action = if step % 2 == 0 {
            Box::pin(async move { accounts::sign_out::end_all(&platform.app, ada.id).await.unwrap() })
        } else {
            let session = customer.session.clone();
            Box::pin(async move { accounts::sign_out::end_session(&platform.app, ada.id, &session).await.unwrap() })
        };
        let connection = world.new_connection_id();
        world.steps.plan(vec![(step / 2, end)]);
        world.sockets.begin_opening(&connection);
        let opened = live::connect(&world.stepped, &connection, &ticket).await.unwrap();
        steps = 2 * world.steps.finish().await;
        world.sockets.finish_opening(&connection);
        world.assert_no_connection_is_left().await;
        if opened && !world.sockets.is_closed(&connection) {
            unclosed.push(step);
            live::receive(&world.platform, &connection, r#"{"action": "ping"}"#).await.unwrap();
            assert!(world.sockets.is_closed(&connection), "its first message closes it, step {step}");
        }
        step += 1;
    }
    assert!(steps > 8, "{steps}");
    // A session that ends after the last check; both ways of signing out can, once each.
    assert!(unclosed.iter().all(|step| step + 2 >= steps), "{unclosed:?} of {steps}");
}

#[tokio::test]
async fn a_session_that_ends_at_any_step_of_a_subscription_leaves_no_subscription() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (mut step, mut steps) = (0, 1);
    while step <= steps {
        let customer = world.sign_in_again(ada.id, &ada.email, identity::sessions::SessionKind::Api).await;
        let connection = world.connect(&customer).await;
        let platform = world.platform.clone();
        let end: Action = Box::pin(async move {
            accounts::sign_out::end_session(&platform.app, ada.id, &customer.session).await.unwrap();
        });
        world.steps.plan(vec![(step, end)]);
        subscribe(&world, &connection, &format!("S{step}"), false).await;
        steps = world.steps.finish().await;
        world.assert_no_connection_is_left().await;
        assert!(world.sockets.is_closed(&connection), "step {step}");
        step += 1;
    }
    assert!(steps > 12, "{steps}");
}

#[tokio::test]
async fn two_concurrent_messages_of_a_connection_both_succeed_at_any_step() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (mut step, mut steps) = (0, 1);
    while step <= steps {
        let connection = world.connect(&ada).await;
        let (platform, id) = (world.platform.clone(), connection.clone());
        let other: Action = Box::pin(async move {
            live::receive(&platform, &id, r#"{"action": "subscribe", "symbols": ["IBM"]}"#).await.unwrap();
        });
        world.steps.plan(vec![(step, other)]);
        subscribe(&world, &connection, "AAPL", false).await;
        steps = world.steps.finish().await;
        assert_eq!(kinds(&world.sockets.take(&connection)), ["snapshot", "snapshot"]);
        let left = world.stored_keys("LIVE#").await;
        assert_eq!(left.len(), 2, "step {step}: {left:?}");
        live::disconnect(&world.platform.app, &connection).await.unwrap();
        world.assert_no_connection_is_left().await;
        step += 1;
    }
}

#[tokio::test]
async fn a_refused_connection_leaves_no_items_whichever_write_fails() {
    let world = World::new();
    let ada = world.customer("ada").await;
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter] {
        // One write deletes the ticket, the other stores the connection.
        for write in 0..2 {
            let ticket = live::issue_ticket(&world.platform.app, ada.id, &ada.session).await.unwrap().ticket;
            world.table.plan_writes(Plan::scripted((0..write).map(|_| None).chain([Some(fault)])));
            let opened = live::connect(&world.platform, "never=", &ticket).await;
            world.table.plan_writes(Plan::quiet());
            assert!(opened.is_err(), "{fault:?} of write {write}");
            world.assert_no_connection_is_left().await;
        }
    }
}

#[tokio::test]
async fn a_message_that_failed_is_reported_and_can_be_sent_again() {
    let world = World::new();
    let ada = world.customer("ada").await;
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter, Fault::Conflict, Fault::Throttle] {
        for write in 0..4 {
            world.forward(TimeDelta::seconds(10));
            let connection = world.connect(&ada).await;
            let name = format!("F{write}{}", fault as u8);
            world.table.plan_writes(Plan::scripted((0..write).map(|_| None).chain([Some(fault)])));
            let message = json!({ "action": "subscribe", "symbols": [name] }).to_string();
            let handled = live::receive(&world.platform, &connection, &message).await;
            world.table.plan_writes(Plan::quiet());
            let messages = world.sockets.take(&connection);
            let last = messages.last().unwrap();
            let is_transient = matches!(fault, Fault::Conflict | Fault::Throttle);
            assert_eq!(handled.is_ok(), is_transient, "{fault:?} of write {write}: {messages:?}");
            assert_eq!(last["type"] == "snapshot", is_transient, "{fault:?} of write {write}: {messages:?}");
            if !is_transient {
                assert_eq!(last["code"], "unavailable");
            }
            live::receive(&world.platform, &connection, &message).await.unwrap();
            assert_eq!(kinds(&world.sockets.take(&connection)), ["snapshot"]);
            let quote = world.store_quote(&name, 1).await;
            assert_eq!(live::publish(&world.platform.app, &[quote]).await.unwrap().posted, 1);
            live::disconnect(&world.platform.app, &connection).await.unwrap();
            world.assert_no_connection_is_left().await;
        }
    }
}
