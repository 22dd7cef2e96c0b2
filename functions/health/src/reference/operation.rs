//! One operation.

use serde_json::Value;

use super::document::{Document, Operation, text};
use super::example;
use super::html::{code, definition, definitions, escape, inline, prose, quiet};
use super::schema::{constraints, details, kind};

/// An operation with its anchor: what it does, takes and responds, and an example.
pub(super) fn article(document: &Document, operation: &Operation<'_>) -> String {
    let described = operation.description;
    let (id, title) = (escape(operation.id()), operation.title());
    let summary = inline(text(described, "summary"));
    let description = prose(text(described, "description"));
    let access = if is_public(described) { "Public: it needs no token." } else { "It needs a token." };
    let curl = escape(&example::curl(document, operation, is_public(described)));
    format!(
        "<article id=\"{id}\">\n<h3><a href=\"#{id}\">{title}</a></h3>\n<p class=\"summary\">{summary}</p>\n{description}\
         <p class=\"quiet\">{access}</p>\n<pre><code>{curl}</code></pre>\n{}{}{}</article>\n",
        parameters(document, operation),
        request_body(document, described),
        responses(document, described),
    )
}

/// Whether each of the operation's own security requirements is empty.
fn is_public(operation: &Value) -> bool {
    let requirements = operation["security"].as_array();
    requirements.is_some_and(|all| all.iter().all(|one| one.as_object().is_some_and(serde_json::Map::is_empty)))
}

fn parameters(document: &Document, operation: &Operation<'_>) -> String {
    let parameters = example::parameters(document, operation).into_iter().map(|parameter| {
        let schema = &parameter["schema"];
        let required = if parameter["required"] == true { ", required" } else { "" };
        let kind = format!("{}, in the {}{required}", kind(schema), escape(text(parameter, "in")));
        let description = format!("{}{}", prose(text(parameter, "description")), constraints(schema));
        definition(text(parameter, "name"), &kind, &description)
    });
    definitions("Parameters", &parameters.collect::<String>())
}

fn request_body(document: &Document, operation: &Value) -> String {
    let body = document.resolve(&operation["requestBody"]);
    let contents = contents(body);
    if contents.is_empty() {
        return String::new();
    }
    format!("<h4>Body</h4>\n{}<dl>\n{contents}</dl>\n", prose(text(body, "description")))
}

fn responses(document: &Document, operation: &Value) -> String {
    let responses = operation["responses"].as_object().into_iter().flatten().map(|(status, response)| {
        let response = document.resolve(response);
        let headers: Vec<_> =
            response["headers"].as_object().into_iter().flatten().map(|(name, _)| code(name)).collect();
        let headers = if headers.is_empty() { String::new() } else { format!("with {}", headers.join(", ")) };
        let contents = if is_error(status) { String::new() } else { contents(response) };
        let contents = if contents.is_empty() { contents } else { format!("<dl>\n{contents}</dl>\n") };
        let description = format!("{}{}{contents}", prose(text(response, "description")), quiet(&headers));
        definition(status, "", &description)
    });
    definitions("Responses", &responses.collect::<String>())
}

/// The content of a body by its media types.
fn contents(body: &Value) -> String {
    let contents = body["content"].as_object().into_iter().flatten();
    contents.map(|(media_type, content)| definition(media_type, &kind(&content["schema"]), &inner(content))).collect()
}

/// The details of a schema that has no name of its own.
fn inner(content: &Value) -> String {
    if content["schema"].get("$ref").is_some() { String::new() } else { details(&content["schema"]) }
}

/// Every error is a problem, which the page describes once.
fn is_error(status: &str) -> bool {
    status.starts_with(['4', '5'])
}
