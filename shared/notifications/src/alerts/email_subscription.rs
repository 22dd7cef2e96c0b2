//! The e-mail subscription through which alerts reach a customer.
//!
//! Each address has a subscription of its own. It is closed when the customer changes their address, so that the owner
//! of the earlier one receives nothing more, whether they had confirmed or not. What must be opened and closed is
//! stored first, and a subscription that turns out not to be needed is closed: none is left open by mistake.

use app::App;
use app::error::ServiceError;
use app::mail::MailError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use identity::profile;
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, Key, StoreError, Version, Write, documents, keys};
use uuid::Uuid;

/// Most confirmation requests that a customer causes within a day, whatever addresses they give. Each is an e-mail to
/// an address whose owner may not have asked for it.
pub(super) const MAX_CONFIRMATION_REQUESTS_A_DAY: usize = 3;
/// A process that opens a subscription has finished or died after this time.
const OPENING: TimeDelta = TimeDelta::seconds(30);

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct EmailSubscription {
    /// The address that e-mails go to; `None` after the customer was erased.
    email: Option<Email>,
    /// Id of the subscription of this address. Stored as `letterbox`.
    #[serde(rename = "letterbox")]
    subscription: Option<Uuid>,
    /// Whether the subscription is open, and the owner of the address was asked to confirm it.
    open: bool,
    /// The confirmation requests of the last day. Stored as `asked`.
    #[serde(rename = "asked")]
    requests: Vec<ConfirmationRequest>,
    /// Subscriptions that must still be closed.
    closing: Vec<Uuid>,
}

/// A request to the owner of an address to confirm that they want e-mails.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct ConfirmationRequest {
    #[serde(rename = "letterbox")]
    subscription: Uuid,
    #[serde(with = "domain::instant")]
    at: DateTime<Utc>,
}

/// What must be done about the subscriptions of a customer. It is stored before it is done.
struct Plan {
    email: Email,
    subscription: Uuid,
    opens: bool,
    closing: Vec<Uuid>,
}

impl EmailSubscription {
    /// The record for a customer with this address, and the id of its subscription.
    fn of(self, email: &Email, new_id: impl Fn() -> Uuid) -> (Self, Uuid) {
        if let Some(subscription) = self.subscription.filter(|_| self.email.as_ref() == Some(email)) {
            return (self, subscription);
        }
        let subscription = new_id();
        let closing = self.closing.into_iter().chain(self.subscription).collect();
        let email_subscription = Self {
            email: Some(email.clone()),
            subscription: Some(subscription),
            open: false,
            requests: self.requests,
            closing,
        };
        (email_subscription, subscription)
    }

    /// Whether the owner of the address must be asked now. If so, the request is added to the record. That is the case
    /// if they have not been asked and no other process is asking them, or with `remind` a day after the last request.
    ///
    /// Errors: [`ServiceError::LimitReached`] after [`MAX_CONFIRMATION_REQUESTS_A_DAY`].
    fn needs_request(&mut self, subscription: Uuid, remind: bool, now: DateTime<Utc>) -> Result<bool, ServiceError> {
        self.requests.retain(|request| now - request.at < TimeDelta::days(1));
        let of_this = self.requests.iter().filter(|request| request.subscription == subscription);
        let last = of_this.map(|request| request.at).max();
        let waits = if self.open { !remind || last.is_some() } else { last.is_some_and(|at| now - at < OPENING) };
        if waits {
            return Ok(false);
        }
        if self.requests.len() >= MAX_CONFIRMATION_REQUESTS_A_DAY {
            let what = "requests a day to confirm an e-mail address";
            return Err(ServiceError::LimitReached { what, limit: MAX_CONFIRMATION_REQUESTS_A_DAY });
        }
        self.requests.push(ConfirmationRequest { subscription, at: now });
        Ok(true)
    }
}

/// Asks the owner of the customer's present address to confirm that they want e-mails. If they do not answer they are
/// reminded, a day after the last request at the earliest. An address that is confirmed is not asked again.
///
/// Errors: [`ServiceError::LimitReached`] after [`MAX_CONFIRMATION_REQUESTS_A_DAY`].
pub(super) async fn ask(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    settle(app, customer, true).await.map(drop)
}

/// Makes sure that the customer's present address was asked to confirm, and that no earlier address receives e-mails.
/// Returns the subscription; `None` if the account is closed, or the limit of requests is reached.
pub(super) async fn make_ready(app: &App, customer: CustomerId) -> Result<Option<Uuid>, ServiceError> {
    match settle(app, customer, false).await {
        Err(ServiceError::LimitReached { .. }) => Ok(None),
        settled => settled,
    }
}

/// Records that a subscription does not exist although it was recorded as open. The next e-mail opens it again.
pub(super) async fn mark_lost(app: &App, customer: CustomerId, subscription: Uuid) -> Result<(), ServiceError> {
    change(app, &keys::email_subscription(customer), |email_subscription| {
        let is_present = email_subscription.subscription == Some(subscription);
        is_present.then(|| email_subscription.open = false).is_some()
    })
    .await
    .map(drop)
}

