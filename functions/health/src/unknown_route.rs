//! The response of `$default`: to a path or a method that no route has, and to a path with a trailing slash.

use api::policy::{ChosenRoute, answers_head};
use api::{Problem, ProblemCode};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::documented_routes::{DocumentedRoute, documented_route};

/// 405 for a method that the route does not have, 308 for a trailing slash, and else 404.
pub(crate) async fn refuse(request: Request) -> Response {
    let path = request.uri().path();
    if let Some(route) = documented_route(path).filter(|route| !route.has(request.method())) {
        return wrong_method(request.method(), route).into_response();
    }
    // `/docs/%3Fstyle.css` is a file to API Gateway and `/docs/` to the function: it is no path with a trailing slash.
    let chosen = request.extensions().get::<ChosenRoute>();
    let is_unrouted = chosen.is_none_or(|chosen| chosen.route_key == "$default");
    redirect(request.uri()).filter(|_| is_unrouted).unwrap_or_else(|| {
        let detail = "The route does not exist. GET /openapi.json lists all routes.";
        Problem::new(ProblemCode::RouteNotFound, detail).into_response()
    })
}

/// The layer that answers a preflight to a route with 204.
pub(crate) async fn answer_preflight(request: Request, next: Next) -> Response {
    if is_preflight(request.method(), request.headers()) && documented_route(request.uri().path()).is_some() {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

/// Whether a browser asks by this request if a page may send another one (Fetch standard, section 3.3.3).
fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// 308 to the same path without its trailing slashes, if that has a route.
///
/// The target is a path of this host: it matches a route of the document, and all of those begin with one slash and a
/// name, so that `//host/` redirects to no other host.
fn redirect(uri: &Uri) -> Option<Response> {
    let path = uri.path().strip_suffix('/')?.trim_end_matches('/');
    documented_route(path)?;
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let location = HeaderValue::from_str(&target).ok()?;
    Some((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response())
}

fn wrong_method(method: &Method, route: &DocumentedRoute) -> Problem {
    let allowed = if answers_head(&route.path) { format!("{}, HEAD", route.methods) } else { route.methods.clone() };
    let detail = format!("The route does not support {method}. It supports {allowed}.");
    let problem = Problem::new(ProblemCode::MethodNotAllowed, detail);
    match HeaderValue::from_str(&allowed) {
        Ok(value) => problem.with_header(header::ALLOW, value),
        Err(_) => problem,
    }
}
