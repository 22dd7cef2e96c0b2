//! Examples of request bodies and responses: `examples.json`, by the names of their schemas.

use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// The examples.
const EXAMPLES: &str = include_str!("examples.json");

/// Adds each example to its schema. Errors: an example of an unknown schema.
pub(super) fn complete(document: &mut Value) -> anyhow::Result<()> {
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES)?;
    for (name, example) in examples {
        let schema = document["components"]["schemas"].get_mut(&name).and_then(Value::as_object_mut);
        let schema = schema.with_context(|| format!("examples.json has an example of {name}, which is no schema"))?;
        schema.insert("examples".to_owned(), json!([example]));
    }
    Ok(())
}
