//! Keys of new objects.

use domain::CustomerId;
use objects::ObjectKey;

use crate::ServiceError;

/// An unguessable key under the customer's part of `prefix`.
pub fn new_key(prefix: &str, customer: CustomerId, extension: &str) -> Result<ObjectKey, ServiceError> {
    ObjectKey::new(prefix, customer, rand::random(), extension)
        .map_err(|error| ServiceError::fault("object key", error))
}
