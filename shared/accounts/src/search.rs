//! Finding customers by name or e-mail address, for administrators.

use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use identity::profile::{Customer, Profile, StoredProfile};
use store::keys::{self, sha256_hex};
use store::{StoreError, documents, limits};
use uuid::Uuid;

use crate::customers;

/// Hex digits of a cursor that say which list it is of; the id of the customer that a page ended with tracks.
const LIST_DIGITS: usize = 16;

/// Customers whose name or address contains `text`, newest first, and where the next page starts. A cursor is of the
/// administrator and the text that it was given for.
///
/// Every customer is read, a hundred at a time, which suits an administrator's search now and then among some thousands.
///
/// Errors: [`StoreError::ForeignCursor`].
pub async fn search(
    app: &App,
    by: CustomerId,
    text: &str,
    limit: usize,
    cursor: Option<&str>,
) -> Result<(Vec<Customer>, Option<String>), ServiceError> {
    let wanted = text.to_lowercase();
    let list = list_digits(by, &wanted);
    let after = cursor.map(|cursor| place_of(cursor, &list).ok_or(StoreError::ForeignCursor)).transpose()?;
    let ids = customers::read_all(app).await?;
    let earlier: Vec<_> = ids.into_iter().rev().filter(|id| after.is_none_or(|after| *id < after)).collect();
    let mut found: Vec<Customer> = Vec::new();
    for some in earlier.chunks(limits::MAX_KEYS) {
        let profiles: Vec<_> = some.iter().map(|id| keys::customer(*id)).collect();
        for item in app.table().get_many(&profiles).await?.into_iter().flatten() {
            let profile: Profile = documents::parse(&item)?;
            if !matches(&profile, &wanted) {
                continue;
            }
            if found.len() == limit {
                let next = found.last().map(|last| format!("{list}{}", last.id.0.simple()));
                return Ok((found, next));
            }
            found.push(StoredProfile { profile, version: item.version }.into_customer());
        }
    }
    Ok((found, None))
}

fn list_digits(by: CustomerId, wanted: &str) -> String {
    let mut digits = sha256_hex(&format!("{by} {wanted}"));
    digits.truncate(LIST_DIGITS);
    digits
}

/// The customer that the page before ended with, if the cursor is of this list.
fn place_of(cursor: &str, list: &str) -> Option<CustomerId> {
    let (of, id) = cursor.split_at_checked(LIST_DIGITS)?;
    let id = Uuid::try_parse(id).ok().filter(|parsed| parsed.simple().to_string() == id)?;
    (of == list).then_some(CustomerId(id))
}

fn matches(profile: &Profile, wanted: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    profile.person.as_ref().is_some_and(|person| {
        let name = format!("{} {}", person.first_name, person.last_name).to_lowercase();
        name.contains(wanted) || person.email.as_str().contains(wanted)
    })
}
