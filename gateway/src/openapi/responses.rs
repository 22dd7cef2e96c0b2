//! The responses and headers that follow from the shape of an operation, so that no route lists them by hand.
//!
//! A route documents what is its own. What every operation of its shape can return is added here to the assembled
//! document: 401 if the route needs a session, 404 if its path names an object, 415 if it has a body, and so on. A status
//! that the route describes itself keeps its description.

use std::collections::BTreeSet;

use api::limits::limit_of;
use api::policy::Access;
use serde_json::{Value, json};

/// The statuses with which API Gateway itself refuses a request, in a body of its own: docs/errors.md.
const OF_API_GATEWAY: &[&str] = &["400", "413", "429", "500", "503"];
/// The operations that create something that its caller cannot read at an address: a ticket, and an entry in another
/// customer's wallet.
const WITHOUT_ADDRESS: &[&str] = &["issue_live_ticket", "reverse_wallet_entry"];

/// The operations whose new object has a version that they do not send: repeated by its key, a request would pair the
/// first body with the version of what the object has become.
const WITHOUT_NEW_VERSION: &[&str] = &["backtest", "create_item"];

/// The statuses that several operations share: their name in the document, and what they mean.
const SHARED: &[(&str, &str, &str)] = &[
    (
        "400",
        "Malformed",
        "The path, the query, the JSON body, the cursor, `If-Match` or `Idempotency-Key` is malformed.",
    ),
    (
        "401",
        "Unauthenticated",
        "The request has no token, or its token is unknown or belongs to a session that has ended.",
    ),
    ("403", "Forbidden", "The role of the caller does not permit this route."),
    ("404", "NotFound", "The object does not exist, or it belongs to another customer."),
    ("412", "PreconditionFailed", "The object has changed since the version in `If-Match`."),
    ("413", "BodyTooLarge", "The body is larger than 1 MiB, or an import larger than 4 MiB."),
    ("415", "UnsupportedMediaType", "The `Content-Type` or `Content-Encoding` of the body is not supported."),
    ("422", "InvalidFields", "Fields or parameters are invalid or unknown; `errors` lists each with its pointer."),
    ("428", "PreconditionRequired", "The change requires an `If-Match` header."),
    ("429", "TooManyRequests", "Too many requests; send it again after `Retry-After` seconds."),
    ("500", "InternalError", "An internal error; report it with the `request_id`."),
    (
        "503",
        "Unavailable",
        "The store or the price provider is not available; send the request again after `Retry-After` seconds.",
    ),
];

/// The headers: the name of each in the document, whether it is always sent, its schema, and what it means.
fn headers() -> Value {
    let header = |required: bool, description: &str, schema: Value| json!({ "description": description, "required": required, "schema": schema });
    let text = json!({ "type": "string", "minLength": 1 });
    let seconds = json!({ "type": "integer", "minimum": 0 });
    let request_id = "Identifies this response in the log.";
    json!({
        "ETag": header(true, "The version of the object, for `If-Match`.", text.clone()),
        "ETagUnlessDryRun": header(false, "The version of the object, for `If-Match`; absent in a dry run.", text.clone()),
        "FunctionRequestId": header(false, "Identifies this response in the log; absent if API Gateway responds itself.", text.clone()),
        "IdempotencyReplayed": header(false, "`true` if this is the stored response to an earlier request with the same key.",
            json!({ "type": "string", "enum": ["true"] })),
        "Location": header(true, "The address of the object, or of the file.", text.clone()),
        "RateLimit": header(false, "What is left of the limit: `r` requests until it is renewed in `t` seconds. Absent if it is switched off.",
            json!({ "type": "string", "examples": ["\"report\";r=59;t=3540"] })),
        "RateLimitPolicy": header(false, "The limit: `q` requests in `w` seconds. Absent if it is switched off.",
            json!({ "type": "string", "examples": ["\"report\";q=60;w=3600"] })),
        "RequestId": header(true, request_id, text.clone()),
        "RetryAfter": header(false, "Seconds to wait before sending the request again; API Gateway does not send it.", seconds),
        "WwwAuthenticate": header(true, "The authentication scheme, `Bearer`.", text),
    })
}

/// Adds the shared responses and headers to every operation.
pub(super) fn complete(document: &mut Value) {
    let versioned = versioned_paths(&document["paths"]);
    let mut used = BTreeSet::new();
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten().filter(|(key, _)| is_method(key)) {
            let route = format!("{} {path}", method.to_uppercase());
            used.extend(complete_operation(operation, &Shape { route: &route, path, versioned: &versioned }));
        }
    }
    let components = &mut document["components"];
    components["headers"] = headers();
    let shared = SHARED.iter().filter(|(_, name, _)| used.contains(name)).map(|(status, name, description)| {
        let mut response = json!({ "description": description });
        complete_error(&mut response, status);
        ((*name).to_owned(), response)
    });
    components["responses"] = Value::Object(shared.collect());
    components["schemas"]["GatewayError"] = json!({
        "type": "object",
        "description": "An error of API Gateway itself, for a request that did not reach a function or whose function failed.",
        "required": ["message"],
        "properties": {
            "message": { "type": "string", "description": "A short text, such as `Bad Request`.", "examples": ["Bad Request"] },
        },
    });
}

