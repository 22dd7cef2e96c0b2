//! Schemas: what kind of value it is, what it must satisfy, and its fields.

use serde_json::{Map, Value};

use super::document::text;
use super::html::{code, definition, definitions, escape, prose, quiet};

/// What a schema says about its values beyond their type: the words before the value, and those after it.
const CONSTRAINTS: [(&str, &str, &str); 10] = [
    ("minimum", "at least", ""),
    ("exclusiveMinimum", "above", ""),
    ("maximum", "at most", ""),
    ("exclusiveMaximum", "below", ""),
    ("minLength", "at least", " characters"),
    ("maxLength", "at most", " characters"),
    ("minItems", "at least", " items"),
    ("maxItems", "at most", " items"),
    ("pattern", "pattern", ""),
    ("default", "default", ""),
];

/// A schema of the document with its anchor.
pub(super) fn article(name: &str, schema: &Value) -> String {
    let id = anchor(name);
    let name = escape(name);
    let description = prose(text(schema, "description"));
    format!("<article id=\"{id}\">\n<h3><a href=\"#{id}\">{name}</a></h3>\n{description}{}</article>\n", body(schema))
}

/// The kind of the values of a schema, with links to the schemas that it refers to.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("<a href=\"#{}\">{}</a>", anchor(name), escape(name));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(literal).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return literal(value);
    }
    for (combination, word) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        if let Some(parts) = schema[combination].as_array() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(word);
        }
    }
    let types: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let described: Vec<_> = types.iter().map(|name| kind_of_type(name, schema)).collect();
    if described.is_empty() { "any JSON value".to_owned() } else { described.join(" or ") }
}

fn kind_of_type(name: &str, schema: &Value) -> String {
    match (name, schema["format"].as_str()) {
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        ("object", _) if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        ("string", Some(format)) => format!("string ({})", escape(format)),
        _ => escape(name),
    }
}

/// What the values satisfy, and an example.
pub(super) fn constraints(schema: &Value) -> String {
    let stated = CONSTRAINTS.iter().filter_map(|(keyword, before, after)| {
        let value = schema.get(*keyword)?;
        Some(format!("{before} {}{after}", literal(value)))
    });
    let example = example(schema).map(|value| format!("for example {}", literal(value)));
    quiet(&stated.chain(example).collect::<Vec<_>>().join(", "))
}

/// The example of a schema, if it has one.
pub(super) fn example(schema: &Value) -> Option<&Value> {
    schema.get("example").or_else(|| schema["examples"].get(0))
}

/// The description, constraints and fields of a value inside another one.
pub(super) fn details(schema: &Value) -> String {
    format!("{}{}{}", prose(description(schema)), constraints(schema), inner_fields(schema))
}

/// The description of a schema, or of the one that is not null.
fn description(schema: &Value) -> &str {
    let own = text(schema, "description");
    let parts = schema["oneOf"].as_array().into_iter().flatten();
    if own.is_empty() {
        parts.map(|part| text(part, "description")).find(|text| !text.is_empty()).unwrap_or("")
    } else {
        own
    }
}

/// The fields of an object that has no name of its own: the value, its items, or the values of a map.
fn inner_fields(schema: &Value) -> String {
    let inside = [schema, &schema["items"], &schema["additionalProperties"]];
    let fields = inside.iter().find_map(|schema| schema["properties"].as_object().map(|fields| (fields, *schema)));
    fields.map_or_else(String::new, |(fields, schema)| format!("<dl>\n{}</dl>\n", rows(fields, schema)))
}

fn rows(fields: &Map<String, Value>, schema: &Value) -> String {
    let is_required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let row = |(name, field): (&String, &Value)| {
        let required = if is_required(name) { ", required" } else { "" };
        definition(name, &format!("{}{required}", kind(field)), &details(field))
    };
    fields.iter().map(row).collect()
}

/// All of a schema but its description.
fn body(schema: &Value) -> String {
    if let Some(fields) = schema["properties"].as_object() {
        return definitions("Fields", &rows(fields, schema));
    }
    for (combination, heading) in [("allOf", "All of"), ("oneOf", "One of"), ("anyOf", "Any of")] {
        if let Some(parts) = schema[combination].as_array() {
            let parts: String = parts.iter().map(variant).collect();
            return format!("<h4>{heading}</h4>\n{parts}");
        }
    }
    let names = format!("<p>{}</p>\n", kind(schema));
    format!("{names}{}", constraints(schema))
}

fn variant(schema: &Value) -> String {
    let fields = schema["properties"].as_object().map(|fields| format!("<dl>\n{}</dl>\n", rows(fields, schema)));
    let kind = if fields.is_some() { String::new() } else { format!("<p>{}</p>\n", kind(schema)) };
    let description = prose(text(schema, "description"));
    format!("<div class=\"variant\">\n{kind}{description}{}</div>\n", fields.unwrap_or_default())
}

/// The anchor of a schema of the document.
fn anchor(name: &str) -> String {
    format!("schema-{}", escape(name))
}

/// A JSON value as code; a text without its quotes.
fn literal(value: &Value) -> String {
    code(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str())
}
