//! The access policy: the one list of who may call which route. The middleware enforces it before a handler runs. A
//! route that is not listed is refused.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::Role;
use identity::authorization::Refusal;
use percent_encoding::percent_decode_str;

use crate::body::{MAX_BODY_BYTES, MAX_FILE_BYTES};
use crate::caller::{Caller, unauthenticated};
use crate::problem::Problem;
use crate::problem_code::ProblemCode;

/// The route that API Gateway chose for a request, and the path of that request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenRoute {
    /// The route as API Gateway writes it: `GET /backtest/{id}`, or `$default`.
    pub route_key: String,
    /// The event's `rawPath`.
    pub path: String,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// All clients, without a token; the template says so too.
    Public,
    /// Every customer, for their own objects. Those of others do not exist for them.
    Own,
    /// Every customer, for shared data such as prices.
    SignedIn,
    /// Administrators.
    Administrators,
}

/// Every route and who may call it, in the order of the paths.
pub const POLICIES: &[(&str, Access)] = &[
    ("GET /", Access::Public),
    ("GET /alerts", Access::Own),
    ("POST /alerts", Access::Own),
    ("GET /alerts/{id}", Access::Own),
    ("DELETE /alerts/{id}", Access::Own),
    ("GET /alerts/{id}/history", Access::Own),
    ("GET /backtest", Access::Own),
    ("POST /backtest", Access::Own),
    ("POST /backtest/check", Access::SignedIn),
    ("GET /backtest/{id}", Access::Own),
    ("PATCH /backtest/{id}", Access::Own),
    ("DELETE /backtest/{id}", Access::Own),
    ("GET /customers", Access::Administrators),
    ("POST /customers", Access::Public),
    ("POST /customers/email-verification", Access::Own),
    ("POST /customers/email-verification/confirm", Access::Public),
    ("GET /customers/me", Access::Own),
    ("PATCH /customers/me", Access::Own),
    ("POST /customers/me/erasure", Access::Own),
    ("GET /customers/me/export", Access::Own),
    ("GET /customers/me/overview", Access::Own),
    ("PUT /customers/me/password", Access::Own),
    ("PUT /customers/password", Access::Public),
    ("POST /customers/password-reset", Access::Public),
    ("GET /customers/{id}", Access::Administrators),
    ("PATCH /customers/{id}", Access::Administrators),
    ("GET /docs", Access::Public),
    ("GET /docs/{file}", Access::Public),
    ("GET /fetch-data/{symbol}", Access::SignedIn),
    ("GET /health", Access::Public),
    ("GET /openapi.json", Access::Public),
    ("GET /instruments", Access::SignedIn),
    ("POST /instruments", Access::Own),
    ("GET /instruments/{symbol}", Access::SignedIn),
    ("PATCH /instruments/{symbol}", Access::Own),
    ("DELETE /instruments/{symbol}", Access::Own),
    ("PUT /instruments/{symbol}/prices", Access::Own),
    ("POST /live-tickets", Access::Own),
    ("GET /operations", Access::Own),
    ("GET /portfolios", Access::Own),
    ("POST /portfolios", Access::Own),
    ("GET /portfolios/{id}", Access::Own),
    ("PATCH /portfolios/{id}", Access::Own),
    ("DELETE /portfolios/{id}", Access::Own),
    ("GET /portfolios/{id}/activities", Access::Own),
    ("POST /portfolios/{id}/activities", Access::Own),
    ("GET /portfolios/{id}/activities/export", Access::Own),
    ("GET /portfolios/{id}/activities/{activity_id}", Access::Own),
    ("PATCH /portfolios/{id}/activities/{activity_id}", Access::Own),
    ("DELETE /portfolios/{id}/activities/{activity_id}", Access::Own),
    ("GET /portfolios/{id}/activities/{activity_id}/versions", Access::Own),
    ("GET /portfolios/{id}/cash", Access::Own),
    ("GET /portfolios/{id}/gains", Access::Own),
    ("GET /portfolios/{id}/holdings", Access::Own),
    ("GET /portfolios/{id}/investments", Access::Own),
    ("POST /portfolios/{id}/investments", Access::Own),
    ("GET /portfolios/{id}/investments/export", Access::Own),
    ("POST /portfolios/{id}/investments/import", Access::Own),
    ("GET /portfolios/{id}/investments/{investment_id}", Access::Own),
    ("PATCH /portfolios/{id}/investments/{investment_id}", Access::Own),
    ("DELETE /portfolios/{id}/investments/{investment_id}", Access::Own),
    ("GET /portfolios/{id}/trades", Access::Own),
    ("POST /portfolios/{id}/trades", Access::Own),
    ("GET /portfolios/{id}/trades/{trade_id}", Access::Own),
    ("GET /portfolios/{id}/performance", Access::Own),
    ("GET /predict/{symbol}", Access::SignedIn),
    ("GET /predict/{symbol}/history", Access::SignedIn),
    ("GET /quotes", Access::SignedIn),
    ("GET /report/{symbol}", Access::Own),
    ("GET /report/{symbol}/chart.svg", Access::Own),
    ("GET /sessions", Access::Own),
    ("POST /sessions", Access::Public),
    ("DELETE /sessions", Access::Own),
    ("DELETE /sessions/current", Access::Own),
    ("GET /sessions/{id}", Access::Own),
    ("GET /wallet", Access::Own),
    ("POST /wallet/deposits", Access::Own),
    ("GET /wallet/entries", Access::Own),
    ("GET /wallet/entries/{id}", Access::Own),
    ("POST /wallet/entries/{id}/reversal", Access::Administrators),
    ("POST /wallet/withdrawals", Access::Own),
    ("GET /watchlist", Access::Own),
    ("GET /watchlist/{symbol}", Access::Own),
    ("PUT /watchlist/{symbol}", Access::Own),
    ("DELETE /watchlist/{symbol}", Access::Own),
];