/// Whether a key of a path item is a method.
pub(super) fn is_method(key: &str) -> bool {
    matches!(key, "get" | "put" | "post" | "patch" | "delete" | "head" | "options")
}

/// What determines the responses of an operation, apart from itself.
struct Shape<'a> {
    /// Such as `GET /backtest/{id}`.
    route: &'a str,
    path: &'a str,
    /// The paths whose object has a version.
    versioned: &'a BTreeSet<String>,
}

impl Shape<'_> {
    /// Whether a success with this status sends an object that has a version.
    fn sends_version(&self, status: &str) -> bool {
        match (self.route.split(' ').next(), status) {
            (Some("GET" | "PATCH" | "PUT"), "200") => self.versioned.contains(self.path),
            // What a POST to a list creates is at a path below it.
            (Some("POST"), "201") => {
                let below = |path: &String| {
                    path.strip_prefix(self.path).is_some_and(|rest| rest.starts_with("/{") && rest.ends_with('}'))
                };
                self.versioned.iter().any(below)
            }
            _ => false,
        }
    }
}

/// The paths whose object has a version: a change takes an `If-Match`.
fn versioned_paths(paths: &Value) -> BTreeSet<String> {
    let paths = paths.as_object().into_iter().flatten();
    let versioned = paths.filter(|(_, operations)| {
        operations.as_object().into_iter().flatten().any(|(_, operation)| parameter(operation, "If-Match").is_some())
    });
    versioned.map(|(path, _)| path.clone()).collect()
}

/// The parameter of an operation with this name.
fn parameter<'a>(operation: &'a Value, name: &str) -> Option<&'a Value> {
    operation["parameters"].as_array()?.iter().find(|parameter| parameter["name"] == name)
}

/// The statuses of errors that any operation of this shape can return.
fn statuses(operation: &Value, shape: &Shape<'_>) -> BTreeSet<&'static str> {
    let access = Access::of(shape.route);
    let if_match = parameter(operation, "If-Match");
    let conditions = [
        (true, &["400", "422", "429", "500", "503"][..]),
        (access != Some(Access::Public), &["401"]),
        (access == Some(Access::Administrators), &["403"]),
        (shape.path.contains('{'), &["404"]),
        (operation.get("requestBody").is_some(), &["413", "415"]),
        (if_match.is_some(), &["412"]),
        (if_match.is_some_and(|parameter| parameter["required"] == true), &["428"]),
    ];
    conditions.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, statuses)| statuses).copied().collect()
}

