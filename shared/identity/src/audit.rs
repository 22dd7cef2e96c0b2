//! Who did what to an account: written in the transaction of the event itself.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::CustomerId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Write, documents, keys};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A customer: the account's own, or an administrator.
    Customer(CustomerId),
    /// Whoever may run the operator's commands.
    Operator,
}

/// One event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    #[serde(with = "domain::instant")]
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Actor,
    /// What, in `snake_case`.
    pub what: String,
    /// With what, as far as it is no secret and not personal.
    pub detail: Value,
}

/// The write that records a event done to this account now.
pub fn record(app: &App, customer: CustomerId, by: Actor, what: &str, detail: Value) -> Result<Write, ServiceError> {
    let at = app.now();
    let key = keys::audit(customer, &at.format("%Y%m").to_string(), app.new_id());
    let event = AuditEvent { at, by, what: what.to_owned(), detail };
    Ok(Write::create(key.clone(), documents::body(&key, &event)?))
}
