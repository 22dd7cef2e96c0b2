//! The list of all customers.

use std::collections::BTreeSet;

use app::error::ServiceError;
use app::{App, listing};
use domain::CustomerId;
use store::{documents, keys};

/// Reads the ids of all customers, oldest first.
pub async fn read_all(app: &App) -> Result<BTreeSet<CustomerId>, ServiceError> {
    let mut ids = BTreeSet::new();
    for list in keys::customer_index() {
        for item in listing::read_all(app, list).await? {
            ids.insert(documents::parse(&item)?);
        }
    }
    Ok(ids)
}
