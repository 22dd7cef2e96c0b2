//! The letterbox through which letters about alerts reach a customer.
//!
//! Each address has one of its own, which is closed when the customer has another address, so that whoever owns the
//! earlier one gets nothing more, whether or not they had agreed. What is to be opened and closed is written down first:
//! no letterbox is ever forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, StoreError, Write, documents, keys};
use uuid::Uuid;

use crate::App;
use crate::error::ServiceError;
use crate::identity::profile;

/// Most questions whether they want letters that a customer causes within a day, whatever addresses they claim to have:
/// the question is a letter too, to somebody who may have asked for nothing.
pub(super) const MAX_QUESTIONS_A_DAY: usize = 3;

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Mailbox {
    /// The address that letters go to; none of a customer who was erased.
    email: Option<Email>,
    /// Its letterbox.
    letterbox: Option<Uuid>,
    /// Whether the letterbox is open, and the owner of the address has been asked whether they want letters.
    open: bool,
    /// When somebody was asked within the last day; the last time it was the owner of this address.
    asked: Vec<DateTime<Utc>>,
    /// Letterboxes that are still to be closed.
    closing: Vec<Uuid>,
}

impl Mailbox {
    /// The mailbox of a customer whose address is this, and its letterbox.
    fn of(self, email: &Email, new_id: impl Fn() -> Uuid) -> (Self, Uuid) {
        if let Some(letterbox) = self.letterbox.filter(|_| self.email.as_ref() == Some(email)) {
            return (self, letterbox);
        }
        let letterbox = new_id();
        let closing = self.closing.into_iter().chain(self.letterbox).collect();
        let mailbox =
            Self { email: Some(email.clone()), letterbox: Some(letterbox), open: false, asked: self.asked, closing };
        (mailbox, letterbox)
    }

    /// Whether the owner of the address is to be asked now, which is then noted: where nobody has asked them yet, and a day
    /// after the last time where a reminder is in place.
    fn asks(&mut self, remind: bool, now: DateTime<Utc>) -> Result<bool, ServiceError> {
        self.asked.retain(|at| now - *at < TimeDelta::days(1));
        if self.open && !(remind && self.asked.is_empty()) {
            return Ok(false);
        }
        if self.asked.len() >= MAX_QUESTIONS_A_DAY {
            let what = "questions a day whether an address wants letters";
            return Err(ServiceError::LimitReached { what, limit: MAX_QUESTIONS_A_DAY });
        }
        self.asked.push(now);
        Ok(true)
    }
}

/// Asks the customer's present address whether it wants letters, and reminds it a day later at the soonest: a question that
/// was not answered in time is not asked again by itself. One that was answered is not asked twice.
///
/// Errors: [`ServiceError::LimitReached`] where [`MAX_QUESTIONS_A_DAY`] have been asked.
pub(super) async fn ask(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    settled(app, customer, true).await.map(drop)
}

/// Sees to it that the customer's present address has been asked whether it wants letters, and that no earlier one gets
/// any; gives its letterbox, none where the account is closed, so that there is nobody to write to, or where too many
/// have been asked today.
pub(super) async fn ready(app: &App, customer: CustomerId) -> Result<Option<Uuid>, ServiceError> {
    match settled(app, customer, false).await {
        Err(ServiceError::LimitReached { .. }) => Ok(None),
        settled => settled,
    }
}

async fn settled(app: &App, customer: CustomerId, remind: bool) -> Result<Option<Uuid>, ServiceError> {
    retry(Retry::within(crate::CONFLICT_BUDGET), || async move {
        let profile = profile::find(app, customer).await?.profile;
        let Some(person) = profile.person.clone().filter(|_| profile.is_open()) else { return Ok(None) };
        let key = &keys::mailbox(customer);
        let (standing, mut version) = match documents::read::<Mailbox>(app.table(), key).await? {
            Some((mailbox, version)) => (mailbox, Some(version)),
            None => (Mailbox::default(), None),
        };
        let (mut mailbox, letterbox) = standing.clone().of(&person.email, || app.new_id());
        let asks = mailbox.asks(remind, app.now())?;
        if mailbox != standing {
            version = Some(documents::put(app.table(), key.clone(), &mailbox, version).await?);
        }
        for earlier in &mailbox.closing {
            app.mail().close(*earlier).await?;
        }
        if asks && let Err(error) = app.mail().open(letterbox, person.email.as_str()).await {
            // Nobody was asked.
            mailbox.asked.pop();
            documents::put(app.table(), key.clone(), &mailbox, version).await?;
            return Err(error.into());
        }
        let settled = Mailbox { open: true, closing: Vec::new(), ..mailbox.clone() };
        if settled != mailbox {
            documents::put(app.table(), key.clone(), &settled, version).await?;
        }
        Ok(Some(letterbox))
    })
    .await
}

/// Closes the letterboxes of an erased customer and forgets them, the address at once. Says whether all are closed; what
/// could not be closed is kept, so that the next sweep tries again.
pub(crate) async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let mailbox: Mailbox = documents::parse(&item)?;
    let mut closing = Vec::new();
    for letterbox in mailbox.closing.iter().copied().chain(mailbox.letterbox) {
        if let Err(error) = app.mail().close(letterbox).await {
            tracing::warn!(%error, "a letterbox was not closed");
            closing.push(letterbox);
        }
    }
    if closing.is_empty() {
        app.table().transact(vec![Write::Delete { key: item.key, expect: DeleteExpect::Any }]).await?;
        return Ok(true);
    }
    let left = Mailbox { closing, ..Mailbox::default() };
    if left != mailbox {
        match documents::put(app.table(), item.key, &left, Some(item.version)).await {
            // Somebody else is at it: the next sweep sees what they have left.
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
