//! E-mails to customers through Amazon SES.
//!
//! Each has one recipient, so that a bounce or a complaint is that recipient's. The configuration set publishes both as
//! events.

use app::mail::{Mail, MailError, Message};
use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{DisplayErrorContext, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as SesMessage};
use uuid::Uuid;

use crate::email_topics::EmailTopics;

/// The e-mail services of a function.
pub struct Email {
    /// `None` if the platform has no sender.
    pub sender: Option<Sender>,
    /// The topics of earlier versions; `None` for a function that deletes none.
    pub topics: Option<EmailTopics>,
}

/// A verified sender.
pub struct Sender {
    client: Client,
    /// The `From` header.
    from: String,
    configuration_set: Option<String>,
}

impl Sender {
    /// A sender with this verified address, whose events this configuration set publishes.
    pub fn new(client: Client, address: &str, configuration_set: Option<String>) -> Self {
        Self { client, from: format!("Sextant <{address}>"), configuration_set }
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let content = SesMessage::builder()
            .subject(content(&message.subject)?)
            .body(Body::builder().text(content(&message.text)?).build())
            .build();
        let send = self.client.send_email().from_email_address(&self.from);
        let send = send.destination(Destination::builder().to_addresses(message.to.as_str()).build());
        let send = send.content(EmailContent::builder().simple(content).build());
        send.set_configuration_set_name(self.configuration_set.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| failure(&error, message))
    }
}

fn content(text: &str) -> Result<Content, MailError> {
    Content::builder().data(text).charset("UTF-8").build().map_err(|error| MailError::Refused(error.to_string()))
}

/// A response of SES is a refusal; without a response the outcome is unknown. SES may name the recipient, who must not be
/// logged.
fn failure(error: &SdkError<SendEmailError>, message: &Message) -> MailError {
    let cause = DisplayErrorContext(error).to_string().replace(message.to.as_str(), "the recipient");
    match error {
        SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => MailError::Refused(cause),
        _ => MailError::NoResponse(cause),
    }
}

#[async_trait]
impl Mail for Email {
    fn is_available(&self) -> bool {
        self.sender.is_some()
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        self.sender.as_ref().ok_or(MailError::NoSender)?.send(message).await
    }

    async fn delete_topic(&self, subscription: Uuid) -> Result<(), MailError> {
        let topics =
            self.topics.as_ref().ok_or_else(|| MailError::Refused("this function deletes no topics".to_owned()))?;
        topics.delete(subscription).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::loopback::Loopback;

    const SENT: &str = r#"{"MessageId":"1"}"#;
    const REJECTED: &str = r#"{"message":"Email address is not verified: ada@example.com"}"#;

    fn message() -> Message {
        let to = "ada@example.com".parse().unwrap();
        Message { to, subject: "AAPL is above 400".to_owned(), text: "It is \u{20ac}.\n".to_owned() }
    }

    async fn start(answers: Vec<(u16, &'static str, &'static str)>) -> (Email, Loopback) {
        let service = Loopback::start(answers).await;
        let sender = Sender::new(Client::new(&service.sdk), "sextant@example.org", Some("dev".to_owned()));
        (Email { sender: Some(sender), topics: None }, service)
    }

    #[tokio::test]
    async fn an_email_has_one_recipient_and_the_configuration_set() {
        let (email, service) = start(vec![(200, "content-type: application/json", SENT)]).await;
        email.send(&message()).await.unwrap();
        let asked = &service.asked()[0];
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(
            body,
            json!({
                "FromEmailAddress": "Sextant <sextant@example.org>",
                "Destination": { "ToAddresses": ["ada@example.com"] },
                "ConfigurationSetName": "dev",
                "Content": { "Simple": {
                    "Subject": { "Data": "AAPL is above 400", "Charset": "UTF-8" },
                    "Body": { "Text": { "Data": "It is \u{20ac}.\n", "Charset": "UTF-8" } },
                } },
            })
        );
    }

    #[tokio::test]
    async fn an_email_that_ses_rejects_is_refused_and_the_cause_names_no_recipient() {
        let (email, _service) = start(vec![(400, "content-type: application/json", REJECTED)]).await;
        let Err(MailError::Refused(cause)) = email.send(&message()).await else { panic!("it is not refused") };
        assert!(cause.contains("not verified: the recipient"), "{cause}");
        assert!(!cause.contains("ada@example.com"), "{cause}");
    }

    #[tokio::test]
    async fn without_a_sender_there_is_no_email() {
        let email = Email { sender: None, topics: None };
        assert!(!email.is_available());
        assert_eq!(email.send(&message()).await, Err(MailError::NoSender));
        assert!(matches!(email.delete_topic(Uuid::nil()).await, Err(MailError::Refused(_))));
    }
}
