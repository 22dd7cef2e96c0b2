//! A sender of letters that remembers, as Amazon SNS would be one: it asks for consent first, and what was not answered
//! cannot be ended.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use domain::CustomerId;
use services::mail::{Mail, MailError};

#[derive(Default)]
pub struct Letters(Mutex<Post>);

#[derive(Default)]
struct Post {
    is_missing: bool,
    is_on_strike: bool,
    is_unanswered: bool,
    asked: Vec<String>,
    subscriptions: Vec<Subscription>,
    sent: Vec<(String, String)>,
}

struct Subscription {
    customer: CustomerId,
    email: String,
    name: String,
    is_confirmed: bool,
}

impl Letters {
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

    /// The owner of an address agrees, if there is still a question.
    pub fn confirm(&self, email: &str) {
        self.post().subscriptions.iter_mut().filter(|one| one.email == email).for_each(|one| one.is_confirmed = true);
    }

    /// Two days later: questions that nobody has answered are no more.
    pub fn lapse(&self) {
        self.post().subscriptions.retain(|one| one.is_confirmed);
    }

    /// Every address that was asked whether it wants letters, as often as it was.
    pub fn asked(&self) -> Vec<String> {
        self.post().asked.clone()
    }

    /// The addresses at which a customer gets letters.
    pub fn addresses(&self, customer: CustomerId) -> Vec<String> {
        let post = self.post();
        let own = post.subscriptions.iter().filter(|one| one.customer == customer && one.is_confirmed);
        own.map(|one| one.email.clone()).collect()
    }

    /// Subject and text of each letter sent since the last call.
    pub fn take(&self) -> Vec<(String, String)> {
        self.post().sent.drain(..).collect()
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.0.lock().unwrap()
    }

    fn at_work(&self) -> Result<MutexGuard<'_, Post>, MailError> {
        let post = self.post();
        if post.is_on_strike { Err(MailError("on strike".to_owned())) } else { Ok(post) }
    }
}

#[async_trait]
impl Mail for Letters {
    fn is_there(&self) -> bool {
        !self.post().is_missing
    }

    async fn subscribe(&self, customer: CustomerId, email: &str) -> Result<String, MailError> {
        let mut post = self.at_work()?;
        let standing = post.subscriptions.iter().find(|one| one.customer == customer && one.email == email);
        if let Some(standing) = standing {
            let (name, is_confirmed) = (standing.name.clone(), standing.is_confirmed);
            if !is_confirmed {
                post.asked.push(email.to_owned());
            }
            return Ok(name);
        }
        post.asked.push(email.to_owned());
        let name = format!("subscription {}", post.asked.len());
        let is_confirmed = !post.is_unanswered;
        post.subscriptions.push(Subscription { customer, email: email.to_owned(), name: name.clone(), is_confirmed });
        Ok(name)
    }

    async fn unsubscribe(&self, subscription: &str) -> Result<bool, MailError> {
        let mut post = self.at_work()?;
        post.subscriptions.retain(|one| one.name != subscription || !one.is_confirmed);
        Ok(post.subscriptions.iter().all(|one| one.name != subscription))
    }

    async fn send(&self, _customer: CustomerId, subject: &str, text: &str) -> Result<(), MailError> {
        self.at_work()?.sent.push((subject.to_owned(), text.to_owned()));
        Ok(())
    }
}
