//! The stored profile of a customer, and the part of it that clients see.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::{Address, CustomerId, Email, Role};
use serde::{Deserialize, Serialize};
use store::{Key, StoreError, Version, Write, documents, keys};
use utoipa::ToSchema;

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

/// A profile with the version at which it was read.
#[derive(Clone, Debug)]
pub struct StoredProfile {
    /// The profile.
    pub profile: Profile,
    /// The version.
    pub version: Version,
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

    /// Whether an erasure has begun and is not finished.
    #[must_use]
    pub fn is_erasure_unfinished(&self) -> bool {
        self.erased_at.is_some() && !self.swept
    }

    /// Ends every session: they are of an earlier epoch from now on.
    pub fn end_sessions(&mut self) {
        self.session_epoch += 1;
    }
}

impl StoredProfile {
    /// The customer as clients see it.
    #[must_use]
    pub fn into_customer(self) -> Customer {
        let Self { profile, version } = self;
        let (email, first_name, last_name, phone, address) = match profile.person {
            Some(person) => {
                (Some(person.email), Some(person.first_name), Some(person.last_name), person.phone, person.address)
            }
            None => (None, None, None, None, None),
        };
        Customer {
            id: profile.id,
            email,
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

    /// The write that replaces the profile by `profile`, if it has not changed since it was read.
    pub fn replaced_by(&self, profile: &Profile) -> Result<Write, StoreError> {
        let key = keys::customer(profile.id);
        Ok(Write::update(key.clone(), documents::body(&key, profile)?, self.version))
    }
}

/// Reads the customer with this id. Errors: [`ServiceError::NotFound`].
pub async fn find(app: &App, customer: CustomerId) -> Result<StoredProfile, ServiceError> {
    read(app, &keys::customer(customer)).await?.ok_or(ServiceError::NotFound { what: "customer" })
}

/// Finds the customer with this e-mail address.
pub async fn find_by_email(app: &App, email: &Email) -> Result<Option<StoredProfile>, ServiceError> {
    match documents::read::<CustomerId>(app.table(), &keys::email(email)).await? {
        Some((customer, _)) => read(app, &keys::customer(customer)).await,
        None => Ok(None),
    }
}

async fn read(app: &App, key: &Key) -> Result<Option<StoredProfile>, ServiceError> {
    let found = documents::read::<Profile>(app.table(), key).await?;
    Ok(found.map(|(profile, version)| StoredProfile { profile, version }))
}
