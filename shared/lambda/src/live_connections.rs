//! Messages to live connections: the management API of API Gateway's `WebSocket` APIs.

use app::push::{Push, PushError};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::interceptors::InterceptorContext;
use aws_sdk_apigatewaymanagement::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;

/// The status of a refusal because of the rate of messages.
const THROTTLED: u16 = 429;

/// The connections of one stage of a WebSocket API.
pub struct LiveConnections {
    client: Client,
}

/// Leaves the repetition of throttled messages to the caller, who sends to other connections meanwhile. The SDK would
/// wait for seconds in the place of another message.
#[derive(Debug)]
struct NoRetryIfThrottled;

impl ClassifyRetry for NoRetryIfThrottled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(THROTTLED) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "no retry if throttled"
    }
}

impl LiveConnections {
    /// The connections that are reached at `endpoint`, the stage's own.
    pub fn new(sdk: &SdkConfig, endpoint: &str) -> Self {
        // Unlike the endpoints of other services this one belongs to the API, so it is not overridden.
        let stage = aws_sdk_apigatewaymanagement::config::Builder::from(sdk).endpoint_url(endpoint);
        Self { client: Client::from_conf(stage.retry_classifier(NoRetryIfThrottled).build()) }
    }
}

#[async_trait]
impl Push for LiveConnections {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        let post = self.client.post_to_connection().connection_id(connection).data(Blob::new(text));
        post.send().await.map(drop).map_err(push_error)
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        match self.client.delete_connection().connection_id(connection).send().await.map_err(push_error) {
            Ok(_) | Err(PushError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What the status of a refusal says; not every refusal of API Gateway has the type of an error with it.
fn push_error<E>(error: SdkError<E>) -> PushError
where
    SdkError<E>: std::error::Error,
{
    match error.raw_response().map(|response| response.status().as_u16()) {
        Some(403) => PushError::Forbidden,
        Some(410) => PushError::Gone,
        Some(413) => PushError::TooLarge,
        Some(THROTTLED) => PushError::Throttled,
        _ => PushError::Failed(DisplayErrorContext(error).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::retry::RetryConfig;

    use super::*;
    use crate::loopback::Loopback;

    const GONE: (u16, &str, &str) = (410, "x-amzn-errortype: GoneException", "{}");
    const LIMITED: (u16, &str, &str) = (429, "x-amzn-errortype: LimitExceededException", "{}");

    fn at(service: &Loopback) -> LiveConnections {
        LiveConnections::new(&service.sdk, service.sdk.endpoint_url().unwrap())
    }

    #[tokio::test]
    async fn a_message_goes_to_its_connection_and_closing_deletes_it() {
        let service = Loopback::start(vec![(200, "", ""), (204, "", "")]).await;
        let connections = at(&service);
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
        let connections = at(&service);
        assert_eq!(connections.post("a", "{}").await, Err(PushError::Gone));
        assert_eq!(connections.close("a").await, Ok(()));
        assert!(matches!(connections.post("a", "{}").await, Err(PushError::Failed(_))));
        assert!(matches!(connections.close("a").await, Err(PushError::Failed(_))));
    }

    #[tokio::test]
    async fn each_refusal_is_distinguished_with_and_without_the_type_of_its_error() {
        for (status, header, expected) in [
            (429, "x-amzn-errortype: LimitExceededException", PushError::Throttled),
            (429, "", PushError::Throttled),
            (413, "x-amzn-errortype: PayloadTooLargeException", PushError::TooLarge),
            (413, "", PushError::TooLarge),
            (403, "x-amzn-errortype: ForbiddenException", PushError::Forbidden),
            (403, "", PushError::Forbidden),
        ] {
            let service = Loopback::start(vec![(status, header, "{}"); 2]).await;
            let connections = at(&service);
            assert_eq!(connections.post("a", "{}").await, Err(expected.clone()), "{status} {header}");
            assert_eq!(connections.close("a").await, Err(expected), "{status} {header}");
        }
    }

    #[tokio::test]
    async fn the_sdk_repeats_a_failure_of_aws_and_no_throttled_message() {
        let mut service = Loopback::start(vec![(500, "", "{}"), LIMITED, (200, "", "")]).await;
        service.sdk = service
            .sdk
            .into_builder()
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .build();
        let connections = at(&service);
        assert_eq!(connections.post("a", "{}").await, Err(PushError::Throttled));
        assert_eq!(service.asked().len(), 2);
        connections.post("a", "{}").await.unwrap();
    }
}
