//! The parts of a template that are read, in their YAML form.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::TemplateError;

#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(rename = "Parameters", default)]
    pub(super) parameters: BTreeMap<String, Parameter>,
    #[serde(rename = "Globals", default)]
    pub(super) globals: Globals,
    #[serde(rename = "Resources")]
    pub(super) resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameter {
    pub(super) default: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Globals {
    pub(super) function: GlobalFunction,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct GlobalFunction {
    pub(super) timeout: Option<u64>,
    pub(super) memory_size: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(rename = "Properties", default)]
    pub(super) properties: Value,
}

/// A text in the template: a literal or a reference to a parameter.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Literal(String),
    Reference {
        #[serde(rename = "Ref")]
        name: String,
    },
}

impl Document {
    /// The value of a text; for a reference, the parameter's default.
    pub(super) fn text(&self, resource: &str, text: &Text) -> Result<String, TemplateError> {
        match text {
            Text::Literal(text) => Ok(text.clone()),
            Text::Reference { name } => {
                let default = self.parameters.get(name).and_then(|parameter| parameter.default.as_ref());
                default
                    .and_then(Value::as_str)
                    .map(str::to_owned)
                    .ok_or_else(|| TemplateError::Reference { resource: resource.to_owned(), name: name.clone() })
            }
        }
    }
}

/// The properties of a resource.
pub(super) fn read<T: serde::de::DeserializeOwned>(resource: &str, value: &Value) -> Result<T, TemplateError> {
    T::deserialize(value)
        .map_err(|error| TemplateError::Properties { resource: resource.to_owned(), reason: error.to_string() })
}
