//! An e-mail service that records what it sends.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use app::mail::{Mail, MailError, Message};
use async_trait::async_trait;
use uuid::Uuid;

/// Sends every e-mail, unless a test sets another outcome.
#[derive(Default)]
pub struct RecordingMail(Mutex<State>);

#[derive(Default)]
struct State {
    is_disabled: bool,
    is_failing: bool,
    sent: Vec<Message>,
    topics: BTreeSet<Uuid>,
}

impl RecordingMail {
    /// From now on there is no sender.
    pub fn disable(&self) {
        self.state().is_disabled = true;
    }

    /// Whether every call fails from now on.
    pub fn set_failing(&self, is_failing: bool) {
        self.state().is_failing = is_failing;
    }

    /// The e-mails sent since the last call, in order.
    pub fn take(&self) -> Vec<Message> {
        self.state().sent.drain(..).collect()
    }

    /// The token in the only e-mail since the last call of [`RecordingMail::take`].
    pub fn take_token(&self) -> String {
        let sent = self.take();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let is_token = |line: &&str| line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        sent[0].text.lines().find(is_token).unwrap().to_owned()
    }

    /// Creates the topic of an e-mail subscription, as earlier versions did.
    pub fn create_topic(&self, subscription: Uuid) {
        self.state().topics.insert(subscription);
    }

    /// The topics that exist.
    pub fn topics(&self) -> usize {
        self.state().topics.len()
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

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        // Other tasks run here, as they would during a real call.
        tokio::task::yield_now().await;
        self.available()?.sent.push(message.clone());
        Ok(())
    }

    async fn delete_topic(&self, subscription: Uuid) -> Result<(), MailError> {
        self.available()?.topics.remove(&subscription);
        Ok(())
    }
}
