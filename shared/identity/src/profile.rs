//! The stored profile of a customer, and the part of it that clients see.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::{Address, CustomerId, Email, Role};
use serde::{Deserialize, Serialize};
use store::limits::MAX_KEYS;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Item, Key, StoreError, Version, Write, documents, keys};
use utoipa::ToSchema;

/// The most writes of a change of one profile.
pub const MAX_WRITES_OF_A_CHANGE: usize = 2;
/// The keys at which a profile is looked up.
const TURNS: usize = 3;

/// A customer as stored, including what no client sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is independent of the others")]
pub struct Profile {
    /// Id.
    pub id: CustomerId,
    /// Personal data; `None` once erased.
    pub person: Option<Person>,
    /// Argon2id hash of the password; `None` once erased.
    pub password_hash: Option<String>,
    /// Role.
    pub role: Role,
    /// Advisor of a client.
    pub advisor_id: Option<CustomerId>,
    /// Sessions of an earlier epoch have ended.
    pub session_epoch: u64,
    /// Whether an administrator has disabled the account.
    pub disabled: bool,
    /// When the customer was erased.
    #[serde(default, with = "domain::instant")]
    pub erased_at: Option<DateTime<Utc>>,
    /// Whether the erasure is finished.
    #[serde(default)]
    pub swept: bool,
    /// Whether verification found discrepancies in the books and froze the wallet.
    #[serde(default)]
    pub books_in_doubt: bool,
    /// Whether the customer no longer advises, but may still be stored as the advisor of clients.
    #[serde(default)]
    pub advice_to_end: bool,
    /// When the customer proved that the e-mail address is theirs; `None` if they have not, and after it has bounced.
    #[serde(default, with = "domain::instant")]
    pub email_verified_at: Option<DateTime<Utc>>,
    /// When the customer registered.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When the profile was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
}

/// Personal data of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// E-mail address to sign in with.
    pub email: Email,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Telephone number, as written.
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<Address>,
}

/// A customer of the platform: profile, role and state of the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Customer {
    /// Id of the customer.
    pub id: CustomerId,
    /// E-mail address to sign in with; null once erased.
    #[schema(required)]
    pub email: Option<Email>,
    /// Whether the customer has proved that the e-mail address is theirs. Only then it receives alerts and password resets.
    pub email_verified: bool,
    /// First name; null once erased.
    #[schema(value_type = Option<domain::schema::ShortText>, required)]
    pub first_name: Option<String>,
    /// Last name; null once erased.
    #[schema(value_type = Option<domain::schema::ShortText>, required)]
    pub last_name: Option<String>,
    /// Telephone number as written; null if there is none.
    #[schema(value_type = Option<domain::schema::ShortText>, required)]
    pub phone: Option<String>,
    /// Postal address; null if there is none.
    #[schema(required)]
    pub address: Option<Address>,
    /// What the customer may do.
    pub role: Role,
    /// Id of the customer's advisor; null if there is none.
    #[schema(required)]
    pub advisor_id: Option<CustomerId>,
    /// Whether an administrator has disabled the account.
    pub disabled: bool,
    /// When the customer registered.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When the profile was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version of the profile, as in `ETag`.
    #[schema(value_type = u64, minimum = 1)]
    pub version: Version,
}

/// A profile as it was read.
#[derive(Clone, Debug)]
pub struct StoredProfile {
    /// The profile.
    pub profile: Profile,
    /// The version.
    pub version: Version,
    /// The item that has it: [`keys::profile`], or [`keys::legacy_profile`] until it is next written.
    pub(crate) key: Key,
}

impl Profile {
    /// A client who has just registered.
    pub(crate) fn new(id: CustomerId, person: Person, password_hash: Option<String>, now: DateTime<Utc>) -> Self {
        Self {
            id,
            person: Some(person),
            password_hash,
            role: Role::Client,
            advisor_id: None,
            session_epoch: 0,
            disabled: false,
            erased_at: None,
            swept: false,
            books_in_doubt: false,
            advice_to_end: false,
            email_verified_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the customer can be the advisor of clients.
    #[must_use]
    pub fn advises(&self) -> bool {
        self.role == Role::Advisor && self.is_open()
    }

    /// Whether the customer may sign in and have active sessions.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.disabled && self.erased_at.is_none()
    }

    /// The e-mail address, if e-mails may be sent to it: it is verified, and the account is open.
    #[must_use]
    pub fn verified_email(&self) -> Option<&Email> {
        let person = self.person.as_ref().filter(|_| self.is_open() && self.email_verified_at.is_some());
        person.map(|person| &person.email)
    }

    /// Whether an erasure has begun and is not finished.
    #[must_use]
    pub fn is_erasure_unfinished(&self) -> bool {
        self.erased_at.is_some() && !self.swept
    }

    /// Ends every session: they are of an earlier epoch from now on.
    pub fn end_sessions(&mut self) {
        self.session_epoch += 1;
    }

    /// The customer as clients see it, with this version of the profile.
    pub(crate) fn into_customer(self, version: Version) -> Customer {
        let profile = self;
        let (email, first_name, last_name, phone, address) = match profile.person {
            Some(person) => {
                (Some(person.email), Some(person.first_name), Some(person.last_name), person.phone, person.address)
            }
            None => (None, None, None, None, None),
        };
        Customer {
            id: profile.id,
            email,
            email_verified: profile.email_verified_at.is_some(),
            first_name,
            last_name,
            phone,
            address,
            role: profile.role,
            advisor_id: profile.advisor_id,
            disabled: profile.disabled,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
            version,
        }
    }
}

impl StoredProfile {
    fn parse(item: &Item) -> Result<Self, StoreError> {
        Ok(Self { profile: documents::parse(item)?, version: item.version, key: item.key.clone() })
    }

