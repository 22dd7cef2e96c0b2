//! How the last run of the scheduled refresh went.

use app::{App, ServiceError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{documents, keys};

/// What one refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshSummary {
    /// Whether this slot had been refreshed before; then nothing was done.
    pub repeated: bool,
    /// Symbols of which a newer price was stored.
    pub refreshed: usize,
    /// Symbols that had no newer price.
    pub current: usize,
    /// Symbols whose request failed; what is stored stays.
    pub failed: usize,
    /// Symbols that wait for the next slot, because of the call budget or the time.
    pub postponed: usize,
    /// Quotes that were published.
    #[serde(rename = "told")]
    pub published: usize,
    /// Forecasts that were graded.
    pub graded: usize,
    /// Calls that the provider has left, if they are counted.
    pub budget_left: Option<usize>,
    /// Age of the oldest price of a tracked symbol, by the market's clock.
    pub oldest_age_seconds: Option<u64>,
}

impl RefreshSummary {
    /// The number of tracked symbols.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.refreshed + self.current + self.failed + self.postponed
    }
}

/// The result of the last finished run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastRun {
    /// The slot of the run.
    #[serde(default, with = "domain::instant")]
    pub slot: Option<DateTime<Utc>>,
    /// When it finished.
    #[serde(with = "domain::instant")]
    pub at: DateTime<Utc>,
    /// What it did.
    #[serde(rename = "did")]
    pub summary: RefreshSummary,
    /// The instant of the newest price of a tracked symbol.
    #[serde(default, with = "domain::instant")]
    pub newest_quote: Option<DateTime<Utc>>,
}

/// The name under which the runs of the refresh are stored.
pub const REFRESH_JOB: &str = "refresh-prices";

/// The last finished run, if there was one.
pub async fn read(app: &App) -> Result<Option<LastRun>, ServiceError> {
    Ok(documents::read::<LastRun>(app.table(), &keys::job_last(REFRESH_JOB)).await?.map(|(run, _)| run))
}
