//! Placeholders for engines that a function was not given.
//!
//! Every call fails with a permanent error, which is answered with 500: a function whose services need the engine must
//! name it in its `main`.

use app::mail::{Mail, MailError, Message};
use async_trait::async_trait;
use domain::{Instrument, Symbol};
use market::{CallBudget, History, MarketClock, Provider, ProviderError};
use objects::{Link, LinkOptions, ObjectError, ObjectKey, Objects};
use thiserror::Error;
use uuid::Uuid;

/// No reports, no large results.
#[derive(Clone, Copy, Debug)]
pub struct NoObjects;

/// The function was not given this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this function was not given an object store")]
struct NotGiven;

impl From<NotGiven> for ObjectError {
    fn from(cause: NotGiven) -> Self {
        Self::Failed(Box::new(cause))
    }
}

#[async_trait]
impl Objects for NoObjects {
    async fn put(&self, _key: &ObjectKey, _bytes: Vec<u8>, _content_type: &str) -> Result<(), ObjectError> {
        Err(NotGiven.into())
    }

    async fn get(&self, _key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectError> {
        Err(NotGiven.into())
    }

    async fn delete(&self, _key: &ObjectKey) -> Result<(), ObjectError> {
        Err(NotGiven.into())
    }

    async fn link(&self, _key: &ObjectKey, _options: LinkOptions) -> Result<Link, ObjectError> {
        Err(NotGiven.into())
    }
}

/// No e-mails from this function, but perhaps from others.
#[derive(Clone, Copy, Debug)]
pub struct MailElsewhere {
    is_available: bool,
}

impl MailElsewhere {
    /// Whether other functions send e-mails.
    pub fn new(is_available: bool) -> Self {
        Self { is_available }
    }
}

fn no_mail() -> MailError {
    MailError::Refused("this function was not given an e-mail service".to_owned())
}

#[async_trait]
impl Mail for MailElsewhere {
    fn is_available(&self) -> bool {
        self.is_available
    }

    async fn send(&self, _message: &Message) -> Result<(), MailError> {
        Err(no_mail())
    }

    async fn delete_topic(&self, _subscription: Uuid) -> Result<(), MailError> {
        Err(no_mail())
    }
}

/// The name and clock of a price source, without its prices.
#[derive(Clone, Copy, Debug)]
pub struct NoPrices {
    source: &'static str,
    clock: MarketClock,
}

impl NoPrices {
    /// Answers for `source`, whose market clock is `clock`.
    pub fn of(source: &'static str, clock: MarketClock) -> Self {
        Self { source, clock }
    }
}

#[async_trait]
impl Provider for NoPrices {
    fn source(&self) -> &'static str {
        self.source
    }

    fn clock(&self) -> MarketClock {
        self.clock
    }

    async fn fetch_daily(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        Err(ProviderError::NotGiven)
    }

    async fn fetch_instrument(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Err(ProviderError::NotGiven)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use market::OnBehalfOf;

    use super::*;

    #[tokio::test]
    async fn every_call_on_objects_is_refused_for_good() {
        let name = format!("reports/0190aaaa-0000-7000-8000-000000000009/{:032x}.pdf", 1);
        let key: ObjectKey = name.parse().unwrap();
        let options = LinkOptions { lifetime: Duration::from_mins(1), filename: "a.pdf".to_owned() };
        let refusals = [
            NoObjects.put(&key, vec![1], "text/plain").await.unwrap_err(),
            NoObjects.get(&key).await.unwrap_err(),
            NoObjects.delete(&key).await.unwrap_err(),
            NoObjects.link(&key, options).await.unwrap_err(),
        ];
        for refusal in refusals {
            assert!(!refusal.is_retryable());
            let cause = std::error::Error::source(&refusal).unwrap();
            assert_eq!(cause.to_string(), "this function was not given an object store");
        }
    }

    #[tokio::test]
    async fn a_function_without_an_email_service_knows_whether_others_send_emails_and_sends_none() {
        for is_available in [true, false] {
            let mail = MailElsewhere::new(is_available);
            assert_eq!(mail.is_available(), is_available);
            let to = "ada@example.com".parse().unwrap();
            let message = Message { to, subject: String::new(), text: String::new() };
            assert!(matches!(mail.send(&message).await, Err(MailError::Refused(_))));
            assert!(matches!(mail.delete_topic(Uuid::nil()).await, Err(MailError::Refused(_))));
        }
    }

    #[tokio::test]
    async fn a_source_without_prices_keeps_its_name_and_its_clock() {
        let day = "2013-03-01".parse().unwrap();
        let none = NoPrices::of("sample", MarketClock::StandsAt(day));
        assert_eq!((none.source(), none.clock()), ("sample", MarketClock::StandsAt(day)));
        let symbol = "IBM".parse().unwrap();
        let budget = CallBudget::of(OnBehalfOf::Platform);
        let refusal = none.fetch_daily(&symbol, budget).await.unwrap_err();
        assert_eq!(refusal, ProviderError::NotGiven);
        assert!(!refusal.is_retryable());
        assert_eq!(none.fetch_instrument(&symbol, budget).await, Err(ProviderError::NotGiven));
    }
}
