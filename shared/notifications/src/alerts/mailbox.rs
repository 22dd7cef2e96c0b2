//! The letterbox through which letters about alerts reach a customer.
//!
//! Each address has one of its own, which is closed when the customer has another address, so that whoever owns the
//! earlier one gets nothing more, whether or not they had agreed. What is to be opened and closed is written down first,
//! and what was opened in vain is closed: no letterbox is forgotten.

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

/// Most questions whether they want letters that a customer causes within a day, whatever addresses they claim to have:
/// the question is a letter too, to somebody who may have asked for nothing.
pub(super) const MAX_QUESTIONS_A_DAY: usize = 3;
/// Whoever opens a letterbox is done after this, or has died.
const OPENING: TimeDelta = TimeDelta::seconds(30);

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Mailbox {
    /// The address that letters go to; none of a customer who was erased.
    email: Option<Email>,
    /// Its letterbox.
    letterbox: Option<Uuid>,
    /// Whether the letterbox is open, and the owner of the address has been asked whether they want letters.
    open: bool,
    /// The questions of the last day.
    asked: Vec<Question>,
    /// Letterboxes that are still to be closed.
    closing: Vec<Uuid>,
}

/// That the owner of an address is asked whether they want letters.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Question {
    letterbox: Uuid,
    #[serde(with = "domain::instant")]
    at: DateTime<Utc>,
}

/// What is to be done about the letterboxes of a customer, which is written down.
struct Plan {
    email: Email,
    letterbox: Uuid,
    asks: bool,
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

    /// Whether the owner of the address is to be asked now, which is then noted: where nobody has asked them yet or is at it,
    /// and a day after the last time where a reminder is in place.
    fn asks(&mut self, letterbox: Uuid, remind: bool, now: DateTime<Utc>) -> Result<bool, ServiceError> {
        self.asked.retain(|question| now - question.at < TimeDelta::days(1));
        let last =
            self.asked.iter().filter(|question| question.letterbox == letterbox).map(|question| question.at).max();
        let rests = if self.open { !remind || last.is_some() } else { last.is_some_and(|at| now - at < OPENING) };
        if rests {
            return Ok(false);
        }
        if self.asked.len() >= MAX_QUESTIONS_A_DAY {
            let what = "questions a day whether an address wants letters";
            return Err(ServiceError::LimitReached { what, limit: MAX_QUESTIONS_A_DAY });
        }
        self.asked.push(Question { letterbox, at: now });
        Ok(true)
    }
}

/// Asks the customer's present address whether it wants letters, and reminds it a day later at the soonest: a question that
/// was not answered in time is not asked again by itself. One that was answered is not asked twice.
///
/// Errors: [`ServiceError::LimitReached`] where [`MAX_QUESTIONS_A_DAY`] have been asked.
pub(super) async fn ask(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    settle(app, customer, true).await.map(drop)
}

/// Sees to it that the customer's present address has been asked whether it wants letters, and that no earlier one gets
/// any; gives its letterbox, none where the account is closed, so that there is nobody to write to, or where too many
/// have been asked today.
pub(super) async fn make_ready(app: &App, customer: CustomerId) -> Result<Option<Uuid>, ServiceError> {
    match settle(app, customer, false).await {
        Err(ServiceError::LimitReached { .. }) => Ok(None),
        settled => settled,
    }
}

/// A letterbox that is open by what is written is not there: the next letter opens it again.
pub(super) async fn mark_lost(app: &App, customer: CustomerId, letterbox: Uuid) -> Result<(), ServiceError> {
    change(app, &keys::mailbox(customer), |mailbox| {
        let is_present = mailbox.letterbox == Some(letterbox);
        is_present.then(|| mailbox.open = false).is_some()
    })
    .await
    .map(drop)
}

async fn settle(app: &App, customer: CustomerId, remind: bool) -> Result<Option<Uuid>, ServiceError> {
    let key = &keys::mailbox(customer);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some(plan) = plan(app, customer, key, remind).await? else { return Ok(None) };
        if plan.asks || !plan.closing.is_empty() {
            carry_out(app, key, &plan).await?;
        }
        Ok(Some(plan.letterbox))
    })
    .await
}

