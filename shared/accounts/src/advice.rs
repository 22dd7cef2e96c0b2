//! Removing a former advisor from their clients, after the advisor was demoted, disabled or erased.
//!
//! The change of the advisor's account is one transaction, which sets `advice_to_end`. The clients follow in batches.
//! If that is interrupted, the next change of the account or the nightly verification continues it. Until it is
//! finished the account cannot advise again.

use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use identity::audit::{self, Actor};
use identity::profile::{self, Profile};
use serde_json::json;
use store::limits::MAX_WRITES;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Query, Write, documents, keys};

/// The writes for a client besides those of the profile.
const WRITES_A_CLIENT: usize = 3;
/// Clients per transaction, which also asserts the profile of the advisor.
const CLIENTS_A_TRANSACTION: usize =
    (MAX_WRITES - profile::MAX_WRITES_OF_A_CHANGE) / (WRITES_A_CLIENT + profile::MAX_WRITES_OF_A_CHANGE);
/// The most transactions of one call, so that a request meets its deadline.
const MAX_TRANSACTIONS: usize = 100;

/// Removes the advisor from all clients, if `advice_to_end` is set; false if more clients are left than one call
/// handles.
pub async fn end(app: &App, by: Actor, advisor: CustomerId) -> Result<bool, ServiceError> {
    for _ in 0..MAX_TRANSACTIONS {
        if retry(Retry::within(app::CONFLICT_BUDGET), || end_some(app, by, advisor)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs one transaction; true if no client is left. Each transaction asserts the advisor's profile as it was read, so
/// that it removes no client who was assigned after the advisor advises again.
async fn end_some(app: &App, by: Actor, advisor: CustomerId) -> Result<bool, ServiceError> {
    let stored = profile::find(app, advisor).await?;
    if !stored.profile.advice_to_end {
        return Ok(true);
    }
    let list = keys::clients_of(advisor);
    let listed = app.table().query(&Query::forward(list.partition, list.range, CLIENTS_A_TRANSACTION)).await?.items;
    if listed.is_empty() {
        let ended = Profile { advice_to_end: false, ..stored.profile.clone() };
        app.table().transact(stored.replaced_by(&ended)?).await?;
        return Ok(true);
    }
    let clients = listed.iter().map(documents::parse::<CustomerId>).collect::<Result<Vec<_>, _>>()?;
    let mut writes = stored.unchanged();
    for (item, client) in listed.iter().zip(profile::find_many(app, &clients).await?) {
        writes.push(Write::Delete { key: item.key.clone(), expect: DeleteExpect::Version(item.version) });
        let Some(client) = client else { continue };
        if client.profile.advisor_id != Some(advisor) {
            continue;
        }
        let after = Profile { advisor_id: None, updated_at: app.now(), ..client.profile.clone() };
        writes.extend(client.replaced_by(&after)?);
        writes.push(Write::Delete { key: keys::advisor_of(after.id), expect: DeleteExpect::Any });
        writes.push(audit::record(app, after.id, by, "advisor_ended", json!({ "advisor_id": advisor }))?);
    }
    app.table().transact(writes).await?;
    Ok(false)
}