async fn settle(app: &App, customer: CustomerId, remind: bool) -> Result<Option<Uuid>, ServiceError> {
    let key = &keys::email_subscription(customer);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some(plan) = plan(app, customer, key, remind).await? else { return Ok(None) };
        if plan.opens || !plan.closing.is_empty() {
            carry_out(app, key, &plan).await?;
        }
        Ok(Some(plan.subscription))
    })
    .await
}

/// Stores what must be done and returns it; `None` if the account is closed.
async fn plan(app: &App, customer: CustomerId, key: &Key, remind: bool) -> Result<Option<Plan>, ServiceError> {
    let profile = profile::find(app, customer).await?.profile;
    let Some(person) = profile.person.clone().filter(|_| profile.is_open()) else { return Ok(None) };
    let (stored, version) = read(app, key).await?;
    let (mut email_subscription, subscription) = stored.clone().of(&person.email, || app.new_id());
    let opens = email_subscription.needs_request(subscription, remind, app.now())?;
    if email_subscription != stored {
        documents::put(app.table(), key.clone(), &email_subscription, version).await?;
    }
    Ok(Some(Plan { email: person.email, subscription, opens, closing: email_subscription.closing }))
}

/// Closes and opens what is planned, and records that it is done.
///
/// Errors: a conflict if the customer has another address by now, or none. What was opened is then closed again.
async fn carry_out(app: &App, key: &Key, plan: &Plan) -> Result<(), ServiceError> {
    let done = async {
        for earlier in &plan.closing {
            app.mail().close(*earlier).await?;
        }
        if plan.opens { app.mail().open(plan.subscription, plan.email.as_str()).await } else { Ok(()) }
    };
    if let Err(error) = done.await {
        if !matches!(error, MailError::NoResponse(_)) {
            // No request went out.
            let is_of_this = |request: &ConfirmationRequest| request.subscription == plan.subscription;
            change(app, key, |email_subscription| {
                let last = email_subscription.requests.iter().rposition(is_of_this).filter(|_| plan.opens);
                last.map(|last| email_subscription.requests.remove(last)).is_some()
            })
            .await?;
        }
        return Err(error.into());
    }
    let is_current = change(app, key, |email_subscription| {
        let is_present = email_subscription.subscription == Some(plan.subscription);
        email_subscription.closing.retain(|subscription| !plan.closing.contains(subscription));
        email_subscription.open |= is_present && plan.opens;
        is_present
    })
    .await?;
    if is_current {
        return Ok(());
    }
    if let Err(error) = app.mail().close(plan.subscription).await {
        tracing::warn!(%error, "failed to close an e-mail subscription that is not needed; it will be closed later");
        change(app, key, |email_subscription| {
            email_subscription.closing.push(plan.subscription);
            true
        })
        .await?;
    }
    Err(StoreError::Conflict { write: 0 }.into())
}

/// Changes the record and returns what `decide` returns. A record that does not exist counts as an empty one, and is
/// written only if `decide` changes it.
async fn change(app: &App, key: &Key, decide: impl Fn(&mut EmailSubscription) -> bool) -> Result<bool, ServiceError> {
    let decide = &decide;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let (stored, version) = read(app, key).await?;
        let mut email_subscription = stored.clone();
        let decided = decide(&mut email_subscription);
        if email_subscription != stored {
            documents::put(app.table(), key.clone(), &email_subscription, version).await?;
        }
        Ok(decided)
    })
    .await
}

async fn read(app: &App, key: &Key) -> Result<(EmailSubscription, Option<Version>), ServiceError> {
    let found = documents::read::<EmailSubscription>(app.table(), key).await?;
    Ok(found.map_or((EmailSubscription::default(), None), |(email_subscription, version)| {
        (email_subscription, Some(version))
    }))
}

/// Closes the subscriptions of an erased customer and deletes their record. The address is deleted immediately. Returns
/// whether all are closed; the ids of those that are not stay stored, so that the next sweep tries again.
pub async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let email_subscription: EmailSubscription = documents::parse(&item)?;
    let mut closing = Vec::new();
    for subscription in email_subscription.closing.iter().copied().chain(email_subscription.subscription) {
        if let Err(error) = app.mail().close(subscription).await {
            tracing::warn!(%error, "failed to close an e-mail subscription");
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
        // Another process has changed the record: the next sweep sees what is left.
        Err(StoreError::Conflict { .. }) => Ok(false),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_email_subscription_keeps_its_stored_field_names() {
        let (current, earlier) = (Uuid::from_u128(8), Uuid::from_u128(9));
        let stored = json!({
            "email": "ada@example.com", "letterbox": current, "open": true,
            "asked": [
                { "letterbox": earlier, "at": "2026-11-20T12:00:00.000Z" },
                { "letterbox": current, "at": "2026-11-20T15:00:00.000Z" },
            ],
            "closing": [earlier],
        });
        let read: EmailSubscription = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!((read.subscription, read.open, read.closing.as_slice()), (Some(current), true, &[earlier][..]));
        let requested: Vec<Uuid> = read.requests.iter().map(|request| request.subscription).collect();
        assert_eq!(requested, [earlier, current]);
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    }
}
