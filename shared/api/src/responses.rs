//! The refusals of the API document, in sets that routes share.
//!
//! A route names in `responses(...)` the sets that apply to it, then the refusals of its own by status and description:
//! of two with the same status the later one stands. Neither names a body, since every refusal has a [`Problem`]:
//! [`document`] says so once for all of them.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ComponentsBuilder, ContentBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{PROBLEM_JSON, Problem};

/// Defines sets: the name of each, and what it says of each status.
macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident { $($status:literal => $description:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let refusals = [$(($status, $description)),+];
                refusals.map(|(status, said): (u16, &str)| (status.to_string(), Response::new(said).into())).into()
            }
        }
    )+};
}

sets! {
    /// Refusals of a route that takes a JSON body.
    StrictBody {
        400 => "Not JSON",
        415 => "A body that is not sent as JSON",
        422 => "Fields that cannot be used",
    }

    /// Refusal of a route that says how much it takes at most.
    BodyLimit {
        413 => "A body over 1 MiB",
    }

    /// Refusals of a POST that takes a body and an optional `Idempotency-Key`.
    IdempotentPost {
        400 => "Not JSON, or an unusable Idempotency-Key",
        415 => "A body that is not sent as JSON",
        422 => "Fields that cannot be used",
    }

    /// Refusals of a POST that moves money: a body and a required `Idempotency-Key`.
    MoneyMovement {
        400 => "Not JSON, or no usable Idempotency-Key",
        415 => "A body that is not sent as JSON",
        422 => "Fields that cannot be used, or a key of another request",
        423 => "The wallet is frozen",
        503 => "The store does not answer, or too many move money at once; nothing is half done",
    }

    /// Refusals of a body that is a merge patch, or JSON, beside an `If-Match`.
    MergePatchBody {
        400 => "Not JSON, or an unusable If-Match",
        415 => "A body that is not sent as JSON or a merge patch",
    }

    /// Refusals of a change that needs an `If-Match`.
    ConditionalChange {
        412 => "It has changed since",
        422 => "Fields that cannot be used",
        428 => "`If-Match` is missing",
    }

    /// Refusal of a change that takes an `If-Match` and needs none.
    OptionalCondition {
        412 => "It has changed since",
    }

    /// Refusal of a query.
    Parameters {
        422 => "A parameter that cannot be used",
    }

    /// Refusals of a list that comes in pages.
    List {
        400 => "A cursor of another list",
        422 => "A parameter that cannot be used",
    }

    /// Refusals of a route that names a symbol in its path.
    SymbolInPath {
        422 => "Not a symbol",
    }

    /// Refusals of a route on which a symbol may be new here.
    SymbolLookup {
        404 => "Unknown symbol",
        429 => "Ten symbols that were new here within a day, where few calls of the source are left; \
            `Retry-After` says when the next is taken",
    }

    /// Refusal of a route that makes sure of a symbol, if need be by the provider.
    KnownSymbol {
        503 => "The provider cannot say whether it knows the symbol",
    }

    /// Refusal of a route on the watchlist.
    WatchedSymbol {
        404 => "The caller does not watch it",
    }

    /// Refusals of a report or chart of a symbol, which may show a backtest.
    SymbolReport {
        404 => "Unknown symbol, or no such backtest of the caller",
        422 => "A parameter that cannot be used, a span without bars, or a symbol or span that is not that of the \
            backtest",
    }

    /// Refusals of a route that reads prices, if need be from the provider.
    PriceSource {
        503 => "The provider or the store does not answer",
    }

    /// Refusals of a route under a portfolio.
    OwnPortfolio {
        404 => "No such portfolio of the caller",
    }

    /// Refusal of a route under a portfolio that also names a symbol.
    OwnPortfolioAndSymbol {
        404 => "No such portfolio of the caller, or an unknown symbol",
    }

    /// Refusal of a route of one investment.
    OwnInvestment {
        404 => "No such portfolio or investment of the caller",
    }

    /// Refusal of a route of one alert.
    OwnAlert {
        404 => "No such alert of the caller",
    }

    /// Refusals of a route of administrators.
    Administration {
        403 => "The caller is no administrator",
    }

    /// Refusal of an administrator's route that names a customer.
    NamedCustomer {
        404 => "No such customer",
    }

    /// Refusal of a route that sets an e-mail address.
    NewEmail {
        409 => "A customer has this e-mail address",
    }

    /// Refusal of a route that sets a password.
    NewPassword {
        422 => "A password that is not taken",
    }

    /// Refusals of a route that checks the caller's password before it changes anything.
    PasswordCheck {
        429 => "Ten failed attempts within fifteen minutes",
        503 => "Passwords cannot be checked or kept for now (`hasher_unavailable`): nothing is changed, and it \
            counts as no attempt",
    }
}

/// A function's part of the API document, in which each refusal that names no body has a [`Problem`].
#[must_use]
pub fn document<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> OpenApi {
    let mut document = routes.split_for_parts().1;
    for operation in document.paths.paths.values_mut().flat_map(operations) {
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
            (status = 201, description = "Made"),
            responses::StrictBody,
            (status = 409, description = "Too late"),
            (status = 422, description = "Too many fields"),
            (status = 503, description = "Not well", body = u32),
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
    fn a_refusal_has_a_problem_whether_a_set_or_the_route_names_it() {
        let responses = responses_of_an_order();
        for status in ["400", "409", "415", "422"] {
            let schema = &responses[status]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{status}");
        }
    }

    #[test]
    fn what_is_no_refusal_or_names_a_body_of_its_own_stays_as_it_is() {
        let responses = responses_of_an_order();
        assert!(responses["201"].get("content").is_none(), "{responses}");
        assert!(responses["503"]["content"].get("application/problem+json").is_none(), "{responses}");
    }

    #[test]
    fn what_a_route_says_of_a_status_stands_before_what_its_sets_say() {
        let responses = responses_of_an_order();
        assert_eq!(responses["422"]["description"], "Too many fields");
        assert_eq!(responses["400"]["description"], "Not JSON");
    }
}
