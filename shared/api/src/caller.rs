//! Who is asking: what the authorizer says of the request, and nothing else.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::CustomerId;
use serde_json::Value;
use uuid::Uuid;

use crate::problem::Problem;

/// The customer that all requests belong to as long as there are no identities.
const SINGLE_CUSTOMER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

/// The caller of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The customer.
    pub customer_id: CustomerId,
}

impl Caller {
    /// Reads the authorizer's context of a request; `None` where it names no customer.
    #[must_use]
    pub fn from_authorizer(context: &HashMap<String, Value>) -> Option<Self> {
        let id = context.get("customer_id")?.as_str()?;
        Some(Self { customer_id: CustomerId(Uuid::parse_str(id).ok()?) })
    }
}

/// The authorizer's context of the one customer there is until identities exist.
#[must_use]
pub fn single_customer_context() -> HashMap<String, Value> {
    HashMap::from([("customer_id".to_owned(), Value::String(SINGLE_CUSTOMER.to_string()))])
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "the request names no customer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_single_customer_is_read_back_from_its_own_context() {
        let caller = Caller::from_authorizer(&single_customer_context()).unwrap();
        assert_eq!(caller.customer_id.0, SINGLE_CUSTOMER);
    }

    #[test]
    fn a_context_without_a_customer_names_nobody() {
        assert_eq!(Caller::from_authorizer(&HashMap::new()), None);
        let odd = HashMap::from([("customer_id".to_owned(), Value::from(7))]);
        assert_eq!(Caller::from_authorizer(&odd), None);
    }
}
