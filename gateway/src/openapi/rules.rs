//! Rules for the API document, so that clients can be generated from it and people can read it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::responses::is_method;

/// What only the code knows: none of it belongs into the description of an API.
const OF_RUST: &[&str] = &["::", "[`", "`]", "`None`", "`Some", "`Option", "`Vec", "`Result", "`struct", "this type"];
/// The longest summary of an operation, in characters.
const LONGEST_SUMMARY: usize = 120;

/// The document.
fn document() -> Value {
    serde_json::from_str(&super::document().unwrap()).unwrap()
}

/// Calls `visit` with every object of a value and its JSON pointer. Examples are data and are left out.
fn objects<'a>(value: &'a Value, pointer: &str, visit: &mut impl FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(pointer, object);
            for (name, value) in object.iter().filter(|(name, _)| !["example", "examples"].contains(&name.as_str())) {
                objects(value, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                objects(value, &format!("{pointer}/{index}"), visit);
            }
        }
        _ => {}
    }
}

/// The operations, each with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter().filter(|(method, _)| is_method(method));
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

/// The target of a reference.
fn resolved<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

/// Every object of the schemas that parameters and request bodies consist of, with a name for it.
fn objects_of_requests(document: &Value) -> Vec<(String, &Map<String, Value>)> {
    let mut waiting = Vec::new();
    for (name, operation) in operations(document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            waiting.push((format!("{name} {}", parameter["name"]), &parameter["schema"]));
        }
        for (media_type, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            if media_type.ends_with("json") {
                waiting.push((name.clone(), &body["schema"]));
            }
        }
    }
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    while let Some((name, schema)) = waiting.pop() {
        objects(schema, &name, &mut |pointer, object| {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                && seen.insert(reference)
            {
                waiting.push((reference.to_owned(), resolved(document, reference).unwrap()));
            }
            found.push((pointer.to_owned(), object));
        });
    }
    found
}

/// The words of a text.
fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// Whether an object is described in at least three words.
fn is_described(object: &Value) -> bool {
    object["description"].as_str().is_some_and(|text| words(text) >= 3)
}

#[test]
fn every_reference_resolves_and_every_schema_is_used() {
    let document = document();
    let mut references = BTreeSet::new();
    objects(&document, "", &mut |pointer, object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            assert!(resolved(&document, reference).is_some(), "{pointer}: {reference} does not exist");
            references.insert(reference.as_str());
        }
    });
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(references.contains(format!("#/components/schemas/{name}").as_str()), "nothing refers to {name}");
    }
}

#[test]
fn everything_is_described_in_at_least_three_words() {
    let document = document();
    let mut wanting = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if !is_described(schema) {
            wanting.push(name.clone());
        }
    }
    for tag in document["tags"].as_array().unwrap() {
        assert!(is_described(tag), "{tag}");
    }
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (name, operation) in operations(&document) {
        assert!(tags.contains(&&operation["tags"][0]), "{name} has a tag without a description");
        assert!(words(operation["summary"].as_str().unwrap()) >= 3, "{name}: {}", operation["summary"]);
        assert!(operation["summary"].as_str().unwrap().len() <= LONGEST_SUMMARY, "{name}: {}", operation["summary"]);
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        wanting.extend(parameters.filter(|of| !is_described(of)).map(|of| format!("{name}: {}", of["name"])));
    }
    objects(&document, "", &mut |pointer, object| {
        for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !is_described(property) {
                wanting.push(format!("{pointer}/properties/{name}"));
            }
        }
        if object.get("description").and_then(Value::as_str).is_some_and(|text| words(text) < 3) {
            wanting.push(format!("{pointer}: {}", object["description"]));
        }
    });
    assert!(wanting.is_empty(), "without a description of three words:\n{}", wanting.join("\n"));
}

#[test]
fn descriptions_are_written_for_clients() {
    objects(&document(), "", &mut |pointer, object| {
        for text in ["summary", "description"].iter().filter_map(|of| object.get(*of).and_then(Value::as_str)) {
            for of_rust in OF_RUST {
                assert!(!text.contains(of_rust), "{pointer} contains {of_rust}: {text}");
            }
        }
    });
}

#[test]
fn every_text_in_a_request_has_a_form_or_a_length() {
    let document = document();
    let mut wanting = Vec::new();
    for (name, object) in objects_of_requests(&document) {
        let is_text = object.get("type").is_some_and(|of| of == "string" || of == &json!(["string", "null"]));
        let forms = ["pattern", "format", "enum", "minLength", "maxLength"];
        let is_searched_for = name.ends_with(" \"query\"");
        if is_text && !is_searched_for && !forms.iter().any(|form| object.contains_key(*form)) {
            wanting.push(name);
        }
    }
    assert!(wanting.is_empty(), "texts of any form:\n{}", wanting.join("\n"));
}

#[test]
fn a_request_body_has_no_fields_but_those_of_its_schema() {
    let document = document();
    let mut bodies = 0;
    for (name, object) in objects_of_requests(&document).into_iter().filter(|(_, of)| of.contains_key("properties")) {
        bodies += 1;
        assert_eq!(object.get("additionalProperties"), Some(&json!(false)), "{name}");
    }
    assert!(bodies > 20, "only {bodies} bodies were found");
}

#[test]
fn every_request_body_and_every_object_of_a_success_has_an_example() {
    let document = document();
    let mut wanting = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap().iter();
        let successes = responses.filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response);
        for body in successes.chain([&operation["requestBody"]]) {
            let media_types = body["content"].as_object().into_iter().flatten();
            for reference in media_types.filter_map(|(_, content)| content["schema"]["$ref"].as_str()) {
                let schema = resolved(&document, reference).unwrap();
                // The items of a page are an example of it.
                let item = schema["properties"]["items"]["items"]["$ref"].as_str();
                let item = item.map_or(&Value::Null, |item| resolved(&document, item).unwrap());
                if schema["examples"].is_null() && item["examples"].is_null() {
                    wanting.insert(format!("{name}: {reference}"));
                }
            }
        }
    }
    assert!(wanting.is_empty(), "without an example in examples.json: {wanting:#?}");
}

#[test]
fn every_example_is_valid() {
    let document = document();
    let mut examples = 0;
    objects(&document, "", &mut |pointer, object| {
        // The example of a parameter or a media type is beside its schema, that of a schema inside.
        let schema = object.get("schema").cloned().unwrap_or_else(|| Value::Object(object.clone()));
        let several = object.get("examples").and_then(Value::as_array).into_iter().flatten();
        for example in object.get("example").into_iter().chain(several) {
            examples += 1;
            let schema = json!({ "allOf": [schema], "components": document["components"] });
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(example).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{pointer}: {example}\n{}", errors.join("\n"));
        }
    });
    assert!(examples > 50, "only {examples} examples were found");
}