    /// The customer as clients see it.
    #[must_use]
    pub fn into_customer(self) -> Customer {
        self.profile.into_customer(self.version)
    }

    /// The writes that replace the profile by `profile`, if it has not changed since it was read: at most
    /// [`MAX_WRITES_OF_A_CHANGE`]. A profile under its legacy key moves.
    pub fn replaced_by(&self, profile: &Profile) -> Result<Vec<Write>, StoreError> {
        let key = keys::profile(profile.id);
        let body = documents::body(&key, profile)?;
        if self.key == key {
            return Ok(vec![Write::update(key, body, self.version)]);
        }
        let removed = Write::Delete { key: self.key.clone(), expect: DeleteExpect::Version(self.version) };
        Ok(vec![Write::create(key, body), removed])
    }

    /// The checks that let a transaction pass only if the profile has not changed since it was read.
    #[must_use]
    pub fn unchanged(&self) -> Vec<Write> {
        let key = keys::profile(self.profile.id);
        let as_read = Write::Check { key: self.key.clone(), expect: Expect::Version(self.version) };
        let not_moved = (self.key != key).then_some(Write::Check { key, expect: Expect::Absent });
        not_moved.into_iter().chain([as_read]).collect()
    }
}

/// Reads the customer with this id. Errors: [`ServiceError::NotFound`].
pub async fn find(app: &App, customer: CustomerId) -> Result<StoredProfile, ServiceError> {
    read(app, customer).await?.ok_or(ServiceError::NotFound { what: "customer" })
}

/// Finds the customer with this e-mail address. An address that no customer has takes the same reads, and so does a
/// profile under its legacy key.
pub async fn find_by_email(app: &App, email: &Email) -> Result<Option<StoredProfile>, ServiceError> {
    let known = documents::read::<CustomerId>(app.table(), &keys::email(email)).await?.map(|(customer, _)| customer);
    let [key, legacy_key, _] = keys_in_turn(known.unwrap_or_else(|| CustomerId(app.new_id())));
    let item = app.table().get_many(&[key, legacy_key]).await?.into_iter().flatten().next();
    match (known, item) {
        (Some(customer), None) => read(app, customer).await,
        (_, item) => Ok(item.as_ref().map(StoredProfile::parse).transpose()?),
    }
}

/// Reads many customers, in the order of their ids here; `None` for one who does not exist.
pub async fn find_many(app: &App, customers: &[CustomerId]) -> Result<Vec<Option<StoredProfile>>, ServiceError> {
    let mut found: Vec<Option<StoredProfile>> = vec![None; customers.len()];
    for turn in 0..TURNS {
        let mut missing: Vec<_> = customers.iter().zip(&mut found).filter(|(_, profile)| profile.is_none()).collect();
        for chunk in missing.chunks_mut(MAX_KEYS) {
            let keys: Vec<_> = chunk.iter().map(|(customer, _)| keys_in_turn(**customer)[turn].clone()).collect();
            for ((_, profile), item) in chunk.iter_mut().zip(app.table().get_many(&keys).await?) {
                **profile = item.as_ref().map(StoredProfile::parse).transpose()?;
            }
        }
    }
    Ok(found)
}

/// Moves a profile from its legacy key, and returns it as it is stored now.
pub async fn move_from_legacy_key(app: &App, customer: CustomerId) -> Result<StoredProfile, ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = find(app, customer).await?;
        if stored.key == keys::profile(customer) {
            return Ok(stored);
        }
        app.table().transact(stored.replaced_by(&stored.profile)?).await?;
        find(app, customer).await
    })
    .await
}

async fn read(app: &App, customer: CustomerId) -> Result<Option<StoredProfile>, ServiceError> {
    for key in keys_in_turn(customer) {
        if let Some(item) = app.table().get(&key).await? {
            return Ok(Some(StoredProfile::parse(&item)?));
        }
    }
    Ok(None)
}

/// The keys at which a profile is looked up, one after the other. A profile that is at neither of the first two moved
/// between the two reads, or does not exist.
fn keys_in_turn(customer: CustomerId) -> [Key; TURNS] {
    let key = keys::profile(customer);
    [key.clone(), keys::legacy_profile(customer), key]
}
