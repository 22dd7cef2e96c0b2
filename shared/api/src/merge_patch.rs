//! Changes as JSON merge patches (RFC 7396): what is absent stays, what is null goes, what has a value changes.

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

/// What a patch says of one field; needs `#[serde(default)]`, which stands for a field that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not there: the field stays.
    #[default]
    Keep,
    /// Null: the field goes.
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
    /// The patch of the value that `parse` makes of this one.
    pub fn map<U>(self, parse: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Remove => Patch::Remove,
            Self::Set(value) => Patch::Set(parse(value)),
        }
    }

    /// The new value of a field that must stay, `None` where it stays as it is.
    ///
    /// Errors: the field was to go.
    pub fn required(self) -> Result<Option<T>, &'static str> {
        match self {
            Self::Keep => Ok(None),
            Self::Remove => Err("it cannot be removed"),
            Self::Set(value) => Ok(Some(value)),
        }
    }

    /// The new value of a field that falls back to `default` when it goes, `None` where it stays as it is.
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
    fn absent_null_and_a_value_are_three_things() {
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
    fn unknown_and_repeated_fields_are_refused_here_too() {
        assert_eq!(parse::<Change>(br#"{"nmae": "x"}"#).unwrap_err().status, 422);
        assert_eq!(parse::<Change>(br#"{"name": "x", "name": null}"#).unwrap_err().status, 422);
    }
}
