//! The rate limits: the one list of the routes that have one. The middleware enforces those by customer before a handler
//! runs; the handlers of the two public routes enforce those by source address.
//!
//! A request counts against a limit by customer if its caller is authorized, whether it succeeds or is refused: finding
//! out that a file or a symbol cannot be used is part of the work, and a client that sends the same wrong request in a
//! loop is what a limit is for. It does not count if it was answered from a stored response, was refused by another
//! limit, or failed for a reason of ours (5xx).

use app::App;
use app::limited_by_customer::{self, LimitedRequest};
use app::limited_by_source::LimitedAction;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::replayed::Replayed;
use crate::source::with_rate_limit;

/// The rate limit of a route. Its responses have `RateLimit` and `RateLimit-Policy`, unless it is switched off. Beyond it
/// the response is 429 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// By source address, on a public route.
    BySource(LimitedAction),
    /// By customer.
    ByCustomer(LimitedRequest),
}

/// Every route with a rate limit. Routes with the same kind of request share one limit.
///
/// The charts of a report have none: they are computed from stored prices, are stored nowhere, and may be cached.
pub const LIMITS: &[(&str, Limit)] = &[
    ("POST /backtest", Limit::ByCustomer(LimitedRequest::Backtest)),
    ("POST /customers", Limit::BySource(LimitedAction::Registration)),
    ("POST /customers/email-verification/confirm", Limit::BySource(LimitedAction::EmailConfirmation)),
    ("GET /customers/me/export", Limit::ByCustomer(LimitedRequest::Export)),
    ("POST /customers/password-reset", Limit::BySource(LimitedAction::PasswordReset)),
    ("GET /portfolios/{id}/activities/export", Limit::ByCustomer(LimitedRequest::Export)),
    ("GET /portfolios/{id}/investments/export", Limit::ByCustomer(LimitedRequest::Export)),
    ("POST /portfolios/{id}/investments/import", Limit::ByCustomer(LimitedRequest::Import)),
    ("GET /report/{symbol}", Limit::ByCustomer(LimitedRequest::Report)),
    ("POST /sessions", Limit::BySource(LimitedAction::SignIn)),
];

/// The rate limit of this route, written `GET /backtest/{id}`.
#[must_use]
pub fn limit_of(route: &str) -> Option<Limit> {
    LIMITS.iter().find(|(limited, _)| *limited == route).map(|(_, limit)| *limit)
}

/// The layer that counts the requests of a customer and refuses those beyond the limit of their route.
pub(crate) async fn enforce(State(app): State<App>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().map(|caller| caller.customer_id);
    let Some((customer, limited)) = caller.zip(limited_request(&request)) else { return next.run(request).await };
    let (done, rate_limit) = limited_by_customer::run(&app, limited, customer, next.run(request), counts).await;
    with_rate_limit(done.map_err(Problem::from), rate_limit)
}

fn limited_request(request: &Request) -> Option<LimitedRequest> {
    let path = request.extensions().get::<MatchedPath>()?;
    match limit_of(&format!("{} {}", request.method(), path.as_str()))? {
        Limit::ByCustomer(limited) => Some(limited),
        Limit::BySource(_) => None,
    }
}

/// Whether a request with this response counts.
fn counts(response: &Response) -> bool {
    let (replayed, _) = Replayed::HEADER;
    !response.status().is_server_error()
        && response.status() != StatusCode::TOO_MANY_REQUESTS
        && !response.headers().contains_key(replayed)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;
    use crate::policy::Access;

    #[test]
    fn limits_by_source_are_on_public_routes_and_limits_by_customer_on_others() {
        for (route, limit) in LIMITS {
            let access = Access::of(route);
            assert!(access.is_some(), "{route} does not exist");
            assert_eq!(matches!(limit, Limit::BySource(_)), access == Some(Access::Public), "{route}");
        }
    }

    #[test]
    fn a_request_counts_unless_it_was_replayed_or_refused_by_another_limit_or_failed_for_a_reason_of_ours() {
        for (status, replayed, expected) in [
            (200, false, true),
            (201, false, true),
            (201, true, false),
            (303, false, true),
            (404, false, true),
            (422, false, true),
            (429, false, false),
            (500, false, false),
            (503, false, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(counts(&(status, Replayed(replayed), "").into_response()), expected, "{status} {replayed}");
        }
    }

    #[test]
    fn no_route_has_two_limits() {
        assert!(LIMITS.iter().all(|(route, limit)| limit_of(route) == Some(*limit)));
        assert_eq!(limit_of("GET /report/{symbol}/chart.svg"), None);
    }
}
