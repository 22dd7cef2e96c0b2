//! Removes expired objects, as the bucket's lifecycle rules do on AWS.

use std::time::Duration;

use objects::FolderObjects;
use store::Clock;
use tokio::sync::watch;

use crate::template::Expiration;

/// How often to check after the start; rules count days.
const LOOK_INTERVAL: Duration = Duration::from_hours(1);

/// Removes expired objects immediately and then every hour, until `stopped`.
pub async fn run(
    objects: FolderObjects,
    expirations: Vec<Expiration>,
    clock: Clock,
    mut stopped: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::select! {
            // An error means that the sender is gone, which also means to stop.
            _ = stop => return,
            _ = ticks.tick() => {}
        }
        for Expiration { prefix, after } in &expirations {
            match objects.remove_stored_before(prefix, clock() - *after).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(prefix, removed, "removed expired objects"),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(prefix, %error, cause, "cannot remove expired objects");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chrono::{DateTime, TimeDelta, Utc};
    use domain::CustomerId;
    use objects::{ObjectKey, Objects as _};

    use super::*;
    use crate::template::{PROJECT_TEMPLATE, Template};

    #[tokio::test(start_paused = true)]
    async fn reports_and_exports_are_removed_after_as_many_days_as_in_the_bucket_and_results_never() {
        let stored: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
        let now = Arc::new(Mutex::new(stored));
        let reader = now.clone();
        let clock: Clock = Arc::new(move || *reader.lock().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let objects = FolderObjects::open(folder.path(), [7; 32], clock.clone()).unwrap();
        let customer = CustomerId("0190aaaa-0000-7000-8000-000000000009".parse().unwrap());
        let key = |prefix| ObjectKey::new(prefix, customer, [1; 16], "pdf").unwrap();
        for prefix in ["reports", "exports", "results"] {
            objects.put(&key(prefix), b"x".to_vec(), "text/plain").await.unwrap();
        }
        let expirations = Template::parse(PROJECT_TEMPLATE).unwrap().expirations;
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(run(objects.clone(), expirations, clock, stopped));
        let there = async |prefix| objects.get(&key(prefix)).await.unwrap().is_some();
        *now.lock().unwrap() = stored + TimeDelta::days(30);
        tokio::time::sleep(2 * LOOK_INTERVAL).await;
        assert!(there("reports").await && there("exports").await && there("results").await);
        *now.lock().unwrap() = stored + TimeDelta::days(30) + TimeDelta::seconds(1);
        tokio::time::sleep(2 * LOOK_INTERVAL).await;
        stop.send(true).unwrap();
        running.await.unwrap();
        assert!(!there("reports").await && !there("exports").await && there("results").await);
    }
}
