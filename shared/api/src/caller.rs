//! The caller of a request, from the authorizer's context only.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, header};
use domain::{CustomerId, Role};
use identity::authorization::{Authorized, Refusal};
use serde::Deserialize as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::problem::Problem;
use crate::problem_code::ProblemCode;

/// The challenge to a request whose token is not valid (RFC 6750, section 3.1).
const INVALID_TOKEN: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// The entry of the authorizer's context that states why there is no caller.
const REFUSED: &str = "refused";

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
    /// Reads the caller from the authorizer's context of a request, or why there is none. A context without a reason
    /// that lacks a customer, role or session counts as a request without a token.
    pub fn from_authorizer(context: &HashMap<String, Value>) -> Result<Self, Refusal> {
        if let Some(refusal) = context.get(REFUSED) {
            return Err(Refusal::deserialize(refusal).unwrap_or(Refusal::NoToken));
        }
        let text = |name: &str| context.get(name).and_then(Value::as_str).ok_or(Refusal::NoToken);
        Ok(Self {
            customer_id: CustomerId(Uuid::parse_str(text("customer_id")?).map_err(|_| Refusal::NoToken)?),
            role: text("role")?.parse().map_err(|_| Refusal::NoToken)?,
            session: text("session")?.to_owned(),
        })
    }

    /// The caller of a request with these extensions, or why there is none.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Self, Refusal> {
        let refusal = || extensions.get::<Refusal>().copied().unwrap_or(Refusal::NoToken);
        extensions.get::<Self>().ok_or_else(refusal)
    }
}

/// The authorizer's context of a request, which [`Caller::from_authorizer`] reads.
#[must_use]
pub fn context(outcome: Result<&Authorized, Refusal>) -> HashMap<String, Value> {
    match outcome {
        Ok(authorized) => HashMap::from([
            ("customer_id".to_owned(), authorized.customer_id.to_string().into()),
            ("role".to_owned(), authorized.role.as_str().into()),
            ("session".to_owned(), authorized.session.clone().into()),
        ]),
        Err(refusal) => HashMap::from([(REFUSED.to_owned(), json!(refusal))]),
    }
}

/// The response to a request without a caller.
pub(crate) fn unauthenticated(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoToken => Problem::new(
            ProblemCode::Unauthenticated,
            "The route requires a session. Sign in, and send the token as Authorization: Bearer TOKEN.",
        ),
        Refusal::UnknownToken => Problem::new(ProblemCode::Unauthenticated, "The token is unknown. Sign in again.")
            .with_header(header::WWW_AUTHENTICATE, INVALID_TOKEN),
        Refusal::SessionEnded => Problem::new(ProblemCode::SessionEnded, "The session has ended. Sign in again.")
            .with_header(header::WWW_AUTHENTICATE, INVALID_TOKEN),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.extensions).cloned().map_err(unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    fn authorized() -> Authorized {
        let customer_id = CustomerId(Uuid::from_u128(7));
        Authorized { customer_id, role: Role::Advisor, session: "ab12".to_owned() }
    }

    #[test]
    fn the_caller_is_read_back_from_the_authorizers_context() {
        let caller = Caller::from_authorizer(&context(Ok(&authorized()))).unwrap();
        assert_eq!(caller.customer_id, authorized().customer_id);
        assert_eq!((caller.role, caller.session.as_str()), (Role::Advisor, "ab12"));
    }

    #[test]
    fn the_refusal_is_read_back_from_the_authorizers_context() {
        for refusal in [Refusal::NoToken, Refusal::UnknownToken, Refusal::SessionEnded] {
            assert_eq!(Caller::from_authorizer(&context(Err(refusal))), Err(refusal));
        }
        let mut both = context(Ok(&authorized()));
        both.extend(context(Err(Refusal::SessionEnded)));
        assert_eq!(Caller::from_authorizer(&both), Err(Refusal::SessionEnded));
        both.insert(REFUSED.to_owned(), json!("for a later reason"));
        assert_eq!(Caller::from_authorizer(&both), Err(Refusal::NoToken));
    }

    #[test]
    fn an_incomplete_context_has_no_caller() {
        for part in ["customer_id", "role", "session"] {
            let mut context = context(Ok(&authorized()));
            context.insert(part.to_owned(), Value::from(7));
            assert_eq!(Caller::from_authorizer(&context), Err(Refusal::NoToken), "{part}");
            context.remove(part);
            assert_eq!(Caller::from_authorizer(&context), Err(Refusal::NoToken), "{part}");
        }
        assert_eq!(Caller::from_authorizer(&HashMap::new()), Err(Refusal::NoToken));
    }

    #[test]
    fn the_challenge_says_whether_a_token_was_sent_that_is_not_valid() {
        for (refusal, code, challenge) in [
            (Refusal::NoToken, "unauthenticated", "Bearer"),
            (Refusal::UnknownToken, "unauthenticated", "Bearer error=\"invalid_token\""),
            (Refusal::SessionEnded, "session_ended", "Bearer error=\"invalid_token\""),
        ] {
            let problem = unauthenticated(refusal);
            assert_eq!((problem.status, problem.code.as_str()), (401, code));
            let response = problem.into_response();
            let challenges: Vec<_> = response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect();
            assert_eq!(challenges, [challenge], "{refusal:?}");
        }
    }
}
