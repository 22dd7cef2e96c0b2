//! Audit events: who did what to an account, written in the same transaction.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::CustomerId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Write, documents, keys};

/// Who caused an audit event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The account's owner, or an administrator.
    Customer(CustomerId),
    /// The operator.
    Operator,
}

/// An audit event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When it happened.
    #[serde(with = "domain::instant")]
    pub at: DateTime<Utc>,
    /// Who caused it.
    pub by: Actor,
    /// What was done, in `snake_case`.
    pub what: String,
    /// Details, without secrets and personal data.
    pub detail: Value,
}

/// The write that records an event of this account, with the current time.
pub fn record(app: &App, customer: CustomerId, by: Actor, what: &str, detail: Value) -> Result<Write, ServiceError> {
    let at = app.now();
    let key = keys::audit(customer, &at.format("%Y%m").to_string(), app.new_id());
    let event = AuditEvent { at, by, what: what.to_owned(), detail };
    Ok(Write::create(key.clone(), documents::body(&key, &event)?))
}
