//! The subscription by which letters about alerts reach a customer.

use domain::{CustomerId, Email};
use serde::{Deserialize, Serialize};
use store::{DeleteExpect, Item, StoreError, Write, documents, keys};

use crate::App;
use crate::error::ServiceError;
use crate::identity::profile;

#[derive(Serialize, Deserialize)]
struct Mailbox {
    /// The address that was asked whether it wants letters.
    email: Email,
    /// What the subscription is called where letters are sent from.
    subscription: String,
}

/// Sees to it that the customer's present address has been asked whether it wants letters, and that no earlier one gets
/// any; says whether the account is open, so that there is anybody to write to.
pub(super) async fn ready(app: &App, customer: CustomerId) -> Result<bool, ServiceError> {
    let profile = profile::find(app, customer).await?.profile;
    if !profile.is_open() {
        return Ok(false);
    }
    let Some(person) = profile.person else { return Ok(false) };
    let key = keys::mailbox(customer);
    let found = documents::read::<Mailbox>(app.table(), &key).await?;
    let standing = match found {
        Some((mailbox, _)) if mailbox.email == person.email => return Ok(true),
        Some((mailbox, version)) => {
            app.mail().unsubscribe(&mailbox.subscription).await?;
            Some(version)
        }
        None => None,
    };
    let subscription = app.mail().subscribe(customer, person.email.as_str()).await?;
    match documents::put(app.table(), key, &Mailbox { email: person.email, subscription }, standing).await {
        // Somebody else has asked the same address in the meantime, which changes nothing.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Ends the subscription of an erased customer and forgets it. Says whether it has ended; one that could not be ended
/// is kept, so that the next sweep tries again.
pub(crate) async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let mailbox: Mailbox = documents::parse(&item)?;
    if let Err(error) = app.mail().unsubscribe(&mailbox.subscription).await {
        tracing::warn!(%error, "a subscription was not ended");
        return Ok(false);
    }
    app.table().transact(vec![Write::Delete { key: item.key, expect: DeleteExpect::Any }]).await?;
    Ok(true)
}
