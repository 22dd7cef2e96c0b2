//! What is kept of a customer, and what is shown of it.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::{Address, CustomerId, Email, Role};
use serde::{Deserialize, Serialize};
use store::{Key, StoreError, Version, Write, documents, keys};
use utoipa::ToSchema;

/// A customer as kept: what is shown, and what never is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "what each of them says can be true beside any other")]
pub struct Profile {
    /// Who it is.
    pub id: CustomerId,
    /// What the customer has told of themselves; `None` once erased.
    pub person: Option<Person>,
    /// Argon2id hash of the password; `None` once erased.
    pub password_hash: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Their advisor, for a client who has one.
    pub advisor_id: Option<CustomerId>,
    /// Sessions of an earlier epoch are dead.
    pub session_epoch: u64,
    /// An administrator has closed the account to its owner.
    pub disabled: bool,
    /// When it was erased.
    #[serde(default, with = "domain::instant")]
    pub erased_at: Option<DateTime<Utc>>,
    /// Whether everything that an erasure removes is gone.
    #[serde(default)]
    pub swept: bool,
    /// Whether verification found books that do not add up, and froze the wallet.
    #[serde(default)]
    pub books_in_doubt: bool,
    /// Whether they advise no longer and still stand as somebody's advisor.
    #[serde(default)]
    pub advice_to_end: bool,
    /// When it was made.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
}

/// The personal part of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What they sign in with.
    pub email: Email,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Telephone number, as written.
    pub phone: Option<String>,
    /// Where they live.
    pub address: Option<Address>,
}

/// A customer as shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Customer {
    /// Id.
    pub id: CustomerId,
    /// What they sign in with; null once erased.
    pub email: Option<Email>,
    /// First name; null once erased.
    pub first_name: Option<String>,
    /// Last name; null once erased.
    pub last_name: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Where they live.
    pub address: Option<Address>,
    /// What they may do.
    pub role: Role,
    /// Their advisor.
    pub advisor_id: Option<CustomerId>,
    /// Whether an administrator has closed the account.
    pub disabled: bool,
    /// When it was made.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, as in `ETag`.
    #[schema(value_type = u64)]
    pub version: Version,
}

/// A profile read, with the version to change it at.
#[derive(Clone, Debug)]
pub struct StoredProfile {
    /// The profile.
    pub profile: Profile,
    /// Which writing of it this is.
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

    /// Whether clients can have them as their advisor.
    #[must_use]
    pub fn advises(&self) -> bool {
        self.role == Role::Advisor && self.is_open()
    }

    /// Whether its owner may sign in and their sessions speak for them.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.disabled && self.erased_at.is_none()
    }

    /// Whether its erasure has begun and something is still to be removed.
    #[must_use]
    pub fn is_erasure_unfinished(&self) -> bool {
        self.erased_at.is_some() && !self.swept
    }

    /// Ends every session there is: from now on they are of an earlier epoch.
    pub fn end_sessions(&mut self) {
        self.session_epoch += 1;
    }
}

impl StoredProfile {
    /// What is shown of it.
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

    /// The write that puts `profile` in the place of the one read.
    pub fn replaced_by(&self, profile: &Profile) -> Result<Write, StoreError> {
        let key = keys::customer(profile.id);
        Ok(Write::update(key.clone(), documents::body(&key, profile)?, self.version))
    }
}

/// The customer of this id. Errors: [`ServiceError::NotFound`].
pub async fn find(app: &App, customer: CustomerId) -> Result<StoredProfile, ServiceError> {
    read(app, &keys::customer(customer)).await?.ok_or(ServiceError::NotFound { what: "customer" })
}

/// The customer who signs in with this address.
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
