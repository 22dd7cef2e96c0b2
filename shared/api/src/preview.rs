//! The response to a dry run: the body of the real response, marked, with generated fields null.

use std::borrow::Cow;

use app::effect::Effect;
use axum::response::{IntoResponse, Response};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// The response to a dry run, status 200: the body of the real response and `"dry_run": true`. The id and times of a
/// new object are null.
#[derive(Clone, Debug)]
pub struct Preview<T> {
    effect: T,
    is_new: bool,
}

impl<T: Effect> Preview<T> {
    /// The preview of an object that the request would create.
    pub fn of_new(effect: T) -> Self {
        Self { effect, is_new: true }
    }

    /// The preview of an existing object that the request would change or remove.
    pub fn of_existing(effect: T) -> Self {
        Self { effect, is_new: false }
    }
}

impl<T: Effect> Serialize for Preview<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(mut body) = serde_json::to_value(&self.effect).map_err(S::Error::custom)? else {
            return Err(S::Error::custom("an effect must be a JSON object"));
        };
        for field in T::GENERATED_FIELDS.iter().filter(|_| self.is_new) {
            body.insert((*field).to_owned(), Value::Null);
        }
        body.insert("dry_run".to_owned(), Value::Bool(true));
        body.serialize(serializer)
    }
}

impl<T: Effect> IntoResponse for Preview<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}

impl<T: Effect> PartialSchema for Preview<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            describe::<T>(object);
        }
        schema
    }
}

impl<T: Effect> ToSchema for Preview<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Preview", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// Changes the schema of a response to that of its preview.
fn describe<T: Effect>(object: &mut Object) {
    for name in T::GENERATED_FIELDS {
        if let Some(RefOr::T(Schema::Object(field))) = object.properties.get_mut(*name)
            && let SchemaType::Type(kind) = &field.schema_type
        {
            field.schema_type = SchemaType::Array(vec![kind.clone(), Type::Null]);
        }
    }
    let what = object.description.take().unwrap_or_default();
    object.description = Some(format!("What the request would do; nothing was changed. {what}"));
    let marker = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean));
    let marker = marker.description(Some("Always true: nothing was changed.")).build();
    object.properties.insert("dry_run".to_owned(), RefOr::T(Schema::Object(marker)));
    object.required.push("dry_run".to_owned());
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Serialize, ToSchema)]
    struct Made {
        id: String,
        amount: String,
    }

    impl Effect for Made {
        const GENERATED_FIELDS: &[&str] = &["id"];
    }

    fn made() -> Made {
        Made { id: "7".to_owned(), amount: "1.50".to_owned() }
    }

    #[test]
    fn a_preview_of_a_new_object_has_no_id() {
        let preview = serde_json::to_value(Preview::of_new(made())).unwrap();
        assert_eq!(preview, json!({ "id": null, "amount": "1.50", "dry_run": true }));
        let preview = serde_json::to_value(Preview::of_existing(made())).unwrap();
        assert_eq!(preview, json!({ "id": "7", "amount": "1.50", "dry_run": true }));
    }

    #[test]
    fn the_schema_of_a_preview_has_nullable_generated_fields() {
        let schema = serde_json::to_value(Preview::<Made>::schema()).unwrap();
        assert_eq!(schema["properties"]["id"]["type"], json!(["string", "null"]));
        assert_eq!(schema["properties"]["amount"]["type"], "string");
        assert_eq!(schema["required"], json!(["id", "amount", "dry_run"]));
    }
}