/// The routes with a file as their body.
const FILE_ROUTES: &[&str] = &["POST /portfolios/{id}/investments/import"];

/// The routes whose response holds a secret that grants access.
const SECRET_ROUTES: &[&str] = &["POST /live-tickets", "POST /sessions"];

/// The paths that answer HEAD, because probes send it. API Gateway has no route for it and passes it to `$default`.
const PROBED_PATHS: &[&str] = &["/", "/docs", "/health", "/openapi.json"];

/// The largest body of a route, in bytes. The route is written `GET /backtest/{id}`.
#[must_use]
pub fn max_body_bytes(route: &str) -> usize {
    if takes_file(route) { MAX_FILE_BYTES } else { MAX_BODY_BYTES }
}

/// Whether the body of a route is a file. The route is written `GET /backtest/{id}`.
pub(crate) fn takes_file(route: &str) -> bool {
    FILE_ROUTES.contains(&route)
}

/// Whether the response of a route holds a secret that grants access. It must not be compressed: the length of a
/// compressed response can give away a secret beside which it repeats what the client sent (the attack BREACH).
#[must_use]
pub fn responds_with_secret(route: &str) -> bool {
    SECRET_ROUTES.contains(&route)
}

/// Whether a path, such as `/backtest/{id}`, answers HEAD as it answers GET, without the body.
#[must_use]
pub fn answers_head(path: &str) -> bool {
    PROBED_PATHS.contains(&path)
}

impl ChosenRoute {
    /// Whether the matched route, with this path template, is the chosen one, with the same path. `$default`, which has
    /// no caller, stands for any route.
    ///
    /// API Gateway decodes a path before a function gets it. The function parses the decoded path as a URL, which ends
    /// at a `?` or `#` and may have dot segments. So the two may see different paths, and the caller was authorized for
    /// the first.
    fn is_matched_by(&self, request: &Request, template: &str) -> bool {
        let is_route = self.route_key == "$default"
            || self.route_key.split_once(' ').is_some_and(|(method, chosen)| {
                chosen == template && (method == request.method().as_str() || method == "ANY")
            });
        is_route && percent_decode_str(&self.path).eq(percent_decode_str(request.uri().path()))
    }
}

impl Access {
    /// Who may call this route, written `GET /backtest/{id}`.
    #[must_use]
    pub fn of(route: &str) -> Option<Self> {
        POLICIES.iter().find(|(key, _)| *key == route).map(|(_, access)| *access)
    }

    /// Checks the caller, or refuses a request that has none.
    fn admits(self, caller: Result<&Caller, Refusal>) -> Result<(), Problem> {
        match (self, caller) {
            (Self::Public, _) | (Self::Own | Self::SignedIn, Ok(_)) => Ok(()),
            (Self::Own | Self::SignedIn | Self::Administrators, Err(refusal)) => Err(unauthenticated(refusal)),
            (Self::Administrators, Ok(caller)) if caller.role == Role::Administrator => Ok(()),
            (Self::Administrators, Ok(_)) => Err(forbidden("Only administrators may call this route.")),
        }
    }
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(ProblemCode::Forbidden, detail)
}

/// The refusal of a method that is not listed for this path, or of a path that is not listed.
fn unlisted(path: &str) -> Problem {
    let listed = POLICIES.iter().filter_map(|(route, _)| route.split_once(' ')).filter(|(_, listed)| *listed == path);
    let head = answers_head(path).then_some("HEAD");
    let methods: Vec<_> = listed.map(|(method, _)| method).chain(head).collect();
    if methods.is_empty() {
        return forbidden("The route is not accessible.");
    }
    let problem = Problem::new(ProblemCode::MethodNotAllowed, "The route does not support this method.");
    match HeaderValue::from_str(&methods.join(", ")) {
        Ok(allow) => problem.with_header(header::ALLOW, allow),
        Err(_) => problem,
    }
}

