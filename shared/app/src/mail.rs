//! E-mails to customers: Amazon SES in AWS, a folder of files on one machine.

use async_trait::async_trait;
use domain::Email;
use uuid::Uuid;

/// An e-mail of plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The address of the recipient.
    pub to: Email,
    /// The subject, one line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// An e-mail was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The platform has no sender.
    #[error("This platform sends no e-mail.")]
    NoSender,
    /// The request was rejected and had no effect.
    #[error("mail: {0}")]
    Refused(String),
    /// No response: the request may have taken effect.
    #[error("mail: no response, {0}")]
    NoResponse(String),
}

/// Sends e-mails.
///
/// It sends to every address that it is given. Use cases decide who gets an e-mail.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Whether the platform sends e-mails.
    fn is_available(&self) -> bool;

    /// Sends an e-mail. It is accepted for delivery when this returns; if it cannot be delivered, an event follows.
    ///
    /// Errors: [`MailError::NoSender`] if no e-mail [is available](Self::is_available).
    async fn send(&self, message: &Message) -> Result<(), MailError>;

    /// Deletes the topic of an e-mail subscription. Earlier versions sent e-mails through topics. One that does not
    /// exist is deleted too.
    async fn delete_topic(&self, subscription: Uuid) -> Result<(), MailError>;
}

/// No e-mails: for platforms and functions that send none.
#[derive(Clone, Copy, Debug)]
pub struct NoMail;

#[async_trait]
impl Mail for NoMail {
    fn is_available(&self) -> bool {
        false
    }

    async fn send(&self, _message: &Message) -> Result<(), MailError> {
        Err(MailError::NoSender)
    }

    async fn delete_topic(&self, _subscription: Uuid) -> Result<(), MailError> {
        Ok(())
    }
}
