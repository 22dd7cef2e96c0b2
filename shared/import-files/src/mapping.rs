//! Which column of a file has which field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fields::{FIELDS, normalised};
use crate::mistakes::FileMistake;

/// A column, by its header or by its number from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ColumnName {
    /// By its number, from 1.
    Number(usize),
    /// By its header; case, blanks, `_`, `-` and `/` do not count.
    Header(String),
}

/// The columns of a field: the first one that is filled wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ColumnNames {
    /// One column.
    One(ColumnName),
    /// Several, in the order in which they are looked at.
    Several(Vec<ColumnName>),
}

/// The columns of each field that is mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mapping(pub BTreeMap<String, ColumnNames>);

impl ColumnNames {
    /// The columns, in order.
    #[must_use]
    pub fn all(&self) -> &[ColumnName] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl Mapping {
    /// Whether no field is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every column is named by its number, so that the file needs no header.
    #[must_use]
    pub fn is_by_number(&self) -> bool {
        self.columns().all(|column| matches!(column, ColumnName::Number(_)))
    }

    /// The headers that it names, normalised.
    pub fn headers(&self) -> impl Iterator<Item = String> {
        self.columns().filter_map(|column| match column {
            ColumnName::Header(header) => Some(normalised(header)),
            ColumnName::Number(_) => None,
        })
    }

    fn columns(&self) -> impl Iterator<Item = &ColumnName> {
        self.0.values().flat_map(ColumnNames::all)
    }

    /// The numbers, from 0, of the columns of each field.
    ///
    /// Errors: a field that does not exist, or a column that the file does not have.
    pub fn resolve(&self, headers: &[String], width: usize) -> Result<Vec<(&'static str, Vec<usize>)>, FileMistake> {
        let mut resolved = Vec::with_capacity(self.0.len());
        for (field, columns) in &self.0 {
            let refused = |detail: String| FileMistake::Mapping { field: field.clone(), detail };
            let Some(known) = FIELDS.iter().find(|known| known.name == field) else {
                let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
                return Err(refused(format!("is none of the fields {}", names.join(", "))));
            };
            let mut places = Vec::new();
            for column in columns.all() {
                let place = match column {
                    ColumnName::Number(number) => number.checked_sub(1).filter(|place| *place < width),
                    ColumnName::Header(header) => {
                        headers.iter().position(|known| normalised(known) == normalised(header))
                    }
                };
                let missing = || match column {
                    ColumnName::Number(number) => {
                        format!("the file has {width} columns, and none has the number {number}")
                    }
                    ColumnName::Header(header) => format!("the file has no column {header:?}"),
                };
                places.push(place.ok_or_else(|| refused(missing()))?);
            }
            resolved.push((known.name, places));
        }
        Ok(resolved)
    }
}
