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

    async fn unsubscribe(&self, subscription: &str) -> Result<(), MailError> {
        match self.client.unsubscribe().subscription_arn(subscription).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.into_service_error() {
                // One that was never confirmed cannot be ended, gets no letter, and lapses by itself.
                UnsubscribeError::NotFoundException(_) | UnsubscribeError::InvalidParameterException(_) => Ok(()),
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
