//! Rules for the API document, so that clients can be generated from it and people can read it.

use serde_json::Value;

/// The document.
fn document() -> Value {
    serde_json::from_str(&super::document().unwrap()).unwrap()
}

/// Calls `visit` with every object of a value and its JSON pointer.
fn objects<'a>(value: &'a Value, pointer: &str, visit: &mut impl FnMut(&str, &'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(pointer, object);
            for (name, value) in object {
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

#[test]
fn every_reference_resolves() {
    let document = document();
    objects(&document, "", &mut |pointer, object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            let target = reference.strip_prefix('#').and_then(|target| document.pointer(target));
            assert!(target.is_some(), "{pointer}: {reference} does not exist");
        }
    });
}
