//! Everything that is kept under a customer's name, item by item: what an export shows and an erasure removes.

use domain::{CustomerId, Investment, PortfolioId, Symbol, SymbolError};
use objects::ObjectKey;
use serde_json::Value;
use store::keys::{self, List};
use store::{Body, Item, StoreError, documents};

/// The partitions of a customer's portfolios.
pub(crate) fn portfolios(own: &[Item]) -> Vec<List> {
    let ids = own.iter().filter_map(|item| item.key.sk.strip_prefix(keys::PORTFOLIO_PREFIX));
    ids.filter_map(|id| id.parse().ok()).map(|id| keys::portfolio_contents(PortfolioId(id))).collect()
}

/// The portfolio and the symbol of an item that says that the one holds the other.
pub(crate) fn holding(item: &Item) -> Result<Option<(PortfolioId, Symbol)>, StoreError> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::corrupt(&item.key, error);
    let symbol = match kind(item) {
        "INVESTMENT" => documents::parse::<Investment>(item)?.ticker_symbol,
        "POSITION" => {
            let symbol = item.key.sk.trim_start_matches(keys::POSITION_PREFIX).parse();
            symbol.map_err(|error: SymbolError| corrupt(&error))?
        }
        _ => return Ok(None),
    };
    let portfolio = item.key.pk.trim_start_matches(keys::PORTFOLIO_PREFIX).parse();
    Ok(Some((PortfolioId(portfolio.map_err(|error: uuid::Error| corrupt(&error))?), symbol)))
}

/// The kind of an item: its sort key up to the first `#`.
pub(crate) fn kind(item: &Item) -> &str {
    item.key.sk.split('#').next().unwrap_or_default()
}

/// What an item says; `None` for one whose bytes are no JSON.
pub(crate) fn said(item: &Item) -> Result<Option<Value>, StoreError> {
    match &item.body {
        Body::Json(text) => {
            serde_json::from_str(text).map(Some).map_err(|error| StoreError::corrupt(&item.key, &error))
        }
        Body::Bytes(_) => Ok(None),
    }
}

/// The objects of this customer that a value names, wherever in it.
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
    fn objects_are_found_wherever_they_are_named_and_only_ones_own() {
        let (own, other) = (CustomerId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
        let key = |customer| ObjectKey::new("reports", customer, [7; 16], "pdf").unwrap();
        let value = json!({ "a": [{ "pdf": key(own) }, key(other)], "b": "reports/x" });
        assert_eq!(objects_named(&value, own), [key(own)]);
    }
}
