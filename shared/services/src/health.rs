//! Whether the platform can do its work.

use store::keys;

use crate::App;

/// Whether the store answers a read.
pub async fn store_answers(app: &App) -> bool {
    match app.table().get(&keys::job_last("refresh-prices")).await {
        Ok(_) => true,
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            false
        }
    }
}
