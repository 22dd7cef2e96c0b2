//! The e-mail subscriptions of earlier versions. Each was an SNS topic of its own, whose deletion ends it.
//!
//! New e-mails need no subscription. What is left of them is deleted by an erasure, or by the operator's command.

use app::App;
use app::error::ServiceError;
use domain::Email;
use serde::{Deserialize, Serialize};
use store::{DeleteExpect, Item, StoreError, Write, documents};
use uuid::Uuid;

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct EmailSubscription {
    /// The address that e-mails went to; `None` after the customer was erased.
    email: Option<Email>,
    /// Id of the subscription of this address. Stored as `letterbox`.
    #[serde(rename = "letterbox")]
    subscription: Option<Uuid>,
    /// Earlier subscriptions whose topics are not deleted yet.
    closing: Vec<Uuid>,
}

/// Deletes the topics of this record and then the record. The address is deleted immediately. Returns whether all are
/// deleted; the ids of those that are not stay stored, so that the next call tries again.
pub async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let email_subscription: EmailSubscription = documents::parse(&item)?;
    let mut closing = Vec::new();
    for subscription in email_subscription.closing.iter().copied().chain(email_subscription.subscription) {
        if let Err(error) = app.mail().delete_topic(subscription).await {
            tracing::warn!(%error, "failed to delete the topic of an e-mail subscription");
            closing.push(subscription);
        }
    }
    let written = if closing.is_empty() {
        let delete = Write::Delete { key: item.key, expect: DeleteExpect::Version(item.version) };
        app.table().transact(vec![delete]).await.map(|_| true)
    } else {
        let left = EmailSubscription { closing, ..EmailSubscription::default() };
        documents::put(app.table(), item.key, &left, Some(item.version)).await.map(|_| false)
    };
    match written {
        // Another process has changed the record: the next call sees what is left.
        Err(StoreError::Conflict { .. }) => Ok(false),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_of_an_earlier_version_is_read() {
        let (current, earlier) = (Uuid::from_u128(8), Uuid::from_u128(9));
        let stored = json!({
            "email": "ada@example.com", "letterbox": current, "open": true,
            "asked": [{ "letterbox": current, "at": "2026-11-20T15:00:00.000Z" }],
            "closing": [earlier],
        });
        let read: EmailSubscription = serde_json::from_value(stored).unwrap();
        assert_eq!((read.subscription, read.closing.as_slice()), (Some(current), &[earlier][..]));
    }
}
