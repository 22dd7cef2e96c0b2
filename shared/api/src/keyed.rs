//! The body of a request that moves money, with its idempotency key or as a dry run.

use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::de::DeserializeOwned;

use crate::body::{MAX_BODY_BYTES, check_syntax, parse_fields, read, require_one_of};
use crate::command::{Command, DryRun};
use crate::idempotency_key::IdempotencyKey;
use crate::problem::Problem;

/// A JSON body of type `T`, and its `Idempotency-Key` unless it is a dry run.
///
/// An unreadable body is reported before a missing key, and a missing key before invalid fields.
#[derive(Debug)]
pub struct Keyed<T> {
    /// How it is executed.
    pub command: Command,
    /// The body.
    pub body: T,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let dry_run = DryRun::from_request_parts(&mut parts, state).await?;
        require_one_of(&parts.headers, &["application/json"])?;
        let key = IdempotencyKey::of(&parts.headers);
        let bytes = read(Request::from_parts(parts, body), MAX_BODY_BYTES).await?;
        check_syntax(&bytes)?;
        let command = Command::keyed(dry_run, key?)?;
        Ok(Self { command, body: parse_fields(&bytes)? })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct TestBody {
        amount: u32,
    }

    async fn sent(body: &str, content_type: &str, key: Option<&str>) -> Result<Keyed<TestBody>, Problem> {
        let request = Request::builder().header("content-type", content_type);
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        Keyed::from_request(request.body(Body::from(body.to_owned())).unwrap(), &()).await
    }

    #[tokio::test]
    async fn errors_are_reported_in_the_documented_order() {
        for (body, content_type, key, code) in [
            ("{", "text/plain", None, "unsupported_media_type"),
            ("{", "application/json", None, "malformed_json"),
            ("{\"x\": 1}", "application/json", None, "idempotency_key_required"),
            ("{\"x\": 1}", "application/json", Some("a b"), "invalid_idempotency_key"),
            ("{\"x\": 1}", "application/json", Some("k"), "invalid_fields"),
        ] {
            assert_eq!(sent(body, content_type, key).await.unwrap_err().code.as_str(), code, "{body} {key:?}");
        }
        let keyed = sent("{\"amount\": 7}", "application/json", Some("k")).await.unwrap();
        assert_eq!((keyed.command.key.as_deref(), keyed.body.amount), (Some("k"), 7));
    }
}
