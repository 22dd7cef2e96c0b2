//! Letters to customers: one SNS topic, and of each letter only those subscriptions whose filter names its customer.

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::operation::unsubscribe::UnsubscribeError;
use aws_sdk_sns::types::MessageAttributeValue;
use domain::CustomerId;
use serde_json::json;
use services::mail::{Mail, MailError};

/// What subscriptions filter by.
const CUSTOMER: &str = "customer";
/// The longest subject that SNS takes.
const MAX_SUBJECT_CHARACTERS: usize = 100;

/// A topic that letters are published to.
pub struct AlertsTopic {
    client: Client,
    arn: String,
}

impl AlertsTopic {
    /// The topic of this name.
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl Mail for AlertsTopic {
    fn is_there(&self) -> bool {
        true
    }

    async fn subscribe(&self, customer: CustomerId, email: &str) -> Result<String, MailError> {
        let filter = json!({ CUSTOMER: [customer.to_string()] }).to_string();
        let subscribe = self.client.subscribe().topic_arn(&self.arn).protocol("email").endpoint(email);
        // The name is given before the owner of the address has agreed, so that it can be kept at once.
        let subscribe = subscribe.attributes("FilterPolicy", filter).return_subscription_arn(true);
        let answer = subscribe.send().await.map_err(|error| refusal(&error.into_service_error()))?;
        answer.subscription_arn.ok_or_else(|| MailError("the subscription was given no name".to_owned()))
    }

    async fn unsubscribe(&self, subscription: &str) -> Result<bool, MailError> {
        match self.client.unsubscribe().subscription_arn(subscription).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.into_service_error() {
                UnsubscribeError::NotFoundException(_) => Ok(true),
                // One that was not confirmed cannot be ended. It gets no letter, but the link in the question does its
                // work for two days; after that it lapses.
                UnsubscribeError::InvalidParameterException(_) => Ok(false),
                error => Err(refusal(&error)),
            },
        }
    }

    async fn send(&self, customer: CustomerId, subject: &str, text: &str) -> Result<(), MailError> {
        let named = MessageAttributeValue::builder().data_type("String").string_value(customer.to_string()).build();
        let named = named.map_err(|error| refusal(&error))?;
        let publish = self.client.publish().topic_arn(&self.arn).subject(subject_of(subject)).message(text);
        let published = publish.message_attributes(CUSTOMER, named).send().await;
        published.map(drop).map_err(|error| refusal(&error.into_service_error()))
    }
}

fn refusal(error: &impl ToString) -> MailError {
    MailError(error.to_string())
}

/// The subject as SNS takes it: a line of ASCII of limited length.
fn subject_of(subject: &str) -> String {
    let printable = subject.chars().map(|character| if character.is_ascii_graphic() { character } else { ' ' });
    let line = printable.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_SUBJECT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::Loopback;

    const SUBSCRIBED: &str = "<SubscribeResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><SubscribeResult>\
        <SubscriptionArn>arn:aws:sns:us-east-1:1:t:s</SubscriptionArn></SubscribeResult></SubscribeResponse>";
    const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
        <MessageId>1</MessageId></PublishResult></PublishResponse>";
    const NOT_FOUND: &str = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
        <Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error></ErrorResponse>";

    const PENDING: &str = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
        <Type>Sender</Type><Code>InvalidParameter</Code><Message>no</Message></Error></ErrorResponse>";
    const UNSUBSCRIBED: &str = "<UnsubscribeResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"/>";

    fn customer() -> CustomerId {
        CustomerId("0190aaaa-0000-7000-8000-000000000009".parse().unwrap())
    }

    async fn topic(answers: Vec<(u16, &'static str, &'static str)>) -> (AlertsTopic, Loopback) {
        let service = Loopback::answering(answers).await;
        (AlertsTopic::new(Client::new(&service.sdk), "arn:aws:sns:us-east-1:1:t".to_owned()), service)
    }

    /// The body without what stands between percent signs, which is enough to find words in.
    fn asked(service: &Loopback) -> String {
        service.asked()[0].body.replace("%22", "'").replace("%3A", ":").replace("%40", "@")
    }

    #[tokio::test]
    async fn a_subscription_takes_the_letters_of_its_customer_alone() {
        let (topic, service) = topic(vec![(200, "", SUBSCRIBED)]).await;
        let name = topic.subscribe(customer(), "ada@example.com").await.unwrap();
        assert_eq!(name, "arn:aws:sns:us-east-1:1:t:s");
        let asked = asked(&service);
        for part in [
            "Action=Subscribe",
            "TopicArn=arn:aws:sns:us-east-1:1:t",
            "Protocol=email",
            "Endpoint=ada@example.com",
            "ReturnSubscriptionArn=true",
            "FilterPolicy",
            "%7B'customer':%5B'0190aaaa-0000-7000-8000-000000000009'%5D%7D",
        ] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
    }

    #[tokio::test]
    async fn a_letter_names_its_customer() {
        let (topic, service) = topic(vec![(200, "", PUBLISHED)]).await;
        topic.send(customer(), "AAPL is above 400", "It is.").await.unwrap();
        let asked = asked(&service);
        for part in ["Action=Publish", "Subject=AAPL", "Name=customer", "StringValue=0190aaaa-0000", "Message=It"] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
    }

    #[tokio::test]
    async fn a_subscription_that_has_ended_may_end_again() {
        let (topic, _service) = topic(vec![(404, "", NOT_FOUND), (500, "", "")]).await;
        assert_eq!(topic.unsubscribe("arn:aws:sns:us-east-1:1:t:s").await, Ok(true));
        assert!(topic.unsubscribe("arn:aws:sns:us-east-1:1:t:s").await.is_err());
    }

    #[tokio::test]
    async fn a_subscription_that_was_not_confirmed_has_not_ended() {
        let (topic, _service) = topic(vec![(400, "", PENDING), (200, "", UNSUBSCRIBED)]).await;
        assert_eq!(topic.unsubscribe("arn:aws:sns:us-east-1:1:t:s").await, Ok(false));
        assert_eq!(topic.unsubscribe("arn:aws:sns:us-east-1:1:t:s").await, Ok(true));
    }

    #[test]
    fn a_subject_is_a_short_line_of_ascii() {
        assert_eq!(subject_of("AAPL\nabove 400 \u{20ac}"), "AAPL above 400");
        assert_eq!(subject_of(&"x".repeat(200)).len(), 100);
    }
}
