//! The tools of the suite's cases: a table, a manual clock, and functions that report failures.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;

use crate::error::StoreError;
use crate::item::{Body, Item, Key, Version};
use crate::table::{Clock, Table};
use crate::write::Write;

/// Start of the manual clock: 2012-11-16T12:00:00Z, in milliseconds.
const START_MS: i64 = 1_353_067_200_000;

/// A clock that stands still until a case moves it.
pub(super) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MS)))
    }

    pub(super) fn clock(&self) -> Clock {
        let milliseconds = self.0.clone();
        Arc::new(move || DateTime::from_timestamp_millis(milliseconds.load(Ordering::SeqCst)).unwrap_or_default())
    }

    pub(super) fn move_by(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// The time in seconds.
    pub(super) fn second(&self) -> i64 {
        self.0.load(Ordering::SeqCst).div_euclid(1_000)
    }
}

/// The environment of a case.
pub(super) struct Bench<T> {
    pub(super) table: Arc<T>,
    pub(super) hand: Hand,
    pub(super) partition: String,
}

impl<T: Table> Bench<T> {
    pub(super) fn key(&self, sort_key: &str) -> Key {
        Key::new(&self.partition, sort_key)
    }

    /// Creates an item and returns its version.
    pub(super) async fn create(&self, sort_key: &str, json: &str) -> Result<Version, Reason> {
        let versions = self.table.transact(vec![Write::create(self.key(sort_key), json_body(json))]).await?;
        only_version(&versions)
    }

    pub(super) async fn get(&self, sort_key: &str) -> Result<Option<Item>, Reason> {
        Ok(self.table.get(&self.key(sort_key)).await?)
    }

    /// The JSON of an item, or `None` if it is absent.
    pub(super) async fn json(&self, sort_key: &str) -> Result<Option<String>, Reason> {
        Ok(match self.get(sort_key).await?.map(|item| item.body) {
            Some(Body::Json(json)) => Some(json),
            Some(Body::Bytes(_)) => return Err(Reason("got bytes instead of JSON".to_owned())),
            None => None,
        })
    }
}

pub(super) fn json_body(json: &str) -> Body {
    Body::Json(json.to_owned())
}

pub(super) fn only_version(versions: &[Option<Version>]) -> Result<Version, Reason> {
    match versions {
        [Some(version)] => Ok(*version),
        other => Err(Reason(format!("one put returned the versions {other:?}"))),
    }
}

/// Why a case failed.
#[derive(Debug)]
pub(super) struct Reason(pub(super) String);

impl From<StoreError> for Reason {
    fn from(error: StoreError) -> Self {
        Self(format!("unexpected error: {error:?}"))
    }
}

pub(super) type Outcome = Result<(), Reason>;

pub(super) fn same<V: Debug + PartialEq>(what: &str, found: &V, expected: &V) -> Outcome {
    if found == expected { Ok(()) } else { Err(Reason(format!("{what} is {found:?}, not {expected:?}"))) }
}

pub(super) fn holds(what: &str, condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Reason(format!("expected that {what}"))) }
}

/// Checks that the transaction failed because of this write.
pub(super) fn conflicts<V: Debug>(what: &str, outcome: Result<V, StoreError>, expected: usize) -> Outcome {
    match outcome {
        Err(StoreError::Conflict { write }) if write == expected => Ok(()),
        other => Err(Reason(format!("{what} gave {other:?}, not a conflict of write {expected}"))),
    }
}

/// Checks that the call was refused with the expected error.
pub(super) fn refused<V: Debug>(
    what: &str,
    outcome: Result<V, StoreError>,
    is_expected: fn(&StoreError) -> bool,
) -> Outcome {
    match outcome {
        Err(error) if is_expected(&error) => Ok(()),
        other => Err(Reason(format!("{what} gave {other:?}"))),
    }
}
