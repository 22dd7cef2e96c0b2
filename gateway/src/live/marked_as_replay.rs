//! The messages of a replay, each of which says that it is one.

use std::borrow::Cow;
use std::sync::Arc;

use app::push::{Push, PushError};
use async_trait::async_trait;
use serde_json::{Map, Value};

/// Sends what it is given to the inner [`Push`], with `"replay": true` in each message: no client takes old prices for
/// those of now.
pub struct MarkedAsReplay(pub Arc<dyn Push>);

#[async_trait]
impl Push for MarkedAsReplay {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        self.0.post(connection, &marked(text)).await
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        self.0.close(connection).await
    }
}

/// A message, which is an object, as one of a replay.
fn marked(text: &str) -> Cow<'_, str> {
    let Ok(mut message) = serde_json::from_str::<Map<String, Value>>(text) else { return text.into() };
    message.insert("replay".to_owned(), Value::Bool(true));
    Value::Object(message).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Connections;

    #[tokio::test]
    async fn a_message_of_a_replay_is_marked_once() {
        let connections = Arc::new(Connections::default());
        let mut outbox = connections.announce("a=".to_owned());
        assert!(connections.open("a="));
        let push = MarkedAsReplay(connections.clone());
        let snapshot = r#"{"quotes":[{"replay":true}],"type":"snapshot"}"#;
        for text in [r#"{"type":"pong"}"#, r#"{"replay":true,"type":"quote"}"#, snapshot] {
            push.post("a=", text).await.unwrap();
            let posted = outbox.next().await.unwrap();
            let message: Map<String, Value> = serde_json::from_str(&posted).unwrap();
            assert_eq!(message["replay"], true, "{posted}");
            assert_eq!(posted.matches("replay").count(), 1 + usize::from(text == snapshot), "{posted}");
        }
    }

    #[tokio::test]
    async fn a_connection_is_closed_and_gone_as_without_the_mark() {
        let connections = Arc::new(Connections::default());
        let _outbox = connections.announce("a=".to_owned());
        let push = MarkedAsReplay(connections.clone());
        push.close("a=").await.unwrap();
        assert_eq!(connections.count(), 0);
        assert_eq!(push.post("a=", "{}").await, Err(PushError::Gone));
    }
}
