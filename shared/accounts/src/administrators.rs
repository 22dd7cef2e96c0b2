//! The list of administrators, so that the last one stays: an item of its own, which every change of who is one writes at
//! the version it was read at. Two who would remove each other write it both, and one of them comes second.

use std::collections::BTreeSet;

use app::App;
use app::error::ServiceError;
use domain::{CustomerId, Role};
use identity::profile::Profile;
use store::limits::MAX_KEYS;
use store::{Expect, Write, documents, keys};
use tokio::sync::OnceCell;

use crate::customers;

/// Those who are administrators by their profiles, where the list has not been kept from the start. They are looked for
/// once a change, however often it is tried: while there is no list, no customer has become or ceased to be one since.
#[derive(Default)]
pub(crate) struct UnlistedAdministrators(OnceCell<BTreeSet<CustomerId>>);

/// The write that keeps the list as a change of this profile makes it; none where the change leaves it as it is. `unlisted`
/// is the same for each try of the change.
///
/// Errors: [`ServiceError::LastAdministrator`] for a change that would leave none.
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
    let profiles: Vec<_> = customers::read_all(app).await?.into_iter().map(keys::customer).collect();
    let mut ids = BTreeSet::new();
    for some in profiles.chunks(MAX_KEYS) {
        for item in app.table().get_many(some).await?.into_iter().flatten() {
            let profile: Profile = documents::parse(&item)?;
            if administers(&profile) {
                ids.insert(profile.id);
            }
        }
    }
    Ok(ids)
}
