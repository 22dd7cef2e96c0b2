//! Query strings, parsed as strictly as bodies.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use crate::problem::{FieldError, Problem};

/// The most unknown or repeated parameters that a problem lists.
const MAX_FAULTS_LISTED: usize = 20;

/// The query of a request as `T`, whose fields are strings that the handler parses.
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
                Err(Problem::fields(vec![FieldError::of_parameter(named_field(detail), detail)]))
            }
        }
    }
}

/// The parameter in backticks in serde's message, if any.
fn named_field(detail: &str) -> &str {
    detail.split('`').nth(1).unwrap_or_default()
}

/// The query parameters of every route of a function, from its part of the API document.
#[derive(Debug)]
pub(crate) struct KnownParameters(HashMap<String, HashSet<String>>);

impl KnownParameters {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ] {
                known.extend(operation.as_ref().map(|operation| (format!("{method} {path}"), names(operation))));
            }
        }
        Self(known)
    }

    /// Refuses parameters that the route does not have, and those that are sent more than once: no route takes a list of
    /// them. An undocumented route checks its own parameters.
    fn check(&self, route: &str, uri: &Uri) -> Result<(), Problem> {
        let Some(known) = self.0.get(route) else { return Ok(()) };
        let sent = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        let sent = sent.map(|axum::extract::Query(sent)| sent).unwrap_or_default();
        let mut seen = HashSet::new();
        let faults = sent.iter().filter_map(|(name, _)| match (known.contains(name), seen.insert(name)) {
            (true, true) => None,
            (true, false) => Some(FieldError::of_parameter(name, "is sent more than once")),
            (false, _) => Some(FieldError::of_parameter(name, "is not a parameter of this route")),
        });
        let errors: Vec<_> = faults.take(MAX_FAULTS_LISTED).collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) }
    }
}

fn names(operation: &Operation) -> HashSet<String> {
    let parameters = operation.parameters.iter().flatten();
    let of_query = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    of_query.collect()
}

/// The layer that refuses unknown and repeated query parameters before the handler runs.
pub(crate) async fn refuse_unknown(
    State(known): State<Arc<KnownParameters>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let checked = match route.filter(|_| request.uri().query().is_some()) {
        Some(path) => {
            // The handler of GET also handles HEAD.
            let method = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
            known.check(&format!("{method} {path}"), request.uri())
        }
        None => Ok(()),
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;
    use utoipa::openapi::HttpMethod;
    use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, PathItem, Paths};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Span {
        from: Option<String>,
    }

    #[test]
    fn a_route_accepts_only_its_documented_parameters_each_once() {
        let operation = |name: &str| {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
            OperationBuilder::new().parameter(parameter).build()
        };
        let items = Paths::builder()
            .path("/x/{id}", PathItem::new(HttpMethod::Post, operation("dry_run")))
            .path("/y", PathItem::new(HttpMethod::Get, Operation::new()));
        let known = KnownParameters::of(&OpenApi::builder().paths(items).build());
        for (route, query, unknown) in [
            ("POST /x/{id}", "dry_run=true", None),
            ("POST /x/{id}", "%64ry_run=true", None),
            ("POST /x/{id}", "dry_run=true&id=7", Some("/id")),
            ("POST /x/{id}", "dry-run=true", Some("/dry-run")),
            ("POST /x/{id}", "a/b~c=1", Some("/a~1b~0c")),
            ("POST /x/{id}", "dry_run=true&dry%5Frun=true", Some("/dry_run")),
            ("GET /y", "", None),
            ("GET /y", "x", Some("/x")),
            ("GET /undocumented", "x", None),
        ] {
            let uri = format!("/z?{query}").parse().unwrap();
            let refused = known.check(route, &uri).err().map(|problem| problem.errors[0].pointer.clone());
            assert_eq!(refused.as_deref(), unknown, "{route}?{query}");
        }
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