/// Writes down what is to be done; none where the account is closed.
async fn plan(app: &App, customer: CustomerId, key: &Key, remind: bool) -> Result<Option<Plan>, ServiceError> {
    let profile = profile::find(app, customer).await?.profile;
    let Some(person) = profile.person.clone().filter(|_| profile.is_open()) else { return Ok(None) };
    let (standing, version) = read(app, key).await?;
    let (mut mailbox, letterbox) = standing.clone().of(&person.email, || app.new_id());
    let asks = mailbox.asks(letterbox, remind, app.now())?;
    if mailbox != standing {
        documents::put(app.table(), key.clone(), &mailbox, version).await?;
    }
    Ok(Some(Plan { email: person.email, letterbox, asks, closing: mailbox.closing }))
}

/// Closes and opens what is planned, and notes that it is done.
///
/// Errors: a conflict where the customer has another address by now, or none: what was opened is closed again then.
async fn carry_out(app: &App, key: &Key, plan: &Plan) -> Result<(), ServiceError> {
    let done = async {
        for earlier in &plan.closing {
            app.mail().close(*earlier).await?;
        }
        if plan.asks { app.mail().open(plan.letterbox, plan.email.as_str()).await } else { Ok(()) }
    };
    if let Err(error) = done.await {
        if !matches!(error, MailError::Unheard(_)) {
            // Nobody was asked.
            let is_of_this = |question: &Question| question.letterbox == plan.letterbox;
            change(app, key, |mailbox| {
                let last = mailbox.asked.iter().rposition(is_of_this).filter(|_| plan.asks);
                last.map(|last| mailbox.asked.remove(last)).is_some()
            })
            .await?;
        }
        return Err(error.into());
    }
    let stands = change(app, key, |mailbox| {
        let is_present = mailbox.letterbox == Some(plan.letterbox);
        mailbox.closing.retain(|letterbox| !plan.closing.contains(letterbox));
        mailbox.open |= is_present && plan.asks;
        is_present
    })
    .await?;
    if stands {
        return Ok(());
    }
    if let Err(error) = app.mail().close(plan.letterbox).await {
        tracing::warn!(%error, "a letterbox that was opened in vain is closed later");
        change(app, key, |mailbox| {
            mailbox.closing.push(plan.letterbox);
            true
        })
        .await?;
    }
    Err(StoreError::Conflict { write: 0 }.into())
}

/// Changes the mailbox as it is, and says what `decide` does; a mailbox that is gone is an empty one, and comes back only
/// where there is something to keep.
async fn change(app: &App, key: &Key, decide: impl Fn(&mut Mailbox) -> bool) -> Result<bool, ServiceError> {
    let decide = &decide;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let (standing, version) = read(app, key).await?;
        let mut mailbox = standing.clone();
        let decided = decide(&mut mailbox);
        if mailbox != standing {
            documents::put(app.table(), key.clone(), &mailbox, version).await?;
        }
        Ok(decided)
    })
    .await
}

async fn read(app: &App, key: &Key) -> Result<(Mailbox, Option<Version>), ServiceError> {
    let found = documents::read::<Mailbox>(app.table(), key).await?;
    Ok(found.map_or((Mailbox::default(), None), |(mailbox, version)| (mailbox, Some(version))))
}

/// Closes the letterboxes of an erased customer and forgets them, the address at once. Says whether all are closed; what
/// could not be closed is kept, so that the next sweep tries again.
pub async fn close(app: &App, item: Item) -> Result<bool, ServiceError> {
    let mailbox: Mailbox = documents::parse(&item)?;
    let mut closing = Vec::new();
    for letterbox in mailbox.closing.iter().copied().chain(mailbox.letterbox) {
        if let Err(error) = app.mail().close(letterbox).await {
            tracing::warn!(%error, "a letterbox was not closed");
            closing.push(letterbox);
        }
    }
    let written = if closing.is_empty() {
        let gone = Write::Delete { key: item.key, expect: DeleteExpect::Version(item.version) };
        app.table().transact(vec![gone]).await.map(|_| true)
    } else {
        let left = Mailbox { closing, ..Mailbox::default() };
        documents::put(app.table(), item.key, &left, Some(item.version)).await.map(|_| false)
    };
    match written {
        // Somebody else is at it: the next sweep sees what they have left.
        Err(StoreError::Conflict { .. }) => Ok(false),
        written => Ok(written?),
    }
}
