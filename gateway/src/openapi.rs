//! The API document of the whole platform, put together from the functions' parts.

mod examples;
mod responses;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

use crate::registry::{FUNCTIONS, Handler};

const DESCRIPTION: &str = "Prices, backtests, forecasts and reports; customers with a wallet and portfolios on a \
    double-entry ledger. Send the token of your session as `Authorization: Bearer TOKEN`. Without a token, \
    and with one that is unknown or whose session has ended, the response is 401. Errors are application/problem+json \
    (RFC 9457).";
/// The name of the security scheme: the token of a session.
const SESSION: &str = "session";
/// The parts of the document, in the order in which they are written.
const PARTS: &[&str] = &["openapi", "info", "servers", "tags", "security", "paths", "components"];

/// The groups of operations: the name of each, and what it is for.
const TAGS: &[(&str, &str)] = &[
    ("customers", "Registration, the caller's profile and password, and the administration of customers."),
    ("sessions", "Signing in and out, and tickets for live connections."),
    ("wallet", "The caller's cash: balances, deposits, withdrawals and the ledger."),
    ("portfolios", "Portfolios with their investments, holdings and performance."),
    ("activities", "The history of accounts elsewhere: purchases, sales, transfers, adjustments and splits."),
    ("trades", "Orders that buy and sell against the wallet."),
    ("instruments", "Instruments, their last prices, and custom instruments with valuations of their own."),
    ("fetch-data", "Daily, weekly and monthly bars of a symbol."),
    ("backtest", "Trading rules, run over the past prices of a symbol."),
    ("predict", "Forecasts of prices, and how accurate earlier ones were."),
    ("report", "Reports on a symbol as JSON, charts and PDF."),
    ("watch", "The watchlist and price alerts."),
    ("health", "The state of the platform, and this document."),
];

/// The document as it is stored in openapi.json.
///
/// Errors: two functions bring different schemas of one name.
pub fn document() -> anyhow::Result<String> {
    let info = InfoBuilder::new().title("Sextant").version(env!("CARGO_PKG_VERSION")).description(Some(DESCRIPTION));
    let license = LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of a session.")).build();
    let token = SecurityScheme::Http(token);
    let components = ComponentsBuilder::new().security_scheme(SESSION, token).build();
    let security = [SecurityRequirement::new(SESSION, Vec::<String>::new())];
    let tags = TAGS.iter().map(|(name, text)| TagBuilder::new().name(*name).description(Some(*text)).build());
    let server = ServerBuilder::new().url("/").description(Some("The server that sends this document.")).build();
    let local = ServerBuilder::new().url("http://127.0.0.1:8080").description(Some("A local gateway.")).build();
    let document = OpenApiBuilder::new().info(info.license(Some(license)).build()).components(Some(components));
    let document = document.servers(Some([server, local])).tags(Some(tags));
    let mut document: OpenApi = document.security(Some(security)).build();
    for function in FUNCTIONS {
        if let Handler::Http { openapi, .. } = function.handler {
            merge(&mut document, openapi(), function.name)?;
        }
    }
    let mut document = serde_json::to_value(&document)?;
    responses::complete(&mut document);
    examples::complete(&mut document)?;
    Ok(serde_json::to_string_pretty(&InOrder(&document))? + "\n")
}

/// Adds a function's part. The merge of utoipa keeps one of two schemas with the same name, so they must be equal.
fn merge(document: &mut OpenApi, part: OpenApi, function: &str) -> anyhow::Result<()> {
    let known = document.components.iter().flat_map(|components| &components.schemas);
    let known: BTreeMap<_, _> = known.collect();
    for (name, schema) in part.components.iter().flat_map(|components| &components.schemas) {
        let is_other = known.get(name).is_some_and(|known| *known != schema);
        anyhow::ensure!(!is_other, "the function {function} and another one have different schemas called {name}");
    }
    document.merge(part);
    Ok(())
}

/// A document whose parts are written in the order in which people read them.
struct InOrder<'a>(&'a Value);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.0.as_object().into_iter().flatten();
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by_key(|(name, _)| PARTS.iter().position(|part| part == name));
        serializer.collect_map(parts)
    }
}

#[cfg(test)]
mod rules;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::RouteKey;
    use crate::template::{PROJECT_TEMPLATE, Template};

    #[test]
    fn two_functions_with_different_schemas_of_one_name_make_no_document() {
        let part = |schema: utoipa::openapi::schema::Type| {
            let schema = utoipa::openapi::ObjectBuilder::new().schema_type(schema).build();
            let components = ComponentsBuilder::new().schema("Side", schema).build();
            OpenApiBuilder::new().components(Some(components)).build()
        };
        let mut document = part(utoipa::openapi::schema::Type::String);
        merge(&mut document, part(utoipa::openapi::schema::Type::String), "trades").unwrap();
        let error = merge(&mut document, part(utoipa::openapi::schema::Type::Integer), "report").unwrap_err();
        assert!(error.to_string().contains("Side"), "{error}");
    }

    #[test]
    fn the_committed_document_is_the_one_the_code_makes() {
        let committed = include_str!("../../openapi.json");
        assert!(committed == document().unwrap(), "openapi.json is out of date: run `make openapi`");
    }

    #[test]
    fn a_route_needs_a_token_in_the_document_exactly_where_the_policy_says_so() {
        let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
        assert!(document["security"][0]["session"].is_array());
        for (route, access) in api::policy::POLICIES {
            let (method, path) = route.split_once(' ').unwrap();
            let open = &document["paths"][path][method.to_lowercase()]["security"];
            let public =
                open.as_array().is_some_and(|schemes| schemes.iter().all(|scheme| scheme == &serde_json::json!({})));
            assert_eq!(public, *access == api::policy::Access::Public, "{route}: {open}");
        }
    }

    #[test]
    fn the_document_and_the_template_have_the_same_routes() {
        let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys().filter(|key| key.as_str() != "parameters") {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        let template = Template::parse(PROJECT_TEMPLATE).unwrap();
        let routes = template.functions.iter().flat_map(|function| &function.routes);
        let routed = routes.filter(|key| **key != RouteKey::Default).map(ToString::to_string).collect();
        assert_eq!(documented, routed);
    }
}
