//! Every response that a test receives is checked against openapi.json: status, headers, media type and body.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;

/// Headers that a response may have only if its operation documents them.
const DOCUMENTED_HEADERS: &[&str] =
    &["etag", "idempotency-replayed", "location", "ratelimit", "ratelimit-policy", "retry-after", "www-authenticate"];
/// What requests get that are no documented operation.
const UNDOCUMENTED_STATUSES: &[u16] = &[308, 400, 403, 404, 405, 408, 413, 421];
/// What no operation documents: 405, because the function saw a path without this method, and what the local gateway
/// alone responds to connections that API Gateway does not pass on.
const OF_NO_OPERATION: &[u16] = &[405, 408, 421];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json")).expect("openapi.json is readable");
    serde_json::from_slice(&text).expect("openapi.json is JSON")
});
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks the response to a request for this URL, if it is one of the API with this address.
#[track_caller]
pub fn assert_documented(base: &str, method: &Method, url: &str, answer: &Answer) {
    let Some(path) = url.strip_prefix(base).filter(|path| !path.starts_with("/_objects/")) else { return };
    if matches!(*method, Method::HEAD | Method::OPTIONS) || OF_NO_OPERATION.contains(&answer.status) {
        return;
    }
    let Some((template, operation)) = operation(method, path) else {
        let expected = UNDOCUMENTED_STATUSES.contains(&answer.status);
        assert!(
            expected,
            "{}: openapi.json has no such operation, and the status is {}",
            answer.request, answer.status
        );
        return;
    };
    let pointer = format!("{method} {template} {}", answer.status);
    let response = resolve(&operation["responses"][answer.status.to_string()]);
    assert!(
        response.is_object(),
        "{}: the status {} is not documented: {}",
        answer.request,
        answer.status,
        answer.text()
    );
    check_headers(response, answer);
    check_body(response, answer, &pointer);
}

fn check_headers(response: &'static Value, answer: &Answer) {
    let documented = response["headers"].as_object();
    for (name, header) in documented.into_iter().flatten() {
        let header = resolve(header);
        let value = answer.headers.get(name).map(|value| value.to_str().expect("a header of ASCII characters"));
        let required = header["required"] == true;
        assert!(value.is_some() || !required, "{}: {name} is missing in {}", answer.request, answer.status);
        let Some(value) = value else { continue };
        let value = match header["schema"]["type"].as_str() {
            Some("integer") => value.parse::<i64>().map_or_else(|_| json!(value), Value::from),
            _ => json!(value),
        };
        let key = format!("header {name} {}", header["schema"]);
        assert_valid(&key, &header["schema"], &value, &format!("{}: the header {name}", answer.request));
    }
    for name in DOCUMENTED_HEADERS.iter().filter(|name| answer.headers.contains_key(**name)) {
        let known =
            documented.is_some_and(|documented| documented.keys().any(|header| header.eq_ignore_ascii_case(name)));
        assert!(known, "{}: the header {name} of {} is not documented", answer.request, answer.status);
    }
}

fn check_body(response: &Value, answer: &Answer, pointer: &str) {
    let content_type = answer.header("content-type");
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body.is_empty(), "{}: no body of {} is documented", answer.request, answer.status);
        return;
    };
    let documented = content.get(media_type);
    let documented =
        documented.unwrap_or_else(|| panic!("{}: {media_type} of {} is not documented", answer.request, answer.status));
    if !media_type.ends_with("json") || documented["schema"].is_null() {
        return;
    }
    let body: Value = serde_json::from_slice(&answer.decoded())
        .unwrap_or_else(|error| panic!("{}: {error}: {}", answer.request, answer.text()));
    assert_valid(&format!("{pointer} {media_type}"), &documented["schema"], &body, &answer.request);
}

/// Checks a value by a schema of the document. The key identifies the schema.
fn assert_valid(key: &str, schema: &Value, value: &Value, of: &str) {
    let known = VALIDATORS.lock().expect("no test panics while it holds the lock").get(key).cloned();
    let validator = known.unwrap_or_else(|| {
        let mut schema = schema.clone();
        schema["components"] = json!({ "schemas": DOCUMENT["components"]["schemas"] });
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = Arc::new(options.build(&schema).unwrap_or_else(|error| panic!("{key}: {error}")));
        VALIDATORS.lock().expect("see above").insert(key.to_owned(), validator.clone());
        validator
    });
    let errors: Vec<_> =
        validator.iter_errors(value).take(3).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{of}: openapi.json describes another response: {errors:#?} in {value}");
}

/// The operation of a path, with the template of the path. A fixed segment is preferred to a variable.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let paths = DOCUMENT["paths"].as_object()?;
    let variables = |template: &str| template.matches('{').count();
    let fitting = paths.iter().filter(|(template, _)| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == segments.len()
            && parts
                .iter()
                .zip(&segments)
                .all(|(part, segment)| if part.starts_with('{') { !segment.is_empty() } else { part == segment })
    });
    let (template, operations) = fitting.min_by_key(|(template, _)| variables(template))?;
    let operation = operations.get(method.as_str().to_lowercase())?;
    Some((template.as_str(), operation))
}

/// What a reference within the document leads to; anything else itself.
fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).expect("a reference that resolves"),
        None => value,
    }
}

#[test]
fn an_operation_is_found_by_its_path() {
    let template = |method: Method, path| operation(&method, path).map(|(template, _)| template);
    assert_eq!(template(Method::GET, "/customers/me"), Some("/customers/me"));
    assert_eq!(template(Method::GET, "/customers/7?x=/"), Some("/customers/{id}"));
    assert_eq!(template(Method::GET, "/customers/"), None);
    assert_eq!(template(Method::PUT, "/customers/7"), None);
}

#[test]
#[should_panic(expected = "describes another response")]
fn a_body_that_is_not_as_documented_is_refused() {
    let body = br#"{"type": "about:blank"}"#.to_vec();
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("content-type", "application/problem+json".parse().unwrap());
    headers.insert("x-request-id", "1".parse().unwrap());
    let answer = Answer { status: 404, request: "GET /alerts/7".to_owned(), headers, body };
    assert_documented("http://a", &Method::GET, "http://a/alerts/7", &answer);
}
