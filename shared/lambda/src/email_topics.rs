//! The SNS topics through which earlier versions sent e-mails: one for each subscription. They are only deleted.

use app::mail::MailError;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::delete_topic::DeleteTopicError;
use uuid::Uuid;

/// The topics with a common prefix.
pub struct EmailTopics {
    client: Client,
    /// The prefix of their ARNs, `arn:aws:sns:REGION:ACCOUNT:STACK-letters-`.
    prefix: String,
}

impl EmailTopics {
    /// The topics whose ARNs begin like this.
    pub fn new(client: Client, prefix: String) -> Self {
        Self { client, prefix }
    }

    /// Deletes the topic of a subscription, and with it the subscription of its address, confirmed or not.
    pub async fn delete(&self, subscription: Uuid) -> Result<(), MailError> {
        match self.client.delete_topic().topic_arn(format!("{}{subscription}", self.prefix)).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(DeleteTopicError::is_not_found_exception) => Ok(()),
            Err(SdkError::ServiceError(refused)) => Err(MailError::Refused(refused.err().to_string())),
            Err(unanswered) => Err(MailError::NoResponse(unanswered.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::Loopback;

    const SUBSCRIPTION: &str = "0190aaaa-0000-7000-8000-000000000009";
    const DELETED: &str = "<DeleteTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"/>";
    const NOT_FOUND: &str = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
        <Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error></ErrorResponse>";

    #[tokio::test]
    async fn a_topic_that_is_deleted_may_be_deleted_again() {
        let service = Loopback::start(vec![(200, "", DELETED), (404, "", NOT_FOUND), (500, "", "")]).await;
        let topics = EmailTopics::new(Client::new(&service.sdk), "arn:aws:sns:us-east-1:1:dev-letters-".to_owned());
        let subscription = SUBSCRIPTION.parse().unwrap();
        assert_eq!(topics.delete(subscription).await, Ok(()));
        assert_eq!(topics.delete(subscription).await, Ok(()));
        assert!(topics.delete(subscription).await.is_err());
        let asked = service.asked()[0].body.replace("%3A", ":");
        assert!(asked.contains("Action=DeleteTopic"), "{asked}");
        assert!(asked.contains(&format!("TopicArn=arn:aws:sns:us-east-1:1:dev-letters-{SUBSCRIPTION}")), "{asked}");
    }
}
