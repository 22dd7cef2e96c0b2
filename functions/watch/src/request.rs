//! The condition of an alert as it is sent: one kind, and the fields that go with it.

use api::{Exact, Fields};
use domain::Price;
use domain::alert::{Condition, ConditionError, Direction, Percent, Window};
use serde::Deserialize;

/// A condition, unread. Its fields are read apart from their kind, so that decimals keep the text that was sent.
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
    /// The condition; `None` after noting every field that is missing, wrong or of another kind.
    pub(crate) fn parse(&self, fields: &mut Fields) -> Option<Condition> {
        self.refuse_strangers(fields);
        match self.kind {
            Kind::Above => self.price(fields).map(|price| Condition::Above { price }),
            Kind::Below => self.price(fields).map(|price| Condition::Below { price }),
            Kind::PercentMove => {
                let percent = needed(fields, "percent", self.percent.as_ref(), |text| Percent::parse(text.as_str()));
                let (percent, direction) = percent.zip(self.direction(fields))?;
                Some(Condition::PercentMove { percent, direction })
            }
            Kind::CrossesSma => {
                let window = needed(fields, "window", self.window.as_ref(), window);
                let (window, direction) = window.zip(self.direction(fields))?;
                Some(Condition::CrossesSma { window, direction })
            }
        }
    }

    fn price(&self, fields: &mut Fields) -> Option<Price> {
        needed(fields, "price", self.price.as_ref(), Exact::price)
    }

    fn direction(&self, fields: &mut Fields) -> Option<Direction> {
        needed(fields, "direction", self.direction.as_ref(), |direction| Ok::<_, ConditionError>(*direction))
    }

    fn refuse_strangers(&self, fields: &mut Fields) {
        let belongs: &[&str] = match self.kind {
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
            if is_given && !belongs.contains(&name) {
                fields.refuse(&format!("condition/{name}"), "a condition of this type has no such field");
            }
        }
    }
}

fn needed<T, U, E: std::fmt::Display>(
    fields: &mut Fields,
    name: &str,
    given: Option<&T>,
    read: impl Fn(&T) -> Result<U, E>,
) -> Option<U> {
    let name = format!("condition/{name}");
    let Some(given) = given else {
        fields.refuse(&name, "a condition of this type needs it");
        return None;
    };
    fields.take(&name, read(given))
}

fn window(days: &Exact) -> Result<Window, ConditionError> {
    // A `u16` may have a plus before it.
    let digits = Some(days.as_str()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let days: u16 = digits.and_then(|text| text.parse().ok()).ok_or(ConditionError::Window)?;
    Window::try_from(days)
}
