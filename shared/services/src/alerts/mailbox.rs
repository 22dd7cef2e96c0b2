//! The subscription by which letters about alerts reach a customer.

use domain::{CustomerId, Email};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, StoreError, Write, documents, keys};

use crate::App;
use crate::error::ServiceError;
use crate::identity::profile;

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Mailbox {
    /// The address that was asked whether it wants letters; none of a customer who was erased.
    email: Option<Email>,
    /// What its subscription is called where letters are sent from.
    subscription: Option<String>,
    /// Subscriptions of earlier addresses that cannot be ended yet. Their owners can still give their consent, so that
    /// they are ended as soon as can be.
    #[serde(default)]
    ending: Vec<String>,
}

/// Asks the customer's present address whether it wants letters, again where it was asked before: a question that was not
/// answered in time is not asked again by itself. One that was answered is not asked twice.
pub(super) async fn ask(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    settled(app, customer, true).await.map(drop)
}

/// Sees to it that the customer's present address has been asked whether it wants letters, and that no earlier one gets
/// any; says whether the account is open, so that there is anybody to write to.
pub(super) async fn ready(app: &App, customer: CustomerId) -> Result<bool, ServiceError> {
    settled(app, customer, false).await
}

async fn settled(app: &App, customer: CustomerId, ask_again: bool) -> Result<bool, ServiceError> {
    retry(Retry::within(crate::CONFLICT_BUDGET), || async move {
        let profile = profile::find(app, customer).await?.profile;
        let Some(person) = profile.person.clone().filter(|_| profile.is_open()) else { return Ok(false) };
        let key = keys::mailbox(customer);
        let (standing, version) = match documents::read::<Mailbox>(app.table(), &key).await? {
            Some((mailbox, version)) => (mailbox, Some(version)),
            None => (Mailbox::default(), None),
        };
        let (present, earlier) = if standing.email.as_ref() == Some(&person.email) {
            (standing.subscription.clone(), None)
        } else {
            (None, standing.subscription.clone())
        };
        let mut ending = Vec::new();
        for subscription in standing.ending.iter().cloned().chain(earlier) {
            if !app.mail().unsubscribe(&subscription).await? {
                ending.push(subscription);
            }
        }
        let subscription = match present {
            Some(subscription) if !ask_again => subscription,
            _ => app.mail().subscribe(customer, person.email.as_str()).await?,
        };
        // Whoever goes back to an earlier address has its subscription again.
        ending.retain(|ended| *ended != subscription);
        let settled = Mailbox { email: Some(person.email), subscription: Some(subscription), ending };
        if settled != standing {
            documents::put(app.table(), key, &settled, version).await?;
        }
        Ok(true)
    })
    .await
}

/// Ends the subscriptions of an erased customer and forgets them, the address at once. Says whether all have ended; what
/// could not be ended is kept, so that the next sweep tries again.
pub(crate) async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let mailbox: Mailbox = documents::parse(&item)?;
    let mut ending = Vec::new();
    for subscription in mailbox.ending.iter().cloned().chain(mailbox.subscription.clone()) {
        match app.mail().unsubscribe(&subscription).await {
            Ok(true) => {}
            Ok(false) => ending.push(subscription),
            Err(error) => {
                tracing::warn!(%error, "a subscription was not ended");
                ending.push(subscription);
            }
        }
    }
    if ending.is_empty() {
        app.table().transact(vec![Write::Delete { key: item.key, expect: DeleteExpect::Any }]).await?;
        return Ok(true);
    }
    let left = Mailbox { email: None, subscription: None, ending };
    if left != mailbox {
        match documents::put(app.table(), item.key, &left, Some(item.version)).await {
            // Somebody else is at it: the next sweep sees what they have left.
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
