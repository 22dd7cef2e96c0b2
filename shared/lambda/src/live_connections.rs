//! Messages to live connections: the management API of API Gateway's WebSockets.

use async_trait::async_trait;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError;
use aws_sdk_apigatewaymanagement::operation::post_to_connection::PostToConnectionError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use services::push::{Push, PushError};

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
