//! The end of a session closes the connections that it opened, and nothing is pushed to them afterwards.

use accounts::administration::AccountChange;
use accounts::{erasure, export, password_reset};
use app::Precondition;
use domain::Role;
use identity::audit::Actor;
use identity::password::Password;
use identity::sessions::SessionKind;
use notifications::live;
use serde_json::json;
use store::fault::{Fault, Plan};
use testing::people::password;

use crate::live::world::{SignedInCustomer, World, kinds};

impl World {
    /// Asserts that a connection received the reason, is closed, and receives nothing more.
    async fn assert_ended(&self, connection: &str) {
        let messages = self.sockets.take(connection);
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!((&messages[0]["type"], &messages[0]["code"]), (&json!("error"), &json!("session_ended")));
        assert!(self.sockets.is_closed(connection));
        let seq = u64::try_from(self.now().timestamp()).unwrap();
        live::publish(&self.platform.app, &[self.store_quote("AAPL", seq).await]).await.unwrap();
        assert!(self.sockets.take(connection).is_empty());
    }

    /// A customer with two sessions and a connection of each.
    async fn connect_twice(&self) -> (SignedInCustomer, [String; 2]) {
        let ada = self.customer("ada").await;
        let other = self.sign_in_again(ada.id, &ada.email, SessionKind::Browser).await;
        let connections = [
            self.connect_and_subscribe(&ada, &["AAPL"]).await,
            self.connect_and_subscribe(&other, &["AAPL", "IBM"]).await,
        ];
        (ada, connections)
    }

    /// Asserts that both connections have ended and that of another customer has not.
    async fn assert_all_ended(&self, connections: &[String; 2], other_customer: &str) {
        for connection in connections {
            self.assert_ended(connection).await;
        }
        assert!(!self.sockets.is_closed(other_customer));
        let left = self.stored_keys("LIVE#").await;
        assert!(left.len() == 1 && left[0].sk == other_customer, "{left:?}");
        assert_eq!(self.stored_keys("CONNECTION#").await.len(), 2, "that of the other customer, and its index item");
    }

    async fn connect_other_customer(&self) -> String {
        let ben = self.customer("ben").await;
        self.connect_and_subscribe(&ben, &["AAPL"]).await
    }
}

#[tokio::test]
async fn signing_out_closes_only_the_connections_of_that_session() {
    let world = World::new();
    let other_customer = world.connect_other_customer().await;
    let (ada, [one, other]) = world.connect_twice().await;
    accounts::sign_out::end_session(&world.platform.app, ada.id, &ada.session).await.unwrap();
    world.assert_ended(&one).await;
    assert!(!world.sockets.is_closed(&other) && !world.sockets.is_closed(&other_customer));
    assert_eq!(kinds(&world.sockets.take(&other)), ["quote"]);
}

#[tokio::test]
async fn signing_out_everywhere_closes_all_connections() {
    let world = World::new();
    let other_customer = world.connect_other_customer().await;
    let (ada, connections) = world.connect_twice().await;
    accounts::sign_out::end_all(&world.platform.app, ada.id).await.unwrap();
    world.assert_all_ended(&connections, &other_customer).await;
}

#[tokio::test]
async fn a_new_password_closes_all_connections() {
    let world = World::new();
    let other_customer = world.connect_other_customer().await;
    let (ada, connections) = world.connect_twice().await;
    let new = Password::typed("another long password".to_owned());
    accounts::own_account::change_password(&world.platform.app, ada.id, password(), new).await.unwrap();
    world.assert_all_ended(&connections, &other_customer).await;
}

#[tokio::test]
async fn a_password_reset_closes_all_connections() {
    let world = World::new();
    let other_customer = world.connect_other_customer().await;
    let (ada, connections) = world.connect_twice().await;
    let token = password_reset::grant(&world.platform.app, &ada.email).await.unwrap().token;
    assert!(!world.sockets.is_closed(&connections[0]));
    let new = Password::typed("another long password".to_owned());
    password_reset::redeem(&world.platform.app, &token, new).await.unwrap();
    world.assert_all_ended(&connections, &other_customer).await;
}

#[tokio::test]
async fn disabling_or_a_new_role_closes_all_connections_and_a_new_advisor_none() {
    for (change, ends) in [
        (AccountChange { disabled: Some(true), ..AccountChange::default() }, true),
        (AccountChange { role: Some(Role::Advisor), ..AccountChange::default() }, true),
        (AccountChange { role: Some(Role::Client), disabled: Some(false), advisor_id: Some(None) }, false),
    ] {
        let world = World::new();
        let other_customer = world.connect_other_customer().await;
        let (ada, connections) = world.connect_twice().await;
        accounts::administration::administer(&world.platform.app, Actor::Operator, ada.id, &Precondition::Any, change)
            .await
            .unwrap();
        if ends {
            world.assert_all_ended(&connections, &other_customer).await;
        } else {
            assert!(connections.iter().all(|connection| !world.sockets.is_closed(connection)));
        }
    }
}

#[tokio::test]
async fn erasure_closes_all_connections_and_leaves_no_items() {
    let world = World::new();
    let other_customer = world.connect_other_customer().await;
    let (ada, connections) = world.connect_twice().await;
    erasure::erase(&world.platform.app, ada.id, password()).await.unwrap();
    world.assert_all_ended(&connections, &other_customer).await;
}

#[tokio::test]
async fn erasure_leaves_no_items_if_closing_failed() {
    let world = World::new();
    let (ada, connections) = world.connect_twice().await;
    // The password check makes two writes and the erasure one. Then deleting either connection fails.
    let failing = [None, None, None, Some(Fault::ErrorBefore), Some(Fault::ErrorBefore)];
    world.table.plan_writes(Plan::scripted(failing));
    erasure::erase(&world.platform.app, ada.id, password()).await.unwrap();
    assert!(connections.iter().all(|connection| world.sockets.is_closed(connection)));
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn an_export_contains_no_connections() {
    let world = World::new();
    let (ada, _) = world.connect_twice().await;
    let exports = world.export(&ada).await;
    assert!(!exports.contains("CONNECTION") && !exports.contains("connection"), "{exports}");
    assert!(!exports.contains(&ada.session));
}

impl World {
    async fn export(&self, customer: &SignedInCustomer) -> String {
        export::export(&self.platform.app, customer.id).await.unwrap();
        self.files()
    }
}

#[tokio::test]
async fn the_next_message_closes_a_connection_whose_session_has_ended() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL"]).await;
    // As if the connection could not be reached at sign-out, and the store failed too.
    world.delete_session(&ada).await;
    assert!(!world.sockets.is_closed(&connection));
    world.send(&connection, &json!({ "action": "subscribe", "symbols": ["IBM"] })).await;
    world.assert_ended(&connection).await;
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn the_next_push_closes_a_connection_whose_session_has_ended() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL"]).await;
    world.delete_session(&ada).await;
    let published = live::publish(&world.platform.app, &[world.store_quote("AAPL", 1).await]).await.unwrap();
    assert_eq!((published.posted, published.ended), (0, 1));
    world.assert_ended(&connection).await;
    world.assert_no_connection_is_left().await;
    let other = world.sign_in_again(ada.id, &ada.email, SessionKind::Api).await;
    let connection = world.connect(&other).await;
    world.delete_session(&other).await;
    assert_eq!(
        live::publish_to_customer(&world.platform.app, ada.id, &json!({ "type": "alert" })).await.unwrap().reached,
        0
    );
    world.assert_ended(&connection).await;
}
