//! Finding customers by name or e-mail address, role and state, for administrators.

use app::App;
use app::error::ServiceError;
use app::listing::{ListOrder, ListPage, PageRequest, fingerprint};
use domain::{CustomerId, Role};
use identity::profile::{self, Customer, Profile};
use serde::{Deserialize, Serialize};
use store::keys::{self, sha256_hex};
use store::{Query, StoreError, documents, limits};
use utoipa::ToSchema;
use uuid::Uuid;

/// Hex digits of a cursor that identify its list. The id of the last customer that was read follows them.
const LIST_DIGITS: usize = 16;
/// The most customers whose profiles are read for one page.
const MAX_PROFILES_READ: usize = 1_000;

/// Whether a customer can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// The customer can sign in.
    Active,
    /// An administrator has disabled the account.
    Disabled,
}

/// Which customers a search finds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustomerFilter {
    /// Part of a name or e-mail address, in any case; empty for all.
    pub text: String,
    /// Customers with this role.
    pub role: Option<Role>,
    /// Customers in this state. An erased customer is not active.
    pub state: Option<AccountState>,
}

impl CustomerFilter {
    fn keeps(&self, profile: &Profile) -> bool {
        let is_in = |state| match state {
            AccountState::Active => profile.is_open(),
            AccountState::Disabled => profile.disabled,
        };
        self.role.is_none_or(|role| role == profile.role)
            && self.state.is_none_or(is_in)
            && mentions(profile, &self.text.to_lowercase())
    }
}

/// Searches customers, by the time of their registration. A cursor is valid only for the same administrator, filter and
/// order.
///
/// At most 1,000 profiles are read, a hundred at a time. If too few of them pass the filter, the page is short, with the
/// cursor of the next one.
///
/// Errors: [`StoreError::ForeignCursor`].
pub async fn search(
    app: &App,
    by: CustomerId,
    filter: &CustomerFilter,
    page: &PageRequest,
) -> Result<ListPage<Customer>, ServiceError> {
    let list = list_digits(by, filter, page.order)?;
    let cursor = page.cursor.as_deref();
    let after = cursor.map(|cursor| last_customer(cursor, &list).ok_or(StoreError::ForeignCursor)).transpose()?;
    let cursor_after = |last: CustomerId| format!("{list}{}", last.0.simple());
    let (ids, more) = read_next_ids(app, page.order, after).await?;
    let mut items: Vec<Customer> = Vec::new();
    for chunk in ids.chunks(limits::MAX_KEYS) {
        for stored in profile::find_many(app, chunk).await?.into_iter().flatten() {
            if !filter.keeps(&stored.profile) {
                continue;
            }
            if items.len() == page.limit {
                let next = items.last().map(|last| cursor_after(last.id));
                return Ok(ListPage { items, next });
            }
            items.push(stored.into_customer());
        }
    }
    let next = ids.last().filter(|_| more).map(|last| cursor_after(*last));
    Ok(ListPage { items, next })
}

/// Reads the ids of the next customers, in order, at most [`MAX_PROFILES_READ`], and whether there may be more.
///
/// The index has sixteen shards. Beyond the end of a shard's page its next ids are unknown, so that the ids of the other
/// shards count only up to there.
async fn read_next_ids(
    app: &App,
    order: ListOrder,
    after: Option<CustomerId>,
) -> Result<(Vec<CustomerId>, bool), ServiceError> {
    let comes_first = |one: &CustomerId, other: &CustomerId| match order {
        ListOrder::Asc => one.cmp(other),
        ListOrder::Desc => other.cmp(one),
    };
    let (first, last) = (CustomerId(Uuid::nil()), CustomerId(Uuid::max()));
    let shards = match order {
        ListOrder::Asc => keys::customer_index_between(after.unwrap_or(first), last),
        ListOrder::Desc => keys::customer_index_between(first, after.unwrap_or(last)),
    };
    let (mut ids, mut known_to) = (Vec::new(), None::<CustomerId>);
    for shard in shards {
        let query = Query { direction: order.into(), ..Query::forward(shard.partition, shard.range, limits::MAX_KEYS) };
        let read = app.table().query(&query).await?;
        let read_ids = read.items.iter().map(documents::parse::<CustomerId>).collect::<Result<Vec<_>, _>>()?;
        if let Some(end) = read_ids.last().filter(|_| read.next.is_some()) {
            known_to = Some(known_to.map_or(*end, |known| std::cmp::min_by(known, *end, comes_first)));
        }
        ids.extend(read_ids.into_iter().filter(|id| Some(*id) != after));
    }
    ids.sort_by(comes_first);
    ids.retain(|id| known_to.is_none_or(|known| comes_first(id, &known).is_le()));
    let more = known_to.is_some() || ids.len() > MAX_PROFILES_READ;
    ids.truncate(MAX_PROFILES_READ);
    Ok((ids, more))
}

/// Identifies the list of an administrator.
fn list_digits(by: CustomerId, filter: &CustomerFilter, order: ListOrder) -> Result<String, ServiceError> {
    let mut digits = sha256_hex(&fingerprint(&(by, filter.text.to_lowercase(), filter.role, filter.state, order))?);
    digits.truncate(LIST_DIGITS);
    Ok(digits)
}

/// The last customer of the previous page, if the cursor belongs to this list.
fn last_customer(cursor: &str, list: &str) -> Option<CustomerId> {
    let (of, id) = cursor.split_at_checked(LIST_DIGITS)?;
    let id = Uuid::try_parse(id).ok().filter(|parsed| parsed.simple().to_string() == id)?;
    (of == list).then_some(CustomerId(id))
}

fn mentions(profile: &Profile, wanted: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    profile.person.as_ref().is_some_and(|person| {
        let name = format!("{} {}", person.first_name, person.last_name).to_lowercase();
        name.contains(wanted) || person.email.as_str().contains(wanted)
    })
}
