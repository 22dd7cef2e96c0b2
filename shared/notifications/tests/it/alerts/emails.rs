//! A sender of e-mails that remembers, as Amazon SNS would be one: it asks for consent first, and what is closed takes no
//! consent any more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use app::mail::{Mail, MailError};
use async_trait::async_trait;
use uuid::Uuid;

#[derive(Default)]
pub struct RecordingMail(Mutex<Post>);

#[derive(Default)]
struct Post {
    is_missing: bool,
    is_on_strike: bool,
    is_unanswered: bool,
    opening: Opening,
    asked: Vec<String>,
    subscriptions: BTreeMap<Uuid, Subscription>,
    sent: Vec<(String, String)>,
}

/// What becomes of somebody who opens or closes a subscription.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Opening {
    #[default]
    Free,
    /// The next one waits.
    Held,
    /// One waits, and so does whoever else comes.
    WaitedFor,
    /// One waits, and others pass.
    Passed,
}

struct Subscription {
    email: String,
    is_confirmed: bool,
}

impl RecordingMail {
    /// From now on there is no sender at all.
    pub fn close_down(&self) {
        self.post().is_missing = true;
    }

    pub fn strike(&self, is_on_strike: bool) {
        self.post().is_on_strike = is_on_strike;
    }

    /// From now on whoever is asked does not answer; until then all agree at once.
    pub fn go_unanswered(&self) {
        self.post().is_unanswered = true;
    }

    /// The owner of an address answers every question that still stands.
    pub fn confirm(&self, email: &str) {
        self.post().subscriptions.values_mut().filter(|one| one.email == email).for_each(|one| one.is_confirmed = true);
    }

    /// Every address that was asked whether it wants e-mails, as often as it was.
    pub fn asked(&self) -> Vec<String> {
        self.post().asked.clone()
    }

    /// The addresses that get e-mails.
    pub fn addresses(&self) -> Vec<String> {
        self.post().subscriptions.values().filter(|one| one.is_confirmed).map(|one| one.email.clone()).collect()
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.post().subscriptions.len()
    }

    /// Subject and text of each e-mail that came to somebody since the last call.
    pub fn take(&self) -> Vec<(String, String)> {
        self.post().sent.drain(..).collect()
    }

    /// From now on the next opening waits, until [`RecordingMail::go_on`], so that something can come in between.
    pub fn hold_opening(&self) {
        self.post().opening = Opening::Held;
    }

    pub fn is_waited_for(&self) -> bool {
        self.post().opening == Opening::WaitedFor
    }

    /// Who waits goes on waiting, and others pass.
    pub fn let_others_pass(&self) {
        self.post().opening = Opening::Passed;
    }

    pub fn go_on(&self) {
        self.post().opening = Opening::Free;
    }

    /// A subscription is gone, as when somebody deletes its topic by hand.
    pub fn lose_all(&self) {
        self.post().subscriptions.clear();
    }

    /// Where the real sender would be waited for, others have their turn.
    async fn others_turn(&self) {
        tokio::task::yield_now().await;
        if matches!(self.post().opening, Opening::Free | Opening::Passed) {
            return;
        }
        self.post().opening = Opening::WaitedFor;
        while self.post().opening != Opening::Free {
            tokio::task::yield_now().await;
        }
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.0.lock().unwrap()
    }

    fn at_work(&self) -> Result<MutexGuard<'_, Post>, MailError> {
        let post = self.post();
        if post.is_on_strike { Err(MailError::Refused("on strike".to_owned())) } else { Ok(post) }
    }
}

#[async_trait]
impl Mail for RecordingMail {
    fn is_available(&self) -> bool {
        !self.post().is_missing
    }

    async fn open(&self, subscription: Uuid, email: &str) -> Result<(), MailError> {
        self.others_turn().await;
        let mut post = self.at_work()?;
        let is_confirmed = !post.is_unanswered;
        if post.subscriptions.get(&subscription).is_none_or(|standing| !standing.is_confirmed) {
            post.asked.push(email.to_owned());
            post.subscriptions.insert(subscription, Subscription { email: email.to_owned(), is_confirmed });
        }
        Ok(())
    }

    async fn close(&self, subscription: Uuid) -> Result<(), MailError> {
        self.others_turn().await;
        self.at_work()?.subscriptions.remove(&subscription);
        Ok(())
    }

    async fn send(&self, subscription: Uuid, subject: &str, text: &str) -> Result<(), MailError> {
        let mut post = self.at_work()?;
        let Some(standing) = post.subscriptions.get(&subscription) else {
            return Err(MailError::NoSubscription);
        };
        if standing.is_confirmed {
            post.sent.push((subject.to_owned(), text.to_owned()));
        }
        Ok(())
    }
}
