//! Numbers as the provider writes them: mostly texts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use crate::decimal;

/// Reads a number or a text that holds one; anything else (`null`, `"None"`, `"."`) is NaN.
pub(super) struct Number;

impl<'de> DeserializeSeed<'de> for Number {
    type Value = f64;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<f64, D::Error> {
        json.deserialize_any(self)
    }
}

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<f64, E> {
        Ok(decimal::parse(text.as_bytes()).unwrap_or(f64::NAN))
    }

    fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_unit<E>(self) -> Result<f64, E> {
        Ok(f64::NAN)
    }
}

/// For `deserialize_with`: a number that may be missing or unreadable.
pub(super) fn optional<'de, D: Deserializer<'de>>(json: D) -> Result<Option<f64>, D::Error> {
    let value = Number.deserialize(json)?;
    Ok(value.is_finite().then_some(value))
}
