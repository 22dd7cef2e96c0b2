//! E-mails to customers: topics of SNS in AWS; one machine sends none.

use async_trait::async_trait;
use uuid::Uuid;

/// An e-mail was not taken, or a subscription not opened or closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It was refused: nothing has happened.
    #[error("mail: {0}")]
    Refused(String),
    /// There was no answer: it may have happened.
    #[error("mail: no answer, {0}")]
    NoResponse(String),
    /// There is no such subscription.
    #[error("mail: there is no such subscription")]
    NoSubscription,
}

/// Sends e-mails to those who have confirmed that they want them.
///
/// A subscription leads to one address and is known by an id of ours, so that it can be closed whatever became of its
/// opening. Each of these may be called again with the same subscription.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Whether e-mails can be sent at all.
    fn is_available(&self) -> bool;

    /// Opens a subscription and asks the owner of its address for their consent. Opening it again does not ask who has
    /// agreed, and reminds who has not answered.
    async fn open(&self, subscription: Uuid, email: &str) -> Result<(), MailError>;

    /// Closes a subscription for good: nothing comes through it any more, and consent that was not given yet no longer can
    /// be. One that was never opened is closed, too.
    async fn close(&self, subscription: Uuid) -> Result<(), MailError>;

    /// Sends an e-mail through an open subscription; to nobody while its owner has not agreed.
    ///
    /// Errors: [`MailError::NoSubscription`] where it is not open after all.
    async fn send(&self, subscription: Uuid, subject: &str, text: &str) -> Result<(), MailError>;
}

/// No e-mails.
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
