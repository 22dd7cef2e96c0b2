//! Messages to live connections: the management API of API Gateway's `WebSocket` APIs.

use app::push::{Push, PushError};
use async_trait::async_trait;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError;
use aws_sdk_apigatewaymanagement::operation::post_to_connection::PostToConnectionError;
use aws_sdk_apigatewaymanagement::primitives::Blob;

/// The connections of one stage of a WebSocket API.
pub struct LiveConnections {
    client: Client,
}

impl LiveConnections {
    /// The connections that `client`, whose endpoint is the stage's own, reaches.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Push for LiveConnections {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        let post = self.client.post_to_connection().connection_id(connection).data(Blob::new(text));
        post.send().await.map(drop).map_err(|error| match error.into_service_error() {
            PostToConnectionError::GoneException(_) => PushError::Gone,
            error => PushError::Failed(error.to_string()),
        })
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        match self.client.delete_connection().connection_id(connection).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.into_service_error() {
                DeleteConnectionError::GoneException(_) => Ok(()),
                error => Err(PushError::Failed(error.to_string())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::Loopback;

    const GONE: (u16, &str, &str) = (410, "x-amzn-errortype: GoneException", "{}");

    #[tokio::test]
    async fn a_message_goes_to_its_connection_and_closing_deletes_it() {
        let service = Loopback::start(vec![(200, "", ""), (204, "", "")]).await;
        let connections = LiveConnections::new(Client::new(&service.sdk));
        connections.post("L0SM9cOFvHcCIhw=", "{}").await.unwrap();
        connections.close("L0SM9cOFvHcCIhw=").await.unwrap();
        let [post, delete] = service.asked().try_into().unwrap();
        assert!(post.head.starts_with("post /@connections/l0sm9cofvhccihw%3d "), "{}", post.head);
        assert_eq!(post.body, "{}");
        assert!(delete.head.starts_with("delete /@connections/l0sm9cofvhccihw%3d "), "{}", delete.head);
    }

    #[tokio::test]
    async fn a_gone_connection_is_distinguished_from_an_unreachable_one() {
        let service = Loopback::start(vec![GONE, GONE, (500, "", "{}"), (500, "", "{}")]).await;
        let connections = LiveConnections::new(Client::new(&service.sdk));
        assert_eq!(connections.post("a", "{}").await, Err(PushError::Gone));
        assert_eq!(connections.close("a").await, Ok(()));
        assert!(matches!(connections.post("a", "{}").await, Err(PushError::Failed(_))));
        assert!(matches!(connections.close("a").await, Err(PushError::Failed(_))));
    }
}
