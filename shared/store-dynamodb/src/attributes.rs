//! Items as DynamoDB's attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use store::{Body, Item, Key, StoreError, Version};

pub(crate) type Attributes = HashMap<String, AttributeValue>;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
const VERSION: &str = "v";
const JSON: &str = "body";
const BYTES: &str = "bytes";
pub(crate) const TTL: &str = "ttl";
const MARK: &str = "w";

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn key(key: &Key) -> Attributes {
    HashMap::from([(PK.to_owned(), text(&key.pk)), (SK.to_owned(), text(&key.sk))])
}

/// The attributes of an item; `mark` says which write left it.
pub(crate) fn item(at: &Key, body: &Body, version: Version, expires_at: Option<i64>, mark: Option<&str>) -> Attributes {
    let mut attributes = key(at);
    attributes.insert(VERSION.to_owned(), number(&version));
    match body {
        Body::Json(json) => attributes.insert(JSON.to_owned(), text(json)),
        Body::Bytes(bytes) => attributes.insert(BYTES.to_owned(), AttributeValue::B(Blob::new(bytes.as_slice()))),
    };
    if let Some(second) = expires_at {
        attributes.insert(TTL.to_owned(), number(&second));
    }
    if let Some(mark) = mark {
        attributes.insert(MARK.to_owned(), text(mark));
    }
    attributes
}

/// The item of these attributes, or what is wrong with them.
pub(crate) fn read(mut attributes: Attributes) -> Result<Item, StoreError> {
    let part = |name| attributes.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let key = Key::new(part(PK), part(SK));
    let corrupt = |reason: &str| StoreError::corrupt(&key, reason);
    let version = version(&attributes).ok_or_else(|| corrupt("no version"))?;
    let expires_at = match attributes.get(TTL) {
        None => None,
        Some(_) => Some(integer(&attributes, TTL).ok_or_else(|| corrupt("a ttl that is no whole number"))?),
    };
    let body = match (attributes.remove(JSON), attributes.remove(BYTES)) {
        (Some(AttributeValue::S(json)), None) => Body::Json(json),
        (None, Some(AttributeValue::B(bytes))) => Body::Bytes(bytes.into_inner()),
        _ => return Err(corrupt("neither a body nor bytes")),
    };
    Ok(Item { key, body, version, expires_at })
}

pub(crate) fn version(attributes: &Attributes) -> Option<Version> {
    integer(attributes, VERSION).map(Version)
}

/// When these attributes expire, if they do.
pub(crate) fn expires_at(attributes: &Attributes) -> Option<i64> {
    integer(attributes, TTL)
}

/// Whether these attributes were left by the write of this mark.
pub(crate) fn is_marked(attributes: &Attributes, mark: &str) -> bool {
    attributes.get(MARK).and_then(|value| value.as_s().ok()).is_some_and(|found| found == mark)
}

fn integer<T: std::str::FromStr>(attributes: &Attributes, name: &str) -> Option<T> {
    attributes.get(name)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_comes_back_from_its_attributes() {
        let at = Key::new("P", "ä");
        let bodies = [Body::Json("{}".into()), Body::Bytes(vec![0, 255]), Body::Bytes(Vec::new())];
        for (body, expires_at) in bodies.into_iter().zip([None, Some(7), Some(-7)]) {
            let version = Version(1_353_067_200_123);
            let attributes = item(&at, &body, version, expires_at, Some("m"));
            assert!(is_marked(&attributes, "m") && !is_marked(&attributes, "n"));
            assert_eq!(read(attributes).unwrap(), Item { key: at.clone(), body, version, expires_at });
        }
    }

    #[test]
    fn attributes_that_are_no_item_are_corrupt() {
        let at = Key::new("P", "S");
        let good = item(&at, &Body::Json("{}".into()), Version(1), Some(1), None);
        let without = |name: &str| {
            let mut attributes = good.clone();
            attributes.remove(name);
            attributes
        };
        let with = |name: &str, value| {
            let mut attributes = good.clone();
            attributes.insert(name.to_owned(), value);
            attributes
        };
        for bad in [
            key(&at),
            without(VERSION),
            without(JSON),
            with(VERSION, number(&-1)),
            with(VERSION, text("1")),
            with(TTL, AttributeValue::N("1.5".to_owned())),
            with(BYTES, AttributeValue::B(Blob::new([1]))),
        ] {
            assert!(matches!(read(bad.clone()), Err(StoreError::Corrupt { .. })), "{bad:?}");
        }
    }
}
