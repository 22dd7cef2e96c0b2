//! Letters to customers: SNS with a filter by customer in AWS; one machine sends none.

use async_trait::async_trait;
use domain::CustomerId;

/// A letter was not taken, or a subscription not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mail: {0}")]
pub struct MailError(pub String);

/// Sends letters to those who have confirmed that they want them.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Whether letters can be sent at all.
    fn is_there(&self) -> bool;

    /// Asks the owner of an address whether they want this customer's letters. Asking again does not ask who has agreed,
    /// and reminds who has not answered. Gives the subscription's name, to end it by; it is another one where the
    /// question has lapsed.
    async fn subscribe(&self, customer: CustomerId, email: &str) -> Result<String, MailError>;

    /// Ends a subscription and says whether it has ended, as one that had before has: a subscription whose owner has not
    /// answered cannot be ended yet.
    async fn unsubscribe(&self, subscription: &str) -> Result<bool, MailError>;

    /// Sends a letter to the customer's confirmed addresses.
    async fn send(&self, customer: CustomerId, subject: &str, text: &str) -> Result<(), MailError>;
}

/// No letters.
#[derive(Clone, Copy, Debug)]
pub struct NoMail;

#[async_trait]
impl Mail for NoMail {
    fn is_there(&self) -> bool {
        false
    }

    async fn subscribe(&self, _customer: CustomerId, _email: &str) -> Result<String, MailError> {
        Err(MailError("this platform sends no letters".to_owned()))
    }

    async fn unsubscribe(&self, _subscription: &str) -> Result<bool, MailError> {
        Ok(true)
    }

    async fn send(&self, _customer: CustomerId, _subject: &str, _text: &str) -> Result<(), MailError> {
        Ok(())
    }
}
