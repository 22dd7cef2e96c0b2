//! Messages to live connections: API Gateway's management API in AWS, the gateway's own sockets on one machine.

use async_trait::async_trait;
use store::retry::Retryable;

/// Why a message did not reach a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The connection is closed for good. Its stored items can be removed.
    #[error("the connection is gone")]
    Gone,
    /// AWS accepts no message for the connection now: too many are sent in the account, or the client reads more slowly
    /// than it is sent to. The same message may be accepted later.
    #[error("too many messages are sent, or the client does not read them")]
    Throttled,
    /// The message is larger than any connection accepts.
    #[error("the message is too large")]
    TooLarge,
    /// The platform may not send to its own connections: no connection is to blame.
    #[error("the platform may not send to the connection")]
    Forbidden,
    /// There was no response in time. The connection may still be open.
    #[error("no response in time")]
    TimedOut,
    /// Sending failed for another reason. The connection may still be open.
    #[error("the message was not sent: {0}")]
    Failed(String),
}

impl Retryable for PushError {
    fn is_retryable(&self) -> bool {
        *self == Self::Throttled
    }
}

/// Sends to live connections by the id that API Gateway gave them.
#[async_trait]
pub trait Push: Send + Sync {
    /// Sends one text message.
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError>;

    /// Closes the connection. One that is already gone is no error.
    async fn close(&self, connection: &str) -> Result<(), PushError>;
}

/// No connections: for functions and tests that need none.
#[derive(Clone, Copy, Debug)]
pub struct NoConnections;

#[async_trait]
impl Push for NoConnections {
    async fn post(&self, _connection: &str, _text: &str) -> Result<(), PushError> {
        Err(PushError::Gone)
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        Ok(())
    }
}
