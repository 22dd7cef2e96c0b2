//! Patterns of EventBridge rules: which events match a rule.
//!
//! A pattern names fields and the values that each may have: `{"source": ["sextant"]}`. EventBridge's content filters
//! (`prefix`, `numeric`, …) are refused, since ignoring one would deliver events that AWS does not.

use serde_json::{Map, Value};
use thiserror::Error;

/// Which events match a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPattern(Vec<(String, Field)>);

#[derive(Clone, Debug, PartialEq)]
enum Field {
    /// The field has one of these values.
    OneOf(Vec<Value>),
    /// The field is an object that matches this pattern.
    Within(EventPattern),
}

/// Why a pattern cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    /// The pattern names no field, and would match everything.
    #[error("the pattern names no field")]
    Empty,
    /// A field has neither a list of values nor nested fields.
    #[error("the field {0} of the pattern must have a list of values or nested fields")]
    Form(String),
    /// A value is a content filter.
    #[error("the field {0} of the pattern has a content filter; only values are supported")]
    Filter(String),
}

impl EventPattern {
    /// Reads a pattern.
    pub fn parse(pattern: &Map<String, Value>) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        let fields = pattern.iter().map(|(name, value)| match value {
            Value::Object(fields) => Ok((name.clone(), Field::Within(Self::parse(fields)?))),
            Value::Array(values) if values.iter().any(|value| value.is_object() || value.is_array()) => {
                Err(PatternError::Filter(name.clone()))
            }
            Value::Array(values) if !values.is_empty() => Ok((name.clone(), Field::OneOf(values.clone()))),
            _ => Err(PatternError::Form(name.clone())),
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// Whether this event matches. For a field that is a list, one matching item suffices.
    #[must_use]
    pub fn takes(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, field)| match (field, event.get(name)) {
            (Field::OneOf(values), Some(Value::Array(items))) => items.iter().any(|item| values.contains(item)),
            (Field::OneOf(values), Some(value)) => values.contains(value),
            (Field::Within(pattern), Some(value)) => pattern.takes(value),
            (_, None) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pattern(value: &Value) -> Result<EventPattern, PatternError> {
        EventPattern::parse(value.as_object().unwrap())
    }

    #[test]
    fn every_named_field_has_one_of_its_values() {
        let quotes = pattern(&json!({ "source": ["sextant", "other"], "detail": { "kind": ["a"] } })).unwrap();
        assert!(quotes.takes(&json!({ "source": "sextant", "detail": { "kind": "a", "more": 1 }, "id": "1" })));
        assert!(quotes.takes(&json!({ "source": "other", "detail": { "kind": ["b", "a"] } })));
        for event in [
            json!({ "source": "aws.s3", "detail": { "kind": "a" } }),
            json!({ "source": "sextant", "detail": { "kind": "b" } }),
            json!({ "source": "sextant", "detail": "a" }),
            json!({ "source": "sextant" }),
            json!({}),
        ] {
            assert!(!quotes.takes(&event), "{event}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refusals = [
            (json!({}), PatternError::Empty),
            (json!({ "detail": {} }), PatternError::Empty),
            (json!({ "source": "sextant" }), PatternError::Form("source".to_owned())),
            (json!({ "source": [] }), PatternError::Form("source".to_owned())),
            (json!({ "source": [{ "prefix": "sex" }] }), PatternError::Filter("source".to_owned())),
        ];
        for (value, refusal) in refusals {
            assert_eq!(pattern(&value).unwrap_err(), refusal);
        }
    }
}
