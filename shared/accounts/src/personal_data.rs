//! A customer's items, as exports and erasures read them.

use app::{App, listing};
use domain::{CustomerId, PortfolioId};
use objects::ObjectKey;
use serde_json::Value;
use store::keys::{self, Kind};
use store::{Body, Item, StoreError};

/// Reads all items in the partitions of the customer and of the profile.
pub(crate) async fn read_items_of(app: &App, customer: CustomerId) -> Result<Vec<Item>, StoreError> {
    let mut items = listing::read_all(app, keys::customer_items(customer)).await?;
    items.extend(listing::read_all(app, keys::profile_items(customer)).await?);
    Ok(items)
}

/// The portfolios among a customer's items.
pub(crate) fn portfolios(items: &[Item]) -> Result<Vec<PortfolioId>, StoreError> {
    let ids = items.iter().filter_map(|item| Some((item, Kind::Portfolio.id_in(&item.key)?)));
    ids.map(|(item, id)| id.parse().map(PortfolioId).map_err(|error| StoreError::corrupt(&item.key, &error))).collect()
}

/// The JSON of an item; `None` if its body is binary.
pub(crate) fn parse_json(item: &Item) -> Result<Option<Value>, StoreError> {
    match &item.body {
        Body::Json(text) => {
            serde_json::from_str(text).map(Some).map_err(|error| StoreError::corrupt(&item.key, &error))
        }
        Body::Bytes(_) => Ok(None),
    }
}

/// The objects of this customer that a value names, at any depth.
pub(crate) fn objects_named(value: &Value, customer: CustomerId) -> Vec<ObjectKey> {
    match value {
        Value::String(text) => {
            text.parse().ok().filter(|key: &ObjectKey| key.belongs_to(customer)).into_iter().collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| objects_named(value, customer)).collect(),
        Value::Object(fields) => fields.values().flat_map(|value| objects_named(value, customer)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn objects_of_the_customer_are_found_at_any_depth() {
        let (own, other) = (CustomerId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
        let key = |customer| ObjectKey::new("reports", customer, [7; 16], "pdf").unwrap();
        let value = json!({ "a": [{ "pdf": key(own) }, key(other)], "b": "reports/x" });
        assert_eq!(objects_named(&value, own), [key(own)]);
    }
}
