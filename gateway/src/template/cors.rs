//! The CORS settings of a template's HTTP API.

use serde::Deserialize;
use serde_json::Value;

use super::document::{Document, read};
use super::error::TemplateError;
use super::{API_TYPE, CorsSettings};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiProperties {
    cors_configuration: Option<Conditional>,
}

/// Settings that there are only where the template's condition holds: where origins are allowed. Which those are is a
/// setting of the gateway, like every other parameter.
#[derive(Deserialize)]
struct Conditional {
    #[serde(rename = "Fn::If")]
    choice: (String, CorsSettings, Value),
}

impl Document {
    /// The settings for allowed origins; `None` if the template's API has none.
    pub(super) fn cors(&self) -> Result<Option<CorsSettings>, TemplateError> {
        let Some((resource, api)) = self.resources.iter().find(|(_, resource)| resource.kind == API_TYPE) else {
            return Ok(None);
        };
        let properties: ApiProperties = read(resource, &api.properties)?;
        Ok(properties.cors_configuration.map(|conditional| conditional.choice.1))
    }
}
