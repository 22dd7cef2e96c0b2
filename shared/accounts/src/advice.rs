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
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Key, Query, Write, documents, keys};

/// Clients per transaction: each takes four writes.
const CLIENTS_A_TRANSACTION: usize = 20;
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
        app.table().transact(vec![stored.replaced_by(&ended)?]).await?;
        return Ok(true);
    }
    let clients = listed.iter().map(documents::parse::<CustomerId>).collect::<Result<Vec<_>, _>>()?;
    let profiles: Vec<Key> = clients.iter().map(|client| keys::customer(*client)).collect();
    let mut writes = vec![Write::Check { key: keys::customer(advisor), expect: Expect::Version(stored.version) }];
    for (item, client) in listed.iter().zip(app.table().get_many(&profiles).await?) {
        writes.push(Write::Delete { key: item.key.clone(), expect: DeleteExpect::Version(item.version) });
        let Some(client) = client else { continue };
        let before: Profile = documents::parse(&client)?;
        if before.advisor_id != Some(advisor) {
            continue;
        }
        let after = Profile { advisor_id: None, updated_at: app.now(), ..before };
        writes.push(Write::update(client.key.clone(), documents::body(&client.key, &after)?, client.version));
        writes.push(Write::Delete { key: keys::advisor_of(after.id), expect: DeleteExpect::Any });
        writes.push(audit::record(app, after.id, by, "advisor_ended", json!({ "advisor_id": advisor }))?);
    }
    app.table().transact(writes).await?;
    Ok(false)
}
