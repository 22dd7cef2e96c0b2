//! Signing out: ends sessions and the live connections that they opened.

use app::{App, ServiceError};
use domain::CustomerId;
use futures::{StreamExt as _, stream};
use identity::audit::{self, Actor};
use identity::{profile, sessions};
use notifications::live;
use serde_json::json;
use store::retry::{Retry, retry};

use crate::customers;

/// The customers whose sessions end at the same time.
const AT_ONCE: usize = 16;

/// Ends the session with this token hash, and closes the live connections that it opened.
pub async fn end_session(app: &App, customer: CustomerId, token_sha256: &str) -> Result<(), ServiceError> {
    sessions::end(app, token_sha256).await?;
    live::close_session(app, customer, token_sha256).await;
    Ok(())
}

/// Ends every session of a customer, and closes their live connections.
pub async fn end_all(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    end_as(app, Actor::Customer(customer), customer).await
}

/// Ends the sessions of all customers for the operator, and closes all live connections. Returns the number of customers
/// whose sessions are ended.
///
/// A customer who fails stops no other. Errors: that of the first who failed, once all others are done; it may be repeated.
pub async fn end_every_session(app: &App) -> Result<usize, ServiceError> {
    let customers = customers::read_all(app).await?;
    let ending = customers.into_iter().map(async |customer| (customer, end_as(app, Actor::Operator, customer).await));
    let mut ending = stream::iter(ending).buffer_unordered(AT_ONCE);
    let (mut ended, mut first_failure) = (0, None);
    while let Some((customer, outcome)) = ending.next().await {
        match outcome {
            Ok(()) => ended += 1,
            Err(error) => {
                tracing::error!(%customer, %error, "the sessions of a customer are not ended");
                first_failure.get_or_insert(error);
            }
        }
    }
    first_failure.map_or(Ok(ended), Err)
}

async fn end_as(app: &App, actor: Actor, customer: CustomerId) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        let mut profile = stored.profile.clone();
        profile.end_sessions();
        let event = audit::record(app, customer, actor, "signed_out_everywhere", json!({}))?;
        app.table().transact(stored.replaced_by(&profile)?.into_iter().chain([event]).collect()).await?;
        Ok::<_, ServiceError>(())
    })
    .await?;
    live::close_all(app, customer).await;
    Ok(())
}
