//! The subscription through which e-mails about alerts reach a customer.
//!
//! Each address has one of its own, which is closed when the customer has another address, so that whoever owns the
//! earlier one gets nothing more, whether or not they had agreed. What is to be opened and closed is written down first,
//! and what was opened in vain is closed: no subscription is forgotten.

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

/// Most questions whether they want e-mails that a customer causes within a day, whatever addresses they claim to have:
/// the question is an e-mail too, to somebody who may have asked for nothing.
pub(super) const MAX_QUESTIONS_A_DAY: usize = 3;
/// Whoever opens a subscription is done after this, or has died.
const OPENING: TimeDelta = TimeDelta::seconds(30);

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct EmailSubscription {
    /// The address that e-mails go to; none of a customer who was erased.
    email: Option<Email>,
    /// Its subscription.
    #[serde(rename = "letterbox")]
    subscription: Option<Uuid>,
    /// Whether the subscription is open, and the owner of the address has been asked whether they want e-mails.
    open: bool,
    /// The questions of the last day.
    asked: Vec<Question>,
    /// SnsEmail that are still to be closed.
    closing: Vec<Uuid>,
}

/// That the owner of an address is asked whether they want e-mails.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Question {
    #[serde(rename = "letterbox")]
    subscription: Uuid,
    #[serde(with = "domain::instant")]
    at: DateTime<Utc>,
}

/// What is to be done about the subscriptions of a customer, which is written down.
struct Plan {
    email: Email,
    subscription: Uuid,
    asks: bool,
    closing: Vec<Uuid>,
}

impl EmailSubscription {
    /// The mailbox of a customer whose address is this, and its subscription.
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
            asked: self.asked,
            closing,
        };
        (email_subscription, subscription)
    }

    /// Whether the owner of the address is to be asked now, which is then noted: where nobody has asked them yet or is at it,
    /// and a day after the last time where a reminder is in place.
    fn asks(&mut self, subscription: Uuid, remind: bool, now: DateTime<Utc>) -> Result<bool, ServiceError> {
        self.asked.retain(|question| now - question.at < TimeDelta::days(1));
        let last = self
            .asked
            .iter()
            .filter(|question| question.subscription == subscription)
            .map(|question| question.at)
            .max();
        let rests = if self.open { !remind || last.is_some() } else { last.is_some_and(|at| now - at < OPENING) };
        if rests {
            return Ok(false);
        }
        if self.asked.len() >= MAX_QUESTIONS_A_DAY {
            let what = "questions a day whether an address wants e-mails";
            return Err(ServiceError::LimitReached { what, limit: MAX_QUESTIONS_A_DAY });
        }
        self.asked.push(Question { subscription, at: now });
        Ok(true)
    }
}

/// Asks the customer's present address whether it wants e-mails, and reminds it a day later at the soonest: a question that
/// was not answered in time is not asked again by itself. One that was answered is not asked twice.
///
/// Errors: [`ServiceError::LimitReached`] where [`MAX_QUESTIONS_A_DAY`] have been asked.
pub(super) async fn ask(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    settle(app, customer, true).await.map(drop)
}

/// Sees to it that the customer's present address has been asked whether it wants e-mails, and that no earlier one gets
/// any; gives its subscription, none where the account is closed, so that there is nobody to write to, or where too many
/// have been asked today.
pub(super) async fn make_ready(app: &App, customer: CustomerId) -> Result<Option<Uuid>, ServiceError> {
    match settle(app, customer, false).await {
        Err(ServiceError::LimitReached { .. }) => Ok(None),
        settled => settled,
    }
}

/// A subscription that is open by what is written is not there: the next e-mail opens it again.
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
        if plan.asks || !plan.closing.is_empty() {
            carry_out(app, key, &plan).await?;
        }
        Ok(Some(plan.subscription))
    })
    .await
}

