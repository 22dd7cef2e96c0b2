//! Completes what utoipa writes into the API document: parameters have their forms, and every property is described.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::inputs::SymbolInput;

/// Visible ASCII without a comma, as [`IdempotencyKey`](crate::IdempotencyKey) reads it.
const KEY: &str = r"^[!-+\--~]{1,255}$";
/// One to twenty entity tags, or `*`, as [`IfMatch`](crate::IfMatch) reads it.
const TAGS: &str = r#"^(\*|(W/)?"[!#-+\--~]*"(, ?(W/)?"[!#-+\--~]*"){0,19})$"#;
/// A cursor is base64 for URLs, without padding.
const CURSOR: &str = "^[A-Za-z0-9_-]+$";

/// Gives the parameters of an operation their forms.
pub(crate) fn complete_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            if let Some(form) = form(parameter) {
                parameter.schema = Some(form);
            } else if let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema {
                alternatives_of_pattern(object);
            }
        }
    }
}

/// The form of a parameter that several routes have.
fn form(parameter: &Parameter) -> Option<RefOr<Schema>> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let form = match (&parameter.parameter_in, parameter.name.as_str()) {
        (ParameterIn::Header, "Idempotency-Key") => text.pattern(Some(KEY)).min_length(Some(1)).max_length(Some(255)),
        (ParameterIn::Header, "If-Match") => text.pattern(Some(TAGS)),
        (ParameterIn::Query, "cursor") => text.pattern(Some(CURSOR)),
        (ParameterIn::Path, "symbol") => return Some(Ref::from_schema_name(SymbolInput::name()).into()),
        (ParameterIn::Path, name) if name == "id" || name.ends_with("_id") => {
            text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        }
        _ => return None,
    };
    Some(form.into())
}

/// Writes the pattern `^(json|csv)$` as the words themselves, which text in the code cannot derive.
fn alternatives_of_pattern(object: &mut utoipa::openapi::Object) {
    let pattern = object.pattern.as_deref().unwrap_or_default();
    let Some(words) = pattern.strip_prefix("^(").and_then(|pattern| pattern.strip_suffix(")$")) else { return };
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if words.split('|').all(|word| word.chars().all(is_word)) {
        object.enum_values = Some(words.split('|').map(Into::into).collect());
        object.pattern = None;
    }
}

/// Completes the schemas of a document.
pub(crate) fn complete_schemas(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    schemas.values_mut().for_each(describe);
    schemas.insert(SymbolInput::name().into_owned(), SymbolInput::schema());
}

/// Describes the parts of a schema that utoipa cannot.
fn describe(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            alternatives_of_pattern(object);
            for (name, property) in &mut object.properties {
                if let ("next_cursor", RefOr::T(Schema::Object(cursor))) = (name.as_str(), &mut *property) {
                    cursor.pattern = Some(CURSOR.to_owned());
                }
                describe(property);
            }
            if let Some([only]) = object.enum_values.as_deref()
                && object.description.is_none()
            {
                object.description = Some(format!("Always `{}` here.", only.as_str().unwrap_or_default()));
            }
        }
        Schema::OneOf(choice) => {
            // The description of a field that may be null is that of the field, not of one choice.
            if let [RefOr::Ref(reference), RefOr::T(Schema::Object(null))] = choice.items.as_mut_slice()
                && null.schema_type == SchemaType::Type(Type::Null)
                && choice.description.is_none()
            {
                choice.description = Some(std::mem::take(&mut reference.description)).filter(|text| !text.is_empty());
            }
            choice.items.iter_mut().for_each(describe);
        }
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(describe),
        Schema::AnyOf(choice) => choice.items.iter_mut().for_each(describe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::ToSchema;
    use utoipa_axum::router::OpenApiRouter;
    use utoipa_axum::routes;

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Shelf {
        /// The label of the shelf; null if it has none.
        label: Option<Label>,
        next_cursor: Option<String>,
    }

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Label {
        #[schema(pattern = "^(red|blue)$")]
        color: String,
    }

    #[utoipa::path(
        get,
        path = "/shelves/{id}/{symbol}",
        params(
            ("id" = String, Path),
            ("symbol" = String, Path),
            ("If-Match" = Option<String>, Header),
            ("Idempotency-Key" = Option<String>, Header),
            ("cursor" = Option<String>, Query),
            ("format" = Option<String>, Query, pattern = "^(json|csv)$"),
            ("name" = Option<String>, Query, pattern = "^[a-z|]+$"),
        ),
        responses((status = 200, body = Shelf))
    )]
    async fn read() {}

    fn document() -> Value {
        let document = crate::document(OpenApiRouter::<()>::new().routes(routes!(read)));
        serde_json::from_str(&document.to_json().unwrap()).unwrap()
    }

    #[test]
    fn a_parameter_has_the_form_of_its_name() {
        let parameters = document()["paths"]["/shelves/{id}/{symbol}"]["get"]["parameters"].clone();
        let form = |name: &str| {
            let found = parameters.as_array().unwrap().iter().find(|parameter| parameter["name"] == name);
            found.unwrap()["schema"].clone()
        };
        assert_eq!(form("id"), json!({ "type": "string", "format": "uuid" }));
        assert_eq!(form("symbol"), json!({ "$ref": "#/components/schemas/SymbolInput" }));
        assert_eq!(form("If-Match"), json!({ "type": "string", "pattern": super::TAGS }));
        assert_eq!(form("Idempotency-Key")["pattern"], super::KEY);
        assert_eq!(form("Idempotency-Key")["type"], "string");
        assert_eq!(form("cursor"), json!({ "type": "string", "pattern": super::CURSOR }));
    }

    #[test]
    fn a_pattern_of_words_is_an_enum_and_another_pattern_stays() {
        let document = document();
        let parameters = &document["paths"]["/shelves/{id}/{symbol}"]["get"]["parameters"];
        assert_eq!(parameters[5]["schema"], json!({ "type": "string", "enum": ["json", "csv"] }));
        assert_eq!(parameters[6]["schema"]["pattern"], "^[a-z|]+$");
        let color = &document["components"]["schemas"]["Label"]["properties"]["color"];
        assert_eq!(*color, json!({ "type": "string", "enum": ["red", "blue"] }));
    }

    #[test]
    fn a_reference_that_may_be_null_is_described_as_a_whole() {
        let shelf = document()["components"]["schemas"]["Shelf"]["properties"].clone();
        let choice = json!([{ "$ref": "#/components/schemas/Label" }, { "type": "null" }]);
        let label = json!({ "description": "The label of the shelf; null if it has none.", "oneOf": choice });
        assert_eq!(shelf["label"], label);
        assert_eq!(shelf["next_cursor"]["pattern"], super::CURSOR);
    }
}
