//! The routes of a template's HTTP API that have a throttle of their own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::API_TYPE;
use super::document::{Document, read};
use super::error::TemplateError;
use super::function::Function;
use crate::routes::RouteKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiProperties {
    #[serde(default)]
    route_settings: BTreeMap<String, Value>,
}

impl Document {
    /// Checks that each route with settings of its own is a route of a function.
    ///
    /// Errors: the first one that is none. API Gateway refuses it too, after all functions are deployed.
    pub(super) fn check_route_settings(&self, functions: &[Function]) -> Result<(), TemplateError> {
        for (resource, api) in self.resources.iter().filter(|(_, resource)| resource.kind == API_TYPE) {
            let properties: ApiProperties = read(resource, &api.properties)?;
            let unknown = properties.route_settings.into_keys().find(|key| !is_route(key, functions));
            if let Some(key) = unknown {
                let reason = format!("RouteSettings names {key}, which is not a route of a function");
                return Err(TemplateError::Properties { resource: resource.clone(), reason });
            }
        }
        Ok(())
    }
}

/// Whether a function has this route, written as API Gateway writes it: `POST /sessions`.
fn is_route(key: &str, functions: &[Function]) -> bool {
    let mut routes = functions.iter().flat_map(|function| &function.routes);
    routes.any(|route: &RouteKey| route.to_string() == key)
}