/// Writes down what is to be done; none where the account is closed.
async fn plan(app: &App, customer: CustomerId, key: &Key, remind: bool) -> Result<Option<Plan>, ServiceError> {
    let profile = profile::find(app, customer).await?.profile;
    let Some(person) = profile.person.clone().filter(|_| profile.is_open()) else { return Ok(None) };
    let (standing, version) = read(app, key).await?;
    let (mut email_subscription, subscription) = standing.clone().of(&person.email, || app.new_id());
    let asks = email_subscription.asks(subscription, remind, app.now())?;
    if email_subscription != standing {
        documents::put(app.table(), key.clone(), &email_subscription, version).await?;
    }
    Ok(Some(Plan { email: person.email, subscription, asks, closing: email_subscription.closing }))
}

/// Closes and opens what is planned, and notes that it is done.
///
/// Errors: a conflict where the customer has another address by now, or none: what was opened is closed again then.
async fn carry_out(app: &App, key: &Key, plan: &Plan) -> Result<(), ServiceError> {
    let done = async {
        for earlier in &plan.closing {
            app.mail().close(*earlier).await?;
        }
        if plan.asks { app.mail().open(plan.subscription, plan.email.as_str()).await } else { Ok(()) }
    };
    if let Err(error) = done.await {
        if !matches!(error, MailError::NoResponse(_)) {
            // Nobody was asked.
            let is_of_this = |question: &Question| question.subscription == plan.subscription;
            change(app, key, |email_subscription| {
                let last = email_subscription.asked.iter().rposition(is_of_this).filter(|_| plan.asks);
                last.map(|last| email_subscription.asked.remove(last)).is_some()
            })
            .await?;
        }
        return Err(error.into());
    }
    let stands = change(app, key, |email_subscription| {
        let is_present = email_subscription.subscription == Some(plan.subscription);
        email_subscription.closing.retain(|subscription| !plan.closing.contains(subscription));
        email_subscription.open |= is_present && plan.asks;
        is_present
    })
    .await?;
    if stands {
        return Ok(());
    }
    if let Err(error) = app.mail().close(plan.subscription).await {
        tracing::warn!(%error, "a subscription that was opened in vain is closed later");
        change(app, key, |email_subscription| {
            email_subscription.closing.push(plan.subscription);
            true
        })
        .await?;
    }
    Err(StoreError::Conflict { write: 0 }.into())
}

/// Changes the mailbox as it is, and says what `decide` does; a mailbox that is gone is an empty one, and comes back only
/// where there is something to keep.
async fn change(app: &App, key: &Key, decide: impl Fn(&mut EmailSubscription) -> bool) -> Result<bool, ServiceError> {
    let decide = &decide;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let (standing, version) = read(app, key).await?;
        let mut email_subscription = standing.clone();
        let decided = decide(&mut email_subscription);
        if email_subscription != standing {
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

/// Closes the subscriptions of an erased customer and forgets them, the address at once. Says whether all are closed; what
/// could not be closed is kept, so that the next sweep tries again.
pub async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let email_subscription: EmailSubscription = documents::parse(&item)?;
    let mut closing = Vec::new();
    for subscription in email_subscription.closing.iter().copied().chain(email_subscription.subscription) {
        if let Err(error) = app.mail().close(subscription).await {
            tracing::warn!(%error, "a subscription was not closed");
            closing.push(subscription);
        }
    }
    let written = if closing.is_empty() {
        let gone = Write::Delete { key: item.key, expect: DeleteExpect::Version(item.version) };
        app.table().transact(vec![gone]).await.map(|_| true)
    } else {
        let left = EmailSubscription { closing, ..EmailSubscription::default() };
        documents::put(app.table(), item.key, &left, Some(item.version)).await.map(|_| false)
    };
    match written {
        // Somebody else is at it: the next sweep sees what they have left.
        Err(StoreError::Conflict { .. }) => Ok(false),
        written => Ok(written?),
    }
}