/// Completes one operation, and returns the names of the shared responses that it refers to.
fn complete_operation(operation: &mut Value, shape: &Shape<'_>) -> Vec<&'static str> {
    let statuses = statuses(operation, shape);
    let takes_key = parameter(operation, "Idempotency-Key").is_some();
    let is_limited = limit_of(shape.route).is_some();
    let sends_new_version = !WITHOUT_NEW_VERSION.iter().any(|id| operation["operationId"] == *id);
    let has_dry_run = parameter(operation, "dry_run").is_some();
    let has_address = !WITHOUT_ADDRESS.iter().any(|id| operation["operationId"] == *id);
    let mut used = Vec::new();
    let Some(responses) = operation["responses"].as_object_mut() else { return used };
    for (status, name, description) in SHARED.iter().filter(|(status, ..)| statuses.contains(status)) {
        if responses.contains_key(*status) {
            continue;
        }
        // A limited route has headers of its own in every response.
        let response = if is_limited {
            json!({ "description": description })
        } else {
            used.push(*name);
            json!({ "$ref": format!("#/components/responses/{name}") })
        };
        responses.insert((*status).to_owned(), response);
    }
    for (status, response) in responses.iter_mut().filter(|(_, response)| response.get("$ref").is_none()) {
        // Of the errors, only those that a key remembers are replayed.
        if takes_key && (status.starts_with('2') || status == "409") {
            refer(response, "Idempotency-Replayed", "IdempotencyReplayed");
        }
        if is_limited {
            refer(response, "RateLimit", "RateLimit");
            refer(response, "RateLimit-Policy", "RateLimitPolicy");
        }
        if status.starts_with(['4', '5']) {
            complete_error(response, status);
            continue;
        }
        refer(response, "X-Request-Id", "RequestId");
        if (status == "201" && has_address) || status == "303" {
            refer(response, "Location", "Location");
        }
        if shape.sends_version(status) && (status != "201" || sends_new_version) {
            refer(response, "ETag", if has_dry_run { "ETagUnlessDryRun" } else { "ETag" });
        }
    }
    used
}

/// Adds the bodies and headers of an error.
fn complete_error(response: &mut Value, status: &str) {
    if response["content"].is_null() {
        response["content"]["application/problem+json"] = schema("Problem");
    }
    let of_api_gateway = OF_API_GATEWAY.contains(&status);
    if of_api_gateway {
        fill(&mut response["content"]["application/json"], json!({ "schema": either("Problem", "GatewayError") }));
    }
    refer(response, "X-Request-Id", if of_api_gateway { "FunctionRequestId" } else { "RequestId" });
    match status {
        "401" => refer(response, "WWW-Authenticate", "WwwAuthenticate"),
        "429" | "503" => refer(response, "Retry-After", "RetryAfter"),
        _ => {}
    }
}

fn schema(name: &str) -> Value {
    json!({ "schema": reference(name) })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// One of two bodies. The functions send a `Problem` only as problem+json, but some generated clients read every body of
/// a status as its first media type.
fn either(first: &str, second: &str) -> Value {
    json!({ "anyOf": [reference(first), reference(second)] })
}

/// Documents a header of a response, unless the route does.
fn refer(response: &mut Value, header: &str, component: &str) {
    let reference = json!({ "$ref": format!("#/components/headers/{component}") });
    fill(&mut response["headers"][header], reference);
}

/// Sets what is missing.
fn fill(slot: &mut Value, value: Value) {
    if slot.is_null() {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(path: &str, method: &str, operation: &Value) -> Value {
        let mut document = json!({ "paths": { path: { method: operation } }, "components": { "schemas": {} } });
        complete(&mut document);
        document["paths"][path][method]["responses"].clone()
    }

    fn statuses_of(responses: &Value) -> Vec<&str> {
        responses.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_private_route_with_an_object_in_its_path_has_the_errors_of_both() {
        let read = json!({ "responses": { "200": { "description": "The portfolio" } } });
        let responses = completed("/portfolios/{id}", "get", &read);
        assert_eq!(statuses_of(&responses), ["200", "400", "401", "404", "422", "429", "500", "503"]);
        assert_eq!(responses["401"]["$ref"], "#/components/responses/Unauthenticated");
    }

    #[test]
    fn a_public_route_needs_no_session() {
        let responses = completed("/health", "get", &json!({ "responses": {} }));
        assert_eq!(statuses_of(&responses), ["400", "422", "429", "500", "503"]);
    }

    #[test]
    fn only_the_routes_of_administrators_refuse_a_role() {
        let responses = completed("/customers", "get", &json!({ "responses": {} }));
        assert_eq!(responses["403"]["$ref"], "#/components/responses/Forbidden");
    }

    #[test]
    fn a_conditional_change_of_a_body_has_its_refusals_and_sends_the_version() {
        let change = json!({
            "parameters": [{ "name": "If-Match", "in": "header", "required": true }],
            "requestBody": {},
            "responses": { "200": { "description": "As it is now" } },
        });
        let responses = completed("/portfolios/{id}", "patch", &change);
        let expected = ["200", "400", "401", "404", "412", "413", "415", "422", "428", "429", "500", "503"];
        assert_eq!(statuses_of(&responses), expected);
        assert_eq!(responses["200"]["headers"]["ETag"]["$ref"], "#/components/headers/ETag");
    }

    #[test]
    fn what_a_key_remembers_may_be_replayed_and_a_new_object_has_an_address() {
        let create = json!({
            "parameters": [{ "name": "Idempotency-Key", "in": "header" }],
            "responses": { "201": { "description": "New" }, "409": { "description": "Too little cash" } },
        });
        let responses = completed("/wallet/withdrawals", "post", &create);
        for status in ["201", "409"] {
            assert!(responses[status]["headers"]["Idempotency-Replayed"].is_object(), "{status}");
        }
        assert!(responses["201"]["headers"]["Location"].is_object());
        assert!(responses["409"]["headers"].get("Location").is_none());
    }

    #[test]
    fn the_document_has_the_shared_responses_that_an_operation_refers_to_and_no_others() {
        let mut document =
            json!({ "paths": { "/health": { "get": { "responses": {} } } }, "components": { "schemas": {} } });
        complete(&mut document);
        let shared = document["components"]["responses"].as_object().unwrap();
        let named: Vec<_> = shared.keys().map(String::as_str).collect();
        assert_eq!(named, ["InternalError", "InvalidFields", "Malformed", "TooManyRequests", "Unavailable"]);
    }

    #[test]
    fn every_response_of_a_limited_route_may_say_what_is_left() {
        let responses =
            completed("/report/{symbol}", "get", &json!({ "responses": { "200": { "description": "A report" } } }));
        for (status, response) in responses.as_object().unwrap() {
            assert!(response["headers"]["RateLimit"].is_object(), "{status}");
        }
    }

    #[test]
    fn an_error_keeps_the_description_of_its_route_and_may_come_from_api_gateway() {
        let own = json!({ "responses": { "503": { "description": "The provider is not available" } } });
        let response = completed("/quotes", "get", &own)["503"].clone();
        assert_eq!(response["description"], "The provider is not available");
        assert_eq!(response["content"]["application/problem+json"], schema("Problem"));
        let own = &response["content"]["application/json"]["schema"]["anyOf"];
        assert_eq!(own, &json!([reference("Problem"), reference("GatewayError")]));
        assert!(response["headers"]["Retry-After"].is_object());
    }
}
