//! One suite that every engine must pass: what the interface promises, case by case, run on a real table.
//!
//! Cases answer with what failed instead of panicking, so that the suite may be built into any test.

mod conditions;
mod expiry;
mod faults;
mod limits;
mod ordering;
mod races;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;

use crate::error::StoreError;
use crate::item::{Body, Item, Key, Version};
use crate::table::{Clock, Table};
use crate::write::Write;

/// Where the hand-moved clock stands at first: 2012-11-16T12:00:00Z, in milliseconds.
const START_MS: i64 = 1_353_067_200_000;

/// What failed: the case, and how.
#[derive(Debug, thiserror::Error)]
#[error("{case}: {reason}")]
pub struct Failure {
    /// Name of the case, a sentence.
    pub case: &'static str,
    /// What was expected and what came.
    pub reason: String,
}

/// Runs all cases, each on a table of its own that `make` gives for a clock; gives their number. A table may hold other
/// items: each case keeps to a partition of its own name.
pub async fn run<T, E, F, Making>(make: F) -> Result<usize, Failure>
where
    T: Table + 'static,
    E: Debug,
    F: Fn(Clock) -> Making,
    Making: Future<Output = Result<T, E>>,
{
    let mut cases = 0;
    macro_rules! cases {
        ($($module:ident :: $case:ident),* $(,)?) => {$(
            let hand = Hand::new();
            let table = make(hand.clock()).await.map_err(|error| Failure {
                case: stringify!($case),
                reason: format!("no table: {error:?}"),
            })?;
            let bench = Bench { table: Arc::new(table), hand, partition: stringify!($case).to_owned() };
            $module::$case(&bench).await.map_err(|Reason(reason)| Failure { case: stringify!($case), reason })?;
            cases += 1;
        )*};
    }
    cases! {
        conditions::an_item_is_read_as_it_was_written,
        conditions::bytes_of_every_value_come_back,
        conditions::an_item_is_created_once,
        conditions::an_update_needs_the_version_that_stands,
        conditions::a_delete_needs_the_version_that_stands_or_takes_any,
        conditions::a_check_changes_nothing_and_can_stop_all,
        conditions::a_failed_transaction_leaves_no_trace,
        conditions::a_conflict_names_the_first_write_that_failed,
        conditions::versions_follow_the_clock_and_never_fall,
        conditions::an_item_made_again_never_repeats_a_version,
        conditions::many_are_read_in_the_order_asked_for,
        expiry::an_expired_item_is_absent_to_every_read,
        expiry::an_expired_item_is_absent_to_every_expectation,
        expiry::an_expired_item_made_again_never_repeats_a_version,
        expiry::an_update_can_move_and_remove_the_expiry,
        ordering::items_are_ordered_by_bytes,
        ordering::pages_join_without_gap_or_repetition,
        ordering::a_cursor_survives_the_item_it_stands_on,
        ordering::a_cursor_of_another_list_is_refused,
        ordering::a_range_includes_both_ends,
        ordering::a_prefix_is_exact_to_the_last_character,
        ordering::a_partition_shows_nothing_of_its_neighbours,
        ordering::a_page_of_large_items_ends_early_and_goes_on,
        limits::keys_have_their_lengths,
        limits::a_transaction_has_its_size,
        limits::an_item_has_its_size,
        limits::no_item_is_named_twice,
        limits::reads_have_their_limits,
        races::concurrent_increments_lose_nothing,
        races::of_concurrent_creations_one_wins,
        races::transfers_keep_the_total,
        faults::a_fault_before_the_commit_leaves_nothing,
        faults::a_lost_answer_leaves_the_writes,
        faults::whatever_fails_a_change_with_a_receipt_happens_once,
    }
    Ok(cases)
}

/// A clock that stands until a case moves it.
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MS)))
    }

    fn clock(&self) -> Clock {
        let milliseconds = self.0.clone();
        Arc::new(move || DateTime::from_timestamp_millis(milliseconds.load(Ordering::SeqCst)).unwrap_or_default())
    }

    fn move_by(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// The time in seconds.
    fn second(&self) -> i64 {
        self.0.load(Ordering::SeqCst).div_euclid(1_000)
    }
}

/// What a case works with.
struct Bench<T> {
    table: Arc<T>,
    hand: Hand,
    partition: String,
}

impl<T: Table> Bench<T> {
    fn key(&self, sort_key: &str) -> Key {
        Key::new(&self.partition, sort_key)
    }

    /// Creates an item and gives its version.
    async fn create(&self, sort_key: &str, json: &str) -> Result<Version, Reason> {
        let versions = self.table.transact(vec![Write::create(self.key(sort_key), json_body(json))]).await?;
        only_version(&versions)
    }

    async fn get(&self, sort_key: &str) -> Result<Option<Item>, Reason> {
        Ok(self.table.get(&self.key(sort_key)).await?)
    }

    /// The JSON of an item, or `None` where nothing stands.
    async fn json(&self, sort_key: &str) -> Result<Option<String>, Reason> {
        Ok(match self.get(sort_key).await?.map(|item| item.body) {
            Some(Body::Json(json)) => Some(json),
            Some(Body::Bytes(_)) => return Err(Reason("bytes came back for JSON".to_owned())),
            None => None,
        })
    }
}

fn json_body(json: &str) -> Body {
    Body::Json(json.to_owned())
}

fn only_version(versions: &[Option<Version>]) -> Result<Version, Reason> {
    match versions {
        [Some(version)] => Ok(*version),
        other => Err(Reason(format!("one put gave the versions {other:?}"))),
    }
}

/// Why a case failed.
#[derive(Debug)]
struct Reason(String);

impl From<StoreError> for Reason {
    fn from(error: StoreError) -> Self {
        Self(format!("unexpected error: {error:?}"))
    }
}

type Outcome = Result<(), Reason>;

fn same<V: Debug + PartialEq>(what: &str, found: &V, expected: &V) -> Outcome {
    if found == expected { Ok(()) } else { Err(Reason(format!("{what} is {found:?}, not {expected:?}"))) }
}

fn holds(what: &str, condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Reason(format!("it does not hold that {what}"))) }
}

/// The transaction failed because of this write.
fn conflicts<V: Debug>(what: &str, outcome: Result<V, StoreError>, expected: usize) -> Outcome {
    match outcome {
        Err(StoreError::Conflict { write }) if write == expected => Ok(()),
        other => Err(Reason(format!("{what} gave {other:?}, not a conflict of write {expected}"))),
    }
}

/// The call was refused in this way.
fn refused<V: Debug>(what: &str, outcome: Result<V, StoreError>, is_expected: fn(&StoreError) -> bool) -> Outcome {
    match outcome {
        Err(error) if is_expected(&error) => Ok(()),
        other => Err(Reason(format!("{what} gave {other:?}"))),
    }
}
