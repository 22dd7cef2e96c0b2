//! A gateway on the sample prices, on a free port and without schedules.

use std::path::Path;
use std::sync::Arc;

use app::customer_limits::CustomerLimits;
use app::source_limits::SourceLimits;
use chrono::{DateTime, Utc};
use gateway::{Prices, Settings};

/// Its settings in this folder, on this clock.
pub fn settings(home: &Path, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Settings {
    Settings {
        home: home.to_owned(),
        address: ([127, 0, 0, 1], 0).into(),
        prices: Prices::Sample,
        template: None,
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        schedules: false,
        source_limits: SourceLimits::default().on_one_machine(),
        customer_limits: CustomerLimits::default(),
        replay: None,
        clock: Arc::new(clock),
    }
}
