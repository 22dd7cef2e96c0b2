//! Parsing the fields of a request into domain types, collecting every error.

use std::fmt::Display;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::problem::{FieldError, Problem};

/// The errors found so far.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// The value, or `None` after recording the error of the field `name`.
    pub fn take<T, E: Display>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.refuse(name, error.to_string())).ok()
    }

    /// Like [`Fields::take`] for an optional field: the outer `None` is an error.
    pub fn take_optional<T, E: Display>(&mut self, name: &str, parsed: Option<Result<T, E>>) -> Option<Option<T>> {
        match parsed {
            None => Some(None),
            Some(parsed) => self.take(name, parsed).map(Some),
        }
    }

    /// Records an error of the field `name`.
    pub fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(format!("/{name}"), detail));
    }

    /// Records an error of the field `name`, a trading rule: of `length` characters from this column on.
    pub fn refuse_at(&mut self, name: &str, column: usize, length: usize, detail: &str) {
        self.errors.push(FieldError::in_rule(name, column, length, detail));
    }

    /// The problem that lists every error.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        Problem::fields(self.errors)
    }

    /// The parsed request, or the problem that lists every error.
    pub fn finish<T>(self, parsed: Option<T>) -> Result<T, Problem> {
        match parsed {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.into_problem()),
        }
    }
}

/// Parses a value of an enumeration, spelled as in JSON. The error lists the values that there are.
pub fn variant<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    T::deserialize(text)
}
