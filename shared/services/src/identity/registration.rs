//! Becoming a customer.

use domain::{CustomerId, Role};
use serde_json::json;
use store::{StoreError, Write, documents, keys};

use super::audit::{self, Actor};
use super::password::{self, Password};
use super::profile::{Person, Profile, Stored};
use crate::App;
use crate::error::ServiceError;

/// Makes a client. Errors: [`ServiceError::EmailTaken`].
pub async fn register(app: &App, person: Person, password: Password) -> Result<Stored, ServiceError> {
    let password_hash = Some(password::hash(password).await?);
    let id = CustomerId(app.new_id());
    let now = app.now();
    let email = keys::email(&person.email);
    let profile = Profile {
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
        created_at: now,
        updated_at: now,
    };
    let key = keys::customer(id);
    let listed = keys::directory_customer(id);
    let writes = vec![
        Write::create(email.clone(), documents::body(&email, &id)?),
        Write::create(key.clone(), documents::body(&key, &profile)?),
        Write::create(listed.clone(), documents::body(&listed, &id)?),
        audit::record(app, id, Actor::Customer(id), "registered", json!({}))?,
    ];
    match app.table().transact(writes).await {
        Ok(versions) => {
            let version = versions.get(1).copied().flatten();
            let version = version.ok_or_else(|| StoreError::corrupt(&key, "the engine gave no version for a put"))?;
            Ok(Stored { profile, version })
        }
        Err(StoreError::Conflict { write: 0 }) => Err(ServiceError::EmailTaken),
        Err(error) => Err(error.into()),
    }
}
