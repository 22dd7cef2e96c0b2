//! The API document as the reference reads it.

use serde_json::Value;

use super::html::escape;
use crate::documented_routes::METHODS;

/// The most references that are followed from one place; a document without a circle has fewer.
const MAX_REFERENCES: usize = 8;

/// A text of a JSON object; empty if it has none of this name.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// The document.
pub(super) struct Document(Value);

/// An operation with its route.
pub(super) struct Operation<'a> {
    /// The method in lower case.
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) description: &'a Value,
}

impl Operation<'_> {
    pub(super) fn id(&self) -> &str {
        text(self.description, "operationId")
    }

    /// The method and the path, in HTML.
    pub(super) fn title(&self) -> String {
        let (method, name) = (self.method, self.method.to_uppercase());
        format!("<span class=\"method {method}\">{name}</span> <code>{}</code>", escape(self.path))
    }
}

impl Document {
    pub(super) fn parse(openapi_json: &str) -> Self {
        Self(serde_json::from_str(openapi_json).unwrap_or_default())
    }

    /// The value at a JSON pointer; null if there is none.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// What a value refers to; the value itself if it is no reference.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut found = value;
        for _ in 0..MAX_REFERENCES {
            let Some(pointer) = found["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) else { break };
            found = self.at(pointer);
        }
        found
    }

    /// The tags in the order of the document, then those that only operations name, each with its operations.
    pub(super) fn tags(&self) -> Vec<(&str, Vec<Operation<'_>>)> {
        let declared = self.at("/tags").as_array().into_iter().flatten().map(|tag| text(tag, "name"));
        let mut tags: Vec<(&str, Vec<_>)> = declared.map(|tag| (tag, Vec::new())).collect();
        for operation in self.operations() {
            let tag = operation.description["tags"][0].as_str().unwrap_or_default();
            match tags.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, operations)) => operations.push(operation),
                None => tags.push((tag, vec![operation])),
            }
        }
        tags.retain(|(_, operations)| !operations.is_empty());
        tags
    }

    pub(super) fn tag_description(&self, tag: &str) -> &str {
        let mut tags = self.at("/tags").as_array().into_iter().flatten();
        tags.find(|declared| text(declared, "name") == tag).map_or("", |declared| text(declared, "description"))
    }

    fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.at("/paths").as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let documented = METHODS.iter().filter_map(|method| Some((*method, item.get(*method)?)));
            documented.map(|(method, description)| Operation { method, path, description })
        })
    }
}
