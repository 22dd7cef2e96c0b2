//! Query strings, read as strictly as bodies.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{FieldError, Problem};

/// The query of a request as `T`, whose fields are texts that the handler parses.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let text = rejection.body_text();
                let detail = text.rsplit_once(": ").map_or(text.as_str(), |(_, cause)| cause);
                Err(Problem::fields(vec![FieldError::new(format!("/{}", named_field(detail)), detail)]))
            }
        }
    }
}

/// The parameter that serde's message names between backticks, if it names one.
fn named_field(detail: &str) -> &str {
    detail.split('`').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Span {
        from: Option<String>,
    }

    async fn read(query: &str) -> Result<Span, Problem> {
        let (mut parts, ()) = Request::builder().uri(format!("/x?{query}")).body(()).unwrap().into_parts();
        Query::<Span>::from_request_parts(&mut parts, &()).await.map(|Query(span)| span)
    }

    #[tokio::test]
    async fn unknown_and_repeated_parameters_are_refused_by_name() {
        assert_eq!(read("from=2013-01-01").await.unwrap().from.as_deref(), Some("2013-01-01"));
        for (query, pointer) in [("form=1", "/form"), ("from=1&from=2", "/from")] {
            let problem = read(query).await.unwrap_err();
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, pointer));
        }
    }
}
