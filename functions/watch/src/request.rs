//! The condition of an alert in a request: a type, and the fields of that type.

use api::{Exact, Fields};
use domain::Price;
use domain::alert::{Condition, ConditionError, Direction, Percent, Window};
use serde::Deserialize;

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
