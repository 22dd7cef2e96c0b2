//! The caller of a request, from the authorizer's context only.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::{CustomerId, Role};
use identity::authorization::Authorized;
use serde_json::Value;
use uuid::Uuid;

use crate::problem::Problem;
use crate::problem_code::ProblemCode;

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The customer.
    pub customer_id: CustomerId,
    /// Their role.
    pub role: Role,
    /// Hash of the token, which identifies the session.
    pub session: String,
}

impl Caller {
    /// Reads the authorizer's context of a request; `None` if it lacks a customer, role or session.
    #[must_use]
    pub(crate) fn from_authorizer(context: &HashMap<String, Value>) -> Option<Self> {
        let text = |name: &str| context.get(name)?.as_str();
        Some(Self {
            customer_id: CustomerId(Uuid::parse_str(text("customer_id")?).ok()?),
            role: text("role")?.parse().ok()?,
            session: text("session")?.to_owned(),
        })
    }
}

/// The authorizer's context of a request, which `Caller::from_authorizer` reads.
#[must_use]
pub fn context(authorized: &Authorized) -> HashMap<String, Value> {
    HashMap::from([
        ("customer_id".to_owned(), authorized.customer_id.to_string().into()),
        ("role".to_owned(), authorized.role.as_str().into()),
        ("session".to_owned(), authorized.session.clone().into()),
    ])
}

/// The refusal of a request without a caller.
pub(crate) fn unauthenticated() -> Problem {
    Problem::new(
        ProblemCode::Unauthenticated,
        "The route needs a caller. Sign in and send the token as Authorization: Bearer TOKEN.",
    )
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorized() -> Authorized {
        let customer_id = CustomerId(Uuid::from_u128(7));
        Authorized { customer_id, role: Role::Advisor, session: "ab12".to_owned() }
    }

    #[test]
    fn the_caller_is_read_back_from_the_authorizers_context() {
        let caller = Caller::from_authorizer(&context(&authorized())).unwrap();
        assert_eq!(caller.customer_id, authorized().customer_id);
        assert_eq!((caller.role, caller.session.as_str()), (Role::Advisor, "ab12"));
    }

    #[test]
    fn an_incomplete_context_has_no_caller() {
        for part in ["customer_id", "role", "session"] {
            let mut context = context(&authorized());
            context.insert(part.to_owned(), Value::from(7));
            assert_eq!(Caller::from_authorizer(&context), None, "{part}");
            context.remove(part);
            assert_eq!(Caller::from_authorizer(&context), None, "{part}");
        }
        assert_eq!(Caller::from_authorizer(&HashMap::new()), None);
    }
}
