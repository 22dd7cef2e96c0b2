//! An e-mail sender that records what it sends and behaves like Amazon SNS: it asks an address to confirm first, and a
//! closed subscription can no longer be confirmed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use app::mail::{Mail, MailError};
use async_trait::async_trait;
use uuid::Uuid;

#[derive(Default)]
pub struct RecordingMail(Mutex<State>);

#[derive(Default)]
struct State {
    is_disabled: bool,
    is_failing: bool,
    is_unanswered: bool,
    opening: Opening,
    requested: Vec<String>,
    subscriptions: BTreeMap<Uuid, Subscription>,
    sent: Vec<(String, String)>,
}

/// Whether opening and closing subscriptions is held up.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Opening {
    #[default]
    Free,
    /// The next call will wait.
    HoldNext,
    /// A call waits, and so do all later ones.
    Held,
    /// A call waits, and later ones pass.
    HeldAlone,
}

struct Subscription {
    email: String,
    is_confirmed: bool,
}

impl RecordingMail {
    /// From now on there is no sender.
    pub fn disable(&self) {
        self.state().is_disabled = true;
    }

    pub fn set_failing(&self, is_failing: bool) {
        self.state().is_failing = is_failing;
    }

    /// From now on requests are not answered. Until then they are confirmed immediately.
    pub fn leave_requests_unanswered(&self) {
        self.state().is_unanswered = true;
    }

    /// The owner of an address confirms every open request.
    pub fn confirm(&self, email: &str) {
        self.state()
            .subscriptions
            .values_mut()
            .filter(|subscription| subscription.email == email)
            .for_each(|subscription| subscription.is_confirmed = true);
    }

    /// The address of every confirmation request, in order.
    pub fn requested(&self) -> Vec<String> {
        self.state().requested.clone()
    }

    /// The confirmed addresses.
    pub fn addresses(&self) -> Vec<String> {
        self.state()
            .subscriptions
            .values()
            .filter(|subscription| subscription.is_confirmed)
            .map(|subscription| subscription.email.clone())
            .collect()
    }

    /// The number of subscriptions.
    pub fn subscriptions(&self) -> usize {
        self.state().subscriptions.len()
    }

    /// Subject and text of each e-mail delivered since the last call.
    pub fn take(&self) -> Vec<(String, String)> {
        self.state().sent.drain(..).collect()
    }

    /// The next opening waits until [`RecordingMail::release_opening`], so that something can happen meanwhile.
    pub fn hold_next_opening(&self) {
        self.state().opening = Opening::HoldNext;
    }

    pub fn is_opening_held(&self) -> bool {
        self.state().opening == Opening::Held
    }

    /// The waiting call goes on waiting, and others pass.
    pub fn let_others_pass(&self) {
        self.state().opening = Opening::HeldAlone;
    }

    pub fn release_opening(&self) {
        self.state().opening = Opening::Free;
    }

    /// Deletes all subscriptions, as an operator could delete their topics.
    pub fn delete_all(&self) {
        self.state().subscriptions.clear();
    }

    /// Lets other tasks run, as they would during a real call.
    async fn wait(&self) {
        tokio::task::yield_now().await;
        if matches!(self.state().opening, Opening::Free | Opening::HeldAlone) {
            return;
        }
        self.state().opening = Opening::Held;
        while self.state().opening != Opening::Free {
            tokio::task::yield_now().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, MailError> {
        let state = self.state();
        if state.is_failing { Err(MailError::Refused("planned failure".to_owned())) } else { Ok(state) }
    }
}

#[async_trait]
impl Mail for RecordingMail {
    fn is_available(&self) -> bool {
        !self.state().is_disabled
    }

    async fn open(&self, subscription: Uuid, email: &str) -> Result<(), MailError> {
        self.wait().await;
        let mut state = self.available()?;
        let is_confirmed = !state.is_unanswered;
        if state.subscriptions.get(&subscription).is_none_or(|subscription| !subscription.is_confirmed) {
            state.requested.push(email.to_owned());
            state.subscriptions.insert(subscription, Subscription { email: email.to_owned(), is_confirmed });
        }
        Ok(())
    }

    async fn close(&self, subscription: Uuid) -> Result<(), MailError> {
        self.wait().await;
        self.available()?.subscriptions.remove(&subscription);
        Ok(())
    }

    async fn send(&self, subscription: Uuid, subject: &str, text: &str) -> Result<(), MailError> {
        let mut state = self.available()?;
        let Some(subscription) = state.subscriptions.get(&subscription) else {
            return Err(MailError::NoSubscription);
        };
        if subscription.is_confirmed {
            state.sent.push((subject.to_owned(), text.to_owned()));
        }
        Ok(())
    }
}
