//! The condition of an alert in a request: a type, and the fields of that type.

use std::borrow::Cow;

use api::inputs::PositiveDecimalInput;
use api::{Exact, Fields};
use domain::Price;
use domain::alert::{Condition, ConditionError, Direction, Percent, Window};
use serde::Deserialize;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A condition that is not yet checked. The fields are separate from the type, so that decimals keep the text that was
/// sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionRequest {
    #[serde(rename = "type")]
    kind: Kind,
    price: Option<Exact>,
    percent: Option<Exact>,
    window: Option<Exact>,
    direction: Option<Direction>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Above,
    Below,
    PercentMove,
    CrossesSma,
}

impl ConditionRequest {
    /// The condition; `None` after recording an error for every field that is missing, invalid or of another type.
    pub(crate) fn parse(&self, fields: &mut Fields) -> Option<Condition> {
        self.refuse_foreign_fields(fields);
        match self.kind {
            Kind::Above => self.price(fields).map(|price| Condition::Above { price }),
            Kind::Below => self.price(fields).map(|price| Condition::Below { price }),
            Kind::PercentMove => {
                let percent = required(fields, "percent", self.percent.as_ref(), |text| Percent::parse(text.as_str()));
                let (percent, direction) = percent.zip(self.direction(fields))?;
                Some(Condition::PercentMove { percent, direction })
            }
            Kind::CrossesSma => {
                let window = required(fields, "window", self.window.as_ref(), window);
                let (window, direction) = window.zip(self.direction(fields))?;
                Some(Condition::CrossesSma { window, direction })
            }
        }
    }

    fn price(&self, fields: &mut Fields) -> Option<Price> {
        required(fields, "price", self.price.as_ref(), Exact::price)
    }

    fn direction(&self, fields: &mut Fields) -> Option<Direction> {
        required(fields, "direction", self.direction.as_ref(), |direction| Ok::<_, ConditionError>(*direction))
    }

    fn refuse_foreign_fields(&self, fields: &mut Fields) {
        let allowed: &[&str] = match self.kind {
            Kind::Above | Kind::Below => &["price"],
            Kind::PercentMove => &["percent", "direction"],
            Kind::CrossesSma => &["window", "direction"],
        };
        for (name, is_given) in [
            ("price", self.price.is_some()),
            ("percent", self.percent.is_some()),
            ("window", self.window.is_some()),
            ("direction", self.direction.is_some()),
        ] {
            if is_given && !allowed.contains(&name) {
                fields
                    .refuse(&format!("condition/{name}"), "must be absent: a condition of this type has no such field");
            }
        }
    }
}

/// One type of condition in the API document: its name, what it means, and its fields.
fn variant(kind: &str, meaning: &str, fields: &[(&str, &str, RefOr<Schema>)]) -> ObjectBuilder {
    let named = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind]));
    let named = named.description(Some("The type of the condition."));
    let variant = ObjectBuilder::new().description(Some(meaning)).property("type", named).required("type");
    let variant = variant.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    fields.iter().fold(variant, |variant, (name, text, form)| {
        let mut form = form.clone();
        if let RefOr::Ref(reference) = &mut form {
            (*text).clone_into(&mut reference.description);
        }
        variant.property(*name, form).required(*name)
    })
}

impl PartialSchema for ConditionRequest {
    fn schema() -> RefOr<Schema> {
        fn of<T: ToSchema>() -> RefOr<Schema> {
            Ref::from_schema_name(T::name()).into()
        }
        let price =
            ("price", "The threshold; at the threshold itself the condition is false.", of::<PositiveDecimalInput>());
        let percent = (
            "percent",
            "The move in percent, at most 1,000, with at most four decimals.",
            of::<PositiveDecimalInput>(),
        );
        let window = ("window", "Trading days of the average, including the quote's own.", of::<Window>());
        let direction = ("direction", "The direction of the move.", of::<Direction>());
        let of_a_move = [percent, direction.clone()];
        let above = "The price is above this one, in units of the day on which the alert is made.";
        let below = "The price is below this one, in units of the day on which the alert is made.";
        let moved = "The price has moved at least this far from the close of the previous trading day.";
        let crossed = "The price is on the other side of its simple moving average than the previous close was.";
        OneOfBuilder::new()
            .description(Some("The condition of a new alert. Decimals may be text or numbers."))
            .item(variant("above", above, std::slice::from_ref(&price)))
            .item(variant("below", below, std::slice::from_ref(&price)))
            .item(variant("percent_move", moved, &of_a_move))
            .item(variant("crosses_sma", crossed, &[window, direction]))
            .into()
    }
}

impl ToSchema for ConditionRequest {
    fn name() -> Cow<'static, str> {
        "AlertConditionRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PositiveDecimalInput::name().into_owned(), PositiveDecimalInput::schema()));
        schemas.push((Window::name().into_owned(), Window::schema()));
        schemas.push((Direction::name().into_owned(), Direction::schema()));
    }
}

fn required<T, U, E: std::fmt::Display>(
    fields: &mut Fields,
    name: &str,
    given: Option<&T>,
    read: impl Fn(&T) -> Result<U, E>,
) -> Option<U> {
    let name = format!("condition/{name}");
    let Some(given) = given else {
        fields.refuse(&name, "is required for a condition of this type");
        return None;
    };
    fields.take(&name, read(given))
}

fn window(days: &Exact) -> Result<Window, ConditionError> {
    // `u16` would also parse a leading plus sign.
    let digits = Some(days.as_str()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let days: u16 = digits.and_then(|text| text.parse().ok()).ok_or(ConditionError::Window)?;
    Window::try_from(days)
}
