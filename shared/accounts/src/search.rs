//! Finding customers by name or e-mail address, for administrators.

use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use identity::profile::{Customer, Profile, StoredProfile};
use store::keys::{self, sha256_hex};
use store::{StoreError, documents, limits};
use uuid::Uuid;

use crate::customers;

/// Hex digits of a cursor that identify its list. The id of the last customer of the page follows them.
const LIST_DIGITS: usize = 16;

/// Searches customers whose name or e-mail address contains `text`, newest first. Also returns the cursor of the next
/// page, which is valid only for the same administrator and text.
///
/// It reads every customer, a hundred at a time: fast enough for occasional searches among some thousand customers.
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
    let after = cursor.map(|cursor| last_customer(cursor, &list).ok_or(StoreError::ForeignCursor)).transpose()?;
    let ids = customers::read_all(app).await?;
    let earlier: Vec<_> = ids.into_iter().rev().filter(|id| after.is_none_or(|after| *id < after)).collect();
    let mut found: Vec<Customer> = Vec::new();
    for chunk in earlier.chunks(limits::MAX_KEYS) {
        let profiles: Vec<_> = chunk.iter().map(|id| keys::customer(*id)).collect();
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

/// The last customer of the previous page, if the cursor belongs to this list.
fn last_customer(cursor: &str, list: &str) -> Option<CustomerId> {
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
