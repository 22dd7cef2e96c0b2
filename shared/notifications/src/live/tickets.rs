//! One-time tickets. A browser cannot send a token with a WebSocket, and a URL with a token in it ends up in logs. A
//! ticket in a URL is worthless once it has been used, or a minute later.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::CustomerId;
use identity::tokens;
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Write, documents, keys};
use utoipa::ToSchema;

/// How long a ticket can be used.
const LIFETIME_SECONDS: i64 = 60;

/// A ticket, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveTicket {
    /// Opens one live connection: connect to `/live?ticket=TICKET`.
    pub ticket: String,
    /// Until when it can be used.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
}

/// What a ticket grants: a connection for the session that requested it, as long as that session is valid.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) customer_id: CustomerId,
    pub(super) session: String,
}

/// Makes a ticket for the customer's session whose token has this hash.
pub async fn issue_ticket(app: &App, customer: CustomerId, session: &str) -> Result<LiveTicket, ServiceError> {
    let ticket = tokens::new()?;
    let hash = tokens::hash(&ticket).ok_or_else(|| ServiceError::fault("ticket", "a new ticket has another form"))?;
    let expires_at = app.now() + TimeDelta::seconds(LIFETIME_SECONDS);
    let key = keys::live_ticket(&hash);
    let body = documents::body(&key, &Grant { customer_id: customer, session: session.to_owned() })?;
    let put = Write::Put { key, body, expires_at: Some(expires_at.timestamp()), expect: Expect::Absent };
    app.table().transact(vec![put]).await?;
    Ok(LiveTicket { ticket, expires_at })
}

/// Redeems a ticket; `None` if it is unknown, expired or used. Of concurrent attempts one succeeds.
pub(super) async fn take(app: &App, ticket: &str) -> Result<Option<Grant>, ServiceError> {
    let Some(hash) = tokens::hash(ticket) else { return Ok(None) };
    let key = &keys::live_ticket(&hash);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some((grant, version)) = documents::read::<Grant>(app.table(), key).await? else { return Ok(None) };
        let used = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
        app.table().transact(vec![used]).await?;
        Ok(Some(grant))
    })
    .await
}
