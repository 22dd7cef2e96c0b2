//! Numbers as providers write them: as JSON numbers, as strings, or missing.

use std::fmt;

use domain::SplitRatio;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, Visitor};

use crate::decimal;

/// Reads a number or a string that holds one; anything else (`null`, `"None"`, `"."`) is NaN.
pub(crate) struct Number;

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

/// Reads a split ratio as [`Number`] reads a number, but recovers the fraction from its text before it becomes a float:
/// `"0.3333"` is 1/3.
pub(crate) struct Ratio;

impl<'de> DeserializeSeed<'de> for Ratio {
    type Value = f64;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<f64, D::Error> {
        json.deserialize_any(self)
    }
}

impl Visitor<'_> for Ratio {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a split ratio")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        SplitRatio::parse(text).map_or_else(|_| Number.visit_str(text), |ratio| Ok(ratio.to_f64()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        self.visit_str(&value.to_string())
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

/// For `deserialize_with`: a split ratio that may be missing or unreadable.
pub(crate) fn optional_ratio<'de, D: Deserializer<'de>>(json: D) -> Result<Option<f64>, D::Error> {
    let value = Ratio.deserialize(json)?;
    Ok(value.is_finite().then_some(value))
}

/// For `deserialize_with`: a number that may be missing or unreadable.
pub(crate) fn optional<'de, D: Deserializer<'de>>(json: D) -> Result<Option<f64>, D::Error> {
    let value = Number.deserialize(json)?;
    Ok(value.is_finite().then_some(value))
}

/// An element of a list of numbers, NaN if it is missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float(pub(crate) f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Number.deserialize(json).map(Self)
    }
}
