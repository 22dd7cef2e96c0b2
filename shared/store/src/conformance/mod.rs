//! One suite that every engine must pass: what the interface promises, case by case, run on a real table.
//!
//! Cases answer with what failed instead of panicking, so that the suite may be built into any test.

mod bench;
mod conditions;
mod expiry;
mod faults;
mod limits;
mod ordering;
mod races;

use std::fmt::Debug;
use std::sync::Arc;

use crate::table::{Clock, Table};

use bench::{Bench, Hand, Reason};

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
