//! Parsing a request's fields into domain types, collecting every mistake before answering.

use std::fmt::Display;

use crate::problem::{FieldError, Problem};

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// The value, or `None` after noting what is wrong with the field `name`.
    pub fn take<T, E: Display>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.refuse(name, error.to_string())).ok()
    }

    /// Like [`Fields::take`] for a field that may be missing: the outer `None` is a mistake.
    pub fn take_optional<T, E: Display>(&mut self, name: &str, parsed: Option<Result<T, E>>) -> Option<Option<T>> {
        match parsed {
            None => Some(None),
            Some(parsed) => self.take(name, parsed).map(Some),
        }
    }

    /// Notes that the field `name` is wrong.
    pub fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(format!("/{name}"), detail));
    }

    /// Notes a mistake that has a place of its own, such as a rule's column.
    pub fn refuse_at(&mut self, name: &str, column: usize, detail: &str) {
        let located = format!("column {column}: {detail}");
        self.errors.push(FieldError { column: Some(column), ..FieldError::new(format!("/{name}"), located) });
    }

    /// The problem that lists every mistake.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        Problem::fields(self.errors)
    }

    /// The parsed request, or the problem that lists every mistake.
    pub fn finish<T>(self, parsed: Option<T>) -> Result<T, Problem> {
        match parsed {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.into_problem()),
        }
    }
}
