//! Why an invocation failed.

use app::ServiceError;
use domain::EmailError;
use serde_json::Value;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is not a command.
    #[error("not a command: {0}")]
    Command(#[from] serde_json::Error),
    /// The event is not what its type says.
    #[error("not an event of its type: {0}")]
    Event(#[source] serde_json::Error),
    /// The event is of an unknown type.
    #[error("events of type {0} are not handled")]
    EventType(String),
    /// The e-mail address is invalid.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// Books have discrepancies, or could not be verified. The nightly run fails, to raise an alarm.
    #[error("books have discrepancies or could not be verified: {0}")]
    Unsound(Value),
    /// The command could not be done.
    #[error("{0}")]
    Service(#[from] ServiceError),
}
