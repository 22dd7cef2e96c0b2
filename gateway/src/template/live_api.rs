//! The WebSocket API of a template.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::{Document, read};
use super::error::TemplateError;
use super::{AliasArn, LiveApi};

const LIVE_API_TYPE: &str = "AWS::Serverless::WebSocketApi";
/// The routes of the WebSocket API. Messages do not select routes: the function reads them.
const ROUTES: [&str; 3] = ["$connect", "$default", "$disconnect"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LiveApiProperties {
    stage_name: String,
    routes: BTreeMap<String, LiveRoute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LiveRoute {
    function_arn: AliasArn,
}

impl Document {
    /// The template's WebSocket API, whose routes all lead to one function.
    pub(super) fn live_api(&self) -> Result<Option<LiveApi>, TemplateError> {
        let mut apis = self.resources.iter().filter(|(_, resource)| resource.kind == LIVE_API_TYPE);
        let Some((resource, api)) = apis.next() else { return Ok(None) };
        let refusal =
            |reason: &str| TemplateError::Properties { resource: resource.clone(), reason: reason.to_owned() };
        if apis.next().is_some() {
            return Err(refusal("a template has one WebSocket API"));
        }
        let properties: LiveApiProperties = read(resource, &api.properties)?;
        if !properties.routes.keys().map(String::as_str).eq(ROUTES) {
            return Err(refusal("its routes are not $connect, $default and $disconnect"));
        }
        let mut functions = Vec::new();
        for route in properties.routes.values() {
            let function = self.function_named(&route.function_arn)?;
            functions.push(function.ok_or_else(|| refusal("a route leads to no function of the template"))?);
        }
        functions.dedup();
        match functions.as_slice() {
            [function] => Ok(Some(LiveApi { stage: properties.stage_name, function: function.clone() })),
            _ => Err(refusal("its routes lead to several functions")),
        }
    }
}
