//! Removes the SNS topics through which earlier versions sent e-mails.

use app::App;
use app::error::ServiceError;
use notifications::alerts;
use serde::Serialize;
use store::keys;

use crate::customers;

/// The customers whose topics were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopicRemoval {
    /// Customers of whom no topic is left.
    pub removed: usize,
    /// Customers with topics that could not be removed. The next call tries again.
    pub left: usize,
}

/// Removes the topics of all customers.
pub async fn remove_all(app: &App) -> Result<TopicRemoval, ServiceError> {
    let mut removal = TopicRemoval::default();
    for customer in customers::read_all(app).await? {
        let Some(record) = app.table().get(&keys::email_subscription(customer)).await? else { continue };
        if alerts::close_email_subscription(app, record).await? {
            removal.removed += 1;
        } else {
            removal.left += 1;
        }
    }
    Ok(removal)
}
