//! Why an attempt to listen, or listening as a whole, has ended.

use std::time::Duration;

/// The time that the platform has to respond before the next attempt.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// Why listening has ended permanently.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The output was closed.
    #[error("the output was closed")]
    OutputClosed,
    /// The session has ended, so no ticket can be obtained.
    #[error("the session has ended; sign in again")]
    SignedOut,
    /// The platform refused the request.
    #[error("{0}")]
    Refused(String),
}

/// Why one attempt has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Permanent(#[from] ListenError),
    /// A later attempt may succeed.
    #[error("{0}")]
    Temporary(String),
}

/// The error without its URL, which may contain a ticket. A request that cannot be built is a permanent error.
pub(super) fn passing(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_builder() {
        ListenError::Refused(error.to_string()).into()
    } else {
        Failure::Temporary(error.to_string())
    }
}
