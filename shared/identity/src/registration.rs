//! Registration of customers.

use app::error::ServiceError;
use app::{App, Created};
use chrono::{DateTime, Utc};
use domain::CustomerId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{DeleteExpect, Item, Key, StoreError, Version, Write, documents, keys};

use crate::audit::{self, Actor};
use crate::password::Password;
use crate::profile::{self, Customer, Person, Profile, StoredProfile};
use crate::sessions;

/// The first response to a registration with an idempotency key. It is stored in the customer's partition and erased
/// with it. It contains no password: only the profile has its hash.
#[derive(Clone, Serialize, Deserialize)]
struct StoredRegistration {
    person: Person,
    #[serde(with = "domain::instant")]
    created_at: DateTime<Utc>,
    /// The profile's version. It is stored before the first response, so that every response has the same.
    version: Option<Version>,
    /// The key, to find the item that must be removed together with this one.
    idempotency_key: String,
}

/// Registers a client. Errors: [`ServiceError::EmailTaken`]; [`ServiceError::Field`] for a password that is refused.
pub async fn register(app: &App, person: Person, password: Password) -> Result<StoredProfile, ServiceError> {
    let profile = create_profile(app, person, password).await?;
    write(app, profile, Vec::new()).await
}

/// Registers a client, once per idempotency key: a repeated request with the same key gets the first response. A key
/// belongs to the e-mail address that is registered.
///
/// A replayed response confirms the password, so it is limited like an attempt to sign in.
///
/// Errors: [`ServiceError::EmailTaken`], [`ServiceError::IdempotencyKeyReused`], [`ServiceError::TooManyAttempts`],
/// [`ServiceError::Field`] for a password that is refused.
pub async fn register_once(
    app: &App,
    person: Person,
    password: Password,
    idempotency_key: Option<&str>,
) -> Result<Created<Customer>, ServiceError> {
    let Some(key) = idempotency_key else {
        return Ok(Created { value: register(app, person, password).await?.into_customer(), replayed: false });
    };
    let request = keys::registration_request(&person.email, key);
    if let Some((customer, _)) = documents::read::<CustomerId>(app.table(), &request).await? {
        return replay(app, customer, &person, password).await;
    }
    match register_first(app, &person, password.clone(), &request, key).await {
        Ok(customer) => {
            let gone = || StoreError::corrupt(&keys::registration(customer), "the item is missing");
            let value = read_first_response(app, customer).await?.ok_or_else(gone)?;
            Ok(Created { value: value.0, replayed: false })
        }
        // The address is taken: by a copy of this request, or by another customer.
        Err(ServiceError::EmailTaken) => match documents::read::<CustomerId>(app.table(), &request).await? {
            Some((customer, _)) => replay(app, customer, &person, password).await,
            None => Err(ServiceError::EmailTaken),
        },
        Err(error) => Err(error),
    }
}

/// Registers a client, and stores the response to `request`.
async fn register_first(
    app: &App,
    person: &Person,
    password: Password,
    request: &Key,
    idempotency_key: &str,
) -> Result<CustomerId, ServiceError> {
    let profile = create_profile(app, person.clone(), password).await?;
    let (customer, created_at) = (profile.id, profile.created_at);
    let idempotency_key = idempotency_key.to_owned();
    let first = StoredRegistration { person: person.clone(), created_at, version: None, idempotency_key };
    let stored = keys::registration(customer);
    let also = vec![
        Write::create(request.clone(), documents::body(request, &customer)?),
        Write::create(stored.clone(), documents::body(&stored, &first)?),
    ];
    write(app, profile, also).await?;
    Ok(customer)
}

/// The first response again, if the request has the same person and password.
async fn replay(
    app: &App,
    customer: CustomerId,
    person: &Person,
    password: Password,
) -> Result<Created<Customer>, ServiceError> {
    let (value, registered) = read_first_response(app, customer).await?.ok_or(ServiceError::IdempotencyKeyReused)?;
    if registered != *person {
        return Err(ServiceError::IdempotencyKeyReused);
    }
    let stored = profile::find(app, customer).await?;
    if !sessions::verify_password(app, &stored, password).await? {
        return Err(ServiceError::IdempotencyKeyReused);
    }
    Ok(Created { value, replayed: true })
}

/// Reads the response to this customer's registration, and the person who registered; `None` once erased.
async fn read_first_response(app: &App, customer: CustomerId) -> Result<Option<(Customer, Person)>, ServiceError> {
    let key = keys::registration(customer);
    let Some((mut first, at)) = documents::read::<StoredRegistration>(app.table(), &key).await? else {
        return Ok(None);
    };
    if first.version.is_none() {
        let version = profile::find(app, customer).await?.version;
        let completed = StoredRegistration { version: Some(version), ..first.clone() };
        first = match documents::put(app.table(), key.clone(), &completed, Some(at)).await {
            Ok(_) => completed,
            // A copy of the request has stored the version.
            Err(StoreError::Conflict { .. }) => match documents::read::<StoredRegistration>(app.table(), &key).await? {
                Some((first, _)) => first,
                None => return Ok(None),
            },
            Err(error) => return Err(error.into()),
        };
    }
    let version = first.version.ok_or_else(|| StoreError::corrupt(&key, "the version is missing"))?;
    let profile = Profile::new(customer, first.person.clone(), None, first.created_at);
    Ok(Some((profile.into_customer(version), first.person)))
}

/// The writes that remove the stored response to a registration.
pub fn prepare_deletion(item: &Item) -> Result<Vec<Write>, StoreError> {
    let StoredRegistration { person, idempotency_key, .. } = documents::parse(item)?;
    let removed = [keys::registration_request(&person.email, &idempotency_key), item.key.clone()];
    Ok(removed.map(|key| Write::Delete { key, expect: DeleteExpect::Any }).to_vec())
}

async fn create_profile(app: &App, person: Person, password: Password) -> Result<Profile, ServiceError> {
    password.check_for("password", Some(&person)).await?;
    // A registration openly reports that an address is taken, so this needs no hash to hide it.
    if app.table().get(&keys::email(&person.email)).await?.is_some() {
        return Err(ServiceError::EmailTaken);
    }
    let hash = app.hasher().hash(password).await?;
    Ok(Profile::new(CustomerId(app.new_id()), person, Some(hash), app.now()))
}

/// Writes a new profile and, with it, `also`.
async fn write(app: &App, profile: Profile, also: Vec<Write>) -> Result<StoredProfile, ServiceError> {
    let id = profile.id;
    let no_person = || ServiceError::fault("registration", "a new customer has no person");
    let email = keys::email(&profile.person.as_ref().ok_or_else(no_person)?.email);
    let (key, listed) = (keys::profile(id), keys::customer_index_item(id));
    let mut writes = vec![
        Write::create(email.clone(), documents::body(&email, &id)?),
        Write::create(key.clone(), documents::body(&key, &profile)?),
        Write::create(listed.clone(), documents::body(&listed, &id)?),
        audit::record(app, id, Actor::Customer(id), "registered", json!({}))?,
    ];
    writes.extend(also);
    match app.table().transact(writes).await {
        Ok(versions) => {
            let version = versions.get(1).copied().flatten();
            let version =
                version.ok_or_else(|| StoreError::corrupt(&key, "the engine returned no version for a put"))?;
            Ok(StoredProfile { profile, version, key })
        }
        Err(StoreError::Conflict { write: 0 }) => Err(ServiceError::EmailTaken),
        Err(error) => Err(error.into()),
    }
}
