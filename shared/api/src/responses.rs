//! The error responses of the API document, in sets that routes share.
//!
//! A route lists in `responses(...)` the sets that apply to it, then its own errors by status and description. For the
//! same status the later one applies. Neither has a body: [`document`] adds a [`Problem`] to every error.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ComponentsBuilder, ContentBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{PROBLEM_JSON, Problem};
use crate::schemas;

/// Defines sets: the name of each, and a description for each status.
macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident { $($status:literal => $description:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let errors = [$(($status, $description)),+];
                errors.map(|(status, text): (u16, &str)| (status.to_string(), Response::new(text).into())).into()
            }
        }
    )+};
}

sets! {
    /// Errors of a route with a JSON body.
    StrictBody {
        400 => "The body is not JSON",
        415 => "The body is not sent as JSON",
        422 => "At least one field is invalid",
    }

    /// Error of a route that documents its limit.
    BodyLimit {
        413 => "The body is larger than 1 MiB",
    }

    /// Errors of a POST with a body and an optional `Idempotency-Key`.
    IdempotentPost {
        400 => "The body is not JSON, or the `Idempotency-Key` is invalid",
        415 => "The body is not sent as JSON",
        422 => "At least one field is invalid",
    }

    /// Errors of a POST that moves money, with a body and a required `Idempotency-Key`.
    MoneyMovement {
        400 => "The body is not JSON, or the `Idempotency-Key` is missing or invalid",
        415 => "The body is not sent as JSON",
        422 => "Invalid fields, or a key that was used for a different request",
        423 => "The wallet is frozen",
        503 => "The store is not available, or too many requests move money concurrently; the request took effect completely or not at all",
    }

    /// Errors of a merge patch with an `If-Match`.
    MergePatchBody {
        400 => "The body is not JSON, or `If-Match` is invalid",
        415 => "The body is not sent as JSON or a merge patch",
    }

    /// Errors of a change that needs an `If-Match`.
    ConditionalChange {
        412 => "The object has changed since the version in `If-Match`",
        422 => "At least one field is invalid",
        428 => "`If-Match` is missing",
    }

    /// Error of a change with an optional `If-Match`.
    OptionalCondition {
        412 => "The object has changed since the version in `If-Match`",
    }

    /// Error of a query.
    Parameters {
        422 => "At least one parameter is invalid",
    }

    /// Errors of a list with pages.
    List {
        400 => "The cursor belongs to another list",
        422 => "At least one parameter is invalid",
    }

    /// Error of a route with a symbol in its path.
    SymbolInPath {
        422 => "The symbol is invalid",
    }

    /// Errors of a route that may request a symbol which is new to the platform.
    SymbolLookup {
        404 => "The symbol is unknown",
        429 => "The caller requested ten new symbols within a day, and the source has few calls left; `Retry-After` has \
            the seconds to wait",
    }

    /// Error of a route that checks a symbol, if necessary with the provider.
    KnownSymbol {
        503 => "The provider cannot check the symbol for now",
    }

    /// Error of a route on the watchlist.
    WatchedSymbol {
        404 => "The symbol is not on the caller's watchlist",
    }

    /// Errors of a report or chart of a symbol, which may show a backtest.
    SymbolReport {
        404 => "Unknown symbol, or the caller has no such backtest",
        422 => "Invalid parameters, a period without bars, or another symbol or period than that of the backtest",
    }

    /// Error of a route that reads prices, if necessary from the provider.
    PriceSource {
        503 => "The provider or the store is not available",
    }

    /// Error of a route under a portfolio.
    OwnPortfolio {
        404 => "The caller has no such portfolio",
    }

    /// Error of a route under a portfolio with a symbol.
    OwnPortfolioAndSymbol {
        404 => "The caller has no such portfolio, or the symbol is unknown",
    }

    /// Error of a route for one investment.
    OwnInvestment {
        404 => "The caller has no such portfolio or investment",
    }

    /// Error of a route for one activity.
    OwnActivity {
        404 => "The caller has no such portfolio or activity",
    }

    /// Error of a route for one backtest.
    OwnBacktest {
        404 => "The caller has no such backtest",
    }

    /// Error of a route for one custom instrument.
    OwnCustomInstrument {
        404 => "The caller has no such custom instrument",
    }

    /// Error of a route for one alert.
    OwnAlert {
        404 => "The caller has no such alert",
    }

    /// Error of a route for administrators.
    Administration {
        403 => "The caller is not an administrator",
    }

    /// Error of an administrator's route for one customer.
    NamedCustomer {
        404 => "The customer does not exist",
    }

    /// Error of a route that sets an e-mail address.
    NewEmail {
        409 => "Another customer already uses the e-mail address",
    }

    /// Error of a route that sets a password.
    NewPassword {
        422 => "The new password is refused",
    }

    /// Errors of a route that checks the caller's password before it changes anything.
    PasswordCheck {
        429 => "Ten failed attempts within fifteen minutes",
        503 => "Passwords cannot be checked or hashed for now (`hasher_unavailable`); nothing is changed, and no attempt \
            is counted",
    }
}

/// A function's part of the API document, in which every error without a body gets a [`Problem`].
#[must_use]
pub fn document<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> OpenApi {
    let mut document = routes.split_for_parts().1;
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        schemas::complete_parameters(operation);
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with(['4', '5'])
                && response.content.is_empty()
            {
                let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
                response.content.insert(PROBLEM_JSON.to_owned(), problem.build().into());
            }
        }
    }
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    let components = ComponentsBuilder::new().schemas_from_iter(schemas).schema_from::<Problem>().build();
    document.merge(OpenApiBuilder::new().components(Some(components)).build());
    if let Some(components) = &mut document.components {
        schemas::complete_schemas(&mut components.schemas);
    }
    document
}

/// The operations of a path.
fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa_axum::routes;

    use super::*;
    use crate::responses;

    #[utoipa::path(
        post,
        path = "/orders",
        responses(
            (status = 201, description = "Created"),
            responses::StrictBody,
            (status = 409, description = "Too late"),
            (status = 422, description = "Too many fields"),
            (status = 503, description = "Degraded", body = u32),
        )
    )]
    async fn order() {}

    fn responses_of_an_order() -> Value {
        let document = document(OpenApiRouter::<()>::new().routes(routes!(order)));
        let document: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
        assert!(document["components"]["schemas"]["FieldError"].is_object(), "{document}");
        document["paths"]["/orders"]["post"]["responses"].clone()
    }

    #[test]
    fn an_error_of_a_set_or_a_route_has_a_problem() {
        let responses = responses_of_an_order();
        for status in ["400", "409", "415", "422"] {
            let schema = &responses[status]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{status}");
        }
    }

    #[test]
    fn a_success_or_an_error_with_its_own_body_is_unchanged() {
        let responses = responses_of_an_order();
        assert!(responses["201"].get("content").is_none(), "{responses}");
        assert!(responses["503"]["content"].get("application/problem+json").is_none(), "{responses}");
    }

    #[test]
    fn the_description_of_a_route_overrides_that_of_a_set() {
        let responses = responses_of_an_order();
        assert_eq!(responses["422"]["description"], "Too many fields");
        assert_eq!(responses["400"]["description"], "The body is not JSON");
    }
}
