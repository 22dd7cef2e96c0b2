//! The metrics that a refresh reports are those that docs/prices.md names.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use market_data::last_run::RefreshSummary;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

const DOCUMENT: &str = include_str!("../../../docs/prices.md");

/// Remembers which metrics were recorded.
#[derive(Default)]
struct RecordedNames(Mutex<BTreeSet<String>>);

impl RecordedNames {
    fn add(&self, key: &Key) {
        self.0.lock().unwrap().insert(key.name().to_owned());
    }
}

impl Recorder for RecordedNames {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.add(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.add(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.add(key);
        Histogram::noop()
    }
}

#[test]
fn every_metric_that_is_recorded_is_documented_and_every_documented_one_recorded() {
    let recorded = RecordedNames::default();
    let done = RefreshSummary { budget_left: Some(5), oldest_age_seconds: Some(900), ..RefreshSummary::default() };
    metrics::with_local_recorder(&recorded, || refresh_prices::measure(&done));
    // Code stands between backticks: every second piece of the text.
    let documented: BTreeSet<String> =
        DOCUMENT.split('`').skip(1).step_by(2).filter(|code| code.starts_with("sextant_")).map(str::to_owned).collect();
    let recorded = recorded.0.into_inner().unwrap();
    assert_eq!(recorded, documented);
    assert_eq!(recorded.len(), 5);
}
