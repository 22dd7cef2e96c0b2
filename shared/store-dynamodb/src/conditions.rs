//! Expectations as DynamoDB's condition expressions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use store::Version;

use crate::attributes::{TTL, number};

/// What must hold for a write.
pub(crate) struct Condition {
    pub(crate) expression: &'static str,
    values: Vec<(&'static str, AttributeValue)>,
}

impl Condition {
    /// Nothing stands there, or only what has expired.
    pub(crate) fn absent(now: DateTime<Utc>) -> Self {
        let expression = "attribute_not_exists(pk) OR #ttl <= :now";
        Self { expression, values: vec![(":now", number(&now.timestamp()))] }
    }

    /// The same, for a new item of this version: what has expired must have a lower one.
    pub(crate) fn replaceable(version: Version, now: DateTime<Utc>) -> Self {
        let expression = "attribute_not_exists(pk) OR (#ttl <= :now AND v < :new)";
        Self { expression, values: vec![(":now", number(&now.timestamp())), (":new", number(&version))] }
    }

    /// The item stands there at this version and has not expired.
    pub(crate) fn at_version(version: Version, now: DateTime<Utc>) -> Self {
        let expression = "v = :version AND (attribute_not_exists(#ttl) OR #ttl > :now)";
        Self { expression, values: vec![(":now", number(&now.timestamp())), (":version", number(&version))] }
    }

    /// The names of the expression: `ttl` is a word of DynamoDB's own.
    #[expect(clippy::unused_self, reason = "the names belong to the expression, and all of them use this one")]
    pub(crate) fn names(&self) -> HashMap<String, String> {
        HashMap::from([("#ttl".to_owned(), TTL.to_owned())])
    }

    /// The values of the expression.
    pub(crate) fn values(&self) -> HashMap<String, AttributeValue> {
        self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }
}
