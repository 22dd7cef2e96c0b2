//! Whatever ends a session closes what it had opened, and nothing is pushed after it.

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
    /// Asserts that a connection was told why it ends, is closed, and hears nothing more.
    async fn assert_ended(&self, connection: &str) {
        let told = self.sockets.take(connection);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["type"], &told[0]["code"]), (&json!("error"), &json!("session_ended")));
        assert!(self.sockets.is_closed(connection));
        let seq = u64::try_from(self.now().timestamp()).unwrap();
        live::publish(&self.platform.app, &[self.store_quote("AAPL", seq).await]).await.unwrap();
        assert!(self.sockets.take(connection).is_empty());
    }

    /// Somebody with two sessions and a connection of each.
    async fn twice_connected(&self) -> (SignedInCustomer, [String; 2]) {
        let ada = self.someone("ada").await;
        let other = self.signed_in(ada.id, &ada.email, SessionKind::Browser).await;
        let connections = [self.listening(&ada, &["AAPL"]).await, self.listening(&other, &["AAPL", "IBM"]).await];
        (ada, connections)
    }

    /// Asserts that both connections have ended and a stranger's has not.
    async fn assert_all_ended(&self, connections: &[String; 2], stranger: &str) {
        for connection in connections {
            self.assert_ended(connection).await;
        }
        assert!(!self.sockets.is_closed(stranger));
        let left = self.left("LIVE#").await;
        assert!(left.len() == 1 && left[0].sk == stranger, "{left:?}");
        assert_eq!(self.left("CONNECTION#").await.len(), 2, "the stranger's, and its index item");
    }

    async fn stranger(&self) -> String {
        let ben = self.someone("ben").await;
        self.listening(&ben, &["AAPL"]).await
    }
}

#[tokio::test]
async fn signing_out_closes_the_connections_of_that_session_alone() {
    let world = World::new();
    let stranger = world.stranger().await;
    let (ada, [one, other]) = world.twice_connected().await;
    accounts::sign_out::end_session(&world.platform.app, ada.id, &ada.session).await.unwrap();
    world.assert_ended(&one).await;
    assert!(!world.sockets.is_closed(&other) && !world.sockets.is_closed(&stranger));
    assert_eq!(kinds(&world.sockets.take(&other)), ["quote"]);
}

#[tokio::test]
async fn signing_out_everywhere_closes_them_all() {
    let world = World::new();
    let stranger = world.stranger().await;
    let (ada, connections) = world.twice_connected().await;
    accounts::sign_out::end_all(&world.platform.app, ada.id).await.unwrap();
    world.assert_all_ended(&connections, &stranger).await;
}

#[tokio::test]
async fn a_new_password_closes_them_all() {
    let world = World::new();
    let stranger = world.stranger().await;
    let (ada, connections) = world.twice_connected().await;
    let new = Password::typed("another long password".to_owned());
    accounts::own_account::change_password(&world.platform.app, ada.id, password(), new).await.unwrap();
    world.assert_all_ended(&connections, &stranger).await;
}

#[tokio::test]
async fn a_password_set_by_a_token_closes_them_all() {
    let world = World::new();
    let stranger = world.stranger().await;
    let (ada, connections) = world.twice_connected().await;
    let token = password_reset::grant(&world.platform.app, &ada.email).await.unwrap().token;
    assert!(!world.sockets.is_closed(&connections[0]));
    let new = Password::typed("another long password".to_owned());
    password_reset::redeem(&world.platform.app, &token, new).await.unwrap();
    world.assert_all_ended(&connections, &stranger).await;
}

#[tokio::test]
async fn disabling_and_a_new_role_close_them_all_and_an_advisor_does_not() {
    for (change, ends) in [
        (AccountChange { disabled: Some(true), ..AccountChange::default() }, true),
        (AccountChange { role: Some(Role::Advisor), ..AccountChange::default() }, true),
        (AccountChange { role: Some(Role::Client), disabled: Some(false), advisor_id: Some(None) }, false),
    ] {
        let world = World::new();
        let stranger = world.stranger().await;
        let (ada, connections) = world.twice_connected().await;
        accounts::administration::administer(&world.platform.app, Actor::Operator, ada.id, &Precondition::Any, change)
            .await
            .unwrap();
        if ends {
            world.assert_all_ended(&connections, &stranger).await;
        } else {
            assert!(connections.iter().all(|connection| !world.sockets.is_closed(connection)));
        }
    }
}

#[tokio::test]
async fn erasure_closes_them_all_and_leaves_nothing() {
    let world = World::new();
    let stranger = world.stranger().await;
    let (ada, connections) = world.twice_connected().await;
    erasure::erase(&world.platform.app, ada.id, password()).await.unwrap();
    world.assert_all_ended(&connections, &stranger).await;
}

#[tokio::test]
async fn erasure_leaves_nothing_where_closing_failed() {
    let world = World::new();
    let (ada, connections) = world.twice_connected().await;
    // The password is checked in two writes and the erasure is one; then both connections fail to be forgotten.
    let failing = [None, None, None, Some(Fault::ErrorBefore), Some(Fault::ErrorBefore)];
    world.table.plan_writes(Plan::scripted(failing));
    erasure::erase(&world.platform.app, ada.id, password()).await.unwrap();
    assert!(connections.iter().all(|connection| world.sockets.is_closed(connection)));
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn an_export_shows_nothing_of_connections() {
    let world = World::new();
    let (ada, _) = world.twice_connected().await;
    let exports = world.export(&ada).await;
    assert!(!exports.contains("CONNECTION") && !exports.contains("connection"), "{exports}");
    assert!(!exports.contains(&ada.session));
}

impl World {
    async fn export(&self, someone: &SignedInCustomer) -> String {
        export::export(&self.platform.app, someone.id).await.unwrap();
        self.files()
    }
}

#[tokio::test]
async fn where_nobody_closed_it_the_next_message_finds_the_session_dead() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL"]).await;
    // Signed out where connections cannot be reached, and at a moment when the store failed as well.
    world.end_behind_its_back(&ada).await;
    assert!(!world.sockets.is_closed(&connection));
    world.say(&connection, &json!({ "action": "subscribe", "symbols": ["IBM"] })).await;
    world.assert_ended(&connection).await;
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn where_nobody_closed_it_the_next_push_finds_the_session_dead() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL"]).await;
    world.end_behind_its_back(&ada).await;
    let told = live::publish(&world.platform.app, &[world.store_quote("AAPL", 1).await]).await.unwrap();
    assert_eq!((told.posted, told.ended), (0, 1));
    world.assert_ended(&connection).await;
    world.assert_no_connection_is_left().await;
    let other = world.signed_in(ada.id, &ada.email, SessionKind::Api).await;
    let connection = world.connected(&other).await;
    world.end_behind_its_back(&other).await;
    assert_eq!(
        live::publish_to_customer(&world.platform.app, ada.id, &json!({ "type": "alert" })).await.unwrap().reached,
        0
    );
    world.assert_ended(&connection).await;
}
