//! E-mails to customers: an e-mail subscription is an SNS topic with one subscription, that of its address.
//!
//! Each subscription has its own topic. A shared topic would need a filter for each subscription and may have only 200.
//! And deleting a topic also removes a subscription that was never confirmed, which cannot be deleted by itself. An
//! account may have 100,000 topics; they cost nothing.

use app::mail::{Mail, MailError};
use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::delete_topic::DeleteTopicError;
use aws_sdk_sns::operation::publish::PublishError;
use uuid::Uuid;

/// The key that encrypts e-mails in transit, managed by AWS for SNS.
const KEY: (&str, &str) = ("KmsMasterKeyId", "alias/aws/sns");
/// The displayed sender.
const SENDER: (&str, &str) = ("DisplayName", "Sextant");
/// The longest subject that SNS accepts.
const MAX_SUBJECT_CHARACTERS: usize = 100;

/// The topics with a common prefix.
pub struct SnsEmail {
    client: Client,
    /// The prefix of their ARNs, `arn:aws:sns:REGION:ACCOUNT:STACK-letters-`.
    prefix: String,
}

impl SnsEmail {
    /// The subscriptions whose topics begin like this.
    pub fn new(client: Client, prefix: String) -> Self {
        Self { client, prefix }
    }

    fn arn(&self, subscription: Uuid) -> String {
        format!("{}{subscription}", self.prefix)
    }
}

#[async_trait]
impl Mail for SnsEmail {
    fn is_available(&self) -> bool {
        true
    }

    async fn open(&self, subscription: Uuid, email: &str) -> Result<(), MailError> {
        let arn = self.arn(subscription);
        let name = arn.rsplit(':').next().unwrap_or_default();
        let create = self.client.create_topic().name(name).attributes(KEY.0, KEY.1).attributes(SENDER.0, SENDER.1);
        create.send().await.map_err(refusal)?;
        let subscribe = self.client.subscribe().topic_arn(arn).protocol("email").endpoint(email);
        subscribe.send().await.map(drop).map_err(refusal)
    }

    async fn close(&self, subscription: Uuid) -> Result<(), MailError> {
        match self.client.delete_topic().topic_arn(self.arn(subscription)).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(DeleteTopicError::is_not_found_exception) => Ok(()),
            Err(error) => Err(refusal(error)),
        }
    }

    async fn send(&self, subscription: Uuid, subject: &str, text: &str) -> Result<(), MailError> {
        let publish = self.client.publish().topic_arn(self.arn(subscription));
        let published = publish.subject(subject_of(subject)).message(text).send().await;
        match published {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(PublishError::is_not_found_exception) => {
                Err(MailError::NoSubscription)
            }
            Err(error) => Err(refusal(error)),
        }
    }
}

/// A response of SNS is a refusal; without a response the outcome is unknown.
fn refusal<E: std::error::Error + 'static>(error: SdkError<E>) -> MailError {
    match error {
        SdkError::ServiceError(refused) => MailError::Refused(refused.err().to_string()),
        SdkError::ConstructionFailure(_) => MailError::Refused("the request could not be built".to_owned()),
        unanswered => MailError::NoResponse(unanswered.to_string()),
    }
}

/// The subject in the form that SNS accepts: a line of ASCII of limited length.
fn subject_of(subject: &str) -> String {
    let printable = subject.chars().map(|character| if character.is_ascii_graphic() { character } else { ' ' });
    let line = printable.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_SUBJECT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::Loopback;

    const PREFIX: &str = "arn:aws:sns:us-east-1:1:dev-letters-";
    const SUBSCRIPTION: &str = "0190aaaa-0000-7000-8000-000000000009";
    const CREATED: &str = "<CreateTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><CreateTopicResult>\
        <TopicArn>arn:aws:sns:us-east-1:1:t</TopicArn></CreateTopicResult></CreateTopicResponse>";
    const SUBSCRIBED: &str = "<SubscribeResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><SubscribeResult>\
        <SubscriptionArn>pending confirmation</SubscriptionArn></SubscribeResult></SubscribeResponse>";
    const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
        <MessageId>1</MessageId></PublishResult></PublishResponse>";
    const DELETED: &str = "<DeleteTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"/>";
    const NOT_FOUND: &str = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
        <Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error></ErrorResponse>";

    async fn start(answers: Vec<(u16, &'static str, &'static str)>) -> (SnsEmail, Uuid, Loopback) {
        let service = Loopback::start(answers).await;
        (SnsEmail::new(Client::new(&service.sdk), PREFIX.to_owned()), SUBSCRIPTION.parse().unwrap(), service)
    }

    /// Checks that the URL-encoded request contains these words.
    fn has(service: &Loopback, number: usize, words: &[&str]) {
        let asked = service.asked()[number].body.replace("%3A", ":").replace("%40", "@").replace("%2F", "/");
        for word in words {
            assert!(asked.contains(word), "{word} is not in {asked}");
        }
    }

    #[tokio::test]
    async fn a_subscription_is_a_topic_that_its_address_is_asked_to_subscribe_to() {
        let (subscriptions, subscription, service) = start(vec![(200, "", CREATED), (200, "", SUBSCRIBED)]).await;
        subscriptions.open(subscription, "ada@example.com").await.unwrap();
        has(
            &service,
            0,
            &["Action=CreateTopic", "Name=dev-letters-0190aaaa-0000-7000-8000-000000000009", "alias/aws/sns"],
        );
        let arn = format!("TopicArn={PREFIX}{SUBSCRIPTION}");
        has(&service, 1, &["Action=Subscribe", &arn, "Protocol=email", "Endpoint=ada@example.com"]);
    }

    #[tokio::test]
    async fn a_letter_goes_to_the_topic_of_its_subscription() {
        let (subscriptions, subscription, service) = start(vec![(200, "", PUBLISHED), (404, "", NOT_FOUND)]).await;
        subscriptions.send(subscription, "AAPL is above 400", "It is.").await.unwrap();
        assert_eq!(subscriptions.send(subscription, "AAPL", "It is.").await, Err(MailError::NoSubscription));
        has(&service, 0, &["Action=Publish", SUBSCRIPTION, "Subject=AAPL", "Message=It"]);
    }

    #[tokio::test]
    async fn a_subscription_that_is_closed_may_be_closed_again() {
        let answers = vec![(200, "", DELETED), (404, "", NOT_FOUND), (500, "", "")];
        let (subscriptions, subscription, service) = start(answers).await;
        assert_eq!(subscriptions.close(subscription).await, Ok(()));
        assert_eq!(subscriptions.close(subscription).await, Ok(()));
        assert!(subscriptions.close(subscription).await.is_err());
        has(&service, 0, &["Action=DeleteTopic", SUBSCRIPTION]);
    }

    #[test]
    fn a_subject_is_a_short_line_of_ascii() {
        assert_eq!(subject_of("AAPL\nabove 400 \u{20ac}"), "AAPL above 400");
        assert_eq!(subject_of(&"x".repeat(200)).len(), 100);
    }
}
