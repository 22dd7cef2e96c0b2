//! E-mails to customers: SNS topics in AWS; none on one machine.

use async_trait::async_trait;
use uuid::Uuid;

/// An e-mail was not accepted, or a subscription not opened or closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The request was rejected and had no effect.
    #[error("mail: {0}")]
    Refused(String),
    /// No response: the request may have taken effect.
    #[error("mail: no response, {0}")]
    NoResponse(String),
    /// The subscription does not exist.
    #[error("mail: the subscription does not exist")]
    NoSubscription,
}

/// Sends e-mails to customers who have confirmed their subscription.
///
/// A subscription has one address and an id that the caller chooses, so that it can be closed even if the response to
/// its opening was lost. Every method is idempotent.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Whether the platform can send e-mails.
    fn is_available(&self) -> bool;

    /// Opens a subscription and asks the owner of the address to confirm it. Opening it again sends a reminder, unless
    /// it is confirmed.
    async fn open(&self, subscription: Uuid, email: &str) -> Result<(), MailError>;

    /// Closes a subscription for good: it sends no more e-mails and can no longer be confirmed. One that was never
    /// opened can be closed too.
    async fn close(&self, subscription: Uuid) -> Result<(), MailError>;

    /// Sends an e-mail through an open subscription. Before it is confirmed, no e-mail is delivered.
    ///
    /// Errors: [`MailError::NoSubscription`] if it is not open.
    async fn send(&self, subscription: Uuid, subject: &str, text: &str) -> Result<(), MailError>;
}

/// No e-mails: for platforms and functions that send none.
#[derive(Clone, Copy, Debug)]
pub struct NoMail;

#[async_trait]
impl Mail for NoMail {
    fn is_available(&self) -> bool {
        false
    }

    async fn open(&self, _subscription: Uuid, _email: &str) -> Result<(), MailError> {
        Err(MailError::Refused("this platform sends no e-mails".to_owned()))
    }

    async fn close(&self, _subscription: Uuid) -> Result<(), MailError> {
        Ok(())
    }

    async fn send(&self, _subscription: Uuid, _subject: &str, _text: &str) -> Result<(), MailError> {
        Ok(())
    }
}
