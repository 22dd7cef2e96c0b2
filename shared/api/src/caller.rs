//! Who is asking: what the authorizer says of the request, and nothing else.

use std::collections::HashMap;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use domain::{CustomerId, Role};
use serde_json::Value;
use services::identity::authorization::Authorized;
use uuid::Uuid;

use crate::door::RequestId;
use crate::policy::Chosen;
use crate::problem::Problem;
use crate::source::SourceIp;

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The customer.
    pub customer_id: CustomerId,
    /// What they may do.
    pub role: Role,
    /// Hash of the token that speaks for them, by which their session is known.
    pub session: String,
}

impl Caller {
    /// Reads the authorizer's context of a request; `None` where it names no customer, role and session.
    #[must_use]
    pub fn from_authorizer(context: &HashMap<String, Value>) -> Option<Self> {
        let text = |name: &str| context.get(name)?.as_str();
        Some(Self {
            customer_id: CustomerId(Uuid::parse_str(text("customer_id")?).ok()?),
            role: text("role")?.parse().ok()?,
            session: text("session")?.to_owned(),
        })
    }
}

/// The authorizer's context of a request: what [`Caller::from_authorizer`] reads.
#[must_use]
pub fn context(authorized: &Authorized) -> HashMap<String, Value> {
    HashMap::from([
        ("customer_id".to_owned(), authorized.customer_id.to_string().into()),
        ("role".to_owned(), authorized.role.as_str().into()),
        ("session".to_owned(), authorized.session.clone().into()),
    ])
}

/// What a request's event says beside the request itself.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// The caller that the authorizer named; without one, what needs a caller is refused.
    pub caller: Option<Caller>,
    /// The id of the request; without one the door makes an id.
    pub request_id: Option<String>,
    /// The route that API Gateway chose; without one every route is refused.
    pub chosen: Option<Chosen>,
    /// The address that API Gateway saw the request come from.
    pub source_ip: Option<IpAddr>,
}

/// Puts what the door, the policy and handlers read of a request's event beside the request.
pub fn admit(extensions: &mut Extensions, admission: Admission) {
    let Admission { caller, request_id, chosen, source_ip } = admission;
    if let Some(address) = source_ip {
        extensions.insert(SourceIp(address));
    }
    if let Some(caller) = caller {
        extensions.insert(caller);
    }
    if let Some(id) = request_id {
        extensions.insert(RequestId(id));
    }
    if let Some(chosen) = chosen {
        extensions.insert(chosen);
    }
}

/// The refusal of a request that names nobody.
pub(crate) fn unauthenticated() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "the request names no customer")
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
    fn a_context_that_lacks_a_part_names_nobody() {
        for part in ["customer_id", "role", "session"] {
            let mut context = context(&authorized());
            context.insert(part.to_owned(), Value::from(7));
            assert_eq!(Caller::from_authorizer(&context), None, "{part}");
            context.remove(part);
            assert_eq!(Caller::from_authorizer(&context), None, "{part}");
        }
        let mut extensions = Extensions::new();
        let caller = Caller::from_authorizer(&HashMap::new());
        admit(&mut extensions, Admission { caller, request_id: Some("r-1".to_owned()), ..Admission::default() });
        assert!(extensions.get::<Caller>().is_none() && extensions.get::<Chosen>().is_none());
        assert_eq!(extensions.get::<RequestId>().unwrap().0, "r-1");
    }
}
