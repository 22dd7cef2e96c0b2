//! Whether the platform can do its work.

use chrono::{DateTime, Utc};

use crate::{App, refresh};

/// How the platform is.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// Whether the store answers.
    pub store_answers: bool,
    /// When the last scheduled refresh finished, if one did.
    pub last_refresh: Option<DateTime<Utc>>,
}

/// Asks the store, once.
pub async fn check(app: &App) -> Health {
    match refresh::last_run(app).await {
        Ok(last) => Health { store_answers: true, last_refresh: last.map(|run| run.at) },
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            Health { store_answers: false, last_refresh: None }
        }
    }
}
