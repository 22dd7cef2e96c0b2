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

    /// Asks the owner of an address whether they want this customer's letters; asking again changes nothing. Gives
    /// the subscription's name, to end it by.
    async fn subscribe(&self, customer: CustomerId, email: &str) -> Result<String, MailError>;

    /// Ends a subscription; one that has ended is no error.
    async fn unsubscribe(&self, subscription: &str) -> Result<(), MailError>;

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

    async fn unsubscribe(&self, _subscription: &str) -> Result<(), MailError> {
        Ok(())
    }

    async fn send(&self, _customer: CustomerId, _subject: &str, _text: &str) -> Result<(), MailError> {
        Ok(())
    }
}