/// The layer that enforces the policy, and the route that API Gateway chose.
pub(crate) async fn enforce(request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        // No route matched: the fallback responds.
        return next.run(request).await;
    };
    let method = match *request.method() {
        // The handler of GET also handles HEAD.
        Method::HEAD if answers_head(path.as_str()) => "GET",
        ref method => method.as_str(),
    };
    // API Gateway passes PATCH /customers/password on as PATCH /customers/{id}: the method is refused before the route.
    let Some(access) = Access::of(&format!("{method} {}", path.as_str())) else {
        return unlisted(path.as_str()).into_response();
    };
    let chosen = request.extensions().get::<ChosenRoute>();
    if !chosen.is_some_and(|chosen| chosen.is_matched_by(&request, path.as_str())) {
        return Problem::new(ProblemCode::RouteNotFound, "The route does not exist.").into_response();
    }
    match access.admits(Caller::of(request.extensions())) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use domain::CustomerId;
    use tower::ServiceExt as _;
    use uuid::Uuid;

    use super::*;

    async fn status(route: &str, role: Option<Role>) -> u16 {
        let path = route.split_once(' ').unwrap().1;
        status_on(route, Some((route, path)), role).await
    }

    /// The status of a request for which API Gateway chose this route and path.
    async fn status_on(route: &str, chosen: Option<(&str, &str)>, role: Option<Role>) -> u16 {
        let router = Router::new()
            .route("/customers", get(|| async { "" }).post(|| async { "" }))
            .route("/backtest", get(|| async { "" }))
            .route("/health", get(|| async { "" }))
            .route("/unlisted", get(|| async { "" }))
            .layer(axum::middleware::from_fn(enforce));
        let (method, path) = route.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        if let Some((route_key, path)) = chosen {
            request.extensions_mut().insert(ChosenRoute { route_key: route_key.to_owned(), path: path.to_owned() });
        }
        if let Some(role) = role {
            let customer_id = CustomerId(Uuid::from_u128(7));
            request.extensions_mut().insert(Caller { customer_id, role, session: String::new() });
        }
        router.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn the_policy_is_enforced_before_the_handler() {
        for (route, role, expected) in [
            ("POST /customers", None, 200),
            ("GET /customers", None, 401),
            ("GET /customers", Some(Role::Client), 403),
            ("GET /customers", Some(Role::Advisor), 403),
            ("GET /customers", Some(Role::Administrator), 200),
            ("GET /backtest", None, 401),
            ("GET /backtest", Some(Role::Client), 200),
        ] {
            assert_eq!(status(route, role).await, expected, "{route} as {role:?}");
        }
    }

    #[tokio::test]
    async fn a_route_without_a_policy_is_refused() {
        assert_eq!(status("GET /unlisted", Some(Role::Administrator)).await, 403);
        assert_eq!(status("DELETE /customers", Some(Role::Client)).await, 405, "another method of a listed path");
        assert_eq!(status("HEAD /customers", Some(Role::Administrator)).await, 405, "no probe asks for it");
        assert_eq!(status("HEAD /health", None).await, 200, "HEAD has the policy of GET");
        assert_eq!(status("GET /nowhere", None).await, 404);
    }

    #[tokio::test]
    async fn a_request_that_matches_another_route_than_the_chosen_one_is_not_found() {
        let administrator = Some(Role::Administrator);
        for (chosen, expected) in [
            (Some(("GET /customers", "/customers")), 200),
            (Some(("ANY /customers", "/customers")), 200),
            (Some(("$default", "/customers")), 200),
            (Some(("GET /customers", "/c%75stomers")), 200),
            (Some(("POST /customers", "/customers")), 404),
            (Some(("GET /customers/{id}", "/customers")), 404),
            (Some(("GET /backtest", "/customers")), 404),
            (Some(("HEAD /customers", "/customers")), 404),
            (Some(("", "/customers")), 404),
            (Some(("GET /customers", "/customers?")), 404),
            (Some(("GET /customers", "/backtest/../customers")), 404),
            (Some(("$default", "/customers#")), 404),
            (None, 404),
        ] {
            assert_eq!(status_on("GET /customers", chosen, administrator).await, expected, "{chosen:?}");
        }
        let of_an_id = Some(("DELETE /{id}", "/customers"));
        assert_eq!(status_on("DELETE /customers", of_an_id, administrator).await, 405, "the path has other methods");
        assert_eq!(status_on("HEAD /health", Some(("GET /health", "/health")), None).await, 404);
    }

    #[test]
    fn file_routes_are_listed_and_accept_larger_bodies() {
        assert!(FILE_ROUTES.iter().all(|route| Access::of(route).is_some() && max_body_bytes(route) == 4 << 20));
        let others = POLICIES.iter().filter(|(route, _)| max_body_bytes(route) != 4 << 20);
        assert!(others.clone().all(|(route, _)| max_body_bytes(route) == 1 << 20));
        assert_eq!(others.count() + FILE_ROUTES.len(), POLICIES.len());
    }

    #[test]
    fn routes_with_secrets_and_paths_of_probes_are_listed() {
        assert!(SECRET_ROUTES.iter().all(|route| Access::of(route).is_some()));
        assert!(PROBED_PATHS.iter().all(|path| Access::of(&format!("GET {path}")) == Some(Access::Public)));
    }

    #[test]
    fn no_route_is_listed_twice() {
        let routes: BTreeSet<_> = POLICIES.iter().map(|(route, _)| route).collect();
        assert_eq!(routes.len(), POLICIES.len());
    }
}
