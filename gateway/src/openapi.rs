//! The API document of the whole platform, put together from the functions' parts.

use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

use crate::registry::{FUNCTIONS, Handler};

const DESCRIPTION: &str = "Prices, backtests, forecasts and reports. Refusals are application/problem+json (RFC 9457).";

/// The document as it is kept in openapi.json.
pub fn document() -> anyhow::Result<String> {
    let info = InfoBuilder::new().title("Sextant").version(env!("CARGO_PKG_VERSION")).description(Some(DESCRIPTION));
    let license = LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build();
    let mut document: OpenApi = OpenApiBuilder::new().info(info.license(Some(license)).build()).build();
    for function in FUNCTIONS {
        if let Handler::Http { openapi, .. } = function.handler {
            document.merge(openapi());
        }
    }
    Ok(document.to_pretty_json()? + "\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::routes::RouteKey;
    use crate::template::{PROJECT_TEMPLATE, Template};

    #[test]
    fn the_committed_document_is_the_one_the_code_makes() {
        let committed = include_str!("../../openapi.json");
        assert!(committed == document().unwrap(), "openapi.json is out of date: run `make openapi`");
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
