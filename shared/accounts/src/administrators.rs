//! The list of administrators, which ensures that at least one remains. Every change of an administrator writes this
//! item at the version at which it was read. If two administrators remove each other, both write it, and one of them
//! fails.

use std::collections::BTreeSet;

use app::App;
use app::error::ServiceError;
use domain::{CustomerId, Role};
use identity::profile::{self, Profile};
use store::{Expect, Write, documents, keys};
use tokio::sync::OnceCell;

use crate::customers;

/// The administrators by their profiles, for a store of an earlier version without the list. They are searched for once
/// per change, however often it is retried: every change of an administrator creates the list.
#[derive(Default)]
pub(crate) struct UnlistedAdministrators(OnceCell<BTreeSet<CustomerId>>);

/// The write that updates the list for a change of this profile; `None` if the list does not change. `unlisted` is the
/// same for each try of the change.
///
/// Errors: [`ServiceError::LastAdministrator`] if no administrator would remain.
pub(crate) async fn prepare_listing(
    app: &App,
    before: &Profile,
    after: &Profile,
    unlisted: &UnlistedAdministrators,
) -> Result<Option<Write>, ServiceError> {
    if administers(before) == administers(after) {
        return Ok(None);
    }
    let key = keys::administrator_index();
    let (mut ids, expect) = match documents::read::<BTreeSet<CustomerId>>(app.table(), &key).await? {
        Some((ids, version)) => (ids, Expect::Version(version)),
        None => (unlisted.0.get_or_try_init(|| find_administrators(app)).await?.clone(), Expect::Absent),
    };
    if administers(after) {
        ids.insert(after.id);
    } else {
        ids.remove(&after.id);
        if ids.is_empty() {
            return Err(ServiceError::LastAdministrator);
        }
    }
    let body = documents::body(&key, &ids)?;
    Ok(Some(Write::Put { key, body, expires_at: None, expect }))
}

fn administers(profile: &Profile) -> bool {
    profile.role == Role::Administrator && profile.is_open()
}

async fn find_administrators(app: &App) -> Result<BTreeSet<CustomerId>, ServiceError> {
    let customers: Vec<_> = customers::read_all(app).await?.into_iter().collect();
    let profiles = profile::find_many(app, &customers).await?.into_iter().flatten().map(|stored| stored.profile);
    Ok(profiles.filter(administers).map(|profile| profile.id).collect())
}
