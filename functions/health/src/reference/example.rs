//! Examples: a value of a schema, and a request for curl.

use serde_json::{Map, Value, json};

use super::document::{Document, Operation, text};
use super::schema::example;

/// How deep an example goes; a schema that contains itself ends there.
const MAX_DEPTH: usize = 8;

/// An example of a schema's values: its own if it has one, and else one that is made of those of its parts. Of an
/// object, the required fields.
pub(super) fn value(document: &Document, schema: &Value, depth: usize) -> Value {
    let schema = document.resolve(schema);
    if let Some(example) = example(schema).or_else(|| schema.get("const")).or_else(|| schema["enum"].get(0)) {
        return example.clone();
    }
    if depth >= MAX_DEPTH {
        return Value::Null;
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(|part| value(document, part, depth + 1));
        let fields = parts.filter_map(|part| part.as_object().cloned()).flatten();
        return Value::Object(fields.collect());
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[choice].as_array() {
            let chosen = parts.iter().find(|part| part["type"] != "null").unwrap_or(&Value::Null);
            return value(document, chosen, depth + 1);
        }
    }
    match type_of(schema) {
        "object" => object(document, schema, depth),
        "array" => json!([value(document, &schema["items"], depth + 1)]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        "string" => json!(text_in_format(schema)),
        _ => Value::Null,
    }
}

/// The first type of a schema that is not null.
fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or_default(),
        one => one.as_str().unwrap_or_default(),
    }
}

fn object(document: &Document, schema: &Value, depth: usize) -> Value {
    let Some(fields) = schema["properties"].as_object() else { return json!({}) };
    let is_required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let mut shown: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| is_required(name))
        .map(|(name, field)| (name.clone(), value(document, field, depth + 1)))
        .collect();
    // A change of an object requires none of its fields.
    if shown.is_empty()
        && let Some((name, field)) = fields.iter().find(|(_, field)| example(document.resolve(field)).is_some())
    {
        shown.insert(name.clone(), value(document, field, depth + 1));
    }
    Value::Object(shown)
}

fn text_in_format(schema: &Value) -> &'static str {
    match schema["format"].as_str() {
        Some("date") => "2013-03-01",
        Some("date-time") => "2026-11-20T15:00:00.000Z",
        Some("uuid") => "0193a1c2-5b7e-7d2a-9f4e-3c1d2e3f4a5b",
        Some("email") => "ada@example.com",
        Some("password") => "correct horse battery",
        _ => "text",
    }
}

/// A request for the shell.
pub(super) fn curl(document: &Document, operation: &Operation<'_>, is_public: bool) -> String {
    let parameters = parameters(document, operation);
    let of = |place: &'static str| parameters.iter().filter(move |parameter| text(parameter, "in") == place);
    let mut path = operation.path.to_owned();
    for parameter in of("path") {
        let name = text(parameter, "name");
        path = path.replace(&format!("{{{name}}}"), &path_value(document, parameter));
    }
    let required = of("query").filter(|parameter| parameter["required"] == true);
    let query: Vec<_> = required
        .map(|parameter| format!("{}={}", text(parameter, "name"), plain(&parameter_value(document, parameter))))
        .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let method =
        if operation.method == "get" { String::new() } else { format!(" -X {}", operation.method.to_uppercase()) };
    let mut lines = vec![format!("curl{method} \"$URL{path}{query}\"")];
    if !is_public {
        lines.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
    }
    for parameter in of("header") {
        match text(parameter, "name") {
            "Idempotency-Key" => lines.push("-H \"Idempotency-Key: $(uuidgen)\"".to_owned()),
            "If-Match" => lines.push("-H 'If-Match: \"1\"'".to_owned()),
            _ => {}
        }
    }
    lines.extend(body(document, operation));
    lines.join(" \\\n  ")
}

/// The parameters of an operation.
pub(super) fn parameters<'a>(document: &'a Document, operation: &Operation<'a>) -> Vec<&'a Value> {
    let parameters = operation.description["parameters"].as_array().into_iter().flatten();
    parameters.map(|parameter| document.resolve(parameter)).collect()
}

fn parameter_value(document: &Document, parameter: &Value) -> Value {
    example(parameter).cloned().unwrap_or_else(|| value(document, &parameter["schema"], 0))
}

/// An id is a variable of the shell, because no example of one exists on any platform.
fn path_value(document: &Document, parameter: &Value) -> String {
    let name = text(parameter, "name");
    if name == "id" || name.ends_with("_id") {
        format!("${}", name.to_uppercase())
    } else {
        plain(&parameter_value(document, parameter))
    }
}

fn body(document: &Document, operation: &Operation<'_>) -> Vec<String> {
    let content = document.resolve(&operation.description["requestBody"])["content"].as_object();
    let Some((media_type, content)) = content.and_then(|content| content.iter().next()) else { return Vec::new() };
    let header = format!("-H 'Content-Type: {media_type}'");
    if !media_type.contains("json") {
        return vec![header, "--data-binary @file".to_owned()];
    }
    let sent = example(content).cloned().unwrap_or_else(|| value(document, &content["schema"], 0));
    vec![header, format!("-d '{}'", sent.to_string().replace('\'', r"'\''"))]
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
