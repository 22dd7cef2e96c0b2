//! Why an attempt to listen is over, or all listening.

use std::time::Duration;

/// A platform that does not answer within this is tried again.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Why listening is over for good.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// No message is wanted any more.
    #[error("nobody listens any more")]
    Enough,
    /// The session is over, so that no ticket is given.
    #[error("the session has ended; sign in again")]
    SignedOut,
    /// The platform refuses what was asked for.
    #[error("{0}")]
    Refused(String),
}

/// Why one attempt is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    ForGood(#[from] Ended),
    /// It may go better another time.
    #[error("{0}")]
    Passing(String),
}

/// The error without its address, which may have a ticket in it. What cannot even be asked never will be.
pub(super) fn passing(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_builder() { Ended::Refused(error.to_string()).into() } else { Failure::Passing(error.to_string()) }
}
