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
        (ParameterIn::Path, _) => text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
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
            for property in object.properties.values_mut() {
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
