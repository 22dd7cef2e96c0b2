//! How a request that moves money or lots is executed: once per idempotency key, or as a dry run.

use app::Platform;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::fields::Fields;
use crate::idempotency_key::IdempotencyKey;
use crate::problem::Problem;
use crate::query::Query;

/// The query of a request that can be a dry run. Other parameters are those of its route: the middleware refuses the
/// unknown ones.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRunQuery {
    /// `true`: respond with the effect of the request, and change nothing.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

/// Whether a request is a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DryRun(pub bool);

impl DryRun {
    /// Parses the parameter `dry_run`: `true` or `false` (default).
    pub fn parse(given: Option<&str>) -> Result<Self, &'static str> {
        match given {
            None | Some("false") => Ok(Self(false)),
            Some("true") => Ok(Self(true)),
            Some(_) => Err("must be true or false"),
        }
    }

    /// The platform that executes the request.
    #[must_use]
    pub fn on<P: Platform>(self, platform: &P) -> P {
        if self.0 { platform.dry_run() } else { platform.clone() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DryRun {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::<DryRunQuery>::from_request_parts(parts, state).await?;
        let mut fields = Fields::default();
        let dry_run = fields.take("dry_run", Self::parse(query.dry_run.as_deref()));
        fields.finish(dry_run)
    }
}

/// How a request is executed: once per idempotency key, or as a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The idempotency key; a dry run has none, because it uses none.
    pub key: Option<String>,
    /// Whether it is a dry run.
    pub dry_run: DryRun,
}

impl Command {
    /// A command with an optional key.
    #[must_use]
    pub fn new(dry_run: DryRun, IdempotencyKey(key): IdempotencyKey) -> Self {
        Self { key: key.filter(|_| !dry_run.0), dry_run }
    }

    /// A command that moves money, which needs a key unless it is a dry run.
    pub fn keyed(dry_run: DryRun, key: IdempotencyKey) -> Result<Self, Problem> {
        if dry_run.0 { Ok(Self::new(dry_run, key)) } else { Ok(Self { key: Some(key.required()?), dry_run }) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Command {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let dry_run = DryRun::from_request_parts(parts, state).await?;
        Self::keyed(dry_run, IdempotencyKey::of(&parts.headers)?)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn command(query: &str, key: Option<&str>) -> Result<Command, Problem> {
        let request = Request::builder().uri(format!("/x{query}"));
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        Command::from_request_parts(&mut request.body(()).unwrap().into_parts().0, &()).await
    }

    #[tokio::test]
    async fn a_dry_run_needs_no_key_and_uses_none() {
        for key in [None, Some("k")] {
            assert_eq!(command("?dry_run=true", key).await.unwrap(), Command { key: None, dry_run: DryRun(true) });
        }
        for query in ["", "?dry_run=false"] {
            assert_eq!(command(query, Some("k")).await.unwrap().key.as_deref(), Some("k"));
            assert_eq!(command(query, None).await.unwrap_err().code.as_str(), "idempotency_key_required");
        }
    }

    #[tokio::test]
    async fn a_dry_run_that_is_neither_true_nor_false_is_refused() {
        for query in ["?dry_run=", "?dry_run", "?dry_run=1", "?dry_run=TRUE", "?dry_run=true&dry_run=true"] {
            let problem = command(query, Some("k")).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_fields"), "{query}");
        }
    }
}
