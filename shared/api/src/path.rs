//! Path parameters as domain types.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::Symbol;
use uuid::Uuid;

use crate::problem::{FieldError, Problem};
use crate::problem_code::ProblemCode;

/// The symbol at the end of a path.
#[derive(Debug)]
pub struct SymbolPath(pub Symbol);

impl<S: Send + Sync> FromRequestParts<S> for SymbolPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::fields(vec![FieldError::new("/symbol", "must be valid UTF-8")]))?;
        text.parse()
            .map(Self)
            .map_err(|error: domain::SymbolError| Problem::fields(vec![FieldError::new("/symbol", error.to_string())]))
    }
}

/// Parses an id in a parameter.
pub fn id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(text).map_err(|_| "must be a UUID")
}

/// The id at the end of a path. Anything but a UUID is a 404.
#[derive(Debug)]
pub struct IdPath(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for IdPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(ProblemCode::NotFound, "No object has this id.");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| missing())?;
        Uuid::parse_str(&text).map(Self).map_err(|_| missing())
    }
}

/// The two ids of a path: an object and another that belongs to it.
#[derive(Debug)]
pub struct IdPairPath(pub Uuid, pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for IdPairPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(ProblemCode::NotFound, "No object has this id.");
        let Path((outer, inner)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| missing())?;
        match (Uuid::parse_str(&outer), Uuid::parse_str(&inner)) {
            (Ok(outer), Ok(inner)) => Ok(Self(outer, inner)),
            _ => Err(missing()),
        }
    }
}
