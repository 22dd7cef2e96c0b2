//! Changes as JSON merge patches (RFC 7396): an absent field is kept, a null field removed, any other changed.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::body::{parse, read, require_one_of};
use crate::problem::Problem;

/// A body of type `T`, whose fields are [`Patch`]es.
#[derive(Debug)]
pub struct MergePatch<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for MergePatch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        require_one_of(request.headers(), &["application/json", "application/merge-patch+json"])?;
        let bytes = read(request, crate::body::MAX_BODY_BYTES).await?;
        parse(&bytes).map(Self)
    }
}

/// The change of one field. It needs `#[serde(default)]` for an absent field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Absent: the field is kept.
    #[default]
    Keep,
    /// Null: the field is removed.
    Remove,
    /// The field's new value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Remove, Self::Set))
    }
}

impl<T> Patch<T> {
    /// The patch with the value that `parse` returns.
    pub fn map<U>(self, parse: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Remove => Patch::Remove,
            Self::Set(value) => Patch::Set(parse(value)),
        }
    }

    /// The new value of a required field; `None` if it is kept.
    ///
    /// Errors: the patch removes the field.
    pub fn required(self) -> Result<Option<T>, &'static str> {
        match self {
            Self::Keep => Ok(None),
            Self::Remove => Err("cannot be removed"),
            Self::Set(value) => Ok(Some(value)),
        }
    }

    /// The new value of a field that falls back to `default` when it is removed; `None` if it is kept.
    pub fn or_default(self, default: T) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Remove => Some(default),
            Self::Set(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exact;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Change {
        #[serde(default)]
        name: Patch<String>,
        #[serde(default)]
        amount: Patch<Exact>,
    }

    #[test]
    fn absent_null_and_a_value_are_distinguished() {
        let change: Change = parse(br#"{"name": null, "amount": 0.10000000000000000001}"#).unwrap();
        assert_eq!(change.name, Patch::Remove);
        assert_eq!(
            change.amount.map(|exact| exact.as_str().to_owned()),
            Patch::Set("0.10000000000000000001".to_owned())
        );
        let change: Change = parse(b"{}").unwrap();
        assert_eq!((change.name, change.amount), (Patch::Keep, Patch::Keep));
    }

    #[test]
    fn unknown_and_repeated_fields_of_a_patch_are_refused() {
        assert_eq!(parse::<Change>(br#"{"nmae": "x"}"#).unwrap_err().status, 422);
        assert_eq!(parse::<Change>(br#"{"name": "x", "name": null}"#).unwrap_err().status, 422);
    }
}
