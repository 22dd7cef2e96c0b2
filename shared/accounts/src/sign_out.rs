//! Signing out: ends sessions and the live connections that they opened.

use app::{App, ServiceError};
use domain::CustomerId;
use identity::audit::{self, Actor};
use identity::{profile, sessions};
use notifications::live;
use serde_json::json;
use store::retry::{Retry, retry};

/// Ends the session with this token hash, and closes the live connections that it opened.
pub async fn end_session(app: &App, customer: CustomerId, token_sha256: &str) -> Result<(), ServiceError> {
    sessions::end(app, token_sha256).await?;
    live::close_session(app, customer, token_sha256).await;
    Ok(())
}

/// Ends every session of a customer, and closes their live connections.
pub async fn end_all(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        let mut profile = stored.profile.clone();
        profile.end_sessions();
        let event = audit::record(app, customer, Actor::Customer(customer), "signed_out_everywhere", json!({}))?;
        app.table().transact(stored.replaced_by(&profile)?.into_iter().chain([event]).collect()).await?;
        Ok::<_, ServiceError>(())
    })
    .await?;
    live::close_all(app, customer).await;
    Ok(())
}
